"""One case through one bundle: a scan in, its map and reconstruction out on the same grid."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.transforms import LoadImaged

from monai_anogan.bundle_folder import check_overlay, default_bundle, load_weights, read_metadata
from monai_anogan.errors import AnoganError, InputError
from monai_anogan.maps import CalibrationFile, Findings
from monai_anogan.networks import resolve_precision
from monai_anogan.systems import System

__all__ = ["Detection", "Pipeline", "StageClock"]

Progress = Callable[[int, int], None]
Edit = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Detection:
    """What is found in one scan; every volume is (1, I, J, K) on the scan's own grid."""

    source: MetaTensor  # the scan, scanner units
    reconstruction: MetaTensor  # what healthy patches make of it, scanner units, 0 outside the mask
    anomaly_map: MetaTensor  # higher is more abnormal, 0 outside the mask; calibrated, or raw
    mask: MetaTensor  # the organ, 0 or 1
    case_score: float
    findings: Findings | None = None  # None without a calibration: then the map is raw
    labels: MetaTensor | None = None  # 0 or the label of a finding
    warnings: tuple[str, ...] = ()  # why the numbers may not hold for this scan
    shading_matched: bool = False  # before all else; the source is as it came
    map_gain: float = 1.0  # below 1 where healthy tissue stood out more than it does in any scan
    seconds: dict[str, float] = field(default_factory=dict)  # by stage

    def judged(self) -> dict[str, Any]:
        """What an evaluation looks at."""
        return {
            "source": self.source,
            "anomaly_map": self.anomaly_map,
            "mask": self.mask,
            "score": self.case_score,
            "findings": self.findings,
            "warnings": self.warnings,
        }


