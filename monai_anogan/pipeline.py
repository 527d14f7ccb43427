"""One case through one bundle: a scan in, its map and reconstruction out on the same grid."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms import LoadImaged

from monai_anogan import __version__
from monai_anogan.errors import AnoganError, InputError
from monai_anogan.outputs import case_name, write_maps
from monai_anogan.reports import DISCLAIMER, write_overview

__all__ = ["Detection", "Pipeline", "default_bundle", "write_detection"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Detection:
    """What is found in one scan; every volume is (1, I, J, K) on the scan's own grid."""

    source: MetaTensor  # the scan, scanner units
    reconstruction: MetaTensor  # what healthy patches make of it, scanner units, 0 outside the mask
    anomaly_map: MetaTensor  # higher is more abnormal, 0 outside the mask
    mask: MetaTensor  # the organ, 0 or 1
    case_score: float
    seconds: dict[str, float] = field(default_factory=dict)  # by stage

    def judged(self) -> dict[str, Any]:
        """What an evaluation looks at."""
        return {
            "source": self.source,
            "anomaly_map": self.anomaly_map,
            "mask": self.mask,
            "score": self.case_score,
        }


def default_bundle() -> Path:
    """The bundle that comes with the package: inside a wheel, or beside it in a checkout."""
    package = Path(str(files("monai_anogan")))
    inside = package / "bundle"
    return inside if inside.is_dir() else package.parent / "bundle"


