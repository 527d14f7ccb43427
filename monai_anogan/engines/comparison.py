"""Training of the comparison: scan beside reconstruction in, where they differ as lesions do out.

The discriminative half of DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610), behind any system and
any search: lesions are painted on healthy scans, the inferer rebuilds these as it will rebuild a
patient's, and a segmentation network learns to tell an unexplained lesion from the residual that
healthy folds and vessels leave as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Events
from monai.inferers import Inferer
from monai.transforms import Randomizable, Transform
from monai.utils import convert_to_tensor
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from monai_anogan.engines.patches import PatchTrainer
from monai_anogan.maps import side_by_side
from monai_anogan.systems import System

__all__ = ["ComparisonTrainer"]

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class ComparisonTrainer(PatchTrainer):
    """Train a comparison network; the system that rebuilds stays as it is.

    Args:
        device: where the networks are.
        max_epochs: epochs to train for.
        train_data_loader: scans one by one, `{"image": painted (1, 1, D, H, W) in [-1, 1],
            "mask": the organ, "lesion": where it was painted on}`.
        network: the system.
        inferer: rebuilds a scan, (B, 1, D, H, W) to the same shape.
        comparison: the network that learns, (B, 3, D, H, W) to one logit a voxel.
        optimizer: over its parameters.
        loss: of logits and lesions, (B, 1, D, H, W) each, a scalar.
        crop: draws the blocks to learn from, a MONAI dictionary transform to a list of dicts.
        seed: of everything random.
        amp: bfloat16 autocast.
        train_handlers: ignite handlers.
        epoch_length: iterations an epoch; None takes the loader's length.

    The output of an iteration is a dict of floats: `loss`.
    """

    def __init__(
        self,
        device: torch.device,
        max_epochs: int,
        train_data_loader: Iterable | DataLoader,
        network: System,
        inferer: Inferer,
        comparison: nn.Module,
        optimizer: Optimizer,
        *,
        loss: Loss,
        crop: Transform,
        seed: int = 0,
        amp: bool = True,
        train_handlers: Sequence[Any] | None = None,
        epoch_length: int | None = None,
    ) -> None:
        self.inferer, self.comparison, self.optimizer = inferer, comparison, optimizer
        self.loss, self.crop = loss, crop
        super().__init__(
            device,
            max_epochs,
            train_data_loader,
            network,
            learning=(),
            seed=seed,
            amp=amp,
            train_handlers=train_handlers,
            epoch_length=epoch_length,
        )
        self.add_event_handler(Events.EPOCH_STARTED, self._begin_learning)

    def _begin_learning(self) -> None:
        self.comparison.train()
        if isinstance(self.crop, Randomizable):
            self.crop.set_random_state(seed=(self.seed + self.state.epoch) % 2**32)

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, float]:
        scan = {name: batchdata[name][0] for name in ("image", "mask", "lesion")}
        image = batchdata["image"].to(self.state.device)
        with torch.no_grad():
            scan["reconstruction"] = self.inferer(image, self.network)[0].cpu()
        seen, lesion = (
            torch.cat(parts).to(self.state.device, memory_format=torch.channels_last_3d)
            for parts in zip(*map(_pair, self.crop(scan)), strict=True)
        )
        with self.autocast():
            logits = self.comparison(seen)
        loss = self.loss(logits.float(), lesion)
        self.step(self.optimizer, loss)
        return {"loss": loss.item()}


def _pair(block: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """What the network sees and what it should answer, (1, 3, D, H, W) and (1, 1, D, H, W)."""
    names = ("image", "reconstruction", "mask", "lesion")
    image, reconstruction, mask, lesion = (
        convert_to_tensor(block[name], track_meta=False).float() for name in names
    )
    return side_by_side(image, reconstruction, mask), lesion[None]
