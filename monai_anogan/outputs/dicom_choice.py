"""The choice of DICOM objects: what `--dicom` may ask for."""

from __future__ import annotations

from monai_anogan.errors import InputError

__all__ = ["DEFAULT_OBJECTS", "DICOM_OBJECTS", "OF_FINDINGS", "dicom_objects"]

DICOM_OBJECTS = {
    "pm": "Parametric Map",
    "seg": "Segmentation",
    "sr": "Structured Report",
    "sc": "Secondary Capture overlay",
}
DEFAULT_OBJECTS = ("pm", "seg", "sr")
OF_FINDINGS = {"seg", "sr"}  # need a calibrated model

NO_VIEWER = (
    "--dicom pr is not offered: no viewer at hand was found to use a colour presentation state; "
    "give sc"
)


def dicom_objects(names: str | None, *, calibrated: bool = True) -> tuple[str, ...] | None:
    """The objects that a list like "pm,seg" asks for; None, the default ones, where there is none.

    Raises:
        InputError: a name is unknown, or what it asks for needs a calibrated model.
    """
    if names is None:
        return None
    wanted = [name.strip().casefold() for name in names.split(",")]
    if wanted == ["none"]:
        return ()
    for name in wanted:
        if name == "pr":
            raise InputError(NO_VIEWER)
        if name not in DICOM_OBJECTS:
            known = ", ".join(DICOM_OBJECTS)
            raise InputError(f"--dicom must be some of {known} or none, got {name!r}")
        if name in OF_FINDINGS and not calibrated:
            raise InputError(
                f"--dicom {name} must have a calibrated model, got one without a calibration that "
                "fits; make one with: anogan calibrate --healthy DIR -o OUT"
            )
    return tuple(dict.fromkeys(wanted))
