"""A cohort judged against its lesion masks, with the trivial yardstick beside the map."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.data import MetaTensor
from monai.transforms import LoadImage, Orientation
from monai.utils import convert_to_tensor

from monai_anogan.errors import InputError
from monai_anogan.io.cases import HEALTHY
from monai_anogan.maps import UNLIKE, Findings, case_score
from monai_anogan.metrics import (
    FALSE_FINDINGS,
    Froc,
    VoxelPool,
    auroc_interval,
    binomial_interval,
    case_auroc,
    darker_than_usual,
)
from monai_anogan.reports import write_cohort

__all__ = ["CohortEvaluation"]

OURS, YARDSTICK = "anomaly map", "darker than usual (intensity alone)"


class CohortEvaluation:
    """Collects cases one by one, then measures each method on each kind of lesion.

    A voxel counts if the software's own mask or the truth holds it: a lesion that the mask misses
    is a miss. Voxels are pooled over the cases of a kind; case scores are held against those of the
    healthy cases; false findings are counted on the cases of a kind and the healthy ones. It is an
    ignite handler too, for the bundle's evaluate config.

    Args:
        output_dir: where the handler writes `metrics.json` and `metrics.md` when the run completes.
        note: said above the table.
        seed: of the bootstrap.
    """

    def __init__(
        self, output_dir: str | Path = "eval", note: str | None = None, seed: int = 0
    ) -> None:
        self.output_dir, self.note, self.seed = Path(output_dir), note, seed
        self.frocs: dict[tuple[str, str], Froc] = defaultdict(Froc)
        self.found: dict[str, list[Findings]] = defaultdict(list)
        self.unlike: dict[str, int] = defaultdict(int)
        self.pools: dict[tuple[str, str], VoxelPool] = defaultdict(VoxelPool)
        self.scores: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(
        self,
        item: Mapping[str, str],
        *,
        source: MetaTensor,
        anomaly_map: torch.Tensor,
        mask: torch.Tensor,
        score: float,
        findings: Findings | None = None,
        warnings: Sequence[str] = (),
    ) -> None:
        """Add one case.

        Args:
            item: its row, with `label` (path of the truth, empty if healthy) and `kind`.
            source: the scan, (1, I, J, K) with its affine.
            anomaly_map: (1, I, J, K) on the same grid.
            mask: (1, I, J, K), the organ as the software found it.
            score: the case score.
            findings: of a calibrated model.
            warnings: why the numbers may not hold for this scan.

        Raises:
            InputError: The truth is not on the scan's grid, or is empty.
        """
        upright = Orientation(axcodes="RAS", labels=None)
        image, found, inside = (
            upright(
                MetaTensor(convert_to_tensor(v, track_meta=False).float(), affine=source.affine)
            )[0].numpy()
            for v in (source, anomaly_map, mask)
        )
        dark = darker_than_usual(image, inside)
        kind = item["kind"]
        if findings is not None:
            self.found[kind].append(findings)
        self.unlike[kind] += any(line.startswith(UNLIKE) for line in warnings)
        self.scores[OURS, kind].append(score)
        as_volume = torch.from_numpy(dark)
        self.scores[YARDSTICK, kind].append(case_score(as_volume, torch.from_numpy(inside)))
        if kind == HEALTHY:
            for method, scores in ((OURS, found), (YARDSTICK, dark)):
                self.frocs[method, HEALTHY].add(scores)
            return
        truth = upright(_load_truth(item["label"], source))[0].numpy() > 0
        counted = (inside > 0) | truth
        for method, scores in ((OURS, found), (YARDSTICK, dark)):
            self.pools[method, kind].add(scores[counted], truth[counted])
            self.frocs[method, kind].add(scores, truth)

    def results(self) -> dict[str, dict[str, dict[str, float]]]:
        """Method -> kind -> metric -> value.

        Raises:
            InputError: There was no case with a lesion.
        """
        if not self.pools:
            raise InputError("an evaluation needs cases with a lesion, got healthy ones alone")
        table: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
        for (method, kind), pool in self.pools.items():
            table[method][kind] = asdict(pool.compute())
            froc = self.frocs[method, kind].joined(self.frocs[method, HEALTHY])
            for most, share in zip(FALSE_FINDINGS, froc.sensitivity(), strict=True):
                table[method][kind][f"sensitivity_at_{most:g}"] = share
            groups = self.scores[method, HEALTHY], self.scores[method, kind]
            if groups[0]:
                low, high = auroc_interval(*groups, seed=self.seed)
                table[method][kind]["case_auroc"] = case_auroc(*groups)
                table[method][kind] |= {"case_auroc_low": low, "case_auroc_high": high}
        return dict(table)

    def alarms(self) -> dict[str, dict[str, float]]:
        """Kind -> how many of its scans raise a finding; empty if the model is not calibrated."""
        table = {}
        for kind, found in self.found.items():
            raised = sum(len(findings) > 0 for findings in found)
            low, high = binomial_interval(raised, len(found))
            table[kind] = {
                "cases": len(found),
                "raised": raised,
                "share": raised / len(found),
                "low": low,
                "high": high,
                "alpha": found[0].alpha,
                "unlike_healthy": self.unlike[kind],
            }
        return table

    def attach(self, engine: Any) -> None:
        """Have `engine` hand over every case and write the results when it completes."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add_output)
        engine.add_event_handler(Events.COMPLETED, self._write)

    def _add_output(self, engine: Any) -> None:
        # MONAI's post-processing puts only the keys that are new into the output.
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            self.add(
                item,
                source=item["source"],
                anomaly_map=output["anomaly_map"],
                mask=item["mask"],
                score=output["case_score"],
                findings=output.get("findings"),
                warnings=output.get("warnings", ()),
            )

    def _write(self, engine: Any) -> None:
        self.output_dir.mkdir(parents=True, exist_ok=True)
        write_cohort(self.output_dir, self.results(), alarms=self.alarms(), note=self.note)


def _load_truth(path: str, source: MetaTensor) -> MetaTensor:
    truth = LoadImage(ensure_channel_first=True)(path)
    same_shape = truth.shape == source.shape
    if not same_shape or not torch.allclose(truth.affine, source.affine, atol=1e-3):
        raise InputError(
            f"{path} must lie on its scan's grid {tuple(source.shape[1:])}, got "
            f"{tuple(truth.shape[1:])}{' with another affine' if same_shape else ''}; resample it"
        )
    if not (truth > 0).any():
        raise InputError(f"{path} must mark a lesion, got an empty mask; leave the column empty")
    return truth