class Pipeline:
    """A bundle's inference config, held ready to run case by case.

    Args:
        bundle: the bundle's folder; None takes the one that comes with the package.
        overlays: config files merged over `configs/inference.json`.
        settings: values put in place of the config's, by id (`mode`, `seed`, `device`, ...).

    Raises:
        InputError: The bundle is incomplete, or an overlay is no config.
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
        config, self.overlays = self.root / "configs" / "inference.json", [*map(Path, overlays)]
        for overlay in self.overlays:
            check_overlay(overlay)
        self.parser = ConfigParser()
        self.parser.read_config([str(path) for path in (config, *self.overlays)])
        self.parser.update({"bundle_root": str(self.root), **(settings or {})})
        with _user_errors_first():
            self.network = self["network"]
            load_weights(self.network, Path(self["checkpoint"]))
            self.preprocessing, self.inferer = self["preprocessing"], self["inferer"]
            self.to_source = self["to_source"]

    def __getitem__(self, name: str) -> Any:
        """The value of a config id."""
        return self.parser.get_parsed_content(name)

    @property
    def settings(self) -> dict[str, Any]:
        """What a result depends on besides the scan and the model."""
        searched = self["mode"] == "search"
        search = ("search", *self["searches"]["fast"]) if searched else ("healing",)
        names = ("mode", *search, "overlap", "seed")
        precision = resolve_precision(self["precision"], torch.device(self["device"]))
        computed = {"device": str(self["device"]), "precision": str(precision).split(".")[-1]}
        laid = {"overlays": ", ".join(path.name for path in self.overlays)} if self.overlays else {}
        return {name: self[name] for name in names} | computed | laid

    @property
    def calibration(self) -> CalibrationFile | None:
        """What makes the map's numbers mean something; None where there is none that fits."""
        loaded = self["calibration"]
        return loaded if loaded is not None and loaded.fits else None

    def inferer_with(self, **settings: Any) -> Inferer:
        """An inferer of its own, with other settings than the one that `run` uses."""
        parser = ConfigParser(dict(self.parser.get()))
        parser.update(settings)
        return parser.get_parsed_content("inferer")

    def untrained(self) -> System:
        """The bundle's network as training finds it."""
        return ConfigParser(dict(self.parser.get())).get_parsed_content("network_def")

    def prepare(self, item: Mapping[str, str]) -> MetaTensor:
        """A scan in network space, (C, D, H, W), as the search is given it.

        Raises:
            InputError: The scan cannot be read correctly.
        """
        with _user_errors_first(), torch.no_grad():
            return self.preprocessing(dict(item))["image"]

    def run(self, item: Mapping[str, str], progress: Progress | None = None) -> Detection:
        """Take one case, `{"image": path}`, all the way.

        Args:
            item: the case.
            progress: called with (windows done, windows in all) during the search.

        Raises:
            InputError: The scan cannot be read correctly, or is not what the bundle is for.
        """
        clock = StageClock()
        with _user_errors_first(), torch.no_grad():
            data = self._rebuild(item, clock, progress)
            matched = "shading" in data["image"].meta
            with clock("map"):
                data = self.to_source(data)
        return Detection(
            source=data["source"],
            reconstruction=data["pred"],
            anomaly_map=data["anomaly_map"],
            mask=data["mask"],
            case_score=data["case_score"],
            findings=data.get("findings"),
            labels=data.get("finding_labels"),
            warnings=tuple(data["warnings"]),
            shading_matched=matched,
            map_gain=data.get("map_gain", 1.0),
            seconds=clock.seconds,
        )

    def raw_map(self, item: Mapping[str, str]) -> dict[str, Any]:
        """Take one case as far as a calibration looks: the raw map on the grid of the model.

        Args:
            item: the case.

        Returns:
            `image`, `mask`, `pred` and `anomaly_map`, (1, D, H, W), the `map_background`, and the
            `source` as it came.

        Raises:
            InputError: As for `run`.
        """
        with _user_errors_first(), torch.no_grad():
            return self["raw_map"](self._rebuild(item, StageClock()))

    def fill(
        self,
        item: Mapping[str, str],
        edit: Edit,
        propose: Edit,
        *,
        clock: StageClock,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Take one case as far as an inpainting goes: G's own voxels in the place of a hole.

        Args:
            item: the case.
            edit: given the case as loaded, takes out of `image` what may not be looked at.
            propose: given the case in network space, adds the `hole` on that grid and puts a
                proposal for it into `image`, (1, D, H, W) both.
            clock: of the stages.
            progress: called with (windows done, windows in all) during the search.

        Returns:
            `image`, `mask`, `hole` and `pred`, (1, D, H, W), and the edited `source`.

        Raises:
            InputError: As for `run`.
        """
        with _user_errors_first(), torch.no_grad():
            data = self._prepared(item, clock, edit)
            with clock("propose"):
                data = propose(data)
            data["pred"] = self._search(data["image"], clock, progress, hole=data["hole"][None])
        return data

    def _rebuild(
        self, item: Mapping[str, str], clock: StageClock, progress: Progress | None = None
    ) -> dict[str, Any]:
        """The case in network space with its healthy reconstruction `pred`."""
        data = self._prepared(item, clock, lambda loaded: loaded)
        data["pred"] = self._search(data["image"], clock, progress)
        return data

    def _prepared(self, item: Mapping[str, str], clock: StageClock, edit: Edit) -> dict[str, Any]:
        """The case in network space, its scan edited between the file and everything else."""
        data: dict[str, Any] = dict(item)
        for transform in self.preprocessing.transforms:
            with clock("read" if isinstance(transform, LoadImaged) else "prepare"):
                data = transform(data)
            if isinstance(transform, LoadImaged):
                self._check_modality(data["image"])
                with clock("prepare"):
                    data = edit(data)
        return data

    def _search(
        self, image: MetaTensor, clock: StageClock, progress: Progress | None, **how: Any
    ) -> MetaTensor:
        with clock("search"):
            self.inferer.progress = progress
            rebuilt = self.inferer(image.as_tensor()[None], self.network, **how)[0]
        return MetaTensor(rebuilt, affine=image.affine)

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


@contextmanager
def _user_errors_first() -> Iterator[None]:
    """MONAI wraps what is raised inside it; give the user what the wrapping holds."""
    try:
        yield
    except RuntimeError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, AnoganError | OSError):
            cause = cause.__cause__
        if cause is None:
            raise
        raise cause from error
