"""Painted scans, as a wide look sees them, into a wide look that finds the lesions."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional as F

from monai_anogan.engines.lesion_voxels import importance, lesion_sizes
from monai_anogan.engines.pace import pace
from monai_anogan.maps import WideLook
from monai_anogan.maps.wide_look import FILTERS

__all__ = ["WideLookFit"]

WARM_UP = 300  # steps
AVERAGED = 0.999  # share of the average that a step leaves, once there were many
LARGEST_GRADIENT = 1.0
Held = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class WideLookFit:
    """Hold the latest scans, draw batches of them, and keep a running average of the weights.

    Scans take longer to make than a step takes: each is drawn a few times before newer ones push
    it out.

    Args:
        steps: in all; the learning rate warms up and falls as a cosine.
        held: scans drawn from.
        batch_size: scans a step.
        lr: highest learning rate of AdamW.
        filters: of the wide look.
        device: where it is taught; on CUDA in bfloat16.
        seed: of the first weights and of the draws.
    """

    def __init__(
        self,
        steps: int,
        *,
        held: int = 900,
        batch_size: int = 4,
        lr: float = 2e-3,
        filters: Sequence[int] = FILTERS,
        device: str | torch.device = "cpu",
        seed: int = 0,
    ) -> None:
        self.steps, self.batch_size, self.lr = steps, batch_size, lr
        self.device, self.done = torch.device(device), 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.look = WideLook(filters).to(self.device)
        self.average = copy.deepcopy(self.look).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.look.parameters(), lr, weight_decay=1e-2)
        self.rng = torch.Generator().manual_seed(seed)
        self.scans: deque[Held] = deque(maxlen=held)

    def add(self, seen: torch.Tensor, lesion: torch.Tensor) -> None:
        """Hold a scan: what `see_wide` gives, (C, d, h, w), and its lesions, (d, h, w) bool."""
        weights = importance(lesion_sizes(lesion.cpu())).to(self.device) * seen[-1].to(self.device)
        found = lesion.to(self.device)
        self.scans.append((seen.to(self.device).half(), found, weights.half()))

    def step(self) -> float:
        """One step on a batch of the scans held; returns its weighted cross-entropy."""
        volumes, lesions, weights = self._batch()
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * pace(self.done, self.steps, WARM_UP)
        self.look.train()
        on_cuda = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=on_cuda):
            logits = self.look(volumes)
        losses = F.binary_cross_entropy_with_logits(logits.float(), lesions, reduction="none")
        loss = (losses * weights).sum() / volumes[:, -1].sum()  # of the organ's voxels
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.look.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.done += 1
        self._follow()
        return float(loss.detach())

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` goes on from; the scans held are not part of it."""
        parts = {name: getattr(self, name).state_dict() for name in ("look", "average")}
        return {**parts, "optimizer": self.optimizer.state_dict(), "done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        for name in ("look", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.done = state["done"]

    def weights(self) -> dict[str, torch.Tensor]:
        """The average, as `load_wide_look` reads it, in float16."""
        parts = self.average.parts().items()
        return {n: (p.half() if p.is_floating_point() else p).cpu() for n, p in parts}

    def _batch(self) -> Held:
        """Scans drawn, background around the smaller ones: (B, C, D, H, W), (B, D, H, W) twice."""
        drawn = torch.randint(len(self.scans), (self.batch_size,), generator=self.rng).tolist()
        some = [self.scans[index] for index in drawn]
        largest = [max(n) for n in zip(*(lesion.shape for _, lesion, _ in some), strict=True)]
        volumes, lesions, weights = (
            torch.stack([_grown(part.float(), largest) for part in parts])
            for parts in zip(*some, strict=True)
        )
        return volumes, lesions, weights

    def _follow(self) -> None:
        """Bring the average nearer to the weights; at first it follows them closely."""
        nearer = 1 - min(AVERAGED, 1 - 1 / (self.done / 10 + 1))
        average, now = self.average.parts(), self.look.parts()
        with torch.no_grad():
            for name, part in average.items():
                if part.is_floating_point():
                    part.lerp_(now[name], nearer)
                else:
                    part.copy_(now[name])


def _grown(volume: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """A volume (..., D, H, W) with zeros behind it."""
    missing = [n - m for n, m in zip(shape, volume.shape[-3:], strict=True)]
    return F.pad(volume, [side for more in reversed(missing) for side in (0, more)])
