"""`anogan label-app`: the folder that MONAI Label's server is started on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_anogan.terminal import console

__all__ = ["label_app"]


def label_app(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the app.")],
) -> None:
    """Write the app for MONAI Label: heat maps in 3D Slicer and OHIF, the most abnormal first."""
    from monai_anogan.label.app_folder import write_app_folder

    for path in write_app_folder(folder):
        console.print(f"  {path}")
    console.print("Start it, in the environment that scripts/label_env.sh makes:")
    console.print(
        f"monailabel start_server --app {folder} --studies FOLDER_OR_DICOMWEB_URL --host 127.0.0.1"
    )
    console.print("Research use only, not a medical device.")
