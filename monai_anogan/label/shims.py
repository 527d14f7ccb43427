"""What MONAI Label's dependencies miss in today's Python packages, put in as they are imported.

The line that `scripts/label_env.sh` writes into the environment (`SITE_LINE`) calls `install` when
Python starts, so that the server's background processes have it too. Nothing is imported until it
is asked for.

- pydicom_seg 0.4.1 imports `pydicom._storage_sopclass_uids`, which pydicom 3 no longer has.
- PyPI's torchvision is built for CUDA: beside a CPU torch its library does not load, and then its
  Python part stops at the operators that the library would have defined.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

__all__ = ["SITE_LINE", "Shims", "install"]

SITE_LINE = "import monai_anogan.label.shims as shims; shims.install()"

STORAGE_UIDS = "pydicom._storage_sopclass_uids"
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_KEPT: list[object] = []  # torch forgets operators whose library object is gone


def install() -> None:
    """Put the finder first, once."""
    if not any(isinstance(finder, Shims) for finder in sys.meta_path):
        sys.meta_path.insert(0, Shims())


class Shims(MetaPathFinder, Loader):
    """Finds the module that is gone, and readies torch before torchvision is found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of pydicom's old module; None for everything else, which others find."""
        if fullname == "torchvision":
            _ready_torch()
        return spec_from_loader(fullname, self) if fullname == STORAGE_UIDS else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """None: an ordinary module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the old module with the UIDs by name, from where pydicom 3 has them."""
        from pydicom import uid

        storage = {k: v for k, v in vars(uid).items() if k.endswith("Storage")}
        module.__dict__.update(storage)


def _ready_torch() -> None:
    """Declare torchvision's operators where its library cannot."""
    found = PathFinder.find_spec("torchvision")
    if found is None or found.origin is None or _KEPT:
        return
    import torch

    try:
        for library in Path(found.origin).parent.glob("_C*"):
            torch.ops.load_library(library)
    except OSError:
        fragment = torch.library.Library("torchvision", "FRAGMENT")
        for operator in OPERATORS:
            fragment.define(operator)
        _KEPT.append(fragment)
