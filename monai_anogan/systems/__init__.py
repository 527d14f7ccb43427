"""The members of the family, one file each; every one is a bundle's `network_def`."""

from monai_anogan.systems.adversarial_cae import AdversarialCAE
from monai_anogan.systems.anogan import AnoGAN
from monai_anogan.systems.bigan import BiGAN
from monai_anogan.systems.fanogan import FAnoGAN
from monai_anogan.systems.frozen import FrozenSystem
from monai_anogan.systems.ganomaly import GANomaly
from monai_anogan.systems.phases import Phase, Step, Turn, active_phase, discriminator_turn
from monai_anogan.systems.search_plan import SearchPlan
from monai_anogan.systems.system import System

__all__ = [
    "AdversarialCAE",
    "AnoGAN",
    "BiGAN",
    "FAnoGAN",
    "FrozenSystem",
    "GANomaly",
    "Phase",
    "SearchPlan",
    "Step",
    "System",
    "Turn",
    "active_phase",
    "discriminator_turn",
]
