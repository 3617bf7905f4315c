"""Device profiles: hardware, runtime and numerics of one device, read from YAML."""

from hwsim.profile.check import problems
from hwsim.profile.evidence import Evidence, FitPlan
from hwsim.profile.hardware import Hardware, Memory
from hwsim.profile.kernels import Cycles, KernelRule, Takes, Tile
from hwsim.profile.load import ProfileText, device, load_profile, read_profile
from hwsim.profile.runtime import Runtime, Version
from hwsim.profile.schema import DeviceProfile
from hwsim.profile.sources import unsourced
from hwsim.profile.tree import find_profile, known_devices, read_tree, value_of

__all__ = [
    "Cycles",
    "DeviceProfile",
    "Evidence",
    "FitPlan",
    "Hardware",
    "KernelRule",
    "Memory",
    "ProfileText",
    "Runtime",
    "Takes",
    "Tile",
    "Version",
    "device",
    "find_profile",
    "known_devices",
    "load_profile",
    "problems",
    "read_profile",
    "read_tree",
    "unsourced",
    "value_of",
]
