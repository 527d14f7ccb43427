"""Which scan a reader should look at next: of those nobody has read, the most abnormal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy

from monai_anogan.errors import AnoganError
from monai_anogan.label.marks import unread_scans
from monai_anogan.label.scorer import Scorer

__all__ = ["CaseScores", "MostAbnormalFirst"]

logger = logging.getLogger(__name__)
Expired = Callable[[], bool]


class MostAbnormalFirst(Strategy):
    """Unread scans by their case score; one that cannot be scored comes last, but comes.

    Args:
        scorer: reads the scans that are not scored yet.
        seconds: how long a reader waits while scans are scored; the answer is then the best of
            those that are.
    """

    def __init__(self, scorer: Scorer, seconds: float = 60.0) -> None:
        super().__init__("Unread scans, the most abnormal first")
        self.scorer, self.seconds = scorer, seconds

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        """The next scan.

        Args:
            request: not looked at.
            datastore: of the scans.

        Returns:
            `id`, `case_score` (None if it was refused), and how many are `unread` and `scored`;
            None if everything is read.
        """
        unread = unread_scans(datastore)
        end = time.monotonic() + self.seconds
        scores = score_all(self.scorer, datastore, unread, lambda: time.monotonic() > end)
        if not scores:
            return None
        told = {image: -1.0 if score is None else score for image, score in scores.items()}
        first = max(sorted(told), key=lambda image: told[image])
        counts = {"unread": len(unread), "scored": len(scores)}
        return {"id": first, "case_score": scores[first], **counts}


class CaseScores(ScoringMethod):
    """Scores every scan in the background, so that answers are there when they are asked for.

    Args:
        scorer: reads the scans.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__("Score every unread scan ahead of the reader")
        self.scorer = scorer

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Score what is not scored yet.

        Returns:
            `scores`, id to case score; None for a scan that was refused.
        """
        return {"scores": score_all(self.scorer, datastore, unread_scans(datastore), lambda: False)}


def score_all(
    scorer: Scorer, datastore: Datastore, images: Iterable[str], expired: Expired
) -> dict[str, float | None]:
    """Case scores by id, those known first; at least one is worked out, however late it is."""
    paths = {image: datastore.get_image_uri(image) for image in images}
    known = {image for image, path in paths.items() if scorer.remembered(path) is not None}
    scores: dict[str, float | None] = {}
    for image in sorted(paths, key=lambda image: image not in known):  # stable
        if image not in known and scores and expired():
            break
        try:
            scores[image] = scorer.score(paths[image])
        except AnoganError as error:
            logger.warning("%s cannot be scored: %s", image, error)
            scores[image] = None
    return scores
