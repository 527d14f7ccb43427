"""The picture shows the right side of the right place; the table says what was measured."""

from __future__ import annotations

import json
import math
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from numpy.typing import NDArray

from monai_anogan.reports import Shade, cohort_table, write_cohort, write_overview
from monai_anogan.reports.overview import LEFT, TOP, WIDTH
from monai_anogan.reports.planes import PLANES, canonical, cut, position
from monai_anogan.reports.scene import compose

AXIAL, CORONAL, SAGITTAL = PLANES
SPOT = np.array([-30.0, 20.0, 10.0])  # RAS mm: left, anterior, superior

# A sagittal acquisition as scanners make it: i to posterior, j to inferior, k to the right.
SAGITTAL_GRID = np.array([[0, 0, 4, -80], [-2, 0, 0, 100], [0, -2, 0, 90], [0, 0, 0, 1]], float)
AXIAL_GRID = np.array([[-2, 0, 0, 80], [0, 2, 0, -100], [0, 0, 3, -90], [0, 0, 0, 1]], float)
GRIDS = {"sagittal": (SAGITTAL_GRID, (100, 90, 41)), "axial": (AXIAL_GRID, (81, 100, 60))}


def head(grid: str) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """A ball of a head, a map with one hot spot at SPOT, and their affine."""
    affine, shape = GRIDS[grid]
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    world = voxels @ affine[:3, :3].T + affine[:3, 3]
    image = np.where(np.linalg.norm(world, axis=-1) < 70, 800.0, 0.0).astype(np.float32)
    heat = np.exp(-((np.linalg.norm(world - SPOT, axis=-1) / 8) ** 2)).astype(np.float32)
    return image, heat, affine


@pytest.mark.parametrize("grid", GRIDS)
def test_slices_go_through_the_most_abnormal_place_whatever_the_grid(grid: str) -> None:
    image, heat, affine = head(grid)
    scene = compose(image, image, heat, affine, None)
    np.testing.assert_allclose((scene.affine @ [*scene.peak, 1])[:3], SPOT, atol=2.1)
    assert scene.anomaly_map[tuple(scene.peak)] == pytest.approx(heat.max())


@pytest.mark.parametrize("grid", GRIDS)
def test_slices_go_through_the_place_that_is_asked_for_whatever_the_grid(grid: str) -> None:
    image, heat, affine = head(grid)
    scene = compose(image, image, heat, affine, None, -SPOT)
    np.testing.assert_allclose((scene.affine @ [*scene.peak, 1])[:3], -SPOT, atol=2.1)


@pytest.mark.parametrize("grid", GRIDS)
def test_patient_left_is_on_the_viewers_right(grid: str) -> None:
    image, heat, affine = head(grid)
    scene = compose(image, image, heat, affine, None)
    for plane, right, upper in (
        (AXIAL, True, True),
        (CORONAL, True, True),
        (SAGITTAL, False, True),
    ):
        shown = cut(scene.anomaly_map, plane, scene.peak[plane.normal])
        row, column = np.unravel_index(shown.argmax(), shown.shape)
        # The spot is left, anterior and superior of the middle; anterior is left on the screen.
        assert (column > shown.shape[1] / 2) == right
        assert (row < shown.shape[0] / 2) == upper


def test_position_is_told_in_the_patients_words() -> None:
    image, heat, affine = head("axial")
    scene = compose(image, image, heat, affine, None)
    told = [position(scene.affine, plane, scene.peak) for plane in PLANES]
    assert told == ["9 mm superior", "20 mm anterior", "30 mm left"]


def test_canonical_moves_voxels_and_interpolates_nothing() -> None:
    _, heat, affine = head("sagittal")
    moved, own = canonical(heat, affine)
    assert np.sort(moved, axis=None).tobytes() == np.sort(heat, axis=None).tobytes()
    peak = np.unravel_index(moved.argmax(), moved.shape)
    before = np.unravel_index(heat.argmax(), heat.shape)
    np.testing.assert_allclose(own @ [*peak, 1], affine @ [*before, 1])
    assert (np.diag(own)[:3] > 0).all()


def test_silent_map_is_shown_through_the_middle_of_the_organ() -> None:
    image, heat, affine = head("axial")
    scene = compose(image, image, np.zeros_like(heat), affine, None)
    np.testing.assert_allclose((scene.affine @ [*scene.peak, 1])[:3], 0, atol=2.5)


def test_heat_outside_the_mask_does_not_choose_the_slices() -> None:
    image, heat, affine = head("axial")
    mask = (image > 0) & (heat < 0.01)
    elsewhere = np.where(mask, 0, 5 * heat)
    inside = np.unravel_index(np.flatnonzero(mask)[1000], mask.shape)
    elsewhere[inside] = 0.1
    scene = compose(image, image, elsewhere, affine, mask)
    np.testing.assert_allclose(scene.affine @ [*scene.peak, 1], affine @ [*inside, 1], atol=2.1)


def paint(path: Path, *, scale: float = 1.0, vmax: float = 1.0, grid: str = "axial") -> NDArray:
    image, heat, affine = head(grid)
    write_overview(
        path,
        scene=compose(image, image, scale * heat, affine, None),
        shade=Shade.raw(vmax),
        title=r"not mathematics: $\frac$",
        footer="",
    )
    return matplotlib.image.imread(path)[..., :3]


