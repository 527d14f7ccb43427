"""The bundle as MONAI's own tools see it: verified, loaded, exported, from the command line."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import monai.bundle
import numpy as np
import pytest
import torch
from jsonschema import ValidationError, validate

from monai_anogan.systems import FAnoGAN

pytestmark = pytest.mark.slow  # the network is exported three ways before the first

BUNDLE = Path(__file__).parents[1] / "bundle"
CONFIG, META = BUNDLE / "configs/inference.json", BUNDLE / "configs/metadata.json"
SCHEMA = BUNDLE / "docs/metadata_schema.json"
CHECK_PROPERTIES = """
import sys, monai.bundle
for name, kind in (("train", "train"), ("inference", "inference")):
    workflow = monai.bundle.create_workflow(
        config_file=f"{sys.argv[1]}/configs/{name}.json", workflow_type=kind,
        bundle_root=sys.argv[1], dataset_dir=sys.argv[2], output_dir=sys.argv[3],
    )
    print(kind, "misses", workflow.check_properties())
"""


@pytest.fixture(scope="module")
def printed(head_cohort, run_python, tmp_path_factory) -> dict[str, Any]:
    """What MONAI's tools said, by name, and in `folder` what they wrote."""
    folder = tmp_path_factory.mktemp("export")
    network = ["network_def", "--config_file", CONFIG, "--meta_file", META]
    weights = [*network, "--ckpt_file", BUNDLE / "models/model.pt"]
    calls = {
        "metadata": ["verify_metadata", "--meta_file", META, "--filepath", SCHEMA],
        "net_in_out": ["verify_net_in_out", *network, "--device", "cpu"],
        "torchscript": ["ckpt_export", *weights, "--filepath", folder / "model.ts"],
        "onnx": ["onnx_export", *weights, "--filepath", folder / "model.onnx"],
    }
    commands = [["-m", "monai.bundle", *arguments] for arguments in calls.values()]
    commands.append(["-c", CHECK_PROPERTIES, BUNDLE, head_cohort, folder])
    said = run_python(*commands)
    return dict(zip([*calls, "properties"], said, strict=True)) | {"folder": folder}


@pytest.fixture(scope="module")
def shipped() -> tuple[FAnoGAN, torch.Tensor, torch.Tensor]:
    """The shipped network, a patch and what the network makes of it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    network = monai.bundle.load(BUNDLE.name, bundle_dir=BUNDLE.parent, device="cpu").eval()
    root.handlers[:], root.level = handlers, level  # the bundle's logging.conf is not for pytest
    patch = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        return network, patch, network(patch)


def test_load_gives_the_network_with_the_shipped_weights(shipped) -> None:
    network, _, _ = shipped
    state = torch.load(BUNDLE / "models/model.pt", map_location="cpu", weights_only=True)
    assert isinstance(network, FAnoGAN)
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(v, state[k].to(v)) for k, v in network.state_dict().items())


def test_metadata_is_verified_with_our_schema_offline(printed) -> None:
    assert "metadata is verified with no error" in printed["metadata"]
    assert "skipped downloading" in printed["metadata"]


def test_network_takes_and_gives_what_the_metadata_says(printed) -> None:
    assert "data shape of network is verified with no error" in printed["net_in_out"]


def test_no_property_of_a_workflow_is_missing(printed) -> None:
    assert "train misses []" in printed["properties"]
    assert "inference misses []" in printed["properties"]


def test_torchscript_export_answers_as_the_network_does(printed, shipped) -> None:
    _, patch, expected = shipped
    exported = torch.jit.load(printed["folder"] / "model.ts").eval()
    with torch.no_grad():
        assert torch.allclose(exported(patch), expected, atol=1e-5)


def test_onnx_export_answers_as_the_network_does(printed, shipped) -> None:
    runtime = pytest.importorskip("onnxruntime")
    _, patch, expected = shipped
    session = runtime.InferenceSession(
        printed["folder"] / "model.onnx", providers=["CPUExecutionProvider"]
    )
    (got,) = session.run(None, {session.get_inputs()[0].name: patch.numpy()})
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-4)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(META.read_text()).items() if key != name}


def with_image(**changes: Any) -> dict[str, Any]:
    metadata = json.loads(META.read_text())
    metadata["network_data_format"]["inputs"]["image"] |= changes
    return metadata


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (without("version"), "'version' is a required property"),
        (without("network_data_format"), "'network_data_format' is a required property"),
        (without("intended_use"), "'intended_use' is a required property"),
        (without("") | {"monai_version": "newest"}, "'newest' does not match"),
        (without("") | {"changelog": {}}, "{} should be non-empty"),
        (without("") | {"optional_packages_version": {}}, "False schema does not allow"),
        (without("") | {"intended_use": "diagnosis"}, "'diagnosis' does not match"),
        (with_image(spatial_shape=[64]), "[64] is too short"),
        (with_image(spatial_shape=[64, 60]), "60 is not one of"),
        (with_image(value_range=[0, 255]), "[-1, 1] was expected"),
        (with_image(num_channels="1"), "'1' is not of type 'integer'"),
    ],
)
def test_schema_refuses_broken_metadata(broken: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate(broken, json.loads(SCHEMA.read_text()))
    assert complaint in refused.value.message


def test_verify_metadata_refuses_what_the_schema_refuses(tmp_path: Path) -> None:
    broken = tmp_path / "metadata.json"
    broken.write_text(json.dumps(without("version")))
    with pytest.raises(ValueError, match="'version' is a required property"):
        monai.bundle.verify_metadata(meta_file=str(broken), filepath=SCHEMA)
