"""Worker: the process that looks at scans, apart from the node, so that its end is not the node's.

It answers each order with a reply; it ends when the node does, however that ends.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import traceback
import warnings
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from monai_anogan import __version__
from monai_anogan.commands.loading import load_pipeline
from monai_anogan.errors import AnoganError, InputError
from monai_anogan.service.privacy import without_patient
from monai_anogan.service.result_uids import settle_uids
from monai_anogan.service.settings import Work
from monai_anogan.service.spool import sync_tree

if TYPE_CHECKING:
    from monai_anogan.pipeline import Pipeline

__all__ = ["Order", "Reply", "pipeline_of", "serve_orders"]


@dataclass(frozen=True)
class Order:
    """Look at a scan."""

    scan: Path  # the folder with its slices
    out: Path  # the folder to make


@dataclass(frozen=True)
class Reply:
    """How it went."""

    problem: str = ""  # "" for none; without patient data
    hopeless: bool = False  # the scan is the reason, so that another try would end the same


def serve_orders(pipe: Connection, work: Work) -> None:
    """The life of a worker: load the model, reply to that, then to every order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the node decides
    _be_silent()
    threading.Thread(target=_end_with_the_node, daemon=True).start()
    try:
        pipeline = _load(work)
    except (AnoganError, OSError) as error:
        pipe.send(Reply(" ".join(str(error).split())))
        return
    pipe.send(Reply())
    while True:
        try:
            order = pipe.recv()
        except EOFError:
            return
        pipe.send(_reply(pipeline, work, order))


def pipeline_of(work: Work) -> Pipeline:
    """The pipeline that these settings ask for.

    Raises:
        AnoganError: It cannot be loaded.
    """
    return load_pipeline(
        work.bundle,
        overlays=work.overlays,
        device=work.device,
        calibration=work.calibration,
        mode=work.mode,
        search=work.search,
        alpha=work.alpha,
        force=work.force or None,
    )


def _load(work: Work) -> Pipeline:
    from monai_anogan.outputs import dicom_objects

    pipeline = pipeline_of(work)
    dicom_objects(",".join(work.dicom) or "none", calibrated=pipeline.calibration is not None)
    return pipeline


def _reply(pipeline: Pipeline, work: Work, order: Order) -> Reply:
    try:
        _detect(pipeline, work, order)
    except InputError as error:
        return Reply(without_patient(str(error), order.scan), hopeless=True)
    except OSError as error:
        return Reply(f"{error.strerror or type(error).__name__}")
    except Exception as error:  # a worker answers whatever happens; the node decides what next
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Reply(f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}")
    return Reply()


def _detect(pipeline: Pipeline, work: Work, order: Order) -> None:
    from monai_anogan.outputs import FrameOrder, atomic_folder
    from monai_anogan.results import write_detection

    item = {"image": str(order.scan)}
    with atomic_folder(order.out) as folder:
        detection = pipeline.run(item)
        write_detection(
            detection,
            folder,
            pipeline,
            item,
            dicom=work.dicom,
            frame_order=FrameOrder(work.frame_order),
        )
        settle_uids(folder, _key(pipeline, order))
    sync_tree(order.out)


def _key(pipeline: Pipeline, order: Order) -> str:
    """What the results follow from: which slices, by which model and software."""
    slices = ",".join(sorted(path.name for path in order.scan.iterdir()))  # hashes of their UIDs
    model = f"{pipeline.metadata['name']} {pipeline.metadata['version']} {__version__}"
    return f"{slices} {model} {sorted(pipeline.settings.items())}"


def _be_silent() -> None:
    """What libraries print and warn of may name the patient."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)


def _end_with_the_node() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
