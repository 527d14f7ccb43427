"""Check: whether a node would work with its settings, line by line, without starting it."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from monai_anogan.errors import AnoganError
from monai_anogan.service.senders import associate
from monai_anogan.service.settings import CStore, Folder, Settings, Web
from monai_anogan.service.web import connect
from monai_anogan.service.worker import pipeline_of

__all__ = ["check"]


def check(settings: Settings) -> Iterator[tuple[str, str]]:
    """Try everything that the settings name.

    Args:
        settings: of the node.

    Yields:
        What was tried, and what is wrong with it; "" for nothing.
    """
    for what, attempt in _attempts(settings):
        try:
            attempt()
        except requests.RequestException as error:
            response = error.response
            told = type(error).__name__ if response is None else f"HTTP {response.status_code}"
            yield what, told
        except (AnoganError, ssl.SSLError) as error:
            yield what, str(error)
        except OSError as error:
            yield what, error.strerror or str(error)
        except ValueError:
            yield what, "an answer that is not DICOM JSON"
        else:
            yield what, ""


def _attempts(settings: Settings) -> Iterator[tuple[str, Callable[[], object]]]:
    yield f"folder {settings.folder} is writable", lambda: _writable(settings.folder)
    receive = settings.receive
    if receive is not None:
        where = f"{receive.host}:{receive.port}"
        yield f"receiver {receive.ae_title} can have {where}", _port(receive.host, receive.port)
        if receive.tls is not None:
            yield "receiver's certificates can be read", receive.tls.server
    if settings.health is not None:
        host, port = settings.health.host, settings.health.port
        yield f"health page can have {host}:{port}", _port(host, port)
    for watch in settings.watch:
        yield f"{watch.name} answers QIDO-RS at {watch.url}", _search(watch)
    for one in settings.send:
        if isinstance(one, Folder):
            yield f"{one.name} is the writable folder {one.path}", _writable_at(one.path)
        elif isinstance(one, CStore):
            where = f"{one.ae_title} at {one.host}:{one.port}"
            yield f"{one.name} answers C-ECHO as {where}", _echo(one)
        else:
            yield f"{one.name} answers QIDO-RS at {one.url}", _search(one)
    yield "the model can be loaded", lambda: pipeline_of(settings.work)


def _writable(folder: Path) -> None:
    """Whether the folder, or the nearest one above it that exists, can be written."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise AnoganError(f"{place} must be a folder that this user may write to")


def _writable_at(folder: Path) -> Callable[[], None]:
    return lambda: _writable(folder)


def _port(host: str, port: int) -> Callable[[], None]:
    def attempt() -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
            probe.bind((host, port))

    return attempt


def _search(web: Web) -> Callable[[], object]:
    today = f"{datetime.date.today():%Y%m%d}"
    return lambda: connect(web).search_for_studies(search_filters={"StudyDate": today}, limit=1)


def _echo(destination: CStore) -> Callable[[], None]:
    def attempt() -> None:
        association = associate(destination, [Verification])
        try:
            status = association.send_c_echo().get("Status")
        finally:
            association.release()
        if status != 0:
            raise AnoganError(f"{destination.name} must answer C-ECHO with success, got {status}")

    return attempt
