"""`anogan demo`: the whole way on a scan that comes with the package."""

from __future__ import annotations

from pathlib import Path

from monai_anogan.commands.detect import detect
from monai_anogan.commands.options import Mode, Out
from monai_anogan.terminal import console

__all__ = ["demo"]


def demo(out: Out = Path("anogan_demo"), mode: Mode = None) -> None:
    """Make a demonstration DICOM series with a painted lesion and detect what is wrong with it."""
    from monai_anogan.demonstration import make_demonstration

    source = out / "icbm152_painted_lesion"
    console.print("Demonstration: the ICBM152 template with a painted lesion, as a DICOM MR series")
    make_demonstration(source)
    detect(source, out / "result", mode=mode)
    console.print(f"The scan itself: {source}")
