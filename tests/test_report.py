"""The report is one file that works offline; a real browser shows what it promises."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from external_tools import missing
from numpy.typing import NDArray
from test_outputs_findings import two_findings

from monai_anogan.maps import Findings
from monai_anogan.reports import Scene, Shade, compose, write_report
from monai_anogan.reports.volumes import packed

SPOT = np.array([-30.0, 20.0, 10.0])  # RAS mm: left, anterior, superior
AFFINE = np.array([[-2.0, 0, 0, 80], [0, 2, 0, -80], [0, 0, 3, -75], [0, 0, 0, 1]])
SHAPE = (81, 81, 51)
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)


def scene(scale: float = 1.0) -> Scene:
    """A ball of a head with a hot spot of score 5 at SPOT."""
    voxels = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    world = voxels @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    image = np.where(np.linalg.norm(world, axis=-1) < 65, 800.0, 0.0)
    heat = scale * 5 * np.exp(-((np.linalg.norm(world - SPOT, axis=-1) / 12) ** 2)) * (image > 0)
    return compose(image, 0.5 * image, heat, AFFINE, image > 0)


def findings() -> Findings:
    found = two_findings()
    first = replace(
        found.findings[0], peak_mm=tuple(SPOT.tolist()), centroid_mm=tuple(SPOT.tolist())
    )
    return replace(found, findings=(first,))


def report(path: Path, *, scale: float = 1.0, found: Findings | None = None, **given) -> str:
    write_report(
        path,
        scene=scene(scale),
        shade=Shade.calibrated(3.0),
        findings=found,
        warnings=given.get("warnings", ()),
        name=given.get("name", "case 7"),
        model="a model 1.0",
        version="9.9",
        facts={"Input": "81 x 81 x 51"},
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    report(path, found=findings())
    return path


def test_it_asks_nothing_of_the_network(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:)[a-z]+:""", text)
    assert "http" not in re.sub(r'base64,[^"]+|"[A-Za-z0-9+/=]{500,}"', "", text)


