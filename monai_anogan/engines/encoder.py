"""Training of the encoder, alone against the frozen G and D, or together with G as a warm start.

Schlegl et al. 2019 (f-AnoGAN), section 2.3, "izi_f": the encoder learns to return the latent whose
generated patch equals the real one in grey values and in the discriminator's features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from ignite.engine import Events
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from monai_anogan.engines.patches import Change, PatchTrainer
from monai_anogan.networks import Discriminator
from monai_anogan.systems import System

__all__ = ["EncoderTrainer", "WhitenLatents", "izi_f"]


class EncoderTrainer(PatchTrainer):
    """Train `network.encoder`, and with `learning` also the generator, on healthy patches.

    Args:
        device: where the network is.
        max_epochs: epochs to train for.
        train_data_loader: batches `{"image": patches (B, C, *S) in [-1, 1]}`.
        network: a system with encoder, generator and discriminator.
        optimizer: over the parameters of the parts named in `learning`.
        corrupt: paints lesions over the patches that E sees; the target stays clean. None: clean.
        feature_weight: kappa of the feature term; 0 leaves D out.
        learning: the parts that learn; ("encoder",) is f-AnoGAN's.
        seed: of everything random.
        amp: bfloat16 autocast.
        augment: changes the healthy patches, before they are corrupted.
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
        optimizer: Optimizer,
        *,
        corrupt: Change | None = None,
        feature_weight: float = 1.0,
        learning: Sequence[str] = ("encoder",),
        seed: int = 0,
        amp: bool = True,
        augment: Change | None = None,
        train_handlers: Sequence[Any] | None = None,
        epoch_length: int | None = None,
    ) -> None:
        self.optimizer, self.corrupt, self.feature_weight = optimizer, corrupt, feature_weight
        super().__init__(
            device,
            max_epochs,
            train_data_loader,
            network,
            learning=learning,
            seed=seed,
            amp=amp,
            augment=augment,
            train_handlers=train_handlers,
            epoch_length=epoch_length,
        )

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, float]:
        clean = self.patches(batchdata)
        seen = clean if self.corrupt is None else self.corrupt(clean, self.rng)
        with self.autocast():
            rebuilt = self.network(seen)
            loss = izi_f(clean, rebuilt, self.network.discriminator, self.feature_weight)
        self.step(self.optimizer, loss)
        return {"loss": loss.item()}


def izi_f(
    patches: torch.Tensor, rebuilt: torch.Tensor, discriminator: Discriminator, weight: float
) -> torch.Tensor:
    """mean|x - G(E(x))| + kappa mean|f(x) - f(G(E(x)))|, a scalar.

    f-AnoGAN's equation 5 with absolute in place of squared differences: squares blur.

    Args:
        patches: x, (B, C, *S).
        rebuilt: G(E(x)), (B, C, *S).
        discriminator: its `features` are f.
        weight: kappa.
    """
    loss = (patches - rebuilt.float()).abs().mean()
    if weight:
        with torch.no_grad():
            target = discriminator.features(patches).float()
        loss = loss + weight * (target - discriminator.features(rebuilt).float()).abs().mean()
    return loss


class WhitenLatents:
    """Handler: when training is over, make the latents of healthy patches N(0, I).

    Args:
        network: the system whose `whiten` is called.
        patches: healthy patches, (N, C, *S) with N at least twice Z.
        batch_size: patches encoded at a time.
    """

    def __init__(self, network: System, patches: torch.Tensor, batch_size: int = 256) -> None:
        self.network, self.patches, self.batch_size = network, patches, batch_size

    def attach(self, engine: Any) -> None:
        """Have `engine` call this when it has completed."""
        engine.add_event_handler(Events.COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Any) -> None:
        self.network.eval()
        device = next(self.network.parameters()).device
        codes = [self.network.encoder(p.to(device)) for p in self.patches.split(self.batch_size)]
        self.network.whiten(torch.cat(codes))
