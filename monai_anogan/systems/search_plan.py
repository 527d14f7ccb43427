"""How the reconstructions of a system are searched, as data that an inferer reads."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SearchPlan"]


@dataclass(frozen=True)
class SearchPlan:
    """Settings of a latent search; the defaults are AnoGAN's (Schlegl et al. 2017, section 2.2)."""

    start: str = "prior"  # or "encoder"
    steps: int = 500
    lr: float = 0.1  # Adam's, in latent units
    betas: tuple[float, float] = (0.9, 0.999)
    decay: bool = False  # let the learning rate fall to zero along a cosine
    weight: float = 0.1  # lambda, the share of the discrimination loss
