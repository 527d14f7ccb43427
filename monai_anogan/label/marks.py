"""What people have said of the scans of a MONAI Label datastore: read, and healthy.

Read is a scan with a label saved under the tag `final`, which the viewers' submit buttons give, or
with `"read": true` in its info. Healthy, and read too, is one with a label under the tag `healthy`,
or with `"healthy": true` in its info. The segmentations that this software itself sends to a PACS
are no reader's.
"""

from __future__ import annotations

from collections.abc import Iterator

from monailabel.datastore.dicom import DICOMWebDatastore
from monailabel.datastore.local import LocalDatastore
from monailabel.interfaces.datastore import Datastore
from pydicom import Dataset

from monai_anogan.outputs.equipment import ALGORITHM

__all__ = ["HEALTHY", "healthy_scans", "unread_scans"]

HEALTHY, READ, FINAL = "healthy", "read", "final"


def healthy_scans(datastore: Datastore) -> list[str]:
    """The ids of the scans marked healthy, sorted."""
    return sorted(image for image in datastore.list_images() if _is_healthy(datastore, image))


def unread_scans(datastore: Datastore) -> list[str]:
    """The ids of the scans that nobody has read, sorted; on a PACS, as it is now."""
    if not isinstance(datastore, DICOMWebDatastore):
        return sorted(i for i in datastore.list_images() if not _is_read(datastore, i))
    DICOMWebDatastore.list_images.cache_clear()  # it would remember them for two hours
    elsewhere = set(_segmented(datastore))
    return sorted(
        i for i in datastore.list_images() if i not in elsewhere and not _is_read(datastore, i)
    )


def _is_healthy(datastore: Datastore, image: str) -> bool:
    said = datastore.get_image_info(image).get(HEALTHY) is True
    return said or HEALTHY in _tags(datastore, image)


def _is_read(datastore: Datastore, image: str) -> bool:
    said = datastore.get_image_info(image).get(READ) is True
    return said or FINAL in _tags(datastore, image) or _is_healthy(datastore, image)


def _tags(datastore: Datastore, image: str) -> set[str]:
    """The tags of a scan's labels in this server's own book."""
    book = LocalDatastore.get_labels_by_image_id(datastore, image)
    return {str(getattr(tag, "value", tag)) for tag in book}


def _segmented(datastore: DICOMWebDatastore) -> Iterator[str]:
    """The series that a segmentation of another maker in the PACS refers to."""
    client = datastore._client  # MONAI Label gives no other way to it
    for found in client.search_for_series(search_filters={"Modality": "SEG"}):
        series = Dataset.from_json(found)
        instances = client.retrieve_series_metadata(
            series.StudyInstanceUID, series.SeriesInstanceUID
        )
        segmentation = Dataset.from_json(instances[0])
        if segmentation.get("Manufacturer") != ALGORITHM:
            referred = segmentation.get("ReferencedSeriesSequence", [])
            yield from (str(item.SeriesInstanceUID) for item in referred)
