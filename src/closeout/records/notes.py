"""Signed notes and checkpoints in the C2SP text formats, so that existing witnesses and monitors read ours.

Source: c2sp.org/signed-note and c2sp.org/tlog-checkpoint (Ed25519, signature type 0x01).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 1
SIZE_DIGITS_MAX = 18


class BadNote(Exception):
    """The note or checkpoint is malformed, or no known key signed it."""


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: ``origin`` names the log, ``size`` counts its leaves."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the body that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def public_text(name: str, public: bytes) -> str:
    """Return the verifier key as text: name, key id, type and key."""
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(bytes([ED25519]) + public).decode()}"


def read_public(text: str) -> tuple[str, bytes]:
    """Return name and raw key of a verifier key. Raises: BadNote."""
    try:
        name, shown_id, encoded = text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as wrong:
        raise BadNote("malformed verifier key") from wrong
    if len(raw) != 33 or raw[0] != ED25519 or key_id(name, raw[1:]).hex() != shown_id:
        raise BadNote("malformed verifier key")
    return name, raw[1:]


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes that tell keys of one name apart."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([ED25519]) + public).digest()[:4]


def sign(body: str, name: str, key: Ed25519PrivateKey) -> str:
    """Return ``body`` as a note with one signature. Raises: ValueError (no closing newline, bad name)."""
    if not body.endswith("\n") or not name or any(ch.isspace() or ch == "+" for ch in name):
        raise ValueError("a note ends with a newline and is signed by a name without spaces or plus")
    return f"{body}\n{signature_line(body, name, key)}"


def signature_line(body: str, name: str, key: Ed25519PrivateKey) -> str:
    """Return the line that signs ``body``: what a witness adds to a note."""
    public = key.public_key().public_bytes_raw()
    blob = key_id(name, public) + key.sign(body.encode())
    return f"— {name} {base64.b64encode(blob).decode()}\n"


def split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the body and its signatures (name, key id with signature). Raises: BadNote."""
    cut = note.rfind("\n\n")
    if cut < 0 or not note.endswith("\n"):
        raise BadNote("no signatures")
    body, signed = note[: cut + 1], []
    if any(ord(ch) < 32 and ch != "\n" for ch in note):
        raise BadNote("control characters")
    for line in note[cut + 2 :].split("\n")[:-1]:
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        try:
            blob = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as wrong:
            raise BadNote("malformed signature line") from wrong
        if mark != "—" or not name or len(blob) < 5 or base64.b64encode(blob).decode() != encoded:
            raise BadNote("malformed signature line")
        signed.append((name, blob))
    if not signed:
        raise BadNote("no signatures")
    return body, signed


def open_note(note: str, keys: Mapping[str, bytes]) -> tuple[str, list[str]]:
    """Return the body and the names among ``keys`` (name: raw key) that signed it. Raises: BadNote."""
    body, signed = split(note)
    names = []
    for name, blob in signed:
        public = keys.get(name)
        if public is None or blob[:4] != key_id(name, public):
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(blob[4:], body.encode())
        except InvalidSignature as wrong:
            raise BadNote(f"the signature of {name} does not fit") from wrong
        names.append(name)
    if not names:
        raise BadNote("no known key signed it")
    return body, names


def read_checkpoint(body: str) -> Checkpoint:
    """Return the checkpoint that ``body`` says. Raises: BadNote."""
    lines = body.split("\n")
    if len(lines) < 4 or not lines[0] or not _plain_number(lines[1]):
        raise BadNote("not a checkpoint")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except (ValueError, binascii.Error) as wrong:
        raise BadNote("not a checkpoint") from wrong
    if len(root) != 32 or base64.b64encode(root).decode() != lines[2]:
        raise BadNote("not a checkpoint")
    return Checkpoint(lines[0], int(lines[1]), root)


def _plain_number(text: str) -> bool:
    fits = text.isascii() and text.isdigit() and len(text) <= SIZE_DIGITS_MAX
    return fits and (text == "0" or not text.startswith("0"))
