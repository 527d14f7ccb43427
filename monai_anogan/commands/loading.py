"""Load the pipeline that a command's options ask for, and refuse what they cannot have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_anogan.errors import AnoganError, InputError

if TYPE_CHECKING:
    from monai_anogan.pipeline import Pipeline

__all__ = ["CALIBRATION", "load_pipeline"]

CALIBRATION = "calibration.json"


def load_pipeline(
    bundle: Path | None,
    *,
    overlays: Sequence[Path] | None = None,
    device: str | None = None,
    calibration: Path | None = None,
    **settings: Any,
) -> Pipeline:
    """Load a bundle with the options of a command.

    Args:
        bundle: its folder; None takes the one that comes with the package.
        overlays: configs over its own.
        device: a name that torch knows.
        calibration: file of `anogan calibrate`, or the folder that holds it.
        settings: by config id; None leaves the config's own value.

    Raises:
        InputError: There is no such bundle, overlay or calibration, or they do not fit together.
        AnoganError: The device cannot be used.
    """
    from monai_anogan.pipeline import Pipeline

    settings |= {"device": _device(device), "calibration_file": _calibration_file(calibration)}
    given = {name: value for name, value in settings.items() if value is not None}
    pipeline = Pipeline(bundle, overlays=overlays or (), settings=given)
    _check_calibration(pipeline, calibration)
    return pipeline


def _calibration_file(path: Path | None) -> str | None:
    if path is None:
        return None
    file = path / CALIBRATION if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"the calibration must be a file, {file} does not exist; "
            "make one with: anogan calibrate --healthy DIR -o OUT"
        )
    return str(file)


def _check_calibration(pipeline: Pipeline, given: Path | None) -> None:
    """Refuse before any work what a calibration asked for by name or alpha cannot give."""
    if given is not None and pipeline.calibration is None:
        raise InputError(f"{given} must fit this model: {pipeline['calibration'].caveat}")
    if pipeline.calibration is not None:
        pipeline.calibration.calibration.check_alpha(pipeline["alpha"])


def _device(name: str | None) -> Any:
    if name is None:
        return None
    import torch

    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise AnoganError(f"device must be usable, got {name!r}: {reason}") from error
    return device
