"""`anogan compare`: the same table from the same seed, however often it was interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_pictures import write_pictures
from test_report import browse

from monai_anogan import cli
from monai_anogan.compare.document import Figure, Heading, Table, Text, write_document

SIZES = ["--iterations", "6", "--batch-size", "8", "--width", "8", "--latent-size", "8"]
SIZES += ["--search-steps", "2", "--test", "100"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data") / "pictures", train=400, test=120)


def arguments(pictures: Path, out: Path, *more: str) -> list[str]:
    return ["compare", "fashion", "-o", str(out), "--data", str(pictures), *SIZES, *more]


def compare(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["anogan", *argv])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code


@pytest.fixture(scope="module")
def done(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole comparison of two classes and four systems, two of which share their training."""
    out = tmp_path_factory.mktemp("done") / "out"
    with pytest.MonkeyPatch.context() as monkeypatch:
        systems = "anogan,gan_r,ganomaly,fanogan"
        compare(
            arguments(pictures, out, "--systems", systems, "--classes", "dress,bag"), monkeypatch
        )
    return out


def table(out: Path) -> bytes:
    return (out / "results.json").read_bytes()


def test_every_system_and_every_yardstick_stand_in_the_report(done: Path) -> None:
    text = (done / "report.md").read_text("utf-8")
    for name in (
        *("intensity alone", "mean image", "PCA reconstruction", "patch memory on D"),
        *("AnoGAN", "GAN_R", "GANomaly", "f-AnoGAN"),
        *("dress", "bag", "P_D", "A^", "Published numbers", "Research use only"),
    ):
        assert name in text, name
    records = json.loads(table(done), parse_constant=pytest.fail)
    assert {record["task"] for record in records} == {"dress", "bag"}
    assert all(0 <= record["ranking"]["auroc"] <= 1 for record in records)
    shown = re.findall(r"\((figures/[^)]+)\)", text)
    assert shown
    for figure in shown:
        assert 0 < (done / figure).stat().st_size <= 60_000


def test_each_run_has_its_config_seed_weights_and_log(done: Path) -> None:
    for run in (done / "runs" / "dress").iterdir():
        config = json.loads((run / "config.json").read_text())
        assert (config["seed"], config["task"]) == (0, "dress")
        assert "complete" in (run / "log.txt").read_text()
        assert [*run.glob("weights.npz"), *run.glob("model.pt")]


def test_what_is_trained_in_the_same_way_is_trained_once(done: Path) -> None:
    runs = done / "runs" / "dress"
    assert json.loads((runs / "gan_r" / "shared.json").read_text())["from"] == "anogan"
    assert (runs / "gan_r" / "model.pt").read_bytes() == (runs / "anogan" / "model.pt").read_bytes()
    assert not (runs / "ganomaly" / "shared.json").exists()
    assert "trained as anogan: the same weights" in (done / "report.md").read_text("utf-8")


