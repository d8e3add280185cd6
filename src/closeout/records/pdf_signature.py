"""Signatures on PDFs (PAdES, certifying, no change allowed) and a check that leaves no byte free to change.

A signature of a PDF covers every byte but its own container. The container is therefore compared with its
only canonical form: upper-case hex, zero padding, strict DER, certificates that are known byte for byte.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import algos, cms, core, keys, pem  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils import embed, generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from closeout.records.jws import NotSigned

FIELD = "Certificate"
RESERVED = 8192  # hex digits for the container; measured need is about 4,000
RESERVED_STAMPED = 24_576  # with a time stamp: authorities send their whole chain along


@dataclass(frozen=True)
class Attachment:
    """A file inside the PDF."""

    name: str
    content: bytes
    mime: str
    description: str


@dataclass(frozen=True)
class SignedPdf:
    """What a checked PDF holds: its attachments and when it says it was signed."""

    attachments: Mapping[str, bytes]
    signed_at: str
    signer: str


class _DatedSigner(signers.PdfSigner):
    """A signer whose signing time is told, because nothing in the core asks the time."""

    def __init__(self, *args: Any, at: datetime, **words: Any) -> None:
        super().__init__(*args, **words)
        self._at = at

    def init_signing_session(self, *args: Any, **words: Any) -> Any:
        session = super().init_signing_session(*args, **words)
        session.system_time = self._at.replace(tzinfo=UTC)
        return session


def sign(
    pdf: bytes,
    *,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    at: datetime,
    name: str,
    attachments: tuple[Attachment, ...] = (),
    timestamper: Any = None,
) -> bytes:
    """Return ``pdf`` with ``attachments``, certified: any later change voids it. ``at``: naive UTC."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    for attachment in attachments:
        _attach(writer, attachment, at)
    meta = signers.PdfSignatureMetadata(
        field_name=FIELD,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
        md_algorithm="sha256",
        name=name,
    )
    known = SimpleCertificateStore.from_certs([_certificate(root)])  # type: ignore[no-untyped-call]
    signer = signers.SimpleSigner(
        signing_cert=_certificate(certificate),
        signing_key=_key(key),
        cert_registry=known,
    )
    dated = _DatedSigner(meta, signer, timestamper=timestamper, at=at)
    signed: io.BytesIO = _apart(
        dated.sign_pdf, writer, bytes_reserved=RESERVED_STAMPED if timestamper else RESERVED
    )
    return signed.getvalue()


