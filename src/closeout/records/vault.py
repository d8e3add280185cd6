"""The vault: personal data under a key per person and class. No key, no data, in no copy anywhere.

The keyring is a database of its own. Its connection is opened by the caller; a row of data names no key, only
a key version, so that a restored backup of data holds nothing that could open it.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.rows import tuple_row

from closeout.records.keys import KEY_BYTES, NONCE_BYTES, KeyGone, KeyPort

CLASSES = ("operational", "retention")
FORMAT = 1
HEAD = struct.Struct(">BI")  # format, key version
OPEN_EPOCH = "select number, kek_id from keyring.epoch where closed_at is null for share"

Connection = psycopg.Connection[Any]
Connect = Callable[[], AbstractContextManager[Connection]]


class KeyDestroyed(Exception):
    """The key of this person and class was destroyed; the data cannot be read again by anyone."""

    def __init__(self, subject: str, cls: str, at: datetime) -> None:
        super().__init__(f"the {cls} key of {subject} was destroyed on {at:%Y-%m-%d}")
        self.subject, self.cls, self.at = subject, cls, at


class Unreadable(Exception):
    """The bytes are not what this place, person and class sealed: altered, moved, of another vault."""


@dataclass(frozen=True)
class Destroyed:
    """The receipt of a destruction: the same every time it is asked for."""

    number: int
    subject: str
    cls: str
    keys: int
    at: datetime
    digest: str


class Vault:
    """Seals and opens bytes of persons. ``keyring`` lends a connection to the keyring for one call.

    ``psycopg_pool.ConnectionPool.connection`` is such a function; for an open connection see :meth:`over`.
    """

    def __init__(self, keyring: Connect, kek: KeyPort) -> None:
        self._keyring = keyring
        self._kek = kek

    @classmethod
    def over(cls, connection: Connection, kek: KeyPort) -> Vault:
        """Return a vault over one open connection. The caller commits it before what was sealed."""

        @contextmanager
        def lent() -> Iterator[Connection]:
            with connection.transaction():
                yield connection

        return cls(lent, kek)

    def seal(self, subject: str, cls: str, plaintext: bytes, *, context: str = "") -> bytes:
        """Encrypt for ``subject``; ``context`` says where it lies (table.column), and opening needs it too.

        The first call for a person makes the key. Raises: KeyDestroyed, ValueError (no such class), KeyGone.
        """
        with self._keyring() as connection:
            version, key = self._key_to_seal(connection, subject, cls)
        nonce = os.urandom(NONCE_BYTES)
        bound = _bound(context, subject, cls, version)
        return HEAD.pack(FORMAT, version) + nonce + AESGCM(key).encrypt(nonce, plaintext, bound)

    def open(self, subject: str, cls: str, sealed: bytes, *, context: str = "") -> bytes:
        """Decrypt what :meth:`seal` returned. Raises: KeyDestroyed, Unreadable, KeyGone, ValueError."""
        _demand_class(cls)
        if len(sealed) < HEAD.size + NONCE_BYTES + 16 or sealed[0] != FORMAT:
            raise Unreadable("not sealed by this vault, or by a newer one")
        version = HEAD.unpack_from(sealed)[1]
        with self._keyring() as connection:
            key = self._key(connection, subject, cls, version)
        if key is None:
            raise Unreadable(f"no {cls} key {version} of {subject}")
        body = sealed[HEAD.size :]
        try:
            bound = _bound(context, subject, cls, version)
            return AESGCM(key).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], bound)
        except InvalidTag as wrong:
            raise Unreadable("altered, or sealed for another place, person or class") from wrong

    def destroy(self, subject: str, cls: str, at: datetime) -> Destroyed:
        """Destroy every key of ``subject`` and ``cls``; return the receipt, the first one if it is repeated.

        A person without a key gets a receipt too, so that none can be made later. ``at``: naive UTC.
        Raises: ValueError.
        """
        _demand_class(cls)
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            _lock(cursor, subject)
            receipt = _receipt(cursor, subject, cls)
            if receipt is None:
                receipt = _destroy(cursor, subject, cls, at)
        return receipt

    def destroyed(self, subject: str, cls: str) -> Destroyed | None:
        """Return the receipt of a destruction, or none if the key was not destroyed."""
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            return _receipt(cursor, subject, cls)

    def tombstone(self, value: str, *, field: str) -> bytes:
        """Return the keyed hash of an identifier (``field``: email, phone, …), equal for equal identifiers.

        It finds a person without keeping the identifier. ``value`` must be in its normal form already.
        """
        return self._kek.mac(f"tombstone:{field}", value.encode())

    def _key_to_seal(self, connection: Connection, subject: str, cls: str) -> tuple[int, bytes]:
        _demand_class(cls)
        with connection.cursor(row_factory=tuple_row) as cursor:
            found = _newest(cursor, subject, cls)
            if found is None:
                _lock(cursor, subject)
                found = _newest(cursor, subject, cls) or self._make(cursor, subject, cls)
        version, kek_id, wrapped = found
        return version, self._kek.unwrap(kek_id, wrapped, context=_wrapped_as(subject, cls, version))

    def _make(self, cursor: psycopg.Cursor[Any], subject: str, cls: str) -> tuple[int, str, bytes]:
        if gone := _receipt(cursor, subject, cls):
            raise KeyDestroyed(subject, cls, gone.at)
        epoch, kek_id = self._epoch(cursor)
        wrapped = self._kek.wrap(kek_id, os.urandom(KEY_BYTES), context=_wrapped_as(subject, cls, 1))
        cursor.execute(
            "insert into keyring.key (subject, class, version, epoch, wrapped) values (%s, %s, 1, %s, %s)",
            (subject, cls, epoch, wrapped),
        )
        return 1, kek_id, wrapped

    def _epoch(self, cursor: psycopg.Cursor[Any]) -> tuple[int, str]:
        """Return the open epoch, held against its closing until the new key is committed; make the first."""
        cursor.execute(OPEN_EPOCH)
        row = cursor.fetchone()
        if row is None:
            cursor.execute("select pg_advisory_xact_lock(hashtextextended('keyring.epoch', 0))")
            self._kek.create("epoch-1")
            cursor.execute(
                "insert into keyring.epoch (number, kek_id) values (1, 'epoch-1') on conflict do nothing"
            )
            cursor.execute(OPEN_EPOCH)
            row = cursor.fetchone()
        if row is None:
            raise KeyGone("the keyring has no open epoch")
        return cast(tuple[int, str], row)

    def _key(self, connection: Connection, subject: str, cls: str, version: int) -> bytes | None:
        with connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(
                "select e.kek_id, k.wrapped"
                " from keyring.key as k join keyring.epoch as e on e.number = k.epoch"
                " where k.subject = %s and k.class = %s and k.version = %s",
                (subject, cls, version),
            )
            row = cursor.fetchone()
            if row is None:
                gone = _receipt(cursor, subject, cls)
                if gone is not None:
                    raise KeyDestroyed(subject, cls, gone.at)
                return None
        kek_id, wrapped = row
        return self._kek.unwrap(kek_id, bytes(wrapped), context=_wrapped_as(subject, cls, version))


def _demand_class(cls: str) -> None:
    if cls not in CLASSES:
        raise ValueError(f"no such class: {cls!r}; there are {', '.join(CLASSES)}")


def _bound(context: str, subject: str, cls: str, version: int) -> bytes:
    """Join the four with their lengths, so that no two different places give the same bytes."""
    return json.dumps(["closeout.vault", FORMAT, context, subject, cls, version]).encode()


def _wrapped_as(subject: str, cls: str, version: int) -> bytes:
    return json.dumps(["closeout.keyring", FORMAT, subject, cls, version]).encode()


def _lock(cursor: psycopg.Cursor[Any], subject: str) -> None:
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", (subject,))


def _newest(cursor: psycopg.Cursor[Any], subject: str, cls: str) -> tuple[int, str, bytes] | None:
    cursor.execute(
        "select k.version, e.kek_id, k.wrapped"
        " from keyring.key as k join keyring.epoch as e on e.number = k.epoch"
        " where k.subject = %s and k.class = %s order by k.version desc limit 1",
        (subject, cls),
    )
    row = cursor.fetchone()
    return None if row is None else (row[0], row[1], bytes(row[2]))


def _receipt(cursor: psycopg.Cursor[Any], subject: str, cls: str) -> Destroyed | None:
    cursor.execute(
        "select number, subject, class, keys, destroyed_at, digest from keyring.erasure"
        " where subject = %s and class = %s",
        (subject, cls),
    )
    row = cursor.fetchone()
    return None if row is None else Destroyed(*row)


def _destroy(cursor: psycopg.Cursor[Any], subject: str, cls: str, at: datetime) -> Destroyed:
    """Overwrite the keys before deleting them: the page then holds the old key only until it is vacuumed."""
    cursor.execute(
        "update keyring.key set wrapped = decode(repeat('00', 60), 'hex') where subject = %s and class = %s",
        (subject, cls),
    )
    cursor.execute("delete from keyring.key where subject = %s and class = %s", (subject, cls))
    keys = cursor.rowcount
    said = json.dumps(["closeout.destroyed", subject, cls, keys, at.isoformat()])
    cursor.execute(
        "insert into keyring.erasure (subject, class, keys, destroyed_at, digest) values (%s, %s, %s, %s, %s)"
        " returning number",
        (subject, cls, keys, at, hashlib.sha256(said.encode()).hexdigest()),
    )
    row = cursor.fetchone()
    assert row is not None
    return Destroyed(row[0], subject, cls, keys, at, hashlib.sha256(said.encode()).hexdigest())
