"""Training: ignite engines and their handlers."""

from monai_anogan.engines.adversarial import AnoGANTrainer
from monai_anogan.engines.alarm import CollapseAlarm
from monai_anogan.engines.calibration_fit import CalibrationFit
from monai_anogan.engines.checkpoint import CheckpointKeeper, save_state_dict
from monai_anogan.engines.comparison_fit import ComparisonFit
from monai_anogan.engines.encoder import EncoderTrainer, WhitenLatents, izi_f
from monai_anogan.engines.evaluation import CohortEvaluation
from monai_anogan.engines.fit_perceptron import fit_perceptron
from monai_anogan.engines.grid import patch_grid, save_grid
from monai_anogan.engines.monitor import FidelityMonitor, ReconstructionMonitor
from monai_anogan.engines.patches import PatchTrainer, draw_patches
from monai_anogan.engines.progress import ProgressLog
from monai_anogan.engines.rounds import in_rounds
from monai_anogan.engines.system_trainer import SystemTrainer, optimizers_of
from monai_anogan.engines.system_training import train_system
from monai_anogan.engines.wide_look_fit import WideLookFit

__all__ = [
    "AnoGANTrainer",
    "CalibrationFit",
    "CheckpointKeeper",
    "CohortEvaluation",
    "CollapseAlarm",
    "ComparisonFit",
    "EncoderTrainer",
    "FidelityMonitor",
    "PatchTrainer",
    "ProgressLog",
    "ReconstructionMonitor",
    "SystemTrainer",
    "WhitenLatents",
    "WideLookFit",
    "draw_patches",
    "fit_perceptron",
    "in_rounds",
    "izi_f",
    "optimizers_of",
    "patch_grid",
    "save_grid",
    "save_state_dict",
    "train_system",
]
