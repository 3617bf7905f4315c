"""Device profiles: hardware, runtime and numerics of one device, read from YAML."""

from hwsim.profile.check import problems
from hwsim.profile.load import device, load_profile
from hwsim.profile.schema import DeviceProfile, Hardware, KernelRule, Memory, Runtime
from hwsim.profile.sources import unsourced
from hwsim.profile.tree import find_profile, known_devices, read_tree

__all__ = [
    "DeviceProfile",
    "Hardware",
    "KernelRule",
    "Memory",
    "Runtime",
    "device",
    "find_profile",
    "known_devices",
    "load_profile",
    "problems",
    "read_tree",
    "unsourced",
]
