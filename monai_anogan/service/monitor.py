"""Monitor: `/health` (JSON) and `/metrics` (Prometheus text) for those who watch the node."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from monai_anogan.errors import AnoganError
from monai_anogan.service.settings import Health
from monai_anogan.service.tally import Tally

__all__ = ["Monitor"]

COUNTERS = (  # name in the tally, what it counts, label
    ("objects", "Objects that came, by what became of them", "verdict"),
    ("associations_refused", "Connections and associations refused", "reason"),
    ("late", "Series opened again by a late slice", ""),
    ("worked", "Series worked on with success", ""),
    ("work_seconds", "Seconds spent on them", ""),
    ("work_failures", "Attempts to work on a series that failed", ""),
    ("deliveries", "Results delivered", "destination"),
    ("delivery_failures", "Attempts to deliver that failed", "destination"),
)


class Monitor:
    """A small HTTP server on an address of the settings.

    Args:
        settings: the address.
        told: gives the health, see `Node.health`.
        tally: what was counted.

    Raises:
        AnoganError: The address is not to be had.
    """

    def __init__(self, settings: Health, told: Callable[[], dict[str, Any]], tally: Tally) -> None:
        registry = CollectorRegistry()
        registry.register(_Numbers(told, tally))
        handler = type("Handler", (_Handler,), {"told": staticmethod(told), "registry": registry})
        try:
            self._server = ThreadingHTTPServer((settings.host, settings.port), handler)
        except OSError as error:
            raise AnoganError(
                f"the health page must have {settings.host}:{settings.port}, "
                f"got {error.strerror or error}"
            ) from error
        threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True).start()

    def stop(self) -> None:
        """Close the page."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = 10  # seconds that a silent client may hold on
    told: Callable[[], dict[str, Any]]
    registry: CollectorRegistry

    def do_GET(self) -> None:
        if self.path == "/health":
            health = type(self).told()
            ok = health["status"] == "ok"
            body = json.dumps(health, indent=2).encode() + b"\n"
            self._answer(200 if ok else 503, "application/json", body)
        elif self.path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
        else:
            self._answer(404, "text/plain", b"/health and /metrics are here\n")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: a watcher asks every few seconds."""


class _Numbers(Collector):
    """What Prometheus is told."""

    def __init__(self, told: Callable[[], dict[str, Any]], tally: Tally) -> None:
        self._told, self._tally = told, tally

    def collect(self) -> Iterator[Metric]:
        health = self._told()
        yield GaugeMetricFamily("anogan_up", "1 where /health says ok", health["status"] == "ok")
        states = GaugeMetricFamily("anogan_series", "Series by state", labels=["state"])
        for state, count in health["series"].items():
            states.add_metric([state], count)
        yield states
        sent = GaugeMetricFamily(
            "anogan_results", "Results by destination and state", labels=["destination", "state"]
        )
        for name, by_state in health["deliveries"].items():
            for state, count in by_state.items():
                sent.add_metric([name, state], count)
        yield sent
        yield GaugeMetricFamily(
            "anogan_disk_free_bytes", "Disk above the reserve", health["disk_free_bytes"]
        )
        memory = GaugeMetricFamily("anogan_memory_bytes", "Resident memory", labels=["process"])
        for name, amount in health["memory_bytes"].items():
            memory.add_metric([name], amount)
        yield memory
        for name, what, label in COUNTERS:
            counter = CounterMetricFamily(f"anogan_{name}", what, labels=[label] if label else [])
            counts = self._tally.of(name) or ({} if label else {"": 0.0})
            for value, count in counts.items():
                counter.add_metric([value] if label else [], count)
            yield counter
