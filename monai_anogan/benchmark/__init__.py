"""`anogan benchmark`: the search against its alternatives, side by side in one run."""

from monai_anogan.benchmark.brain import Brain
from monai_anogan.benchmark.report import write_benchmark
from monai_anogan.benchmark.study import run_benchmark

__all__ = ["Brain", "run_benchmark", "write_benchmark"]
