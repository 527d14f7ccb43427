"""Settings: the one YAML file of a node and its schema."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from monai_anogan.errors import InputError
from monai_anogan.service.rules import Rule

__all__ = [
    "CStore",
    "Folder",
    "Health",
    "Peer",
    "Receive",
    "Retry",
    "Settings",
    "Stow",
    "Tls",
    "Watch",
    "Web",
    "Work",
    "load_settings",
]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


Place = Annotated[Path, AfterValidator(_absolute)]
Title = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[!-\[\]-~]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]  # stands in logs and metrics
Seconds = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(_Part):
    """Certificates, as PEM files."""

    certificate: Place | None = None
    key: Place | None = None
    ca: Place | None = None  # whom to believe; for a server: whose clients may come

    @model_validator(mode="after")
    def _both(self) -> Tls:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key must come together")
        return self

    def server(self) -> ssl.SSLContext:
        """What a listener needs; with `ca`, a client must show a certificate of it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        context.load_cert_chain(str(self.certificate), self.key)
        if self.ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self) -> ssl.SSLContext:
        """What a caller needs: the server's certificate and name are checked."""
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


class Peer(_Part):
    """Who may send: this AE title, from these addresses."""

    ae_title: Title
    addresses: tuple[str, ...] = Field(min_length=1)


class Receive(_Part):
    """The C-STORE receiver."""

    ae_title: Title = "ANOGAN"
    host: str = "127.0.0.1"
    port: Port = 11112
    peers: tuple[Peer, ...] = Field(min_length=1)
    tls: Tls | None = None
    associations: int = Field(default=10, ge=1)
    object_mb: float = Field(default=512, gt=0)
    timeout_s: Seconds = 30

    @field_validator("tls")
    @classmethod
    def _has_a_certificate(cls, tls: Tls | None) -> Tls | None:
        if tls is not None and tls.certificate is None:
            raise ValueError("a receiver with TLS must have certificate and key")
        return tls


class Web(_Part):
    """A DICOMweb server and how to be let in."""

    name: Name
    url: str = Field(pattern=r"^https?://")
    user: str | None = None
    password_file: Place | None = None
    tls: Tls = Tls()
    timeout_s: Seconds = 60


class Watch(Web):
    """A DICOMweb server that is asked for new series."""

    every_s: Seconds = 30
    days: int = Field(default=2, ge=0)  # before today, of the study's date
    object_mb: float = Field(default=512, gt=0)


class Retry(_Part):
    """Exponential back-off: first_s, twice that, and so on up to longest_s."""

    attempts: int = Field(ge=1)
    first_s: Seconds = 30
    longest_s: Seconds = 3600

    def wait(self, attempts: int) -> float | None:
        """Seconds until the next try after so many failed ones; None: there is none."""
        if attempts >= self.attempts:
            return None
        return min(self.longest_s, self.first_s * 2.0 ** (attempts - 1))


class Work(_Part):
    """What is done to a series, as `anogan detect` would."""

    bundle: Place | None = None
    overlays: tuple[Place, ...] = ()
    mode: Literal["search", "encoder"] | None = None
    search: Literal["fast", "paper"] | None = None
    device: str | None = None
    calibration: Place | None = None
    alpha: float | None = Field(default=None, gt=0, lt=1)
    force: bool = False
    dicom: tuple[Literal["pm", "seg", "sr", "sc"], ...] = ("pm", "seg", "sr", "sc")
    frame_order: Literal["descending", "ascending"] = "descending"
    timeout_s: Seconds = 3600
    recycle_after: int = Field(default=100, ge=1)  # series; then the worker is a fresh process
    retry: Retry = Retry(attempts=5)


class CStore(_Part):
    """A PACS that takes results by C-STORE."""

    kind: Literal["c-store"]
    name: Name
    ae_title: Title
    host: str
    port: Port
    calling: Title = "ANOGAN"
    tls: Tls | None = None
    timeout_s: Seconds = 60


class Stow(Web):
    """A PACS that takes results by STOW-RS."""

    kind: Literal["stow"]


class Folder(_Part):
    """A folder that gets all that `anogan detect` writes, a folder a series."""

    kind: Literal["folder"]
    name: Name
    path: Place


class Health(_Part):
    """The page for watchers."""

    host: str = "127.0.0.1"
    port: Port = 9108


Destination = Annotated[CStore | Stow | Folder, Field(discriminator="kind")]


class Settings(_Part):
    """A whole node."""

    folder: Place  # what came, the queue, and the results: patient data
    receive: Receive | None = None
    watch: tuple[Watch, ...] = ()
    rules: tuple[Rule, ...] = (Rule(),)
    quiet_s: Seconds = 60  # without a new slice before a series counts as whole
    reserve_mb: float = Field(default=2048, ge=0)  # of disk that is never filled
    keep_days: float = Field(default=7, ge=0)  # slices and results, once all is delivered
    work: Work = Work()
    send: tuple[Destination, ...] = Field(min_length=1)
    resend: Retry = Retry(attempts=60)
    health: Health | None = Health()

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if self.receive is None and not self.watch:
            raise ValueError("must have receive or watch, got neither")
        for kind in (self.send, self.watch):
            names = [one.name for one in kind]
            if len(set(names)) < len(names):
                raise ValueError(f"names must differ, got {', '.join(names)}")
        return self


def load_settings(path: Path) -> Settings:
    """Read a node's settings.

    Args:
        path: of the YAML file.

    Raises:
        InputError: It cannot be read, or does not fit the schema; the message names the place.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the settings must be a file, got {path} ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} must be YAML, got an error in it: {reason}") from error
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path} must fit the schema: {_in_words(error)}") from error


def _in_words(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    said = first["msg"].removeprefix("Value error, ")
    got = "" if first["type"] in ("missing", "value_error") else f", got {_short(first['input'])}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {said[:1].lower()}{said[1:]}{got}{more}; see docs/serve.md"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
