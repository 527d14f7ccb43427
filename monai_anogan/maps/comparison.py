"""Evidence of a lesion by a learned comparison of the scan with its healthy reconstruction.

|x - G(z)| is large in every fold and vessel that the generator blurs. What tells an unexplained
lesion from that is learned on healthy scans with lesions painted over them, the discriminative half
of DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610), here by a small perceptron on features at
several scales, and on how far a voxel is from what its surroundings make expect: it is fitted in
minutes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from monai.utils import convert_to_tensor
from torch import nn
from torch.nn import functional as F

from monai_anogan.maps.scale_features import scale_features
from monai_anogan.maps.surroundings import Surroundings, surprises
from monai_anogan.maps.two_looks import TwoLooks, look_twice
from monai_anogan.maps.weights_file import weights_of

__all__ = ["Comparison", "load_comparison", "mean_evidence"]


class Comparison(nn.Module):
    """Members that look at scan and reconstruction each for itself; fitted by `ComparisonFit`.

    All see the same; what one makes of a rare fold or a faint lesion depends on the lesions it was
    shown. The mean of several depends on it less (bagging: Breiman 1996, Machine Learning 24).

    Args:
        members: how many.
    """

    def __init__(self, members: int = 1) -> None:
        super().__init__()
        self.surroundings = Surroundings()
        self.members = nn.ModuleList(TwoLooks() for _ in range(members))

    def see(
        self, image: torch.Tensor, reconstruction: torch.Tensor, organ: torch.Tensor
    ) -> torch.Tensor:
        """What a first look sees of each voxel of the organ, (N, SEEN); volumes are (D, H, W)."""
        features = scale_features(image, reconstruction, organ)
        return torch.cat(
            [features, surprises(self.surroundings, image, reconstruction, organ)], dim=1
        )

    def look(self, features: torch.Tensor, organ: torch.Tensor) -> torch.Tensor:
        """What each member makes of what is seen, (N, SEEN): logits of a lesion, (M, N)."""
        return look_twice(self.members, features, organ)

    @torch.no_grad()
    def logits(
        self, image: torch.Tensor, reconstruction: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """What each member makes of each voxel, (M, D, H, W); outside the organ minus infinity.

        Args:
            image: the scan in network space, (1, D, H, W).
            reconstruction: its healthy reconstruction.
            mask: the organ, 0 or 1.
        """
        x, rebuilt, organ = self.on_its_device(image, reconstruction, mask)
        looks = torch.full((len(self.members), *organ.shape), -torch.inf, device=x.device)
        looks[:, organ] = self.look(self.see(x, rebuilt, organ), organ)
        return looks.to(image.device)

    def evidence(
        self, image: torch.Tensor, reconstruction: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Evidence of a lesion at each voxel, (1, D, H, W), 0 outside the organ; see `logits`."""
        return mean_evidence(self.logits(image, reconstruction, mask))[None]

    def on_its_device(self, *volumes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Volumes, (1, D, H, W), as plain ones, (D, H, W), where its weights are; the last, the
        organ, as True inside."""
        device = next(self.parameters()).device
        *shown, organ = (convert_to_tensor(v, track_meta=False)[0].to(device) for v in volumes)
        return *shown, organ > 0


def mean_evidence(looks: torch.Tensor) -> torch.Tensor:
    """The mean over members of log(1 + odds), from their logits, (M, ...)."""
    return F.softplus(looks).mean(0)


def load_comparison(path: str | Path, device: str | torch.device = "cpu") -> Comparison:
    """A fitted comparison, frozen.

    Raises:
        InputError: The file is not there, or holds something else.
    """
    cure = "run the bundle's fit_comparison.json, or take configs/residual_map.yaml as an overlay"
    with weights_of(path, "comparison", make="fit", made="fitted", cure=cure) as state:
        comparison = Comparison(len({n.split(".")[1] for n in state if n.startswith("members.")}))
        comparison.load_state_dict(state)
    return comparison.to(device).float().eval().requires_grad_(False)
