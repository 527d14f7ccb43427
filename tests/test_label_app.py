"""The parts of the MONAI Label app that need no server: bands, boxes, files, memory, settings."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from monai_anogan.commands import label_app
from monai_anogan.errors import InputError
from monai_anogan.label.app_folder import write_app_folder
from monai_anogan.label.bands import BANDS, severity
from monai_anogan.label.held_out import hold_out
from monai_anogan.label.markups import box_of
from monai_anogan.label.reading import Reading
from monai_anogan.label.reading_store import ReadingStore
from monai_anogan.label.scorer import Scorer
from monai_anogan.label.settings import read_settings
from monai_anogan.label.volume_files import write_segments, write_volume
from monai_anogan.maps import Finding

AFFINE = np.array([[0.0, -2, 0, 30], [1.5, 0, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])
FINDING = Finding(1, 0.0625, 5.0, 4.0, 2.0, 0.5, (1.0, 2.0, 3.0), (1.0, 2.0, 4.0), 9.0)


def reading(shape: tuple[int, int, int] = (5, 6, 7)) -> Reading:
    """Every voxel another score; one finding of 2 x 3 x 1 voxels."""
    labels = np.zeros(shape, np.uint16)
    labels[1:3, 2:5, 4] = 1
    heat = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 40
    facts = {"warnings": [], "threshold": 3.0}
    return Reading(AFFINE, heat, labels, 1.5, (FINDING,), facts)


def test_bands_begin_at_their_rates_and_are_the_highest_reached():
    scores = np.array([0, 2.30, 2.302, 2.99, 3.0, 3.99, 4.0, 9.0], np.float32)
    assert severity(scores).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [band.rate for band in BANDS] == [0.005, 0.001, 0.0001]


def test_a_box_is_the_outer_faces_of_the_voxels_and_right_handed():
    middle, sides, directions = box_of(FINDING, reading().labels, AFFINE)
    # Voxels i 1..2, j 2..4, k 4: middle (1.5, 3, 4); x = 30 - 2 j, y = 1.5 i - 20, z = 3 k + 5.
    np.testing.assert_allclose(middle, [24.0, -17.75, 17.0])
    np.testing.assert_allclose(sides, [3.0, 6.0, 3.0])
    np.testing.assert_allclose(np.abs(directions), [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    mirrored = AFFINE * [[1, 1, -1, 1]] * np.ones((4, 1))
    for affine in (AFFINE, mirrored):
        assert np.linalg.det(box_of(FINDING, reading().labels, affine)[2]) == pytest.approx(1)


def test_a_finding_without_a_voxel_of_the_scan_has_a_box_all_the_same():
    middle, sides, _ = box_of(FINDING, np.zeros((5, 6, 7), np.uint16), AFFINE)
    assert middle.tolist() == [1.0, 2.0, 3.0]
    assert sides.tolist() == [9.0, 9.0, 9.0]


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".seg.nrrd"])
def test_a_volume_comes_back_with_its_values_type_and_place(tmp_path: Path, suffix: str):
    path, labels = tmp_path / f"volume{suffix}", reading().labels
    if suffix == ".seg.nrrd":
        write_segments(labels, path, affine=AFFINE, bands=BANDS)
    else:
        write_volume(labels, path, affine=AFFINE)
    back = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back).T, labels)
    assert back.GetPixelID() == sitk.sitkUInt16
    place = np.array(back.TransformIndexToPhysicalPoint((1, 2, 4))) * [-1, -1, 1]
    np.testing.assert_allclose(place, (AFFINE @ [1, 2, 4, 1])[:3], atol=1e-4)


def test_numbers_turn_with_the_grid_of_the_viewers_copy(tmp_path: Path):
    own = reading()
    scan = nib.Nifti1Image(own.anomaly_map, AFFINE)
    copy = scan.as_reoriented(np.array([[2, -1], [0, 1], [1, -1]]))
    nib.save(copy, tmp_path / "copy.nii")
    turned = own.on_grid_of(tmp_path / "copy.nii")
    np.testing.assert_array_equal(turned.anomaly_map, copy.get_fdata())
    np.testing.assert_allclose(turned.affine, copy.affine, atol=1e-5)
    assert (turned.labels == 1).sum() == 6


def test_a_copy_that_lies_elsewhere_is_refused(tmp_path: Path):
    nib.save(nib.Nifti1Image(np.zeros((5, 6, 8)), AFFINE), tmp_path / "longer.nii")
    with pytest.raises(InputError, match="missing slices"):
        reading().on_grid_of(tmp_path / "longer.nii")


def test_a_reading_comes_back_from_disk_and_old_volumes_go_but_their_scores_stay(tmp_path: Path):
    store = ReadingStore(tmp_path, volumes=2)
    for number in range(3):
        store.put(f"k{number}", replace(reading(), case_score=float(number)))
    again = ReadingStore(tmp_path).get("k2")
    np.testing.assert_array_equal(again.anomaly_map, reading().anomaly_map)
    assert (again.findings, again.facts) == (reading().findings, reading().facts)
    assert store.get("k0") is None
    assert store.record("k0")["case_score"] == 0.0
    assert not list(tmp_path.glob("*.partial"))


class Counted:
    """A pipeline that counts the scans it is given; `broken` ones it refuses."""

    def __init__(self, folder: Path, alpha: float = 0.1) -> None:
        weights = folder / "weights.pt"
        weights.write_bytes(b"weights")
        self.ids = {"weights": [str(weights)], "calibration_file": "none"} | {
            "alpha": alpha,
            "force": False,
            "series": None,
        }
        self.settings, self.metadata = {"mode": "encoder"}, {"name": "m", "version": "1"}
        self.runs = 0

    def __getitem__(self, name: str):
        return self.ids[name]

    def run(self, item: dict[str, str]):
        self.runs += 1
        image = nib.load(item["image"])
        if image.get_fdata().max() > 1:
            raise InputError("the scan must be something else")
        volume = SimpleNamespace(affine=SimpleNamespace(numpy=lambda: image.affine))
        heat = SimpleNamespace(numpy=lambda: image.get_fdata())
        return SimpleNamespace(
            findings=None,
            labels=None,
            anomaly_map=[heat],
            source=volume,
            warnings=("not calibrated",),
            case_score=0.5,
        )


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    nib.save(nib.Nifti1Image(np.ones((3, 4, 5), np.float32), np.eye(4)), tmp_path / "scan.nii")
    return tmp_path / "scan.nii"


def test_a_scan_is_read_once_and_not_again_after_a_restart(scan: Path, tmp_path: Path):
    for _ in range(2):  # the second is a server that was started again
        pipeline = Counted(tmp_path)
        scorer = Scorer(pipeline, ReadingStore(tmp_path / "store"))
        assert scorer.score(scan) == scorer.reading(scan).case_score == 0.5
    assert pipeline.runs == 0


def test_another_setting_or_another_scan_under_the_name_is_read_anew(scan: Path, tmp_path: Path):
    store = ReadingStore(tmp_path / "store")
    Scorer(Counted(tmp_path), store).reading(scan)
    other = Counted(tmp_path, alpha=0.2)
    Scorer(other, store).reading(scan)
    assert other.runs == 1
    pipeline = Counted(tmp_path)
    scorer = Scorer(pipeline, store)
    scorer.reading(scan)
    nib.save(nib.Nifti1Image(np.zeros((3, 4, 6), np.float32), np.eye(4)), scan)
    assert scorer.reading(scan).anomaly_map.shape == (3, 4, 6)
    assert pipeline.runs == 1


def test_a_refusal_is_remembered_with_its_reason(scan: Path, tmp_path: Path):
    nib.save(nib.Nifti1Image(np.full((3, 4, 5), 2, np.float32), np.eye(4)), scan)
    pipeline = Counted(tmp_path)
    scorer = Scorer(pipeline, ReadingStore(tmp_path / "store"))
    for _ in range(2):
        with pytest.raises(InputError, match="the scan must be something else"):
            scorer.reading(scan)
    assert pipeline.runs == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"modes": "encoder"}, "--conf must name one of bundle, .*, got modes"),
        ({"mode": "guess"}, "--conf mode cannot be 'guess'"),
        ({"steps": "many"}, "--conf steps cannot be 'many'"),
        ({"force": "maybe"}, "--conf force cannot be 'maybe'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_line(words: dict[str, str], said: str):
    with pytest.raises(InputError, match=said):
        read_settings(words)


def test_words_become_values():
    words = {"steps": "5", "force": "True", "alpha": "0.2", "server_mode": "true"}
    assert read_settings(words) == {"steps": 5, "force": True, "alpha": 0.2}


def test_writing_the_app_again_leaves_what_the_app_keeps(tmp_path: Path, capsys):
    label_app(tmp_path / "app")
    (tmp_path / "app" / "readings").mkdir()
    (tmp_path / "app" / "readings" / "k.json").write_text("{}")
    assert [path.name for path in write_app_folder(tmp_path / "app")] == [
        "main.py",
        "anomaly_map.ctbl",
    ]
    assert (tmp_path / "app" / "readings" / "k.json").is_file()
    assert "not a medical device" in capsys.readouterr().out


def test_shims_bring_back_the_old_module_and_import_nothing_until_asked():
    code = (
        "import sys; from monai_anogan.label.shims import SITE_LINE; exec(SITE_LINE);"
        "exec(SITE_LINE); assert 'torch' not in sys.modules and 'pydicom' not in sys.modules;"
        "assert sum(type(f).__name__ == 'Shims' for f in sys.meta_path) == 1;"
        "from pydicom._storage_sopclass_uids import SegmentationStorage as s; print(s)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "1.2.840.10008.5.1.4.1.1.66.4", done.stderr


@pytest.mark.parametrize(
    ("scans", "held"), [(3, [2]), (8, [3, 7]), (17, 5), (18, 9), (20, 9), (30, 10)]
)
def test_a_third_is_held_out_or_what_a_calibration_needs(scans: int, held: int | list[int]):
    seen, kept = hold_out(range(scans), needed=9)
    assert sorted([*seen, *kept]) == list(range(scans))
    assert (len(kept) if isinstance(held, int) else kept) == held
