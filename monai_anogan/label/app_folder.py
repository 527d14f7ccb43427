"""The folder that MONAI Label's server is started on."""

from __future__ import annotations

from pathlib import Path

from monai_anogan.label.bands import write_colour_table
from monai_anogan.outputs import DISCLAIMER, atomic_folder

__all__ = ["write_app_folder"]

COLOURS = "anomaly_map.ctbl"
MAIN = f'''"""The monai_anogan app for MONAI Label. {DISCLAIMER}"""

from monai_anogan.label.app import AnoganApp

__all__ = ["AnoganApp"]
'''


def write_app_folder(folder: str | Path) -> list[Path]:
    """Write `main.py`, which MONAI Label loads, and the colour table of the float map.

    Readings and new weights that are there already stay.

    Returns:
        The files written.

    Raises:
        InputError: The folder cannot be written.
    """
    with atomic_folder(folder) as stage:
        write_colour_table(stage / COLOURS)
        (stage / "main.py").write_text(MAIN, encoding="utf-8")
    return [Path(folder, name) for name in ("main.py", COLOURS)]
