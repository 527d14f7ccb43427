"""`anogan info`: what is installed, and which model would be used."""

from __future__ import annotations

from monai_anogan import __version__
from monai_anogan.commands.options import Bundle
from monai_anogan.terminal import console

__all__ = ["info"]


def info(bundle: Bundle = None) -> None:
    """Say what is installed and which model would be used."""
    import monai
    import torch

    from monai_anogan.bundle_folder import default_bundle, read_metadata

    root = bundle or default_bundle()
    metadata = read_metadata(root)
    rows = {
        "monai_anogan": __version__,
        "monai": monai.__version__,
        "torch": torch.__version__,
        "device": "cuda"
        if torch.cuda.is_available()
        else f"cpu, {torch.get_num_threads()} threads",
        "bundle": str(root),
        "model": f"{metadata['name']} {metadata['version']}",
        "task": metadata["task"],
        "intended use": metadata["intended_use"],
    }
    for name, value in rows.items():
        console.print(f"{name:13s} {value}")
