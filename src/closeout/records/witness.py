"""A witness: somebody outside who remembers the log and signs only what continues it. Pure but for its one file.

A log that was rewritten and signed again with the operator's own key passes every local check; here it fails, because
the witness demands a proof that the tree it signed last is a beginning of the new one.
Source: c2sp.org/tlog-witness (add-checkpoint), c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from closeout.records import merkle, notes
from closeout.records.keys import write_private

COSIGNATURE = 4  # the type of a timestamped Ed25519 cosignature
PROOF_MAX = 63


class NotCosigned(Exception):
    """The witness does not sign. ``reason``: unknown_log, malformed, stale, conflict or inconsistent."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Seen:
    """What the witness signed last for one log."""

    size: int
    root: bytes


class Witness:
    """Cosigns checkpoints of the logs it knows (``logs``: verifier keys), remembering each in ``directory``."""

    def __init__(self, name: str, key: Ed25519PrivateKey, directory: Path, *, logs: Sequence[str]) -> None:
        self._name, self._key, self._directory = name, key, directory
        self._logs = dict(notes.read_public(text) for text in logs)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def verifier(self) -> str:
        """Return the text by which others check this witness."""
        public = self._key.public_key().public_bytes_raw()
        mark = base64.b64encode(bytes([COSIGNATURE]) + public).decode()
        return f"{self._name}+{_key_id(self._name, public).hex()}+{mark}"

    def cosign(self, note: str, *, old: int, proof: Sequence[bytes], at: datetime) -> str:
        """Return the signature line for ``note`` and remember it first. ``at``: naive UTC. Raises: NotCosigned.

        ``old`` is the size that the caller believes was signed last, ``proof`` that it is a beginning of the new one.
        """
        try:
            body, _ = notes.open_note(note, self._logs)
            head = notes.read_checkpoint(body)
        except notes.BadNote as wrong:
            raise NotCosigned(
                "unknown_log" if "no known key" in str(wrong) else "malformed", str(wrong)
            ) from wrong
        if head.origin not in self._logs:
            raise NotCosigned("unknown_log", f"{head.origin} is not a log of this witness")
        with self._locked(head.origin) as path:
            seen = _read(path)
            self._demand(seen, head, old=old, proof=proof)
            said = {"size": head.size, "root": base64.b64encode(head.root).decode()}
            write_private(path, json.dumps(said).encode())
        return self._sign(body, at)

    def _demand(self, seen: Seen, head: notes.Checkpoint, *, old: int, proof: Sequence[bytes]) -> None:
        if old != seen.size:
            raise NotCosigned("conflict", f"the last size signed here is {seen.size}, not {old}")
        if head.size < seen.size:
            raise NotCosigned("stale", f"size {head.size} is smaller than {seen.size}, which was signed here")
        if seen.size == 0:
            return
        if len(proof) > PROOF_MAX or not merkle.consistent(seen.size, head.size, seen.root, head.root, proof):
            raise NotCosigned(
                "inconsistent", f"size {head.size} does not continue what was signed at {seen.size}"
            )

    def _sign(self, body: str, at: datetime) -> str:
        seconds = int(at.replace(tzinfo=UTC).timestamp())
        public = self._key.public_key().public_bytes_raw()
        signature = self._key.sign(_cosigned(body, seconds))
        blob = _key_id(self._name, public) + seconds.to_bytes(8, "big") + signature
        return f"— {self._name} {base64.b64encode(blob).decode()}\n"

    @contextmanager
    def _locked(self, origin: str) -> Iterator[Path]:
        """Hold one log's memory against every other process."""
        stem = hashlib.sha256(origin.encode()).hexdigest()[:32]
        handle = os.open(self._directory / f"{stem}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self._directory / f"{stem}.json"
        finally:
            os.close(handle)


def key_in(directory: Path) -> Ed25519PrivateKey:
    """Return the witness's key in ``directory``, made at the first call. Raises: ValueError (not a key)."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / "witness.key"
    write_private(path, os.urandom(32), keep=True)
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


def check(note: str, verifier: str) -> datetime:
    """Return when the witness ``verifier`` signed ``note`` (naive UTC). Raises: notes.BadNote."""
    name, _, encoded = verifier.split("+", 2)
    public = base64.b64decode(encoded)[1:]
    body, signed = notes.split(note)
    for signer, blob in signed:
        if signer != name or blob[:4] != _key_id(name, public) or len(blob) != 76:
            continue
        seconds = int.from_bytes(blob[4:12], "big")
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(blob[12:], _cosigned(body, seconds))
        except InvalidSignature as wrong:
            raise notes.BadNote(f"the cosignature of {name} does not fit") from wrong
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    raise notes.BadNote(f"{name} did not sign it")


def _cosigned(body: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{body}".encode()


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([COSIGNATURE]) + public).digest()[:4]


def _read(path: Path) -> Seen:
    try:
        said = json.loads(path.read_text())
    except FileNotFoundError:
        return Seen(0, merkle.EMPTY_ROOT)
    return Seen(int(said["size"]), base64.b64decode(said["root"]))
