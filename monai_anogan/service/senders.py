"""Senders: results to a destination, by C-STORE, by STOW-RS, or into a folder.

Each may be called again with the same results: an object that a PACS has already is a success.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from monai_anogan.errors import AnoganError
from monai_anogan.outputs import atomic_folder
from monai_anogan.service.settings import CStore, Folder, Stow
from monai_anogan.service.spool import sync_tree
from monai_anogan.service.web import connect

__all__ = ["associate", "send"]

DUPLICATE = 0x0111  # duplicate SOP instance (PS3.7 annex C)
WARNINGS = range(0xB000, 0xC000)  # stored, if not exactly as sent
MOST_AT_ONCE = 64  # objects of one STOW-RS request


def send(
    destination: CStore | Stow | Folder, results: Path, series_uid: str, revision: int
) -> None:
    """Deliver the results of one series.

    Args:
        destination: where to.
        results: the folder that the worker made.
        series_uid: of the series.
        revision: of its slices.

    Raises:
        AnoganError: The destination did not take them, or not all.
        OSError, requests.RequestException: It could not be reached.
    """
    if not results.is_dir():
        raise AnoganError("the results must still be in the node's folder, got none")
    if isinstance(destination, Folder):
        name = series_uid if revision == 1 else f"{series_uid}-{revision}"
        _copy(results, destination.path / name)
    elif files := sorted(results.rglob("*.dcm")):
        if isinstance(destination, Stow):
            _stow(destination, files)
        else:
            _store(destination, files)


def associate(destination: CStore, sop_classes: Sequence[str]) -> Any:
    """An association with a PACS.

    Raises:
        AnoganError: There is none to be had.
    """
    entity = AE(ae_title=destination.calling)
    for timeout in ("acse_timeout", "dimse_timeout", "network_timeout", "connection_timeout"):
        setattr(entity, timeout, destination.timeout_s)
    for sop_class in sop_classes:
        entity.add_requested_context(sop_class, ExplicitVRLittleEndian)
    tls = (destination.tls.client(), destination.host) if destination.tls else None
    association = entity.associate(
        destination.host, destination.port, ae_title=destination.ae_title, tls_args=tls
    )
    if not association.is_established:
        how = "rejected" if association.is_rejected else "no answer"
        raise AnoganError(f"{destination.name} must accept an association, got {how}")
    return association


def _store(destination: CStore, files: Sequence[Path]) -> None:
    classes = sorted({str(_header(path).SOPClassUID) for path in files})
    association = associate(destination, classes)
    try:
        for path in files:
            status = association.send_c_store(dcmread(path)).get("Status")
            if status not in (0, DUPLICATE) and status not in WARNINGS:
                told = "no answer" if status is None else f"status 0x{status:04X}"
                raise AnoganError(f"{destination.name} must store a result, got {told}")
    except AnoganError:
        raise
    except ValueError as error:  # pynetdicom: no presentation context for it was accepted
        raise AnoganError(
            f"{destination.name} must accept every kind of result, got one that it does not"
        ) from error
    except RuntimeError as error:
        raise AnoganError(f"{destination.name} must stay to the end, got cut off") from error
    finally:
        association.release()


def _stow(destination: Stow, files: Sequence[Path]) -> None:
    client = connect(destination)
    for start in range(0, len(files), MOST_AT_ONCE):
        answer = client.store_instances([dcmread(path) for path in files[start:][:MOST_AT_ONCE]])
        for refused in answer.get("FailedSOPSequence") or []:
            reason = refused.get("FailureReason")
            if reason != DUPLICATE:
                told = "no reason" if reason is None else f"reason 0x{reason:04X}"
                raise AnoganError(f"{destination.name} must store a result, got {told}")


def _copy(results: Path, target: Path) -> None:
    with atomic_folder(target) as stage:
        shutil.copytree(results, stage, dirs_exist_ok=True)
    sync_tree(target)


def _header(path: Path) -> Dataset:
    return dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
