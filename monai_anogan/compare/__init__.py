"""`anogan compare`: every system of the family and the trivial yardsticks on the same data."""

from monai_anogan.compare.brain_patches import BrainData, brain_study
from monai_anogan.compare.brain_volumes import compare_volumes
from monai_anogan.compare.comparison import (
    Comparison,
    Outcome,
    contenders,
    open_folder,
    run_comparison,
)
from monai_anogan.compare.contender import Budget, Contender, Judgement
from monai_anogan.compare.one_class import FASHION_DIR, fashion_study, mnist_study
from monai_anogan.compare.overlays import chosen_overlays, overlay_named, systems_folder
from monai_anogan.compare.report import write_comparison
from monai_anogan.compare.task import Patches, Study, Task

__all__ = [
    "FASHION_DIR",
    "BrainData",
    "Budget",
    "Comparison",
    "Contender",
    "Judgement",
    "Outcome",
    "Patches",
    "Study",
    "Task",
    "brain_study",
    "chosen_overlays",
    "compare_volumes",
    "contenders",
    "fashion_study",
    "mnist_study",
    "open_folder",
    "overlay_named",
    "run_comparison",
    "systems_folder",
    "write_comparison",
]
