"""A filled scan as DICOM: a derived series in the source's study, other in the hole alone.

Every image is a copy of its source image (PS3.3 C.7.6.1: ImageType DERIVED, a Source Image
Sequence, a derivation description) with new UIDs; private attributes, which may repeat the pixels
in a form of their own, are left out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from monai_anogan.io import StoredVolume
from monai_anogan.outputs.equipment import ALGORITHM
from monai_anogan.outputs.source_images import carrying_over
from monai_anogan.outputs.stored_values import to_stored

__all__ = ["holds_other_volumes", "write_filled_series"]

_DERIVATION = "Marked region filled with generated, healthy-looking tissue. Research use only."
_NUMBER = 9102
_STALE = (  # of the pixels that were
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "IconImageSequence",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
)


def holds_other_volumes(stored: StoredVolume) -> bool:
    """Whether its files hold frames of other volumes too, which a filled copy would repeat."""
    return sum(map(len, stored.frames.values())) != len(stored.stack.planes)


def write_filled_series(
    filled: NDArray[np.float32],
    hole: NDArray[np.bool_],
    stored: StoredVolume,
    folder: str | os.PathLike[str],
    *,
    version: str,
    model: str = "",
) -> list[Path]:
    """Writes a copy of a series whose stored values differ in the hole alone.

    Args:
        filled: (I, J, K) in scanner units, the whole volume.
        hole: (I, J, K), the voxels to replace.
        stored: the source series, see `load_stored`.
        folder: created if absent.
        version: of this software.
        model: name and version of the model.

    Returns:
        The files, in the order of the source's.

    Raises:
        ValueError: the volume is not on the source's grid.
    """
    if not filled.shape == hole.shape == stored.stack.shape:
        raise ValueError(
            f"volume must have its source's shape {stored.stack.shape}, got {filled.shape}"
        )
    place, series = Path(folder), hd.UID()
    place.mkdir(parents=True, exist_ok=True)
    values = float(filled.min()) + float(filled.max()) - filled if stored.inverted else filled
    paths: list[Path] = []
    with carrying_over():
        for path, frames in stored.frames.items():
            image = dcmread(path, force=True)
            pixels = _with_hole(frames, path, values, hole, stored, int(image.BitsStored))
            _derive(image, series, version, model)
            _put(image, pixels)
            paths.append(place / f"{len(paths) + 1:04d}.dcm")
            image.save_as(paths[-1], enforce_file_format=True)
    return paths


def _with_hole(
    frames: NDArray[Any],
    path: Path,
    values: NDArray[np.float32],
    hole: NDArray[np.bool_],
    stored: StoredVolume,
    bits: int,
) -> NDArray[Any]:
    """The frames of one file, (frames, rows, columns), with the values of its slices put in."""
    pixels = frames.astype(frames.dtype.newbyteorder("<"))
    for k, plane in enumerate(stored.stack.planes):
        inside = hole[:, :, k].T
        if plane.path == path and inside.any():
            new = to_stored(values[:, :, k].T[inside], *stored.rescales[k], pixels.dtype, bits)
            pixels[plane.frame][inside] = new
    return pixels


def _derive(image: Dataset, series: str, version: str, model: str) -> None:
    """Say in a copy of a source image that it is derived from it, by whom and how."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    purpose = hd.sr.CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
    reference.PurposeOfReferenceCodeSequence = [purpose]
    image.SourceImageSequence = [reference]
    image.remove_private_tags()
    for keyword in _STALE:
        if keyword in image:
            del image[keyword]
    _call_derived(image)
    image.DerivationDescription = _DERIVATION
    image.SeriesInstanceUID, image.SeriesNumber = series, _NUMBER
    was = str(image.get("SeriesDescription", ""))
    image.SeriesDescription = f"{was[:36]} filled (research use only)".strip()
    by = Dataset()
    by.Manufacturer, by.ManufacturerModelName = ALGORITHM, (model or ALGORITHM)[:64]
    by.SoftwareVersions = version
    processing = hd.sr.CodedConcept.from_code(codes.DCM.ProcessingEquipment)
    by.PurposeOfReferenceCodeSequence = [processing]
    image.ContributingEquipmentSequence = [*image.get("ContributingEquipmentSequence", []), by]


def _call_derived(image: Dataset) -> None:
    """The image type (PS3.3 C.7.6.1.1.2, in enhanced files C.8.16.1) of a derived image."""
    kinds = list(image.get("ImageType") or [])
    if "PerFrameFunctionalGroupsSequence" not in image:
        image.ImageType = ["DERIVED", "SECONDARY", *(kinds[2:] or ["OTHER"])]
        return
    image.ImageType = ["DERIVED", *kinds[1:]]
    if "MRAcquisitionType" in image:  # only of an original may it stand here
        del image.MRAcquisitionType
    shared = image.get("SharedFunctionalGroupsSequence") or []
    groups = (*shared, *image.PerFrameFunctionalGroupsSequence)
    for element in (element for group in groups for element in group):
        if element.keyword.endswith("FrameTypeSequence"):
            item = element.value[0]
            item.FrameType = ["DERIVED", *list(item.FrameType)[1:]]


def _put(image: Dataset, pixels: NDArray[Any]) -> None:
    """The pixels, plain little endian, under a UID of their own."""
    image.set_pixel_data(
        pixels if "NumberOfFrames" in image else pixels[0],
        str(image.PhotometricInterpretation),
        int(image.BitsStored),
    )
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
