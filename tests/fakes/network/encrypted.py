"""MJPEG over https, with a certificate that nobody signed but the camera itself, as most cameras have."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.network.http import MjpegServer


class EncryptedServer(MjpegServer):
    scheme = "https"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate(folder))

    def serve(self, client: socket.socket) -> None:
        with self._context.wrap_socket(client, server_side=True) as encrypted:
            super().serve(encrypted)


def certificate(folder: Path) -> Path:
    """A file with a key and its certificate for 127.0.0.1, valid for a day."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "camera.pem").write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return folder / "camera.pem"
