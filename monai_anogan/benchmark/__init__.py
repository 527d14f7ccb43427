"""`anogan benchmark`: the search against its alternatives, side by side in one run."""

from monai_anogan.benchmark.ablation import ablation_rows
from monai_anogan.benchmark.brain import Brain
from monai_anogan.benchmark.report import write_ablation, write_benchmark
from monai_anogan.benchmark.study import run_benchmark

__all__ = ["Brain", "ablation_rows", "run_benchmark", "write_ablation", "write_benchmark"]
