"""A PACS for tests: Debian's Orthanc with its DICOMweb plugin, own configuration, own storage."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from external_tools import missing, tool
from free_ports import free_ports

__all__ = ["AET", "Orthanc", "running_orthanc"]

AET = "ANOGANTEST"
PACKAGE = "Debian: orthanc, orthanc-dicomweb"
PLUGINS = ("/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins")


@dataclass(frozen=True)
class Orthanc:
    """A running server."""

    url: str  # of its REST API, on loopback
    dicom_port: int
    password: str

    @property
    def dicomweb(self) -> str:
        return f"{self.url}/dicom-web"

    def get(self, path: str, *, url: str | None = None, method: str = "GET") -> bytes:
        """The answer of the REST API, asked at the server's own address or another of it."""
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, url or self.url, AET, self.password)
        login = urllib.request.HTTPBasicAuthHandler(passwords)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), login)
        request = urllib.request.Request(f"{url or self.url}{path}", method=method)
        return opener.open(request, timeout=30).read()

    def forget_everything(self) -> None:
        """Deletes every study."""
        for study in json.loads(self.get("/studies")):
            self.get(f"/studies/{study}", method="DELETE")


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Starts a server that keeps everything in a folder, and stops it.

    Orthanc 1.10 cannot be bound to one address: it listens on all, and is told to answer loopback
    alone (RemoteAccessAllowed, DicomCheckModalityHost), with a password made for this run.
    """
    program = tool("Orthanc", PACKAGE)
    plugins = [path for place in PLUGINS for path in Path(place).glob("libOrthancDicomWeb.so")]
    if not plugins:
        missing(f"Orthanc's DICOMweb plugin is not installed ({PACKAGE})")
    http, dicom = free_ports(2)
    server = Orthanc(f"http://127.0.0.1:{http}", dicom, secrets.token_hex(16))
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(_configuration(server, http, folder, plugins[0])))
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(configuration)], stdout=log, stderr=log, env=environment, cwd=folder
        )
    try:
        _wait_for(server, process, folder / "orthanc.log")
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()
        process.wait()


def _configuration(server: Orthanc, http: int, folder: Path, plugin: Path) -> dict:
    storage = str(folder / "storage")
    return {
        "Name": AET,
        "StorageDirectory": storage,
        "IndexDirectory": storage,
        "Plugins": [str(plugin)],
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {AET: server.password},
        "DicomAet": AET,
        "DicomPort": server.dicom_port,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowStore": False,
        "DicomAlwaysAllowEcho": False,
        "DicomModalities": {"test": [AET, "127.0.0.1", server.dicom_port]},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "WebDavEnabled": False,
    }


def _wait_for(server: Orthanc, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            server.get("/system")
            return
        time.sleep(0.1)
    raise AssertionError(f"Orthanc did not start: {log.read_text(errors='replace')[-2000:]}")
