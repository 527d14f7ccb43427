"""The networks: one class for 2D and 3D each."""

from monai_anogan.networks.dcgan import Discriminator, Encoder, Generator

__all__ = ["Discriminator", "Encoder", "Generator"]
