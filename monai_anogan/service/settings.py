"""Settings: the schema of a node's one YAML file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from monai_anogan.service.part import Part, Place
from monai_anogan.service.rules import Rule
from monai_anogan.service.tls import Tls

__all__ = [
    "CStore",
    "Folder",
    "Health",
    "Peer",
    "Receive",
    "Retry",
    "Settings",
    "Stow",
    "Watch",
    "Web",
    "Work",
]


Title = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[!-\[\]-~]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]  # stands in logs and metrics
Seconds = Annotated[float, Field(gt=0)]


class Peer(Part):
    """Who may send: this AE title, from these addresses."""

    ae_title: Title
    addresses: tuple[str, ...] = Field(min_length=1)


class Receive(Part):
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


class Web(Part):
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


class Retry(Part):
    """Exponential back-off: first_s, twice that, and so on up to longest_s."""

    attempts: int = Field(ge=1)
    first_s: Seconds = 30
    longest_s: Seconds = 3600

    def wait(self, attempts: int) -> float | None:
        """Seconds until the next try after so many failed ones; None: there is none."""
        if attempts >= self.attempts:
            return None
        return min(self.longest_s, self.first_s * 2.0 ** (attempts - 1))


class Work(Part):
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


class CStore(Part):
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


class Folder(Part):
    """A folder that gets all that `anogan detect` writes, a folder a series."""

    kind: Literal["folder"]
    name: Name
    path: Place


class Health(Part):
    """The page for watchers."""

    host: str = "127.0.0.1"
    port: Port = 9108


Destination = Annotated[CStore | Stow | Folder, Field(discriminator="kind")]


class Settings(Part):
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
