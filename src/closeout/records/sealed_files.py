"""Files of a person, sealed piece by piece: any size in little memory, readable as a stream, dead with the key.

A file has a key of its own, which the vault seals for the person and which stands at its beginning. Pieces are
numbered and the last one says so: one that was cut off, swapped, repeated or altered is noticed. Source: the STREAM
construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from closeout.records.keys import KEY_BYTES, sync_directory
from closeout.records.vault import Unreadable, Vault

MAGIC = b"closeout.file/1\n"
PIECE = 1 << 20
TAG = 16
LENGTH = struct.Struct(">H")


def seal(vault: Vault, subject: str, cls: str, *, source: Path, target: Path, context: str) -> None:
    """Seal the file ``source`` for ``subject`` as ``target``; nothing has that name before it is whole.

    Raises: KeyDestroyed, OSError (a full disk: what was begun is removed).
    """
    key = os.urandom(KEY_BYTES)
    head = vault.seal(subject, cls, key, context=context)
    aside = target.with_name(f".{target.name}.part")
    try:
        with source.open("rb") as plain, aside.open("wb") as sealed:
            sealed.write(MAGIC + LENGTH.pack(len(head)) + head)
            _write(AESGCM(key), plain, sealed)
            sealed.flush()
            os.fsync(sealed.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    sync_directory(target.parent)


def _write(cipher: AESGCM, plain: BinaryIO, sealed: BinaryIO) -> None:
    number, piece = 0, plain.read(PIECE)
    while True:
        following = plain.read(PIECE)
        sealed.write(cipher.encrypt(_nonce(number, last=not following), piece, MAGIC))
        if not following:
            return
        number, piece = number + 1, following


def _nonce(number: int, *, last: bool) -> bytes:
    """Return the nonce of one piece; the key is used for one file only, so that numbers never repeat under it."""
    return number.to_bytes(11) + bytes([last])


def opened(vault: Vault, subject: str, cls: str, *, sealed: Path, context: str) -> Iterator[bytes]:
    """Yield the content of a sealed file in pieces; every piece is checked before it is handed out.

    Whoever needs the whole must read to the end: only there a missing end is noticed. The file is opened and the key
    is asked for at the call, not at the first piece. Raises: KeyDestroyed, Unreadable, OSError.
    """
    with sealed.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Unreadable("not a sealed file, or one of a newer closeout")
        (length,) = LENGTH.unpack(file.read(LENGTH.size).ljust(LENGTH.size, b"\0"))
        key = vault.open(subject, cls, file.read(length), context=context)
        begin = file.tell()
    return _pieces(AESGCM(key), sealed, begin)


def _pieces(cipher: AESGCM, sealed: Path, begin: int) -> Iterator[bytes]:
    with sealed.open("rb") as file:
        file.seek(begin)
        number, piece = 0, file.read(PIECE + TAG)
        while True:
            following = file.read(PIECE + TAG)
            try:
                yield cipher.decrypt(_nonce(number, last=not following), piece, MAGIC)
            except (InvalidTag, ValueError) as wrong:
                raise Unreadable("the file was altered or cut off") from wrong
            if not following:
                return
            number, piece = number + 1, following
