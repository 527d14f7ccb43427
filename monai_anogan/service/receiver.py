"""Receiver: the C-STORE SCP (PS3.4 annex B), for known AE titles at known addresses alone.

pynetdicom speaks the protocol. A slice is answered with success when it is on the disk and in the
ledger, never before.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import threading
from collections.abc import Collection
from io import BytesIO
from typing import Any

from pydicom import uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from monai_anogan.errors import AnoganError
from monai_anogan.io import VOLUME_CLASSES
from monai_anogan.service.intake import Intake, Verdict
from monai_anogan.service.settings import Receive
from monai_anogan.service.tally import Tally

__all__ = ["Receiver"]

_log = logging.getLogger(__name__)

SYNTAXES = (  # what the reader can decode, and no lossy one but those that scanners make
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLSNearLossless,
    uid.JPEG2000,
)
STATUS = {  # PS3.4 table B.2-1
    Verdict.kept: 0x0000,
    Verdict.known: 0x0000,
    Verdict.unwanted: 0x0000,  # taken and dropped: a router that is refused would try for ever
    Verdict.not_an_image: 0xA900,  # the dataset does not match the SOP class
    Verdict.broken: 0xC000,  # cannot understand
    Verdict.full: 0xA700,  # out of resources
}
REJECTED, BY_USER, CALLING_UNKNOWN = 0x01, 0x01, 0x03  # PS3.8 table 9-21


class Receiver:
    """Listens from `start` to `stop`.

    Args:
        settings: of the receiver.
        intake: what objects go through.
        tally: counts what is refused.
    """

    def __init__(self, settings: Receive, intake: Intake, tally: Tally) -> None:
        self.settings, self.intake, self.tally = settings, intake, tally
        self._server: ThreadedAssociationServer | None = None
        self._entity = AE(ae_title=settings.ae_title)
        self._entity.require_called_aet = True
        self._entity.maximum_associations = settings.associations
        for timeout in ("acse_timeout", "dimse_timeout", "network_timeout"):
            setattr(self._entity, timeout, settings.timeout_s)
        self._entity.add_supported_context(Verification)
        for sop_class in sorted(VOLUME_CLASSES):
            self._entity.add_supported_context(sop_class, list(SYNTAXES))

    def start(self) -> None:
        """Listen, in threads.

        Raises:
            AnoganError: The address is not to be had, or a certificate cannot be read.
        """
        wanted = self.settings
        known = {address for peer in wanted.peers for address in peer.addresses}
        try:
            self._server = self._entity.make_server(
                (wanted.host, wanted.port),
                server_class=_KnownAddresses.of(known, wanted.timeout_s, self.tally),
                ssl_context=wanted.tls.server() if wanted.tls else None,
                evt_handlers=[
                    (evt.EVT_REQUESTED, self._check_caller),
                    (evt.EVT_PDU_RECV, self._check_size),
                    (evt.EVT_C_STORE, self._store),
                ],
            )
        except OSError as error:
            raise AnoganError(
                f"the receiver must have {wanted.host}:{wanted.port}, got {error.strerror or error}"
            ) from error
        thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)
        thread.start()
        _log.info("listening as %s on %s:%d", wanted.ae_title, wanted.host, wanted.port)

    def stop(self) -> None:
        """Take nothing more; what was answered with success is kept."""
        if self._server is None:
            return
        socketserver.BaseServer.shutdown(self._server)
        self._server.server_close()
        for association in self._entity.active_associations:
            association.abort()

    def _check_caller(self, event: Any) -> None:
        """Reject an AE title that is not known at this address."""
        caller = event.assoc.requestor
        title = caller.primitive.calling_ae_title.strip()
        if not any(
            title == peer.ae_title and caller.address in peer.addresses
            for peer in self.settings.peers
        ):
            self.tally.add("associations_refused", "AE title")
            _log.warning("an unknown AE title called from %s, refused", caller.address)
            event.assoc.acse.send_reject(REJECTED, BY_USER, CALLING_UNKNOWN)
            event.assoc.kill()

    def _check_size(self, event: Any) -> None:
        """End an association that sends more than an object may have, before memory is full."""
        message = event.assoc.dimse.message
        if message is None or message.data_set is None:
            return
        if message.data_set.tell() > self.settings.object_mb * 1e6:
            self.tally.add("objects", "too large")
            _log.warning("an object of over %g MB, association ended", self.settings.object_mb)
            message.data_set = BytesIO()
            event.assoc.abort(block=False)

    def _store(self, event: Any) -> int:
        content = event.encoded_dataset()
        return STATUS[self.intake.take(content, stated_uid=event.request.AffectedSOPInstanceUID)]


class _KnownAddresses(ThreadedAssociationServer):
    """Closes connections from elsewhere unread, and bounds how long a silent one may hold on."""

    known: frozenset[str]
    patience: float
    tally: Tally

    @classmethod
    def of(cls, known: Collection[str], patience: float, tally: Tally) -> type[_KnownAddresses]:
        """The class for these addresses; pynetdicom makes the instance itself."""
        values = {"known": frozenset(known), "patience": patience, "tally": tally}
        return type("KnownAddresses", (cls,), values)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; TLS shakes hands later, in the association's own thread."""
        connection, address = self.socket.accept()  # type: ignore[union-attr]
        connection.settimeout(self.patience)
        if self.ssl_context is not None and address[0] in self.known:
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the address is known."""
        if client_address[0] in self.known:
            return True
        self.tally.add("associations_refused", "address")
        _log.warning("a connection from the unknown address %s, closed", client_address[0])
        return False
