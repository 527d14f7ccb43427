"""Where the overlays of the systems are, and which of them a comparison takes."""

from __future__ import annotations

from pathlib import Path

from monai.bundle import ConfigParser

from monai_anogan.bundle_folder import packaged
from monai_anogan.errors import InputError

__all__ = ["chosen_overlays", "overlay_named", "systems_folder"]


def systems_folder() -> Path:
    """The overlays that come with the package."""
    return packaged("configs") / "systems"


def chosen_overlays(names: str | None) -> list[Path]:
    """The overlays of some systems, in the order asked for.

    Args:
        names: names or YAML files, separated by commas; None takes all that come with the package.

    Raises:
        InputError: One of them is not known, or named twice.
    """
    if names is None:
        return [systems_folder() / f"{name}.yaml" for name in known_systems()]
    paths = [overlay_named(name.strip()) for name in names.split(",") if name.strip()]
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(stems):
        raise InputError(f"every system must be named once, got {', '.join(stems)}")
    return paths


def known_systems() -> list[str]:
    """The systems that come with the package: overlays that bring a network."""
    overlays = sorted(systems_folder().glob("*.yaml"))
    return [p.stem for p in overlays if "network_def" in ConfigParser.load_config_file(p)]


def overlay_named(name: str) -> Path:
    """One overlay, by the name of a system or by its file."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else systems_folder() / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(known_systems())
        raise InputError(f"a system must be one of {known}, or a YAML file, got {name!r}")
    return path
