"""The members of the family, one file each; every one is a bundle's `network_def`."""

from monai_anogan.systems.fanogan import FAnoGAN
from monai_anogan.systems.frozen import FrozenSystem
from monai_anogan.systems.system import System

__all__ = ["FAnoGAN", "FrozenSystem", "System"]
