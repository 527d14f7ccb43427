"""Training on the scans that readers marked healthy: new weights beside those that are in use."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import monai.bundle
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.train import TrainTask

from monai_anogan.engines import CalibrationFit
from monai_anogan.errors import InputError
from monai_anogan.label.held_out import hold_out
from monai_anogan.label.marks import HEALTHY, healthy_scans
from monai_anogan.maps import scans_needed
from monai_anogan.outputs import atomic_folder
from monai_anogan.pipeline import Pipeline

__all__ = ["TrainOnHealthy"]

logger = logging.getLogger(__name__)
FEWEST = 3  # scans: two to train on, one to watch
Items = list[dict[str, str]]


class TrainOnHealthy(TrainTask):
    """Goes on training the bundle's model by the bundle's own workflow.

    The result is a whole bundle in a folder of its own, which the server uses when it is started
    with `--conf bundle FOLDER`. A calibration is fitted for it where enough scans are held out for
    the alpha in use; otherwise its maps are raw.

    Args:
        pipeline: of the model that training begins with.
        folder: where new bundles go.
    """

    def __init__(self, pipeline: Pipeline, folder: Path) -> None:
        super().__init__(f"Go on training on scans marked {HEALTHY}; the model in use stays")
        self.pipeline, self.folder = pipeline, folder

    def config(self) -> dict[str, Any]:
        """What a client may set."""
        return {"max_epochs": 2, "visits_per_epoch": 5, "name": ""}

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train.

        Args:
            request: what `config` lists.
            datastore: with the marks of `marks.py`.

        Returns:
            `bundle`, the new folder; `healthy`, the scans' ids; and whether it is `calibrated`.

        Raises:
            InputError: Too few scans are marked, or the name is taken.
        """
        chosen = self.config() | {k: v for k, v in request.items() if k in self.config() and v}
        healthy = healthy_scans(datastore)
        if len(healthy) < FEWEST:
            raise InputError(
                f"training must have {FEWEST} scans marked {HEALTHY} or more, got {len(healthy)}; "
                f"mark one by a label with the tag {HEALTHY}"
            )
        items = [{"image": datastore.get_image_uri(image)} for image in healthy]
        needed = scans_needed(self.pipeline["alpha"])
        seen, held = hold_out(items, needed)
        target = self._target(str(chosen["name"]))
        with atomic_folder(target) as stage:
            self._train(
                stage, seen, held, int(chosen["max_epochs"]), int(chosen["visits_per_epoch"])
            )
            calibrated = len(held) >= needed
            if calibrated:
                self._calibrate(stage, held)
        logger.info("new weights in %s; use them: --conf bundle %s", target, target)
        return {"bundle": str(target), "healthy": healthy, "calibrated": calibrated}

    def _target(self, name: str) -> Path:
        name = name or f"anogan-{datetime.now():%Y%m%d-%H%M%S}"
        if Path(name).name != name:
            raise InputError(f"name must be that of a folder, got {name!r}")
        if (self.folder / name).exists():
            raise InputError(f"{self.folder / name} must be new, it is there already; say another")
        return self.folder / name

    def _train(self, stage: Path, seen: Items, held: Items, epochs: int, visits: int) -> None:
        """The new bundle: the old one's files, with the weights that its workflow ends with."""
        old, run = self.pipeline.root, stage / "run"
        shutil.copytree(old, stage, dirs_exist_ok=True)
        for stale in (stage / "models").glob("calibration_*.json"):
            stale.unlink()  # of the old weights
        configs = stage / "configs"
        monai.bundle.run(
            config_file=[str(configs / "train.json"), str(configs / "train_further.json")],
            bundle_root=str(stage),
            output_dir=str(run),
            epochs=epochs,
            visits_per_epoch=visits,
            volumes_per_batch=min(8, len(seen) * visits),
            **{"train#dataset#data": seen, "validate#dataset#data": held},
        )
        shutil.copy(run / "model.pt", stage / "models" / "model.pt")
        shutil.rmtree(run)

    def _calibrate(self, stage: Path, held: Sequence[dict[str, str]]) -> None:
        settings = {name: self.pipeline[name] for name in ("mode", "search", "seed", "device")}
        pipeline = Pipeline(stage, overlays=self.pipeline.overlays, settings=settings)
        fit = CalibrationFit(pipeline["weights"], pipeline["map_settings"])
        for item in held:
            fit.add(pipeline.raw_map(item))
        fit.result().save(pipeline["calibration_file"])
