"""Adversarial training of the generator: one D step and one G step an iteration.

Schlegl et al. 2017 (arXiv 1703.05921), section 2.1, on the losses of `monai_anogan.losses`. MONAI's
GanTrainer draws the loader's batch size whatever the real batch is and has no room for a penalty
or a reconstruction term, hence an iteration of our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from monai_anogan.engines.patches import Change, PatchTrainer
from monai_anogan.losses import AdversarialLoss
from monai_anogan.systems import System

__all__ = ["AnoGANTrainer"]


class AnoGANTrainer(PatchTrainer):
    """Train `network.generator` and `network.discriminator` on healthy patches.

    With `reconstruction_weight` above 0 the generator also has to remake the real patches from the
    latents its (frozen) encoder gives them; that keeps E and G in step while D sharpens G. Both
    kinds of latents pass through G as one batch.

    Args:
        device: where the network is.
        max_epochs: epochs to train for.
        train_data_loader: batches `{"image": patches (B, C, *S) in [-1, 1]}`.
        network: a system with generator, discriminator and `sample_latents`.
        g_optimizer: over the generator's parameters.
        d_optimizer: over the discriminator's parameters.
        loss: the adversarial losses and their gradient penalty.
        critic_steps: D steps an iteration (5 for WGAN-GP).
        reconstruction_weight: weight of the mean |x - G(E(x))| beside the adversarial loss of G.
        seed: of everything random.
        amp: bfloat16 autocast.
        augment: changes the healthy patches.
        train_handlers: ignite handlers.
        epoch_length: iterations an epoch; None takes the loader's length.

    The output of an iteration is a dict of floats: `d_loss`, `g_loss`, `reconstruction_loss`.
    """

    def __init__(
        self,
        device: torch.device,
        max_epochs: int,
        train_data_loader: Iterable | DataLoader,
        network: System,
        g_optimizer: Optimizer,
        d_optimizer: Optimizer,
        loss: AdversarialLoss,
        *,
        critic_steps: int = 1,
        reconstruction_weight: float = 0.0,
        seed: int = 0,
        amp: bool = True,
        augment: Change | None = None,
        train_handlers: Sequence[Any] | None = None,
        epoch_length: int | None = None,
    ) -> None:
        self.g_optimizer, self.d_optimizer, self.loss = g_optimizer, d_optimizer, loss
        self.critic_steps, self.reconstruction_weight = critic_steps, reconstruction_weight
        super().__init__(
            device,
            max_epochs,
            train_data_loader,
            network,
            learning=("generator", "discriminator"),
            seed=seed,
            amp=amp,
            augment=augment,
            train_handlers=train_handlers,
            epoch_length=epoch_length,
        )

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, float]:
        real = self.patches(batchdata)
        for _ in range(self.critic_steps):
            fake, rebuilt = self._generate(real)  # the last pass serves G's step too
            d_loss = self._discriminator_step(real, fake.detach())
        g_loss, reconstruction_loss = self._generator_step(real, fake, rebuilt)
        return {"d_loss": d_loss, "g_loss": g_loss, "reconstruction_loss": reconstruction_loss}

    def _generate(self, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        z = self.network.sample_latents(len(real), self.rng)
        with self.autocast():
            if not self.reconstruction_weight:
                return self.network.generator(z).float(), None
            with torch.no_grad():
                codes = self.network.encoder(real).float()
            fake, rebuilt = self.network.generator(torch.cat([z, codes])).float().chunk(2)
            return fake, rebuilt

    def _discriminator_step(self, real: torch.Tensor, fake: torch.Tensor) -> float:
        judge = self.network.discriminator
        with self.autocast():
            on_real, on_fake = judge(torch.cat([real, fake])).float().chunk(2)
        total = loss = self.loss.discriminator(on_real, on_fake)
        if self.state.iteration % self.loss.penalty_every == 0:
            total = loss + self.loss.penalty(judge, real, fake, self.rng)  # float32: a 2nd order
        self.step(self.d_optimizer, total)
        return loss.item()

    def _generator_step(
        self, real: torch.Tensor, fake: torch.Tensor, rebuilt: torch.Tensor | None
    ) -> tuple[float, float]:
        self.network.discriminator.requires_grad_(False)
        with self.autocast():
            loss = self.loss.generator(self.network.discriminator(fake).float())
        rebuilding = (real - rebuilt).abs().mean() if rebuilt is not None else loss.new_zeros(())
        self.step(self.g_optimizer, loss + self.reconstruction_weight * rebuilding)
        self.network.discriminator.requires_grad_(True)
        return loss.item(), rebuilding.item()