def overlay_colourfulness(picture: NDArray) -> float:
    """Mean difference of red and blue in the axial panel of the third column."""
    dpi = 130
    left = int((LEFT + 2 * WIDTH + 0.4) * dpi)
    panel = picture[int((TOP + 0.4) * dpi) : int((TOP + 2.4) * dpi), left : left + int(2.4 * dpi)]
    return float(np.abs(panel[..., 0] - panel[..., 2]).mean())


def test_quiet_map_looks_quiet_because_the_scale_is_fixed(tmp_path: Path) -> None:
    loud = overlay_colourfulness(paint(tmp_path / "loud.png"))
    quiet = overlay_colourfulness(paint(tmp_path / "quiet.png", scale=0.05))
    silent = overlay_colourfulness(paint(tmp_path / "silent.png", scale=0.0))
    assert loud > silent + 0.004
    assert quiet == pytest.approx(silent, abs=1e-3)


def test_same_share_of_vmax_gives_the_same_picture_but_for_the_colour_bar(tmp_path: Path) -> None:
    one = paint(tmp_path / "one.png")
    ten = paint(tmp_path / "ten.png", scale=10, vmax=10)
    until = int((LEFT + 3 * WIDTH) * 130)
    np.testing.assert_allclose(one[:, :until], ten[:, :until], atol=0.02)


def test_anisotropic_voxels_keep_the_shape_of_the_head(tmp_path: Path) -> None:
    for grid in GRIDS:  # the head is a ball, so its axial slice must be as wide as it is high
        picture = paint(tmp_path / f"{grid}.png", scale=0.0, grid=grid)
        left = int((LEFT + WIDTH + 0.07) * 130)  # the reconstruction: nothing is drawn over it
        panel = picture[int(TOP * 130) :, left : left + int(WIDTH * 130)][: int(0.97 * WIDTH * 130)]
        bright = panel.min(axis=-1) > 0.3  # grey, where the letters are coloured
        height, width = np.ptp(np.flatnonzero(bright.any(1))), np.ptp(np.flatnonzero(bright.any(0)))
        assert height > 0.7 * WIDTH * 130
        assert width == pytest.approx(height, rel=0.06), grid


def test_picture_needs_a_scale_and_one_grid(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vmax must be above zero"):
        paint(tmp_path / "x.png", vmax=0)
    image, heat, affine = head("axial")
    with pytest.raises(ValueError, match="one \\(I, J, K\\) grid"):
        compose(image, image, heat[1:], affine, None)


RESULTS = {
    "ours": {
        "infarct": {
            "cases": 15,
            "voxel_auroc": 0.98765,
            "average_precision": 0.9,
            "best_dice": 0.85,
            "best_threshold": 0.3,
            "case_auroc": math.nan,
        }
    },
    "plain intensity": {
        "infarct": {
            "cases": 15,
            "voxel_auroc": 0.5,
            "average_precision": 0.416,
            "best_dice": 0.6,
            "case_auroc": 0.54,
            "case_auroc_low": 0.33,
            "case_auroc_high": 0.74,
            "sensitivity_at_0.5": 0.1,
            "sensitivity_at_1": 0.2,
            "sensitivity_at_2": 0.4,
            "sensitivity_at_4": 0.6,
        },
        "ms": {"cases": 1, "voxel_auroc": 0.32, "average_precision": 0.004, "best_dice": 0.012},
    },
}


def test_table_has_a_row_for_each_kind_and_method() -> None:
    rows = [line.split(" | ") for line in cohort_table(RESULTS).splitlines()]
    assert rows[0][1:6] == ["Method", "Cases", "Voxel AUROC", "Voxel AP", "Best Dice"]
    assert [row[:7] for row in rows[2:]] == [
        ["| infarct", "ours", "15", "0.988", "0.900", "0.850", "n/a"],
        ["| infarct", "plain intensity", "15", "0.500", "0.416", "0.600", "0.540 (0.33 to 0.74)"],
        ["| ms", "plain intensity", "1", "0.320", "0.004", "0.012", "n/a"],
    ]
    assert [row[7] for row in rows[2:]] == ["n/a |", "0.10 / 0.20 / 0.40 / 0.60 |", "n/a |"]


def test_false_alarms_are_told_below_the_table() -> None:
    alarm = {"cases": 15, "raised": 1, "share": 1 / 15, "low": 0.0017, "high": 0.319, "alpha": 0.1}
    told = cohort_table(RESULTS, alarms={"healthy": alarm | {"unlike_healthy": 2}})
    assert told.endswith(
        "\nhealthy: 1 of 15 scans raise a finding at alpha 0.1 (95 %: 0.00 to 0.32); "
        "2 unlike the healthy scans of the calibration\n"
    )


def test_note_stands_above_the_table_and_in_the_record(tmp_path: Path) -> None:
    note = "The lesions are semi-synthetic: real shapes, painted intensities."
    write_cohort(tmp_path, RESULTS, note=note, settings={"seed": 0})
    assert (tmp_path / "metrics.md").read_text().startswith(note + "\n\n| Kind")
    record = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert record["note"] == note
    assert record["settings"] == {"seed": 0}
    assert record["results"]["ours"]["infarct"]["voxel_auroc"] == 0.98765
    assert record["results"]["ours"]["infarct"]["case_auroc"] is None