class Pipeline:
    """A bundle's inference config, held ready to run case by case.

    Args:
        bundle: the bundle's folder; None takes the one that comes with the package.
        overlays: config files merged over `configs/inference.json`.
        settings: values put in place of the config's, by id (`mode`, `seed`, `device`, ...).

    Raises:
        InputError: The bundle is incomplete.
    """

    def __init__(
        self,
        bundle: str | Path | None = None,
        *,
        overlays: Sequence[str | Path] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.root = Path(bundle) if bundle is not None else default_bundle()
        self.metadata = read_metadata(self.root)
        config = self.root / "configs" / "inference.json"
        self.parser = ConfigParser()
        self.parser.read_config([str(path) for path in (config, *overlays)])
        self.parser.update({"bundle_root": str(self.root), **(settings or {})})
        torch.manual_seed(self["seed"])
        self.network = self["network"]
        self._load_weights(Path(self["checkpoint"]))
        self.preprocessing, self.inferer = self["preprocessing"], self["inferer"]
        self.to_source = self["to_source"]

    def __getitem__(self, name: str) -> Any:
        """The value of a config id."""
        return self.parser.get_parsed_content(name)

    @property
    def settings(self) -> dict[str, Any]:
        """What a result depends on besides the scan and the model."""
        names = ("mode", "start", "steps", "lr", "weight", "overlap", "seed")
        return {name: self[name] for name in names} | {"device": str(self["device"])}

    def run(self, item: Mapping[str, str], progress: Progress | None = None) -> Detection:
        """Take one case, `{"image": path}`, all the way.

        Args:
            item: the case.
            progress: called with (windows done, windows in all) during the search.

        Raises:
            InputError: The scan cannot be read correctly, or is not what the bundle is for.
        """
        clock = StageClock()
        data: dict[str, Any] = dict(item)
        with _input_errors_first(), torch.no_grad():
            for transform in self.preprocessing.transforms:
                with clock("read" if isinstance(transform, LoadImaged) else "prepare"):
                    data = transform(data)
                if isinstance(transform, LoadImaged):
                    self._check_modality(data["image"])
            with clock("search"):
                self.inferer.progress = progress
                data["pred"] = self._search(data["image"])
            with clock("map"):
                data = self.to_source(data)
        return Detection(
            source=data["source"],
            reconstruction=data["pred"],
            anomaly_map=data["anomaly_map"],
            mask=data["mask"],
            case_score=data["case_score"],
            seconds=clock.seconds,
        )

    def _search(self, image: MetaTensor) -> MetaTensor:
        rebuilt = self.inferer(image.as_tensor()[None], self.network)[0]
        return MetaTensor(rebuilt, affine=image.affine)

    def _load_weights(self, checkpoint: Path) -> None:
        if not checkpoint.is_file():
            raise InputError(f"the bundle must hold its weights, {checkpoint} is missing")
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        try:
            self.network.load_state_dict(state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{checkpoint} must fit the bundle's network_def: {reason}") from error

    def _check_modality(self, image: MetaTensor) -> None:
        wanted, got = self["modality"], image.meta.get("modality")
        if got and got != wanted:  # NIfTI does not say
            raise InputError(
                f"the bundle {self.metadata['name']!r} must have {wanted} scans, got {got}; "
                "choose another series, or a bundle for this modality"
            )


class StageClock:
    """Adds up the seconds spent in named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time a block."""
        begin = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin


def read_metadata(bundle: Path) -> dict[str, Any]:
    """The content of a bundle's `configs/metadata.json`.

    Raises:
        InputError: There is none, so the folder is no bundle.
    """
    path = bundle / "configs" / "metadata.json"
    if not path.is_file():
        raise InputError(f"a bundle must hold configs/metadata.json, {path} is missing")
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def _input_errors_first() -> Iterator[None]:
    """MONAI wraps what a transform raises; give the user our own error from inside the wrapping."""
    try:
        yield
    except RuntimeError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, AnoganError):
            cause = cause.__cause__
        if cause is None:
            raise
        raise cause from error


def write_detection(
    detection: Detection, folder: str | Path, pipeline: Pipeline, item: Mapping[str, str]
) -> list[Path]:
    """Write everything `anogan detect` promises for one case into an existing folder.

    `anomaly_map.nii.gz`, `reconstruction.nii.gz`, from DICOM `anomaly_map.dcm`, `overview.png` and
    `summary.json`, in this order: the summary is written last and names the others.
    """
    model = f"{pipeline.metadata['name']} {pipeline.metadata['version']}"
    clock = StageClock()
    with clock("write"):
        written = write_maps(
            folder,
            source=detection.source,
            anomaly_map=detection.anomaly_map,
            reconstruction=detection.reconstruction,
            version=__version__,
            model=model,
        )
        written.append(Path(folder, "overview.png"))
        _write_picture(detection, written[-1], pipeline, item, model)
    summary = {
        "input": describe_input(item, detection.source),
        "case_score": detection.case_score,
        "model": {"name": pipeline.metadata["name"], "version": pipeline.metadata["version"]},
        "software": {"name": "monai_anogan", "version": __version__},
        "settings": pipeline.settings,
        "seconds": {name: round(s, 3) for name, s in (detection.seconds | clock.seconds).items()},
        "files": [path.name for path in written],
        "disclaimer": DISCLAIMER,
    }
    written.append(Path(folder, "summary.json"))
    written[-1].write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return written


def describe_input(item: Mapping[str, str], source: MetaTensor) -> dict[str, Any]:
    """What the result was computed from: path, grid, and for DICOM the series."""
    spacing = affine_to_spacing(source.affine, r=3).tolist()
    described: dict[str, Any] = {
        "path": str(item["image"]),
        "shape": list(source.shape[1:]),
        "spacing_mm": [round(s, 4) for s in spacing],
    }
    for name in ("series_uid", "series_description", "modality"):
        if name in source.meta:
            described[name] = source.meta[name]
    return described


def _write_picture(
    detection: Detection, path: Path, pipeline: Pipeline, item: Mapping[str, str], model: str
) -> None:
    settings = pipeline.settings
    how = f"{settings['steps']} steps" if settings["mode"] == "search" else "no search"
    write_overview(
        path,
        image=detection.source[0].numpy(),
        reconstruction=detection.reconstruction[0].numpy(),
        anomaly_map=detection.anomaly_map[0].numpy(),
        affine=detection.source.affine.numpy(),
        mask=detection.mask[0].numpy(),
        title=f"{case_name(item['image'])}   case score {detection.case_score:.3f}",
        footer=f"{model}, mode {settings['mode']}, {how}, seed {settings['seed']}",
        vmax=pipeline["map_max"],
    )
