"""Who may import whom: the data go one way through the rooms, and so do the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "monai_anogan"
ROOT = Path(__file__).parents[1] / PACKAGE

WAY = (  # a room may import rooms of earlier stages, and nothing else of ours
    {"io"},
    {"transforms"},
    {"networks", "losses"},
    {"systems"},
    {"search"},
    {"inferers"},
    {"maps"},
    {"outputs"},
)
BESIDE = ("metrics", "reports", "engines")  # may import the whole way, and those before it here
# They may import everything below them, and one another.
TOP = {
    "bundle_folder",
    "pipeline",
    "results",
    "results_in_words",
    "result_pictures",
    "inpainting",
    "inpainting_results",
    "demonstration",
    "benchmark",
    "service",
    "deploy",
    "compare",
    "terminal",
    "commands",
    "label",
    "cli",
    "__main__",
}
LEAVES = {"errors", "__init__"}  # everybody may import them; they import nothing of ours

NEVER = {"torchvision"}
OPTIONAL = {  # the modules that exist for an optional extra, which alone may import it at their top
    "nilearn": {"demonstration"},
    "tensorboard": set(),
    "onnx": set(),
    "onnxscript": set(),
    "onnxruntime": set(),
    "jsonschema": set(),
    "pydantic": {"service"},
    "pynetdicom": {"service"},
    "dicomweb_client": {"service"},
    "prometheus_client": {"service"},
    "monailabel": {"label"},
    "fastapi": {"label"},
}

STAGE = {room: stage for stage, rooms in enumerate(WAY) for room in rooms}
MODULES = sorted(ROOT.rglob("*.py"))


def room_of(module: str) -> str:
    """The room of a dotted module name of ours: "a.io.reader" is in io, "a" itself in __init__."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def may_import(importer: str, imported: str) -> bool:
    """Whether code of one room may import from another."""
    if importer == imported or imported in LEAVES:
        return True
    if importer in LEAVES:
        return False
    if importer in TOP:
        return imported in {*STAGE, *BESIDE, *TOP}
    if importer in BESIDE:
        return imported in STAGE or imported in BESIDE[: BESIDE.index(importer)]
    return imported in STAGE and STAGE[imported] < STAGE.get(importer, 0)


def imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    """Every dotted name that a module imports, relative ones made absolute, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: None if is_package else -1]
            base = base[: len(base) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            if source == PACKAGE:  # `from monai_anogan import io` is an import of the room
                yield from (f"{source}.{alias.name}" for alias in node.names)
            else:
                yield source


def offences(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """The imports of ours that go against the flow, each as "module imports what"."""
    importer = room_of(module)
    return [
        f"{module} imports {name}"
        for name in imports(ast.parse(source), module, is_package=is_package)
        if name.split(".")[0] == PACKAGE
        and not room_of(name).startswith("__")
        and not may_import(importer, room_of(name))
    ]


def at_the_top(tree: ast.Module) -> ast.Module:
    """A module without its functions: what runs when it is imported. TYPE_CHECKING never runs."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.AST | None:
            guard = ast.unparse(node.test)
            return None if guard.endswith("TYPE_CHECKING") else self.generic_visit(node)

    return Strip().visit(tree)


def of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=of)
def test_imports_go_one_way(path: Path) -> None:
    is_package = path.name == "__init__.py"
    found = offences(path.read_text("utf-8"), name_of(path), is_package=is_package)
    assert not found, f"against the flow: {'; '.join(found)}"


@pytest.mark.parametrize("path", MODULES, ids=of)
def test_every_module_has_its_place(path: Path) -> None:
    room = room_of(name_of(path))
    known = {*STAGE, *BESIDE, *TOP, *LEAVES}
    assert room in known, f"{room} is in no room: say in this test whom it may import"


@pytest.mark.parametrize("path", MODULES, ids=of)
def test_torchvision_is_never_imported_and_extras_only_where_they_belong(path: Path) -> None:
    module = name_of(path)
    whole = ast.parse(path.read_text("utf-8"))
    is_package = path.name == "__init__.py"
    anywhere = {name.split(".")[0] for name in imports(whole, module, is_package=is_package)}
    assert not anywhere & NEVER, f"{module} imports {anywhere & NEVER}"
    top = {n.split(".")[0] for n in imports(at_the_top(whole), module, is_package=is_package)}
    strays = {extra for extra in top & OPTIONAL.keys() if room_of(module) not in OPTIONAL[extra]}
    assert not strays, f"{module} imports {strays} at its top: an optional extra may be missing"


@pytest.mark.parametrize(
    ("source", "module", "offence"),
    [
        ("import monai_anogan.maps.findings", "search.descend", "imports monai_anogan.maps"),
        ("from monai_anogan import outputs", "io.reader", "imports monai_anogan.outputs"),
        ("from ..outputs import nifti", "maps.findings", "imports monai_anogan.outputs"),
        (
            "def f():\n    from monai_anogan.cli import main",
            "io.reader",
            "imports monai_anogan.cli",
        ),
        ("from monai_anogan.engines import x", "metrics.case", "imports monai_anogan.engines"),
        ("from monai_anogan.metrics import x", "maps.findings", "imports monai_anogan.metrics"),
        ("from monai_anogan.losses import x", "networks.dcgan", "imports monai_anogan.losses"),
        ("from monai_anogan.io import x", "errors", "imports monai_anogan.io"),
    ],
)
def test_offences_are_seen_and_named(source: str, module: str, offence: str) -> None:
    (found,) = offences(source, f"{PACKAGE}.{module}")
    assert found.startswith(f"{PACKAGE}.{module} {offence}")


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from monai_anogan.io import x\nfrom monai_anogan.errors import y", "outputs.nifti"),
        ("from monai_anogan import __version__", "outputs.nifti"),
        ("from .match import Match\nfrom ..losses import x", "search.descend"),
        ("from monai_anogan.outputs import x", "reports.overview"),
        ("from monai_anogan.reports import x\nimport numpy", "cli"),
    ],
)
def test_the_way_itself_is_free(source: str, module: str) -> None:
    assert offences(source, f"{PACKAGE}.{module}") == []


def test_lazy_imports_are_told_from_those_at_the_top() -> None:
    source = (
        "import a\nif TYPE_CHECKING:\n    import b\ndef f():\n    import c\ntry:\n    import d\n"
    )
    tree = ast.parse(source + "except ImportError:\n    d = None\nclass C:\n    import e\n")
    assert sorted(imports(at_the_top(tree), "x", is_package=False)) == ["a", "d", "e"]
