"""How fast a fit learns at each of its steps."""

from __future__ import annotations

import math

__all__ = ["pace"]


def pace(step: int, steps: int, warm_up: int) -> float:
    """Share of the highest learning rate: it warms up in a straight line and falls as a cosine."""
    return min(1.0, (step + 1) / warm_up) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
