"""Key-encryption keys behind a small port. A key of this port never leaves it; it wraps keys of persons."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32
KEK_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")


class KeyGone(Exception):
    """The key-encryption key does not exist (any more): what it wrapped cannot be opened."""


class KeyStoreUnsafe(Exception):
    """A file of keys can be read by other users, or is not what it should be."""


class ServiceUnreachable(Exception):
    """The key service did not answer, or refused: nothing was sealed or opened. Try again."""


class KeyPort(Protocol):
    """Where key-encryption keys live: a file, an HSM, a key service. Implementations hold no other state."""

    def create(self, name: str) -> None:
        """Make the key ``name``; an existing one stays as it is."""

    def wrap(self, name: str, key: bytes, *, context: bytes) -> bytes:
        """Encrypt ``key`` bound to ``context``. Raises: KeyGone."""

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt what ``wrap`` returned. Raises: KeyGone (no such key, or not wrapped by it)."""

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return a keyed hash (32 bytes) that stays the same for as long as the port lives."""

    def destroy(self, name: str) -> None:
        """Destroy the key ``name`` for good; destroying twice is the same as once."""

    def names(self) -> Sequence[str]:
        """Return the names of the keys that exist."""


class FileKeys:
    """Keys in a directory, one file each, readable by the owner only. For one machine and for trials.

    With ``recovery`` (public half of a recovery key, see :mod:`closeout.records.escrow`) each key has a sealed copy
    ``NAME.escrow`` beside it, which is removed with it and should be kept on another disk.
    """

    def __init__(self, directory: Path, *, recovery: bytes | None = None) -> None:
        self._directory = directory
        self._recovery = recovery
        self._index: bytes | None = None  # never replaced while this port lives
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _demand_private(directory)

    def create(self, name: str) -> None:
        """Make the key ``name``. Raises: ValueError (a name that is not a plain word)."""
        path = self._path(name)
        write_private(path, secrets.token_bytes(KEY_BYTES), keep=True)
        if self._recovery is not None:
            from closeout.records import escrow

            sealed = escrow.seal(self._recovery, name, path.read_bytes())
            write_private(path.with_suffix(".escrow"), sealed, keep=True)

    def restore(self, name: str, key: bytes) -> None:
        """Put back a key that was recovered from escrow; an existing one stays. Raises: ValueError."""
        if len(key) != KEY_BYTES:
            raise ValueError("not a key")
        write_private(self._path(name), key, keep=True)

    def escrowed(self, name: str) -> bytes:
        """Return the sealed copy of ``name``. Raises: KeyGone."""
        try:
            return self._path(name).with_suffix(".escrow").read_bytes()
        except FileNotFoundError as gone:
            raise KeyGone(f"no sealed copy of {name}") from gone

    def wrap(self, name: str, key: bytes, *, context: bytes) -> bytes:
        """Encrypt with AES-256-GCM: nonce, then ciphertext. Raises: KeyGone, KeyStoreUnsafe."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._read(name)).encrypt(nonce, key, context)

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt what ``wrap`` returned. Raises: KeyGone, KeyStoreUnsafe."""
        return self.unwrap_all(name, [(wrapped, context)])[0]

    def unwrap_all(self, name: str, wrapped: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Decrypt many, each with its context, and read the key once; it is not kept, for it may be destroyed.

        Raises: KeyGone, KeyStoreUnsafe.
        """
        try:
            key = AESGCM(self._read(name))
            return [key.decrypt(text[:NONCE_BYTES], text[NONCE_BYTES:], context) for text, context in wrapped]
        except (InvalidTag, ValueError) as wrong:
            raise KeyGone(f"not wrapped by {name}") from wrong

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return HMAC-SHA256 under a key of its own per purpose. Raises: KeyStoreUnsafe."""
        if self._index is None:
            path = self._directory / "index.mac"
            write_private(path, secrets.token_bytes(KEY_BYTES), keep=True)
            _demand_private(path)
            self._index = path.read_bytes()
        purpose_key = hmac.digest(self._index, purpose.encode(), hashlib.sha256)
        return hmac.digest(purpose_key, message, hashlib.sha256)

    def destroy(self, name: str) -> None:
        """Overwrite and remove the file of ``name``; nothing happens if there is none."""
        path = self._path(name)
        path.with_suffix(".escrow").unlink(missing_ok=True)
        if not path.exists():
            return
        with path.open("r+b", buffering=0) as file:
            file.write(os.urandom(KEY_BYTES))
            os.fsync(file.fileno())
        path.unlink()
        sync_directory(self._directory)

    def names(self) -> Sequence[str]:
        """Return the names of the keys, sorted."""
        return sorted(path.stem for path in self._directory.glob("*.kek"))

    def _path(self, name: str) -> Path:
        if not KEK_NAME.match(name):
            raise ValueError(f"not a key name: {name!r}")
        return self._directory / f"{name}.kek"

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        try:
            _demand_private(path)
            return path.read_bytes()
        except FileNotFoundError as gone:
            raise KeyGone(f"no key {name}") from gone


def unwrap_all(port: KeyPort, name: str, wrapped: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """Decrypt what ``name`` wrapped, each with its context, at once where the port can. Raises: KeyGone."""
    if isinstance(port, FileKeys):
        return port.unwrap_all(name, wrapped)
    return [port.unwrap(name, text, context=context) for text, context in wrapped]


def write_private(path: Path, content: bytes, *, keep: bool = False) -> None:
    """Write a file that only its owner can read, whole or not at all; with ``keep`` an existing one stays."""
    if keep and path.exists():
        return
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if keep:
            _link_unless_there(aside, path)
        else:
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_directory(path.parent)


def _link_unless_there(aside: Path, path: Path) -> None:
    """Give the finished file its name, unless another process was first: then that one's content counts."""
    try:
        os.link(aside, path)
    except FileExistsError:
        return


def sync_directory(directory: Path) -> None:
    """Make renames and removals in ``directory`` durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _demand_private(path: Path) -> None:
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyStoreUnsafe(f"{path} is open to other users: run chmod go-rwx {path}")
