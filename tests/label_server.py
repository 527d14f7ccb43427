"""MONAI Label's server for tests: started on a free loopback port, waited for, surely stopped."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from external_tools import ROOT, missing
from free_ports import free_port

__all__ = ["LabelServer", "label_home", "label_python", "plugin_client", "running_label_server"]

PLUGIN = "plugins/slicer/MONAILabel/MONAILabelLib/client.py"


@dataclass(frozen=True)
class LabelServer:
    """A running server."""

    url: str
    log: Path
    scratch: Path  # where its answers are put

    def client(self, name: str = "reader") -> Any:
        """The client of 3D Slicer's plugin, its own code."""
        folder = self.scratch / name
        folder.mkdir(parents=True, exist_ok=True)
        return plugin_client().MONAILabelClient(self.url, str(folder), name)


def label_python() -> Path:
    """The Python of the environment that scripts/label_env.sh makes."""
    python = Path(os.environ.get("ANOGAN_LABEL_PYTHON", ROOT / ".venv-label" / "bin" / "python"))
    if not python.is_file():
        missing(
            "MONAI Label is not installed (scripts/label_env.sh makes an environment of its own, "
            "whose Python ANOGAN_LABEL_PYTHON names)"
        )
    return python


def label_home() -> Path:
    """The folder with MONAI Label's sample apps and the code of its plugins."""
    return label_python().parents[1] / "monailabel"


@cache
def plugin_client() -> ModuleType:
    """The module that 3D Slicer's plugin talks to the server with."""
    if sys.version_info >= (3, 13):
        pytest.skip("the plugin's client imports cgi, which Python 3.13 no longer has")
    spec = importlib.util.spec_from_file_location("plugin_client", label_home() / PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def running_label_server(
    app: Path,
    studies: Path | str,
    scratch: Path,
    *,
    conf: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
) -> Iterator[LabelServer]:
    """Starts `monailabel start_server` and stops it, with everything that it has started."""
    port = free_port()
    server = LabelServer(f"http://127.0.0.1:{port}", scratch / "server.log", scratch)
    command = [label_python(), "-m", "monailabel.main", "start_server", "--app", app]
    command += ["--studies", studies, "--host", "127.0.0.1", "--port", str(port)]
    command += [part for pair in conf.items() for part in ("--conf", *pair)]
    around = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    around |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    around |= {"MONAI_LABEL_AUTO_UPDATE_SCORING": "false", **(environment or {})}
    around |= {"MONAI_LABEL_SESSION_PATH": str(scratch / "sessions")}
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [*map(str, command)],
            stdout=log,
            stderr=log,
            env=around,
            cwd=scratch,
            start_new_session=True,
        )
    try:
        _wait_for(server, process)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def _wait_for(server: LabelServer, process: subprocess.Popen) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + 600
    while time.monotonic() < end and process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            opener.open(f"{server.url}/info/", timeout=30).read()
            return
        time.sleep(0.2)
    told = server.log.read_text(errors="replace")[-3000:]
    raise AssertionError(f"MONAI Label did not start: {told}")
