"""Generator, discriminator and encoder, in 2D and 3D, and their fast frozen forms."""

from monai_anogan.networks.dcgan import Discriminator, Encoder, Generator
from monai_anogan.networks.joint import JointDiscriminator
from monai_anogan.networks.lowering import fast_layout, lowered, resolve_precision

__all__ = [
    "Discriminator",
    "Encoder",
    "Generator",
    "JointDiscriminator",
    "fast_layout",
    "lowered",
    "resolve_precision",
]
