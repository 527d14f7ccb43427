"""The brain that a benchmark searches: its volume, all its windows, and those that are compared."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_anogan.errors import AnoganError
from monai_anogan.inferers import foreground_windows
from monai_anogan.pipeline import Pipeline
from monai_anogan.systems import System
from monai_anogan.transforms import BACKGROUND

__all__ = ["Brain"]

Window = tuple[slice, ...]
WINDOWS = 64  # that every contender searches


class Brain:
    """A scan made ready by a bundle, and the model that searches it.

    Args:
        pipeline: the bundle.
        item: the scan, as `Pipeline.run` takes it.
        seed: of the choice of windows.

    Raises:
        AnoganError: The scan has too few windows.
        InputError: It cannot be read.
    """

    def __init__(self, pipeline: Pipeline, item: dict[str, str], *, seed: int = 0) -> None:
        self.pipeline = pipeline
        self.system: System = pipeline.network
        self.device = torch.device(pipeline["device"])
        self.volume = pipeline.prepare(item).as_tensor()  # (C, D, H, W)
        self.windows = self.windows_of(self.volume)
        self.chosen = self._draw(seed)
        self.patches = self.patches_of(self.chosen)  # (WINDOWS, C, *S)

    def windows_of(self, volume: torch.Tensor) -> list[Window]:
        """The windows that the inferer would search."""
        inferer = self.pipeline.inferer
        return foreground_windows((volume > BACKGROUND).any(0), inferer.window, inferer.overlap)

    def slab(self, part: int) -> torch.Tensor:
        """The volume with 1 / `part` of its foreground along the slice axis, its size unchanged."""
        axis = 1 + self.pipeline["slice_axis"]
        source = self.volume.movedim(axis, 0)
        present = (source > BACKGROUND).flatten(1).any(1).nonzero()
        first, last = int(present[0]), int(present[-1]) + 1
        begin, length = (first + last) // 2, max(1, (last - first) // part)
        where = slice(begin - length // 2, begin - length // 2 + length)
        kept = torch.full_like(source, BACKGROUND)
        kept[where] = source[where]
        return kept.movedim(0, axis)

    def neighbours(self) -> torch.Tensor:
        """The patch one slice further than each that is compared, (WINDOWS, C, *S)."""
        axis = self.pipeline["slice_axis"]
        last, moved = self.volume.shape[1 + axis], []
        for window in self.chosen:
            step = 1 if window[axis].stop < last else -1
            beside = slice(window[axis].start + step, window[axis].stop + step)
            moved.append((*window[:axis], beside, *window[axis + 1 :]))
        return self.patches_of(moved)

    def patches_of(self, windows: Sequence[Window]) -> torch.Tensor:
        """What the windows show, (N, C, *S), on the device."""
        patches = torch.stack([self.volume[(slice(None), *window)] for window in windows])
        if self.pipeline["spatial_dims"] == 2:
            patches = patches.squeeze(2 + self.pipeline["slice_axis"])
        return patches.to(self.device)

    def _draw(self, seed: int) -> list[Window]:
        if len(self.windows) < WINDOWS:
            raise AnoganError(
                f"a benchmark needs a scan of {WINDOWS} windows or more, got {len(self.windows)}"
            )
        order = torch.randperm(len(self.windows), generator=torch.Generator().manual_seed(seed))
        return [self.windows[i] for i in sorted(order[:WINDOWS].tolist())]
