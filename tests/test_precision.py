"""bfloat16 is fast enough to be worth it, and the heat map does not notice."""

import nibabel as nib
import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from monai_anogan.io import read_cohort
from monai_anogan.pipeline import Pipeline
from monai_anogan.transforms import paint_lesion

TOLERANCE = 0.005  # of the voxel AP
LESIONS = ((0.35, 0.45, 0.55), (0.6, 0.6, 0.6), (0.45, 0.7, 0.45))  # places in the brain's box


def painted(item, folder):
    """A healthy scan of the validation split with three dark lesions, and where they are."""
    source = nib.load(item["image"])
    brain = np.asarray(nib.load(item["label"]).dataobj) > 0
    volume, truth = np.asarray(source.dataobj, dtype=np.float32), np.zeros(brain.shape, bool)
    box = np.array([[axis.min(), axis.max()] for axis in np.nonzero(brain)])
    grey = float(np.percentile(volume[brain], 15))
    for number, place in enumerate(LESIONS):
        centre = box[:, 0] + place * (box[:, 1] - box[:, 0])
        volume, lesion = paint_lesion(
            volume,
            brain,
            source.affine,
            centre_mm=source.affine[:3, :3] @ centre + source.affine[:3, 3],
            radii_mm=[6 + 3 * number] * 3,
            grey=grey,
            seed=number,
        )
        truth |= lesion
    nib.save(nib.Nifti1Image(volume, source.affine), folder / "painted.nii.gz")
    return folder / "painted.nii.gz", truth


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["search", "encoder"])
def test_the_voxel_ap_is_the_same_in_bfloat16_as_in_float32(mode, shared_data, tmp_path):
    item = read_cohort(shared_data / "brain_t1", "val", with_label=True)[0]
    scan, truth = painted(item, tmp_path)
    found = {}
    for precision in ("float32", "bfloat16"):
        settings = {"mode": mode, "precision": precision, "device": "cpu"}
        seen = Pipeline(settings=settings).run({"image": str(scan)})
        judged = (seen.mask[0].numpy() > 0) | truth
        scores = seen.anomaly_map[0].numpy()[judged]
        found[precision] = average_precision_score(truth[judged], scores)
    assert found["float32"] > 0.3, "the comparison means nothing where nothing is found"
    assert found["bfloat16"] == pytest.approx(found["float32"], abs=TOLERANCE)
