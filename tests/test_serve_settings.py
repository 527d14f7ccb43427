"""The node's settings: what the schema takes, and the one line that says what it does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monai_anogan.errors import InputError
from monai_anogan.service.rules import Rule
from monai_anogan.service.settings import Retry
from monai_anogan.service.settings_file import load_settings

ROOT = Path(__file__).parents[1]
GOOD: dict[str, Any] = {
    "folder": "/var/lib/anogan",
    "receive": {"peers": [{"ae_title": "ROUTER", "addresses": ["127.0.0.1"]}]},
    "send": [{"kind": "folder", "name": "share", "path": "/srv/anogan"}],
}


def refusal(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "serve.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    with pytest.raises(InputError) as refused:
        load_settings(path)
    told = str(refused.value)
    assert "\n" not in told
    return told.removeprefix(f"{path} must fit the schema: ").removesuffix("; see docs/serve.md")


def test_the_settings_of_the_documentation_are_settings(tmp_path):
    blocks = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs/serve.md").read_text("utf-8"), re.DOTALL
    )
    assert blocks
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block)
        assert load_settings(path).send


def test_the_defaults_are_the_careful_ones(tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(GOOD))
    settings = load_settings(path)
    assert settings.receive is not None
    assert settings.health is not None
    assert settings.receive.host == settings.health.host == "127.0.0.1"
    assert settings.reserve_mb > 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"folder": "anogan"}, "folder: must be an absolute path"),
        ({"quite_s": 3}, "quite_s: extra inputs are not permitted, got 3"),
        ({"quiet_s": -1}, "quiet_s: input should be greater than 0, got -1"),
        ({"send": []}, "send: tuple should have at least 1 item after validation, not 0, got []"),
        (
            {"send": [{"kind": "ftp", "name": "x"}]},
            "send.0: input tag 'ftp' found using 'kind' does not match any of the expected tags: "
            "'c-store', 'stow', 'folder', got {'kind': 'ftp', 'name': 'x'}",
        ),
        (
            {"send": [GOOD["send"][0], GOOD["send"][0]]},
            "the file: names must differ, got share, share",
        ),
        ({"receive": None}, "the file: must have receive or watch, got neither"),
        ({"receive": {"peers": []}}, "receive.peers: tuple should have at least 1 item"),
        (
            {"receive": GOOD["receive"] | {"ae_title": "SEVENTEEN LETTERS"}},
            "receive.ae_title: string should have at most 16 characters, got 'SEVENTEEN LETTERS'",
        ),
        (
            {"receive": GOOD["receive"] | {"port": 99999}},
            "receive.port: input should be less than or equal to 65535, got 99999",
        ),
        (
            {"receive": GOOD["receive"] | {"tls": {"ca": "/ca"}}},
            "receive.tls: a receiver with TLS must have certificate and key",
        ),
        (
            {"receive": GOOD["receive"] | {"tls": {"certificate": "/c"}}},
            "receive.tls: certificate and key must come together",
        ),
        (
            {"rules": [{"description": "t1("}]},
            "rules.0.description: must be a regular expression (missing ), unterminated",
        ),
        ({"work": {"dicom": ["svg"]}}, "work.dicom.0: input should be 'pm', 'seg', 'sr' or 'sc'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_with_its_place(tmp_path, change, told):
    assert refusal(tmp_path, GOOD | change).startswith(told)


def test_what_is_no_yaml_is_refused_in_one_line(tmp_path):
    assert "must be YAML" in refusal(tmp_path, "folder: [")
    assert "input should be a valid dictionary" in refusal(tmp_path, "")
    with pytest.raises(InputError, match="the settings must be a file"):
        load_settings(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("rule", "series", "matches"),
    [
        (Rule(), ("MR", "anything", ""), True),
        (Rule(), ("CT", "anything", ""), False),
        (Rule(modality="CT"), ("CT", "", ""), True),
        (Rule(description="t1.*mprage"), ("MR", "Sag T1 3D MPRAGE", ""), True),
        (Rule(description="t1.*mprage"), ("MR", "t2 tse", ""), False),
        (Rule(description="^t1$"), ("MR", "t1 post", ""), False),
        (Rule(body_part="brain|head"), ("MR", "t1", "HEAD"), True),
        (Rule(body_part="brain|head"), ("MR", "t1", "KNEE"), False),
        (Rule(body_part="brain|head"), ("MR", "t1", ""), False),
        (Rule(description="t1", body_part="brain"), ("MR", "t2", "BRAIN"), False),
    ],
)
def test_a_rule_wants_all_that_it_states(rule, series, matches):
    assert rule.matches(*series) is matches


def test_the_back_off_doubles_up_to_its_limit_and_ends():
    retry = Retry(attempts=5, first_s=10, longest_s=35)
    assert [retry.wait(failed) for failed in range(1, 6)] == [10, 20, 35, 35, None]
