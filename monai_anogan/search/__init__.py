"""The heart: the latent search and where it starts."""

from monai_anogan.search.basis import fit_basis
from monai_anogan.search.descend import descend
from monai_anogan.search.match import Match
from monai_anogan.search.starts import EncoderStart, PriorStart, Start

__all__ = ["EncoderStart", "Match", "PriorStart", "Start", "descend", "fit_basis"]
