"""Training of the comparison: it learns to see lesions, resumes exactly, changes nothing else."""

import pytest
import torch
from monai.inferers import Inferer
from monai.losses import DiceCELoss
from monai.transforms import RandCropByPosNegLabeld
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, Dataset

from monai_anogan.engines import CheckpointKeeper, ComparisonTrainer
from monai_anogan.inferers import LatentSearchInferer
from monai_anogan.maps import side_by_side
from monai_anogan.systems import FAnoGAN
from monai_anogan.transforms import BACKGROUND, RandLesionScened

NAMES = ["image", "reconstruction", "mask", "lesion"]


class Balls(Dataset):
    """Grey balls, painted anew each time they are asked for."""

    def __init__(self):
        grid = torch.stack(torch.meshgrid(*[torch.arange(28.0)] * 3, indexing="ij"))
        inside = (grid - 14).norm(dim=0) < 12
        self.ball = torch.where(inside, 0.2, BACKGROUND)[None]
        self.transform = RandLesionScened("image", "lesion", prob=1.0)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return self.transform({"image": self.ball, "mask": (self.ball > BACKGROUND).float()})


@pytest.fixture(scope="module")
def balls():
    return Balls()


class Knows(Inferer):
    """Rebuilds every ball as it was before anything was painted on it."""

    def __init__(self, ball):
        self.ball = ball

    def __call__(self, inputs, network):
        return self.ball[None]


def training(balls, comparison, system, epochs, inferer):
    crop = RandCropByPosNegLabeld(
        NAMES, label_key="lesion", image_key="mask", spatial_size=[20] * 3, num_samples=6
    )
    return ComparisonTrainer(
        torch.device("cpu"),
        epochs,
        DataLoader(balls, batch_size=1, shuffle=True),
        system,
        inferer,
        comparison,
        torch.optim.Adam(comparison.parameters(), lr=1e-1),
        loss=DiceCELoss(sigmoid=True),
        crop=crop,
        seed=5,
    )


def small_network():
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Conv3d(3, 16, 3, padding=1),
        torch.nn.BatchNorm3d(16),
        torch.nn.ReLU(),
        torch.nn.Conv3d(16, 16, 1),
        torch.nn.ReLU(),
        torch.nn.Conv3d(16, 1, 1),
    )


def small_system(spatial_dims=2):
    torch.manual_seed(0)
    return FAnoGAN(spatial_dims, 16, 8, width=8)


def test_it_learns_to_see_what_was_painted(balls):
    comparison, knows = small_network(), Knows(balls.ball)
    before = auroc_on_new_scans(balls, comparison.eval(), knows)
    training(balls, comparison, small_system(), 25, knows).run()
    after = auroc_on_new_scans(balls, comparison.eval(), knows)
    assert after > 0.85 > before


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_system_that_rebuilds_stays_as_it_was(balls, spatial_dims):
    system, comparison = small_system(spatial_dims), small_network()
    before = {k: v.clone() for k, v in system.state_dict().items()}
    learned = comparison[0].weight.clone()
    search = LatentSearchInferer([16] * spatial_dims, steps=2)
    training(balls, comparison, system, 1, search).run()
    assert all(torch.equal(before[k], v) for k, v in system.state_dict().items())
    assert not torch.equal(learned, comparison[0].weight)


def auroc_on_new_scans(balls, comparison, inferer):
    """How well its logits tell painted voxels from healthy ones."""
    balls.transform.set_random_state(99)
    found, truth = [], []
    for index in range(len(balls)):
        scan = balls[index]
        image, inside = scan["image"].as_tensor(), scan["mask"] > 0
        lesion = scan["lesion"].as_tensor() > 0
        with torch.no_grad():
            rebuilt = inferer(image[None], None)[0]
            logits = comparison(side_by_side(image, rebuilt, scan["mask"]))[0]
        found.append(logits[inside])
        truth.append(lesion[inside])
    return roc_auc_score(torch.cat(truth), torch.cat(found))


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(balls, tmp_path):
    def run(folder, epochs):
        comparison = small_network()
        search = LatentSearchInferer([16, 16], mode="encoder")
        trainer = training(balls, comparison, small_system(), epochs, search)
        state = {"comparison": comparison, "optimizer": trainer.optimizer}
        CheckpointKeeper(tmp_path / folder, state, comparison, model_name="comparison.pt").attach(
            trainer
        )
        trainer.run()
        return torch.load(tmp_path / folder / "comparison.pt", weights_only=True)

    straight = run("straight", 3)
    run("resumed", 1)
    resumed = run("resumed", 3)
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
