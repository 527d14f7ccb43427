"""The MONAI Label app: three questions, one worklist and one training over one bundle."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.infer_v2 import InferTask
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask

from monai_anogan import __version__
from monai_anogan.label.reading_store import ReadingStore
from monai_anogan.label.scorer import Scorer
from monai_anogan.label.settings import pipeline_of, read_settings
from monai_anogan.label.tasks import AnomalyMap, FindingBoxes, SeverityBands
from monai_anogan.label.training import TrainOnHealthy
from monai_anogan.label.worklist import CaseScores, MostAbnormalFirst

__all__ = ["AnoganApp"]

FILTER_UNSET = {"Modality": "CT"}  # MONAI Label's default of what it lists on a PACS


class AnoganApp(MONAILabelApp):
    """What `monailabel start_server --app` runs.

    Args:
        app_dir: the folder that `anogan label-app` wrote; readings and new weights go into it.
        studies: a folder of NIfTI scans, or the address of a DICOMweb server.
        conf: see `SETTINGS`.

    Raises:
        InputError: A setting cannot be used.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        values = read_settings(conf)
        self.pipeline = pipeline_of(values)
        store = ReadingStore(Path(app_dir, "readings"), values.get("cache_scans", 50))
        self.scorer = Scorer(self.pipeline, store)
        self.next_sample_seconds = values.get("next_sample_seconds", 60.0)
        if settings.MONAI_LABEL_DICOMWEB_SEARCH_FILTER == FILTER_UNSET:
            settings.MONAI_LABEL_DICOMWEB_SEARCH_FILTER = {"Modality": self.pipeline["modality"]}
        _find_programs_beside_python()
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=conf,
            name=f"monai_anogan {__version__}",
            description=f"{self.scorer.model}. {self.pipeline.metadata['intended_use']}",
            version=__version__,
        )

    def init_infers(self) -> dict[str, InferTask]:
        """The questions by name."""
        return {
            "anomaly_map": AnomalyMap(self.scorer),
            "severity": SeverityBands(self.scorer),
            "findings": FindingBoxes(self.scorer),
        }

    def init_trainers(self) -> dict[str, TrainTask]:
        """The training by name."""
        return {"healthy": TrainOnHealthy(self.pipeline, Path(self.app_dir, "model"))}

    def init_strategies(self) -> dict[str, Strategy]:
        """The worklist by name."""
        return {"most_abnormal_first": MostAbnormalFirst(self.scorer, self.next_sample_seconds)}

    def init_scoring_methods(self) -> dict[str, ScoringMethod]:
        """The work ahead by name; MONAI Label starts it with the server, beside it."""
        return {"case_scores": CaseScores(self.scorer)}


def _find_programs_beside_python() -> None:
    """dcmqi's programs lie beside Python, which a server started by its path does not search."""
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] += os.pathsep + beside
