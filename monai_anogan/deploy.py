"""MONAI Deploy: the same pipeline as operators of a MONAI Deploy application.

    python -m monai_anogan.deploy INPUT OUT

needs monai-deploy-app-sdk, in an environment of its own (docs/serve.md says why).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monai.deploy.conditions import CountCondition
from monai.deploy.core import Application, Fragment, Operator, OperatorSpec
from monai.deploy.operators.dicom_data_loader_operator import DICOMDataLoaderOperator
from monai.deploy.operators.dicom_series_selector_operator import DICOMSeriesSelectorOperator

from monai_anogan.errors import AnoganError
from monai_anogan.outputs import atomic_folder
from monai_anogan.pipeline import Pipeline
from monai_anogan.results import write_detection
from monai_anogan.terminal import fail

__all__ = ["AnoganApp", "AnoganOperator", "main"]

SELECTED = "study_selected_series_list"
RULES = '{"selections": [{"name": "MR", "conditions": {"Modality": "MR"}}]}'


class AnoganOperator(Operator):
    """Looks at every series selected upstream; writes what `anogan detect` does, a folder each.

    Args:
        fragment: that the operator belongs to.
        pipeline: what looks.
        out: gets a folder for each series, named by its UID.
        dicom: the DICOM objects to write, see `write_dicom_results`.
    """

    def __init__(
        self,
        fragment: Fragment,
        *args: Any,
        pipeline: Pipeline,
        out: Path,
        dicom: Sequence[str] = ("pm", "seg", "sr"),
        **kwargs: Any,
    ) -> None:
        self.pipeline, self.out, self.dicom = pipeline, out, dicom
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec: OperatorSpec) -> None:
        """One input, the selector's; what comes of it lies in files."""
        spec.input(SELECTED)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Work on what was selected.

        Raises:
            InputError: A series cannot be read correctly.
        """
        for series in _selected(op_input.receive(SELECTED)):
            (first, *_) = series.get_sop_instances()
            item = {"image": str(first.get_native_sop_instance().filename)}  # stands for its series
            with atomic_folder(self.out / series.SeriesInstanceUID) as folder:
                detection = self.pipeline.run(item)
                write_detection(detection, folder, self.pipeline, item, dicom=self.dicom)


class AnoganApp(Application):
    """DICOM folder -> studies -> series by rules -> maps, findings, DICOM results.

    Args:
        source: the folder.
        out: as for the operator.
        pipeline: as for the operator.
        rules: of the SDK's series selector, JSON.
    """

    def __init__(self, source: Path, out: Path, pipeline: Pipeline, rules: str = RULES) -> None:
        self.source, self.out, self.pipeline, self.rules = source, out, pipeline, rules
        super().__init__()

    def compose(self) -> None:
        """The graph."""
        once = CountCondition(self, 1)
        load = DICOMDataLoaderOperator(self, once, input_folder=self.source, name="load")
        select = DICOMSeriesSelectorOperator(
            self, rules=self.rules, all_matched=True, name="select"
        )
        look = AnoganOperator(self, pipeline=self.pipeline, out=self.out, name="anogan")
        self.add_flow(load, select, {("dicom_study_list", "dicom_study_list")})
        self.add_flow(select, look, {(SELECTED, SELECTED)})


def _selected(studies: Any) -> Iterator[Any]:
    for study in studies:
        for one in study.selected_series:
            yield one.series


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Maps what is not normal in DICOM series.")
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mode", choices=("search", "encoder"), default="search")
    wanted = parser.parse_args()
    try:
        AnoganApp(wanted.source, wanted.out, Pipeline(settings={"mode": wanted.mode})).run()
    except AnoganError as error:
        fail(str(error))


if __name__ == "__main__":
    main()
