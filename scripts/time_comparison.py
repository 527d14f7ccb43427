"""Time the comparison of a scan with its reconstruction: voxels in blocks, and all at once.

    python scripts/time_comparison.py [--repeats 5]

The volumes are made up, of the size of a brain at 2 mm: how long it takes depends on how many
voxels there are, not on what they hold. Both ways take turns, so that they share the machine.
"""

from __future__ import annotations

import statistics
import time
from typing import Annotated

import torch
import typer

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.maps import load_comparison, two_looks

SIDES = (68, 86, 70)  # voxels of an ellipsoid of 1.7 litres
WAYS = {"blocks": two_looks.AT_ONCE, "all at once": 1 << 30}


def main(repeats: Annotated[int, typer.Option(help="of which the median counts", min=1)] = 5):
    judge = load_comparison(default_bundle() / "models" / "comparison_encoder.pt")
    image, rebuilt, mask = _volumes()
    seconds, maps = {way: [] for way in WAYS}, {}
    for _ in range(repeats + 1):
        for way, voxels in WAYS.items():
            two_looks.AT_ONCE = voxels
            start = time.perf_counter()
            maps[way] = judge.evidence(image, rebuilt, mask)
            seconds[way].append(time.perf_counter() - start)
    print(
        f"{int(mask.sum())} voxels, {len(judge.members)} members, {torch.get_num_threads()} threads"
    )
    for way, taken in seconds.items():
        print(f"{way}: {statistics.median(taken[1:]):.2f} s")  # the first warms up
    one, other = maps.values()
    print(f"largest difference of the maps: {float((one - other).abs().max()):g}")


def _volumes() -> list[torch.Tensor]:
    """A scan, its reconstruction and the organ, (1, D, H, W)."""
    rng = torch.Generator().manual_seed(0)
    lines = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in SIDES), indexing="ij")
    organ = sum(line**2 for line in lines) <= 1
    image, rebuilt = torch.rand(2, *SIDES, generator=rng) * organ
    return [volume[None].float() for volume in (image, rebuilt, organ)]


if __name__ == "__main__":
    typer.run(main)
