"""Courier: brings results to one destination, again and again until it has them."""

from __future__ import annotations

import logging
import time

import requests

from monai_anogan.errors import AnoganError
from monai_anogan.service.deliveries import Deliveries, Delivery
from monai_anogan.service.senders import send
from monai_anogan.service.settings import CStore, Folder, Retry, Stow
from monai_anogan.service.spool import Spool
from monai_anogan.service.tally import Tally

__all__ = ["Courier"]

_log = logging.getLogger(__name__)


class Courier:
    """Takes the next delivery of a destination with each step.

    Args:
        destination: where to.
        deliveries: what is to be sent.
        spool: where the results lie.
        tally: counts.
        retry: after failures.
    """

    def __init__(
        self,
        destination: CStore | Stow | Folder,
        deliveries: Deliveries,
        spool: Spool,
        tally: Tally,
        retry: Retry,
    ) -> None:
        self.destination, self.retry = destination, retry
        self.deliveries, self.spool, self.tally = deliveries, spool, tally

    def step(self) -> bool:
        """Make one delivery, if one waits; whether there was one."""
        name = self.destination.name
        delivery = self.deliveries.next(name, time.time())
        if delivery is None:
            return False
        results = self.spool.results(delivery.series, delivery.revision)
        try:
            send(self.destination, results, delivery.series_uid, delivery.revision)
        except requests.RequestException as error:  # its text holds UIDs
            code = error.response.status_code if error.response is not None else None
            self._failed(delivery, f"HTTP {code}" if code else type(error).__name__)
        except AnoganError as error:
            self._failed(delivery, str(error))
        except OSError as error:
            self._failed(delivery, error.strerror or type(error).__name__)
        else:
            self.deliveries.sent(delivery, time.time())
            self.tally.add("deliveries", name)
            _log.info("series %d: %s has the results", delivery.series, name)
        return True

    def _failed(self, delivery: Delivery, reason: str) -> None:
        wait, now = self.retry.wait(delivery.attempts + 1), time.time()
        self.deliveries.failed(delivery, reason, None if wait is None else now + wait, now)
        self.tally.add("delivery_failures", delivery.destination)
        then = "set aside" if wait is None else f"again in {wait:.0f} s"
        _log.warning("series %d to %s: %s; %s", delivery.series, delivery.destination, reason, then)
