"""JSON Web Signatures (RFC 7515) with Ed25519, in one canonical form: no byte is free to change."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "EdDSA"


class NotSigned(Exception):
    """The document is not what a known key signed. ``reason``: malformed, unknown_key, altered."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Signed:
    """A payload whose signature was checked, with the header that was signed with it."""

    payload: bytes
    header: Mapping[str, Any]


def sign(payload: bytes, kid: str, key: Ed25519PrivateKey, *, typ: str) -> dict[str, str]:
    """Return the flattened JSON serialization of ``payload``, signed. Deterministic (RFC 8032)."""
    header = json.dumps({"alg": ALGORITHM, "kid": kid, "typ": typ}, separators=(",", ":")).encode()
    protected, content = _text(header), _text(payload)
    signature = key.sign(f"{protected}.{content}".encode())
    return {"payload": content, "protected": protected, "signature": _text(signature)}


def compact(payload: bytes, kid: str, key: Ed25519PrivateKey, *, typ: str) -> str:
    """Return the compact serialization, short enough for a QR code."""
    parts = sign(payload, kid, key, typ=typ)
    return f"{parts['protected']}.{parts['payload']}.{parts['signature']}"


def check(parts: Mapping[str, Any], jwks: Mapping[str, Mapping[str, str]], *, typ: str) -> Signed:
    """Return what was signed. Raises: NotSigned."""
    try:
        protected, payload, signature = (
            _strict(parts[name]) for name in ("protected", "payload", "signature")
        )
        header = json.loads(protected)
        kid, algorithm, kind = header["kid"], header["alg"], header["typ"]
    except (KeyError, TypeError, ValueError) as wrong:
        raise NotSigned("malformed", "not a signed document of closeout") from wrong
    if (algorithm, kind) != (ALGORITHM, typ) or len(signature) != 64:
        raise NotSigned("malformed", f"signed as {algorithm} {kind}, expected {ALGORITHM} {typ}")
    if kid not in jwks:
        raise NotSigned("unknown_key", f"signed by the key {kid}, which is not among the public keys")
    try:
        public = Ed25519PublicKey.from_public_bytes(_strict(jwks[kid]["x"]))
        public.verify(signature, f"{parts['protected']}.{parts['payload']}".encode())
    except (InvalidSignature, KeyError, ValueError) as wrong:
        raise NotSigned("altered", "the signature does not fit the content") from wrong
    return Signed(payload, header)


def check_compact(text: str, jwks: Mapping[str, Mapping[str, str]], *, typ: str) -> Signed:
    """Return what was signed in compact form. Raises: NotSigned."""
    parts = text.split(".")
    if len(parts) != 3:
        raise NotSigned("malformed", "not a compact signature")
    return check({"protected": parts[0], "payload": parts[1], "signature": parts[2]}, jwks, typ=typ)


def _strict(text: object) -> bytes:
    """Decode base64url that is spelled in its only canonical way. Raises: ValueError, TypeError."""
    if not isinstance(text, str):
        raise TypeError("not text")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise ValueError("not canonical base64url")
    return raw


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
