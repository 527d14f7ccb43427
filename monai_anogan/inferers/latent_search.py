"""The MONAI inferer: every window of a volume explained by the healthy patch that fits it best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from monai.inferers import Inferer
from monai.utils import convert_to_dst_type, convert_to_tensor

from monai_anogan.inferers.cutter import Cutter
from monai_anogan.inferers.stitcher import Stitcher, Window, foreground_windows
from monai_anogan.losses import InpaintingLoss
from monai_anogan.search import EncoderStart, PriorStart, Start, descend, fit_basis
from monai_anogan.systems import FrozenSystem, System
from monai_anogan.transforms import BACKGROUND
from monai_anogan.transforms.highest import highest

__all__ = ["LatentSearchInferer"]

STARTS: dict[str, type[Start]] = {"encoder": EncoderStart, "prior": PriorStart}
Progress = Callable[[int, int], None]
Heal = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
Report = Callable[[float], None]
Rebuild = Callable[[list[Window], Report], torch.Tensor]
Objective = Callable[[torch.Tensor], torch.Tensor]
HoleLoss = Callable[[torch.Tensor, torch.Tensor, Objective], Objective]
HALO = 3  # voxels around a hole that are rebuilt with it, for the seam


class LatentSearchInferer(Inferer):
    """Rebuild a volume from healthy patches alone, by a latent search in each foreground window.

    Called as MONAI calls it, `inferer(inputs, network)`: volumes (B, C, D, H, W) in [-1, 1] to
    their healthy reconstructions of the same shape; what `heal` looked at follows as further
    channels. A 2D network goes slice by slice across `slice_axis`, a 3D network block by block.
    Background (the value -1) is not searched and stays -1.

    Called with `hole=`, bool (B, 1, D, H, W), it fills holes: only windows that meet one are
    searched, each with its own hole, and elsewhere the volume comes back as it is.

    Args:
        roi_size: patch of the network in voxels, (H, W) or (D, H, W).
        mode: `search` for the latent search, `encoder` for the encoder's guess alone.
        start: where a search begins, `encoder` or `prior`.
        steps: gradient steps of a search.
        lr: Adam's learning rate, in latent units.
        betas: Adam's decay rates.
        decay: let the learning rate fall to zero along a cosine.
        preconditioned: walk along the axes of `fit_basis`, which is fitted to the network when it
            is first met.
        weight: lambda, the share of the feature-matching loss (0.1 in the paper).
        heal: given the volume, (C, D, H, W), and the encoder's guess at it, returns the volume with
            the guess in place of what looks like a lesion, and what it looked at, (M, D, H, W). The
            search then explains that volume, so that it sharpens what is healthy and cannot explain
            a lesion away; the encoder looks at it again. None is the papers' plain search.
        hole_loss: what a search with a hole minimises, made from patches (B, C, *S), their holes
            (B, 1, *S) and the logits of D.
        overlap: share of a window that the next one covers.
        slice_axis: spatial axis (0, 1, 2) across which a 2D network's slices are cut.
        batch_size: windows searched at a time.
        precision: of the networks, see `FrozenSystem`; z, losses and the stitching are float32.
        compiled: run the networks through torch.compile, on CUDA as CUDA graphs. On the CPUs it was
            measured on it saves nothing and warms up for longer than a brain takes (docs/speed.md).
        spill: folder for memory-mapped sums, so that a volume larger than memory (itself given
            memory-mapped) can be rebuilt; None keeps them in memory, on the network's device.
        seed: of the starts.
        progress: called with (windows done, windows in all) as the search goes on.
    """

    def __init__(
        self,
        roi_size: Sequence[int] = (64, 64),
        *,
        mode: str = "search",
        start: str = "encoder",
        steps: int = 500,
        lr: float = 0.1,
        betas: Sequence[float] = (0.9, 0.999),
        decay: bool = False,
        preconditioned: bool = False,
        weight: float = 0.1,
        heal: Heal | None = None,
        hole_loss: HoleLoss = InpaintingLoss,
        overlap: float = 0.5,
        slice_axis: int = 2,
        batch_size: int = 64,
        precision: str = "auto",
        compiled: bool = False,
        spill: str | Path | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("search", "encoder"):
            raise ValueError(f"mode must be search or encoder, got {mode!r}")
        if start not in STARTS:
            raise ValueError(f"start must be one of {sorted(STARTS)}, got {start!r}")
        self.heal, self.hole_loss = heal, hole_loss
        self.cutter = Cutter(roi_size, slice_axis)
        self.window = self.cutter.window
        self.mode, self.start = mode, STARTS["encoder" if mode == "encoder" else start]()
        self.steps, self.weight = (0 if mode == "encoder" else steps), weight
        self.walk: dict[str, Any] = {"lr": lr, "betas": (betas[0], betas[1]), "decay": decay}
        self.preconditioned = preconditioned
        self._bases: WeakKeyDictionary[System, torch.Tensor] = WeakKeyDictionary()
        self.overlap, self.batch_size = overlap, batch_size
        self.precision, self.compiled, self.spill = precision, compiled, spill
        self.seed, self.progress = seed, progress

    def __call__(
        self,
        inputs: torch.Tensor,
        network: System,
        *args: Any,
        hole: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Reconstructions of `inputs`, (B, C, D, H, W), on the same device; by a search that heals
        (B, C + M, D, H, W), with what `heal` looked at.

        Raises:
            ValueError: `inputs` are no batch of volumes, or `hole` is of another grid.
            RuntimeError: Called under `torch.inference_mode`.
        """
        if inputs.ndim != 5:
            raise ValueError(f"inputs must be (B, C, D, H, W), got shape {tuple(inputs.shape)}")
        volumes = convert_to_tensor(inputs, track_meta=False).detach()  # a MetaTensor is slow
        fast = FrozenSystem(network, self.precision, compiled=self.compiled)
        basis = self._basis(network, fast)
        if hole is None:
            rebuilt = [self._rebuild(volume, fast, basis) for volume in volumes]
        else:
            holes = _checked(convert_to_tensor(hole, track_meta=False), volumes)
            pairs = zip(volumes, holes, strict=True)
            rebuilt = [self._fill(volume, inside, fast, basis) for volume, inside in pairs]
        batch = torch.stack(rebuilt) if len(rebuilt) > 1 else rebuilt[0][None]
        return convert_to_dst_type(batch, inputs)[0]

    def _basis(self, network: System, fast: FrozenSystem) -> torch.Tensor | None:
        """The axes to walk along, fitted once for a network that stays as it is."""
        if not self.preconditioned or not self.steps:
            return None
        if network not in self._bases:
            self._bases[network] = fit_basis(fast, self.start, weight=self.weight)
        return self._bases[network]

    def _rebuild(
        self, volume: torch.Tensor, network: FrozenSystem, basis: torch.Tensor | None
    ) -> torch.Tensor:
        padded, inside = self.cutter.pad(volume.to(self._home(network)))
        windows = foreground_windows((padded > BACKGROUND).any(0), self.window, self.overlap)
        looked_at: list[torch.Tensor] = []
        if self.heal is not None:
            guess = self._stitch(padded, windows, partial(self._guess, network, padded))
            padded, *looked_at = self.heal(padded, guess)
        search = partial(self._search, network, basis, self._rng(), padded, None)
        rebuilt = self._stitch(padded, windows, search, self.progress)
        whole = torch.cat([rebuilt, *looked_at]) if looked_at else rebuilt  # not copied
        return whole[(slice(None), *inside)]

    def _fill(
        self,
        volume: torch.Tensor,
        hole: torch.Tensor,
        network: FrozenSystem,
        basis: torch.Tensor | None,
    ) -> torch.Tensor:
        """`volume` with what G makes of its hole, (1, D, H, W), and of a halo around that."""
        home = self._home(network)
        padded, inside = self.cutter.pad(volume.to(home))
        unknown = self.cutter.pad(hole.to(home).float(), outside=0.0)[0] > 0
        around = _dilated(unknown, HALO)
        windows = foreground_windows(around[0], self.window, self.overlap)
        search = partial(self._search, network, basis, self._rng(), padded, unknown)
        rebuilt = self._stitch(padded, windows, search, self.progress)
        return torch.where(around, rebuilt, padded)[(slice(None), *inside)]

    def _home(self, network: FrozenSystem) -> torch.device:
        """Where the sums are kept."""
        return network.device if self.spill is None else torch.device("cpu")

    def _rng(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)

    def _stitch(
        self,
        volume: torch.Tensor,
        windows: list[Window],
        rebuild: Rebuild,
        progress: Progress | None = None,
    ) -> torch.Tensor:
        """What `rebuild` makes of each window of a grid like `volume`'s, put together again."""
        stitcher = Stitcher(
            volume.shape[1:],
            self.window,
            len(volume),
            BACKGROUND,
            device=volume.device,
            spill=self.spill,
        )
        for first, last in even_batches(len(windows), self.batch_size):
            batch = windows[first:last]
            report = partial(_report, progress, first, len(batch), len(windows))
            for window, image in zip(batch, rebuild(batch, report), strict=True):
                stitcher.add(window, self.cutter.as_window(image).to(volume.device))
            report(1.0)
        return stitcher.result()

    def _guess(
        self, network: FrozenSystem, volume: torch.Tensor, windows: list[Window], _: Report
    ) -> torch.Tensor:
        """The encoder's healthy patch for each window."""
        patches = self.cutter.cut(volume, windows)
        with torch.no_grad():
            return network.generate(network.encode(network.take(patches)))

    def _search(
        self,
        network: FrozenSystem,
        basis: torch.Tensor | None,
        rng: torch.Generator,
        volume: torch.Tensor,
        hole: torch.Tensor | None,
        windows: list[Window],
        report: Report,
    ) -> torch.Tensor:
        """The healthy patch that explains each window best, or what is known of it."""
        if not self.steps:
            return self._guess(network, volume, windows, report)
        patches = network.take(self.cutter.cut(volume, windows))
        objective: Objective
        if hole is None:
            objective = network.objective(patches, self.weight)
        else:
            unknown = network.take(self.cutter.cut(hole, windows))
            objective = self.hole_loss(patches, unknown, network.judge)
        return descend(
            network.generate,
            objective,
            self.start(network, patches, rng),
            steps=self.steps,
            basis=basis,
            **self.walk,
            on_step=lambda step: report(step / self.steps),
        ).image


def _checked(hole: torch.Tensor, volumes: torch.Tensor) -> torch.Tensor:
    """Holes as bool, one for each volume of its grid."""
    wanted = (len(volumes), 1, *volumes.shape[2:])
    if hole.shape != wanted:
        raise ValueError(f"hole must have the shape {wanted}, got {tuple(hole.shape)}")
    return hole > 0


def _dilated(mask: torch.Tensor, voxels: int) -> torch.Tensor:
    """A mask (1, D, H, W) and what lies at most so many voxels beside it along every axis."""
    return highest(mask[0].float(), 2 * voxels + 1)[None] > 0


def _report(progress: Progress | None, done: int, more: int, total: int, share: float) -> None:
    """Tell that `done` windows and a `share` of `more` others are searched, of `total`."""
    if progress is not None:
        progress(done + int(share * more), total)


def even_batches(count: int, most: int) -> list[tuple[int, int]]:
    """First and last + 1 of each of the fewest batches of at most `most`, as equal as can be."""
    batches = -(-count // most)
    return [(count * i // batches, count * (i + 1) // batches) for i in range(batches)]
