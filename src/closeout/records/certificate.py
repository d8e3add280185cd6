"""The certificate of closure: issued as PDF and JSON, verified offline with nothing but the public keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from closeout.records import jws
from closeout.records.signing import KeyStore, PublicKeys
from closeout.records.statement import Both, Closed, Exported, Fate, Happened, Statement, canonical, moment

__all__ = [
    "Both",
    "Certificate",
    "Closed",
    "Exported",
    "Fate",
    "Happened",
    "Statement",
    "Verification",
    "issue",
    "verify",
]

TYPE = "closeout-certificate+json"
QR_TYPE = "closeout-certificate-digest"
ATTACHED = "certificate.json"
LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Certificate:
    """Both forms; the PDF carries the JSON inside. ``digest``: SHA-256 of what was signed."""

    pdf: bytes
    json: bytes
    digest: str


@dataclass(frozen=True)
class Verification:
    """The answer about one document. ``reason`` is a stable code: malformed, unknown_key, altered."""

    valid: bool
    form: str  # json, pdf, code (text of the QR code) or unknown
    reason: str | None = None
    detail: str = ""
    signed_by: str | None = None
    statement: Mapping[str, Any] | None = None


def issue(
    statement: Statement, keys: KeyStore, *, languages: Sequence[str] = LANGUAGES, timestamper: Any = None
) -> Certificate:
    """Sign ``statement`` and lay it out. The same statement and key give the same JSON.

    ``timestamper``: an authority that stamps the PDF, see :func:`closeout.records.pdf_signature.stamper`.
    Raises: ValueError (a language other than zh and en), signing.KeysUnreadable, TimestampRequestError.
    """
    from closeout.records import certificate_sheet, pdf_signature  # heavy: reportlab and pyHanko

    if not languages or not set(languages) <= set(LANGUAGES):
        raise ValueError(f"languages are {', '.join(LANGUAGES)}, got {', '.join(languages) or 'none'}")
    kid, key = keys.jws_key()
    payload = statement.dumps()
    digest = hashlib.sha256(payload).hexdigest()
    said = _document(payload, jws.sign(payload, kid, key, typ=TYPE))
    brief = canonical({"n": statement.number, "c": moment(statement.closed_at), "d": digest})
    code = jws.compact(brief, kid, key, typ=QR_TYPE)
    sheet = certificate_sheet.draw(statement, digest=digest, code=code, languages=languages)
    certificate, signing_key, root = keys.pdf_signer()
    attached = pdf_signature.Attachment(
        ATTACHED, said, "application/json", "The same certificate, signed as JSON"
    )
    pdf = pdf_signature.sign(
        sheet, certificate=certificate, key=signing_key, root=root, at=statement.issued_at,
        name=statement.venue, attachments=(attached,), timestamper=timestamper,
    )  # fmt: skip
    return Certificate(pdf, said, digest)


def verify(document: bytes, keys: PublicKeys) -> Verification:
    """Check a certificate in any form. Never raises for a bad document: it says why it is not valid."""
    form = _form(document)
    try:
        if form == "pdf":
            return _verify_pdf(document, keys)
        if form == "code":
            signed = jws.check_compact(document.decode().strip(), keys.jwks, typ=QR_TYPE)
            return Verification(
                True, form, signed_by=signed.header["kid"], statement=json.loads(signed.payload)
            )
        return _verify_json(document, keys)
    except jws.NotSigned as wrong:
        return Verification(False, form, wrong.reason, str(wrong))


def _form(document: bytes) -> str:
    if document[:8].startswith(b"%PDF-"):
        return "pdf"
    if document[:1] == b"{":
        return "json"
    if document.count(b".") == 2 and document.startswith(b"eyJ"):
        return "code"
    return "unknown"


def _document(payload: bytes, parts: Mapping[str, str]) -> bytes:
    """Return the file: the statement to read, and the same as it was signed, in one canonical spelling."""
    said = {
        "statement": json.loads(payload),
        **{name: parts[name] for name in ("payload", "protected", "signature")},
    }
    return (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()


def _verify_json(document: bytes, keys: PublicKeys) -> Verification:
    try:
        parts = json.loads(document)
    except (ValueError, RecursionError) as wrong:
        raise jws.NotSigned("malformed", "not a certificate of closeout: neither PDF nor JSON") from wrong
    if not isinstance(parts, dict):
        raise jws.NotSigned("malformed", "not a certificate of closeout")
    signed = jws.check(parts, keys.jwks, typ=TYPE)
    if _document(signed.payload, parts) != document:
        raise jws.NotSigned("altered", "the readable part or the spelling differs from what was signed")
    return Verification(True, "json", signed_by=signed.header["kid"], statement=json.loads(signed.payload))


def _verify_pdf(document: bytes, keys: PublicKeys) -> Verification:
    from closeout.records import pdf_signature  # heavy: pyHanko

    signed = pdf_signature.check(
        document, roots=keys.roots, signers_known=keys.signers, authorities=keys.authorities
    )
    inner = signed.attachments.get(ATTACHED)
    if inner is None:
        raise jws.NotSigned("malformed", "a signed PDF, but not a certificate of closeout")
    attached = _verify_json(inner, keys)
    return Verification(True, "pdf", signed_by=signed.signer, statement=attached.statement)