def test_a_killed_comparison_goes_on_to_the_same_table(
    done: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "killed"
    argv = arguments(pictures, out, "--systems", "anogan,gan_r,ganomaly,fanogan")
    argv += ["--classes", "dress,bag"]
    start = [sys.executable, "-c", "from monai_anogan.cli import main; main()", *argv]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(start, env=environment, stdout=subprocess.DEVNULL)
    reached = out / "runs" / "dress" / "ganomaly" / "config.json"  # in the midst of things
    while not reached.exists() and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not (out / "results.json").exists()
    finished = out / "runs" / "dress" / "anogan" / "result.json"
    before = finished.stat().st_mtime_ns
    compare(argv, monkeypatch)
    assert finished.stat().st_mtime_ns == before  # what was complete was not run again
    assert table(out) == table(done)


def test_another_seed_is_another_table_and_never_goes_on_in_the_same_folder(
    done: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> None:
    argv = arguments(pictures, tmp_path / "other", "--systems", "ganomaly", "--classes", "dress")
    compare([*argv, "--seed", "1"], monkeypatch)
    found = {
        (r["score"], out): r["ranking"]["auroc"]
        for out in (done, tmp_path / "other")
        for r in json.loads(table(out))
        if (r["contender"], r["task"], r["kind"]) == ("ganomaly", "dress", "all")
    }
    assert found["A", done] != found["A", tmp_path / "other"]
    capfd.readouterr()
    complaint = refused(argv, monkeypatch, capfd)
    assert "got another seed" in complaint


def test_a_system_that_fails_is_told_and_the_others_go_on(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        "network_def:\n  _target_: monai_anogan.systems.GANomaly\n  patch_size: '@patch_size'\n"
        "  latent_size: '@latent_size'\n  width: '@width'\n  contextual_weight: 1.0e+39\n"
    )
    out = tmp_path / "out"
    systems = f"{broken},ganomaly"
    compare(arguments(pictures, out, "--systems", systems, "--classes", "dress"), monkeypatch)
    text = (out / "report.md").read_text("utf-8")
    assert re.search(r"\| dress \| broken \| TrainingError: ", text)
    assert "GANomaly" in text
    assert {r["contender"] for r in json.loads(table(out))} >= {"ganomaly", "pca"}
    assert "Traceback" in (out / "runs" / "dress" / "broken" / "log.txt").read_text()


def refused(argv: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> str:
    """The one line that a command ends with."""
    monkeypatch.setattr(sys, "argv", ["anogan", *argv])
    with pytest.raises(SystemExit) as left:
        cli.main()
    complaint = capfd.readouterr().err
    assert left.value.code == 1
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1, complaint
    return complaint


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["fashion", "--data", "{here}/nothing"], "must be there"),
        (["fashion", "--systems", "anogan,unknown"], "must be one of acae, anogan"),
        (["fashion", "--systems", "anogan,anogan"], "must be named once"),
        (["fashion", "--systems", "{here}/nothing.yaml"], "must be one of"),
        (["fashion", "--classes", "hat"], "must be of T-shirt"),
        (["mnist"], "needs --data"),
        (["brain"], "needs --data"),
        (["brain", "--data", "{here}/nothing", "--lesions", "{here}"], "is none"),
        (["fashion", "--weights", "{here}"], "earlier comparison"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    argv: list[str],
    words: str,
    tmp_path: Path,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> None:
    filled = [word.replace("{here}", str(tmp_path)) for word in argv]
    if "--data" not in filled and "fashion" in filled:
        filled += ["--data", str(pictures)]
    out = tmp_path / "out"
    assert words in refused(["compare", *filled, "-o", str(out)], monkeypatch, capfd)
    assert not out.exists()


def test_a_folder_with_something_else_in_it_is_left_alone(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    assert "a new one" in refused(arguments(pictures, tmp_path), monkeypatch, capfd)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_page_opens_offline_with_all_its_pictures(done: Path, tmp_path: Path) -> None:
    text = (done / "report.html").read_text("utf-8")
    assert "http" not in re.sub(r'base64,[^"]+', "", text)
    probe = (
        "window.onload = () => { document.title = JSON.stringify([document.images.length, "
        "[...document.images].every(i => i.naturalWidth > 0), document.querySelectorAll('table')"
        ".length, document.documentElement.scrollWidth <= innerWidth]) }"
    )
    page = tmp_path / "page.html"
    page.write_text(text.replace("</body>", f"<script>{probe}</script></body>"), "utf-8")
    for size in ("1200,900", "390,900"):
        document = browse(page, f"--window-size={size}", "--dump-dom")
        images, loaded, tables, fits = json.loads(re.search("<title>(.*?)</title>", document)[1])
        assert images >= 10
        assert loaded
        assert tables >= 4
        assert fits


def test_a_document_says_the_same_twice(tmp_path: Path) -> None:
    figure = tmp_path / "figures" / "f.png"
    figure.parent.mkdir()
    figure.write_bytes(b"png")
    blocks = [
        Heading("A <b>"),
        Text("so & so"),
        Table(("x", "y"), [("one", "**2**")]),
        Figure(figure, "seen"),
    ]
    write_document(tmp_path, "T", blocks, version="9")
    told = (tmp_path / "report.md").read_text("utf-8")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "## A <b>\n\nso & so\n\n| x | y |\n| --- | ---: |\n| one | **2** |" in told
    assert "![seen](figures/f.png)" in told
    assert "<h2>A &lt;b&gt;</h2>" in page
    assert "<p>so &amp; so</p>" in page
    assert "<td>one</td><td><strong>2</strong></td>" in page
    assert 'src="data:image/png;base64,cG5n"' in page