def test_it_says_what_was_found_and_what_it_means(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for words in (
        "case 7",
        "1 finding at alpha 0.1",
        "L 30, A 20, S 10",
        "0.0625",
        "Calibrated on 15 scans.",
        "a model 1.0, monai_anogan 9.9",
        "Research use only, not a medical device.",
        "-log10 of the share of healthy voxels that reach it",
    ):
        assert words in text


def test_words_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    text = report(tmp_path / "r.html", name="<script>x</script>", warnings=["a <b> & c"])
    assert "<script>x" not in text
    assert "a &lt;b&gt; &amp; c" in text


def test_an_uncalibrated_or_quiet_case_claims_nothing(tmp_path: Path) -> None:
    assert "Not calibrated: no findings, no p-values" in report(tmp_path / "r.html")
    quiet = replace(findings(), findings=(), p_value=0.75)
    text = report(tmp_path / "r.html", found=quiet)
    assert "No finding at alpha 0.1; p-value of the scan 0.75" in text
    assert "does not mean that the scan is normal" in text


@pytest.mark.parametrize("finest", [1.5, 4.0])
def test_packed_volumes_lie_where_the_scene_lies(
    finest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monai_anogan.reports.volumes.FINEST_MM", finest)
    data = packed(scene(), Shade.calibrated(3.0))
    raw = gzip.decompress(base64.b64decode(data["map"]))
    heat = np.frombuffer(raw, np.uint8).reshape(data["shape"], order="F")
    peak = np.unravel_index(heat.argmax(), heat.shape)
    place = (np.array(data["affine"]) @ [*peak, 1])[:3]
    np.testing.assert_allclose(place, SPOT, atol=finest)
    assert heat.max() / 255 * 6 == pytest.approx(5, abs=0.35)  # its score, on the scale to 6


def test_map_is_never_stretched_to_its_own_maximum() -> None:
    quiet, loud = (packed(scene(s), Shade.calibrated(3.0))["map"] for s in (0.1, 1.0))
    tops = [max(gzip.decompress(base64.b64decode(volume))) for volume in (quiet, loud)]
    assert tops[0] == pytest.approx(tops[1] / 10, abs=2)


def browse(path: Path, *options: str) -> str:
    """What Chromium prints of a page."""
    if BROWSER is None:
        missing("Chromium is not installed (Debian: chromium)")
    profile = path.parent / "profile"
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--user-data-dir={profile}", "--virtual-time-budget=15000", *options]
    done = subprocess.run(
        [*command, path.as_uri()], capture_output=True, text=True, timeout=180, check=True
    )
    shutil.rmtree(profile, ignore_errors=True)
    return done.stdout


def shown(path: Path, size: str, script: str = "") -> NDArray[np.float32]:
    """The page as Chromium shows it, after `script` ran once the viewer was ready."""
    then = path.with_name("then.html")
    wait = f"start().then(() => {{ {script}; }});"
    then.write_text(path.read_text("utf-8").replace("</body>", f"<script>{wait}</script></body>"))
    picture = path.with_name("shown.png")
    browse(then, f"--window-size={size}", f"--screenshot={picture}")
    return matplotlib.image.imread(picture)[..., :3]


def orange(picture: NDArray[np.float32]) -> int:
    """Pixels in the map's colours above the threshold."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return int(((red > 0.7) & (red - blue > 0.35) & (green < 0.75)).sum())


def test_viewer_starts_at_the_first_finding_and_tells_its_score(page: Path) -> None:
    document = browse(page, "--dump-dom")
    assert 'data-ready="yes"' in document
    told = re.search(r'id="here"[^>]*>([^<]*)<', document)[1]
    score = float(re.search(r"score ([\d.]+)", told)[1])
    assert score == pytest.approx(5, abs=0.25)
    place = [int(n) for n in re.findall(r"(\d+) mm", told)]
    np.testing.assert_allclose(place, np.abs(SPOT), atol=2)
    assert re.findall("left|anterior|superior", told) == ["left", "anterior", "superior"]


def test_threshold_takes_colour_away_and_brings_it_back(page: Path) -> None:
    move = "get('threshold').value = {}; render()"
    none, some, all_of_it = (
        orange(shown(page, "1200,700", move.format(score))) for score in (6, 4.5, 3)
    )
    assert none < some < all_of_it


@pytest.mark.parametrize(("size", "columns"), [("1200,900", 3), ("390,900", 1)])
def test_page_fits_a_desk_and_a_phone(page: Path, size: str, columns: int) -> None:
    probe = (
        "document.title = JSON.stringify([document.documentElement.scrollWidth, innerWidth, "
        "new Set([...document.querySelectorAll('canvas')].map(c => c.offsetLeft)).size])"
    )
    then = page.with_name("probe.html")
    text = page.read_text("utf-8")
    then.write_text(
        text.replace("</body>", f"<script>start().then(() => {{ {probe}; }});</script></body>")
    )
    document = browse(then, f"--window-size={size}", "--dump-dom")
    needed, offered, seen = json.loads(re.search("<title>(.*?)</title>", document)[1])
    assert needed <= offered
    assert seen == columns


def test_outline_of_a_finding_reads_in_black_and_white(page: Path) -> None:
    grey = shown(page, "1200,700").mean(axis=-1)
    plain = shown(page, "1200,700", "get('threshold').value = 6; render()").mean(axis=-1)
    changed = np.abs(grey - plain)
    assert (changed > 0.25).sum() > 200  # a white line on grey tissue


def test_colour_map_brightens_evenly_so_that_it_prints() -> None:
    from monai_anogan.reports.panels import COLOURS

    red, green, blue, _ = COLOURS(np.linspace(0, 1, 64)).T
    luminance = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    assert (np.diff(luminance ** (1 / 3)) > 0).all()


def test_finding_is_shown_where_it_is() -> None:
    made = scene()
    voxel = made.voxel_at(SPOT)
    np.testing.assert_allclose((made.affine @ [*voxel, 1])[:3], SPOT, atol=1.6)
