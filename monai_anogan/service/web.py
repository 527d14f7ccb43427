"""DICOMweb: a client for a server of the settings, by dicomweb-client."""

from __future__ import annotations

from typing import Any

import requests
from dicomweb_client.api import DICOMwebClient

from monai_anogan.errors import InputError
from monai_anogan.service.settings import Web

__all__ = ["connect"]


def connect(settings: Web) -> DICOMwebClient:
    """A client that logs in, checks certificates, and waits no longer than it may.

    Raises:
        InputError: The password file cannot be read.
    """
    session = requests.Session()
    session.trust_env = False  # no proxy, no netrc: the settings say it all
    tls = settings.tls
    session.verify = str(tls.ca) if tls.ca else True
    if tls.certificate is not None:
        session.cert = (str(tls.certificate), str(tls.key))
    if settings.user is not None:
        session.auth = (settings.user, _password(settings))
    client: Any = DICOMwebClient(settings.url, session=session, timeout=settings.timeout_s)
    client.set_http_retry_params(retry=False)  # the node has its own back-off
    return client


def _password(settings: Web) -> str:
    if settings.password_file is None:
        return ""
    try:
        return settings.password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(
            f"the password file of {settings.name} must be readable, got "
            f"{settings.password_file} ({error.strerror})"
        ) from error
