"""MJPEG over https and RTSP over TLS, with a self-signed certificate, as most cameras have."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.harness.far_ends.network.http import MjpegServer
from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.far_ends.network.server import Server


class Encrypted(Server):
    """`name` is the host in its certificate, besides 127.0.0.1; `requested_names` are those that clients sent."""

    def __init__(self, folder: Path, name: str = "camera", **fields: Any) -> None:
        super().__init__(**fields)
        self.requested_names: list[str | None] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate(folder, name))
        self._context.sni_callback = lambda _, name, __: self.requested_names.append(name)

    def serve(self, client: socket.socket) -> None:
        with self._context.wrap_socket(client, server_side=True) as encrypted:
            self._sockets.append(encrypted)
            super().serve(encrypted)


class EncryptedServer(Encrypted, MjpegServer):
    scheme = "https"


class EncryptedRtspServer(Encrypted, RtspServer):
    scheme = "rtsps"


def certificate(folder: Path, host: str) -> Path:
    """A file with a key and its certificate for `host` and 127.0.0.1, valid for a day."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName(host)]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "camera.pem").write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return folder / "camera.pem"
