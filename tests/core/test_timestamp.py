"""A time stamp authority of our own, spoken to as RFC 3161 says, over HTTP. R-CLO-14."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper

from closeout.records import certificate, pdf_signature, signing
from closeout.records.statement import Statement

NOW = datetime(2026, 3, 1, 12)
SAID = Statement(
    number="CO-1", venue="Sandbox", account="m····", applied_at=NOW, closed_at=NOW, issued_at=NOW,
    policy_version="1", consent_sha256="ab" * 32,
)  # fmt: skip


def authority() -> tuple[bytes, DummyTimeStamper]:
    """Make an authority: its certificate as PEM, and what stamps for it."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clock of the tests")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=3650))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(key, hashes.SHA256())
    )
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    loaded = asn1_x509.Certificate.load(made.public_bytes(serialization.Encoding.DER))
    stamps = DummyTimeStamper(
        loaded, asn1_keys.PrivateKeyInfo.load(der), fixed_dt=NOW.replace(tzinfo=UTC), include_nonce=True
    )
    return made.public_bytes(serialization.Encoding.PEM), stamps


@pytest.fixture(scope="module")
def clock() -> Iterator[tuple[str, bytes]]:
    """The address of a responder, and its certificate."""
    pem, stamps = authority()

    class Responder(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            """Answer one request."""
            asked = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["content-length"])))
            body = stamps.request_tsa_response(asked).dump()
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Responder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", pem
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_stamped_certificate_is_valid_where_the_authority_is_known(
    clock: tuple[str, bytes], tmp_path: Path
) -> None:
    """And any changed byte is noticed, in the stamp as well; without the authority's root it is not valid."""
    address, pem = clock
    keys = signing.KeyStore(tmp_path / "keys").prepare(NOW)
    pdf = certificate.issue(SAID, keys, timestamper=pdf_signature.stamper(address)).pdf
    unknown = certificate.verify(pdf, keys.public())
    assert (unknown.valid, unknown.reason) == (False, "unknown_key")
    assert "stamped by an authority" in unknown.detail
    keys.trust_authority(pem)
    public = signing.loads_public(keys.public().dumps())
    assert certificate.verify(pdf, public).valid
    begin = pdf.index(b"/Contents <") + 11
    for place in range(begin + 40, begin + 12_000, 1_500):
        digit = b"0" if pdf[place : place + 1] != b"0" else b"1"
        assert not certificate.verify(pdf[:place] + digit + pdf[place + 1 :], public).valid, place


def test_without_an_authority_nothing_changes(tmp_path: Path) -> None:
    keys = signing.KeyStore(tmp_path / "keys").prepare(NOW)
    before = keys.public().dumps()
    assert "authorities" not in before
    assert certificate.verify(certificate.issue(SAID, keys).pdf, keys.public()).valid
    with pytest.raises(signing.KeysUnreadable):
        keys.trust_authority(b"none")
