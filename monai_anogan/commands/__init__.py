"""The commands of `anogan`, one file each; `cli.py` lists them."""

from monai_anogan.commands.benchmark import benchmark
from monai_anogan.commands.calibrate import calibrate
from monai_anogan.commands.compare import compare
from monai_anogan.commands.demo import demo
from monai_anogan.commands.detect import detect
from monai_anogan.commands.evaluate import evaluate
from monai_anogan.commands.info import info
from monai_anogan.commands.inpaint import inpaint
from monai_anogan.commands.label_app import label_app
from monai_anogan.commands.series import series
from monai_anogan.commands.serve import serve

__all__ = [
    "benchmark",
    "calibrate",
    "compare",
    "demo",
    "detect",
    "evaluate",
    "info",
    "inpaint",
    "label_app",
    "series",
    "serve",
]
