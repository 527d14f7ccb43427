"""TLS: the certificates of one side of a connection, and what Python needs to use them."""

from __future__ import annotations

import ssl

from pydantic import model_validator

from monai_anogan.service.part import Part, Place

__all__ = ["Tls"]


class Tls(Part):
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