def _apart(work: Callable[..., Any], *given: Any, **words: Any) -> Any:
    """Run ``work`` in a thread of its own: pyHanko starts an event loop, and the caller may be inside one."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work, *given, **words).result()


def _attach(writer: IncrementalPdfFileWriter, attachment: Attachment, at: datetime) -> None:
    dated = at.replace(tzinfo=UTC)
    embedded = embed.EmbeddedFileObject.from_file_data(
        writer,
        data=attachment.content,
        mime_type=attachment.mime,
        params=embed.EmbeddedFileParams(creation_date=dated, modification_date=dated),
    )
    spec = embed.FileSpec(
        file_spec_string=attachment.name,
        file_name=attachment.name,
        embedded_data=embedded,
        description=attachment.description,
        af_relationship=generic.NameObject("/Data"),
    )
    embed.embed_file(writer, spec)


def stamper(address: str) -> Any:
    """Return what asks the time stamp authority at ``address`` (RFC 3161 over HTTP)."""
    from pyhanko.sign.timestamps import HTTPTimeStamper

    return HTTPTimeStamper(address, timeout=10)


def check(
    pdf: bytes, *, roots: tuple[str, ...], signers_known: tuple[str, ...], authorities: tuple[str, ...] = ()
) -> SignedPdf:
    """Return what a valid PDF holds. All certificates as PEM; ``authorities``: roots of time stamps.

    Raises: NotSigned.
    """
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    try:
        return _check(pdf, roots, signers_known, authorities)
    except NotSigned:
        raise
    except (
        Exception
    ) as wrong:  # a damaged PDF fails anywhere in the parser: each failure is the answer "not valid"
        raise NotSigned(
            "altered", f"the PDF cannot be read as it was signed ({type(wrong).__name__})"
        ) from wrong


def _check(
    pdf: bytes, roots: tuple[str, ...], signers_known: tuple[str, ...], authorities: tuple[str, ...]
) -> SignedPdf:
    if not pdf.startswith(b"%PDF-"):
        raise NotSigned("malformed", "not a PDF")
    reader = PdfFileReader(io.BytesIO(pdf))
    found = reader.embedded_regular_signatures
    if not found:
        raise NotSigned("malformed", "the PDF carries no signature")
    if len(found) != 1 or found[0].field_name != FIELD:
        raise NotSigned("altered", "the PDF carries another signature than the one it was issued with")
    signature = found[0]
    trusted = [_load(text) for text in roots]
    _demand_known(signature, {_load(text).dump() for text in (*signers_known, *roots)})
    _demand_canonical(pdf, signature)
    clocks = [_load(text) for text in authorities]
    _demand_valid(signature, trusted, _signing_time(signature), clocks)
    return SignedPdf(
        attachments=_attachments(reader),
        signed_at=_signing_time(signature).strftime("%Y-%m-%dT%H:%M:%SZ"),
        signer=signature.signer_cert.subject.human_friendly,
    )


def _load(text: str) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(pem.unarmor(text.encode())[2])


def _signing_time(signature: EmbeddedPdfSignature) -> datetime:
    at = signature.self_reported_timestamp
    if at is None:
        raise NotSigned("altered", "the signature says no time")
    return at.astimezone(UTC)


def _demand_known(signature: EmbeddedPdfSignature, known: set[bytes]) -> None:
    for certificate in (signature.signer_cert, *signature.other_embedded_certs):
        if certificate.dump() not in known:
            raise NotSigned("unknown_key", "signed with a certificate that is not among the public keys")


def _demand_valid(
    signature: EmbeddedPdfSignature,
    trusted: list[asn1_x509.Certificate],
    at: datetime,
    clocks: list[asn1_x509.Certificate],
) -> None:
    def context(roots: list[asn1_x509.Certificate]) -> ValidationContext:
        return ValidationContext(
            trust_roots=roots, allow_fetching=False, moment=at, best_signature_time=at,
            revocation_mode="soft-fail",
        )  # fmt: skip

    usage = KeyUsageConstraints(key_usage={"non_repudiation"})
    status = _apart(
        validate_pdf_signature, signature, context(trusted), context(clocks), key_usage_settings=usage
    )
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        raise NotSigned("altered", "something was added after signing")
    if not (status.intact and status.valid):
        raise NotSigned("altered", "the content is not what was signed")
    if not status.trusted:
        raise NotSigned("unknown_key", "the certificate does not lead to the known root")
    stamp = status.timestamp_validity
    if stamp is not None and stamp.intact and stamp.valid and not stamp.trusted:
        raise NotSigned("unknown_key", "stamped by an authority that is not among the public keys")
    if not status.bottom_line:
        raise NotSigned("altered", "the document was changed in a way that its signature forbids")


def _demand_canonical(pdf: bytes, signature: EmbeddedPdfSignature) -> None:
    """Refuse any other spelling of the container than the one that signing writes."""
    begin, length, resume, rest = (int(number) for number in signature.byte_range)
    gap = pdf[begin + length : resume]
    room = RESERVED if len(gap) == RESERVED + 2 else RESERVED_STAMPED
    expected = b"<" + _container(signature).hex().upper().encode().ljust(room, b"0") + b">"
    if begin != 0 or resume + rest != len(pdf) or gap != expected:
        raise NotSigned("altered", "the signature container was changed")


def _container(signature: EmbeddedPdfSignature) -> bytes:
    """Return the container as it must be: only what the signature covers or known certificates fix."""
    signed = signature.signed_data
    info = signed["signer_infos"][0]
    if not _known_unsigned(info):
        raise NotSigned("altered", "the signature carries an attribute that nobody signed")
    issuer, serial = (
        signature.signer_cert.issuer.dump(),
        core.Integer(signature.signer_cert.serial_number).dump(),
    )
    sha256 = algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
    ecdsa = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}).dump()
    one, unsigned = core.Integer(1).dump(), info["unsigned_attrs"]
    signer = _der(
        0x30,
        one, _der(0x30, issuer, serial), sha256, _der(0xA0, info["signed_attrs"].contents), ecdsa,
        info["signature"].dump(), unsigned.dump() if unsigned else b"",
    )  # fmt: skip
    certificates = _der(0xA0, *(one.chosen.dump() for one in signed["certificates"]))
    content = _der(0x30, cms.ContentType("data").dump())
    body = _der(0x30, one, _der(0x31, sha256), content, certificates, _der(0x31, signer))
    return _der(0x30, cms.ContentType("signed_data").dump(), _der(0xA0, body))


def _der(tag: int, *parts: bytes) -> bytes:
    """Return a DER value of ``tag`` around ``parts``."""
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 128 else b""
    if not head:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        head = bytes([128 + len(digits)]) + digits
    return bytes([tag]) + head + body


def _known_unsigned(info: cms.SignerInfo) -> bool:
    """Say whether the only attribute outside the signature, if any, is a time stamp."""
    unsigned = info["unsigned_attrs"]
    return all(one["type"].native == "signature_time_stamp_token" for one in unsigned) if unsigned else True


def _attachments(reader: PdfFileReader) -> dict[str, bytes]:
    """Return the embedded files by name."""
    found: dict[str, bytes] = {}
    try:
        names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    except KeyError:
        return found
    for place in range(0, len(names), 2):
        found[str(names[place])] = bytes(names[place + 1]["/EF"]["/F"].data)
    return found


def _key(key: ec.EllipticCurvePrivateKey) -> keys.PrivateKeyInfo:
    """Return the key as pyHanko wants it."""
    form = serialization.PrivateFormat.PKCS8
    der = key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
    return keys.PrivateKeyInfo.load(der)


def _certificate(certificate: x509.Certificate) -> asn1_x509.Certificate:
    """Return the certificate as pyHanko wants it."""
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
