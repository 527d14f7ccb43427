"""Which test patches the pictures show: some of each kind, the same for every contender."""

from __future__ import annotations

import numpy as np

from monai_anogan.compare.task import HEALTHY, Patches

__all__ = ["pictured"]

MOST = 6
SHARES = (0.5, 0.8)  # of the patches of a kind, ordered by the size of their lesion


def pictured(patches: Patches) -> list[int]:
    """Indices of patches: one healthy, then of each kind one of middling and one of large lesion.

    Where no lesion is marked, as in pictures of classes, one of as many kinds as there is room for.
    """
    healthy = np.flatnonzero(patches.kind == HEALTHY)
    chosen = [int(healthy[len(healthy) // 2])]
    kinds = [kind for kind in dict.fromkeys(patches.kind.tolist()) if kind != HEALTHY]
    for kind in kinds:
        members = np.flatnonzero((patches.kind == kind) & patches.abnormal & patches.counted)
        if patches.truth is None:
            chosen.append(int(members[0]))
        else:
            size = patches.truth[members].flatten(1).sum(1).numpy()
            order = members[np.argsort(size, kind="stable")]
            chosen.extend(int(order[int(share * (len(order) - 1))]) for share in SHARES)
    return list(dict.fromkeys(chosen))[:MOST]
