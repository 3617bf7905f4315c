"""Device profiles: hardware, runtime and numerics of one device, read from YAML."""

from hwsim.profile.load import device, known_devices, load_profile
from hwsim.profile.schema import DeviceProfile, Hardware, KernelRule, Memory, Runtime
from hwsim.profile.sources import unsourced

__all__ = [
    "DeviceProfile",
    "Hardware",
    "KernelRule",
    "Memory",
    "Runtime",
    "device",
    "known_devices",
    "load_profile",
    "unsourced",
]
