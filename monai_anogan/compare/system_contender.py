"""A system of the family as a contender: built from its overlay, trained, searched and scored.

The overlay is the one that `monai.bundle run training` and `anogan detect` take; only sizes, which
are the same for every system of a comparison, come from the budget.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.compare.contender import Budget, Judgement, Progress
from monai_anogan.engines import train_system
from monai_anogan.engines.whole_file import whole_file, write_json
from monai_anogan.errors import InputError
from monai_anogan.inferers import PatchScorer
from monai_anogan.systems import System

__all__ = ["SystemContender"]

FINISHED, TRAINING, SHARED = "model.pt", "training.json", "shared.json"
TITLES = {
    "anogan": "AnoGAN",
    "gan_r": "GAN_R",
    "adversarial_cae": "aCAE",
    "acae": "aCAE",
    "bigan": "BiGAN (EGBAD)",
    "ganomaly": "GANomaly",
    "fanogan": "f-AnoGAN",
}
JUDGING = {"matching", "weight"}  # arguments of systems that no training depends on


class SystemContender:
    """A system with the sizes and the budget of a comparison.

    Args:
        overlay: config of the system, over the bundle's `train.json`.
        budget: sizes, iterations and search steps.
        patch_size: voxels of a patch along each axis.
        spatial_dims: 2 or 3.
        shelves: folders of runs of earlier comparisons, `RUNS/TASK/CONTENDER`, whose weights are
            taken where they were trained in the same way on the same data.

    Raises:
        InputError: The overlay is missing or describes no system.
    """

    def __init__(
        self,
        overlay: Path,
        budget: Budget,
        *,
        patch_size: int,
        spatial_dims: int = 2,
        shelves: tuple[Path, ...] = (),
    ) -> None:
        self.name, self.overlay, self.budget, self.shelves = overlay.stem, overlay, budget, shelves
        self.sizes = {
            "patch_size": patch_size,
            "spatial_dims": spatial_dims,
            "latent_size": budget.latent_size,
            "width": budget.width,
        }
        self.settings = self._resolved()
        self.title = TITLES.get(self.name, self.name)
        self._system: System | None = None

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.system.parameters())

    def fit(self, patches: torch.Tensor, *, seed: int, directory: Path, progress: Progress) -> None:
        wanted = self._training(patches, seed)
        self._system = self._fresh(seed)
        if not (directory / FINISHED).is_file():
            if not self._take(wanted, directory):
                train_system(
                    self.system,
                    patches,
                    iterations=self.budget.iterations,
                    batch_size=self.budget.batch_size,
                    seed=seed,
                    output_dir=directory,
                    progress=progress,
                )
            write_json(directory / TRAINING, wanted)
        state = torch.load(directory / FINISHED, map_location="cpu", weights_only=True)
        self.system.load_state_dict(state)
        self.system.eval().requires_grad_(False)

    def judge(self, patches: torch.Tensor, *, seed: int, progress: Progress) -> Judgement:
        system = self.system
        plan = system.search
        if plan is not None:
            plan = replace(plan, steps=self.budget.search_steps)
        said = PatchScorer(plan, seed=seed, progress=progress)(system, patches)
        residual = (patches - said.reconstruction).abs().sum(1, keepdim=True)
        return Judgement(said.scores, said.reconstruction, residual, said.latents)

    @property
    def system(self) -> System:
        """The trained system."""
        assert self._system is not None, "fit comes first"
        return self._system

    def _fresh(self, seed: int) -> System:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = ConfigParser({"network_def": self.settings}).get_parsed_content("network_def")
        if not isinstance(network, System):
            got = type(network).__name__
            raise InputError(f"{self.overlay} must have a system as network_def, got {got}")
        return network

    def _resolved(self) -> dict[str, Any]:
        """The config of the network with every reference followed."""
        if not self.overlay.is_file():
            raise InputError(f"the overlay of a system must be a file, {self.overlay} is not there")
        parser = ConfigParser()
        parser.read_config([str(default_bundle() / "configs" / "train.json"), str(self.overlay)])
        parser.update(self.sizes)
        component = parser.get_parsed_content("network_def", instantiate=False)
        return json.loads(json.dumps(component.get_config()))

    def _training(self, patches: torch.Tensor, seed: int) -> dict[str, Any]:
        """Everything that the trained weights depend on."""
        network = {key: value for key, value in self.settings.items() if key not in JUDGING}
        data = hashlib.sha256(patches.numpy().tobytes()).hexdigest()[:16]
        spent = {"iterations": self.budget.iterations, "batch_size": self.budget.batch_size}
        return {"network": network, "data": data, "seed": seed, **spent}

    def _take(self, wanted: dict[str, Any], directory: Path) -> bool:
        """Take the weights of a run that was trained as this one would be; whether there is one."""
        beside = sorted(directory.parent.glob(f"*/{TRAINING}"))
        elsewhere = [found for s in self.shelves for found in sorted(s.glob(f"*/*/{TRAINING}"))]
        for found in (*beside, *elsewhere):
            if json.loads(found.read_text()) == wanted:
                with whole_file(directory / FINISHED) as copied:
                    shutil.copyfile(found.with_name(FINISHED), copied)
                seconds = _training_seconds(found.with_name("seconds.json"))
                write_json(directory / SHARED, {"from": found.parent.name, "training": seconds})
                return True
        return False


def _training_seconds(path: Path) -> float:
    """What the training of a run took; 0 where it was killed before that was written."""
    return json.loads(path.read_text()).get("training", 0.0) if path.is_file() else 0.0
