"""docs/systems.md: its table has a row for every overlay, and its how-to works as it stands."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anogan import systems
from monai_anogan.pipeline import Pipeline

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "systems.md").read_text("utf-8")
CONFIGS = ROOT / "bundle" / "configs"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows that end in an overlay."""
    lines = re.findall(r"^\| (.*\.yaml`) \|$", text, re.MULTILINE)
    return [line.split(" | ") for line in lines]


def test_every_overlay_of_a_system_has_its_row_and_every_row_its_overlay() -> None:
    table = PAGE.split("## ")[0]
    named = {row[-1].strip("`") for row in rows(table)}
    assert named == {p.name for p in (ROOT / "configs/systems").glob("*.yaml")} - {"3d.yaml"}
    (new,) = rows("".join(blocks("text")))
    assert len(new) == len(rows(table)[0])


def test_the_command_names_configs_that_are_there() -> None:
    (command,) = blocks("bash")
    named = re.findall(r"[\w/]+\.(?:json|yaml)", command)
    assert len(named) == 4
    assert all((ROOT / name).is_file() for name in named)


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch) -> type:
    """The how-to's file as the module that it says it is."""
    name = "monai_anogan.systems.autoencoder"
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(systems, "autoencoder", module, raising=False)
    exec(compile(blocks("python")[0], name, "exec"), module.__dict__)
    return module.AutoEncoder


def test_the_tenth_system_trains_and_scores_by_the_how_tos_own_lines(tenth: type) -> None:
    told: dict = {}
    torch.manual_seed(0)
    exec(compile(blocks("python")[1], "how-to", "exec"), told)
    assert type(told["system"]) is tenth
    assert told["losses"][-1]["residual_loss"] < 0.5
    healthy, ill = told["scores"].chunk(2)
    assert (ill > healthy).all()


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_tenth_system_is_wired_by_the_how_tos_overlay(
    tenth: type, spatial_dims: int, tmp_path: Path
) -> None:
    overlay, in_3d = tmp_path / "autoencoder.yaml", ROOT / "configs/systems/3d.yaml"
    overlay.write_text(blocks("yaml")[0])
    laid = [overlay, *([in_3d] if spatial_dims == 3 else [])]
    training = ConfigParser()
    training.read_config(
        [str(f) for f in (CONFIGS / "train.json", CONFIGS / "train_system.json", *laid)]
    )
    training.update({"width": 8, "latent_size": 8})
    network = training.get_parsed_content("network")
    assert set(training.get_parsed_content("train#optimizers")) == {"autoencoder_residual"}
    torch.save(network.state_dict(), tmp_path / "model.pt")
    given = {"width": 8, "latent_size": 8, "checkpoint": str(tmp_path / "model.pt")}
    pipeline = Pipeline(overlays=laid, settings=given)
    assert isinstance(pipeline.network, tenth)
    volume = torch.rand(1, 1, *[64 if spatial_dims == 2 else 32] * 3)
    inferer = pipeline.inferer_with(precision="float32", overlap=0.0)
    rebuilt = inferer(volume, pipeline.network)
    window = volume[..., 0] if spatial_dims == 2 else volume
    with torch.no_grad():
        wanted = pipeline.network.eval()(window)
    found = rebuilt[..., 0] if spatial_dims == 2 else rebuilt
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)
