"""The vault: personal data under a key per person and class. No key, no data, in no copy anywhere.

The keyring is a database of its own. Its connection is opened by the caller; a row of data names no key, only
a key version, so that a restored backup of data holds nothing that could open it.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import errors
from psycopg.rows import tuple_row

from closeout.records.keys import KEY_BYTES, NONCE_BYTES, KeyGone, KeyPort, unwrap_all

CLASSES = ("operational", "retention")
FORMAT = 1
HEAD = struct.Struct(">BI")  # format, key version
LOCK = 0x6B657973  # "keys"
RECEIPT = "select number, subject, class, keys, destroyed_at, digest from keyring.erasure"
# The wrapped keys are deleted; copies of them in log segments and backups die with the key of their epoch. The
# digest is SHA-256 over five lines: closeout.destroyed, subject, class, number of keys, time.
DESTROY = """
with gone as (
    delete from keyring.key where subject = any(%(subjects)s) and class = %(class)s returning subject
), counted as (
    select subject, count(*) as keys from gone group by subject
)
insert into keyring.erasure (subject, class, keys, destroyed_at, digest)
select
    given.subject, %(class)s, coalesce(counted.keys, 0), %(at)s,
    encode(sha256(convert_to(concat_ws(
        e'\\n', 'closeout.destroyed', given.subject, %(class)s::text, coalesce(counted.keys, 0), %(said)s::text
    ), 'UTF8')), 'hex')
from unnest(%(subjects)s::text[]) with ordinality as given (subject, place)
left join counted on given.subject = counted.subject
order by given.place
returning number, subject, keys, digest
"""
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
        return _decrypted(key, sealed, _bound(context, subject, cls, version))

    def seal_all(self, cls: str, plain: Mapping[str, bytes], *, context: str = "") -> dict[str, bytes]:
        """Encrypt one text for each of many people whose keys were made by :meth:`prepare`, by subject.

        Raises: Unreadable (somebody has no key), KeyGone, ValueError.
        """
        keys = self._keys_of(list(plain), cls)
        sealed = {}
        for subject, text in plain.items():
            if subject not in keys:
                raise Unreadable(f"no {cls} key of {subject}")
            version, key = keys[subject]
            nonce = os.urandom(NONCE_BYTES)
            bound = _bound(context, subject, cls, version)
            sealed[subject] = HEAD.pack(FORMAT, version) + nonce + AESGCM(key).encrypt(nonce, text, bound)
        return sealed

    def _keys_of(self, subjects: Sequence[str], cls: str) -> dict[str, tuple[int, bytes]]:
        """Return version and key of each subject's newest key."""
        _demand_class(cls)
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(
                "select distinct on (k.subject) k.subject, k.version, e.kek_id, k.wrapped"
                " from keyring.key as k join keyring.epoch as e on e.number = k.epoch"
                " where k.subject = any(%s) and k.class = %s order by k.subject, k.version desc",
                (list(subjects), cls),
            )
            rows = cursor.fetchall()
        keys = self._unwrapped(rows, cls)
        return {subject: (version, keys[subject, version]) for subject, version, *_ in rows}

    def _unwrapped(
        self, rows: Sequence[tuple[str, int, str, bytes]], cls: str
    ) -> dict[tuple[str, int], bytes]:
        """Return keys by subject and version from rows of the keyring; each key of an epoch is asked for once."""
        by_epoch: dict[str, list[tuple[str, int, bytes]]] = {}
        for subject, version, kek, wrapped in rows:
            by_epoch.setdefault(kek, []).append((subject, version, bytes(wrapped)))
        found: dict[tuple[str, int], bytes] = {}
        for kek, of_epoch in by_epoch.items():
            texts = [(wrapped, wrapped_as(subject, cls, version)) for subject, version, wrapped in of_epoch]
            keys = unwrap_all(self._kek, kek, texts)
            found |= {one[:2]: key for one, key in zip(of_epoch, keys, strict=True)}
        return found

    def open_all(self, cls: str, sealed: Mapping[str, bytes], *, context: str = "") -> dict[str, bytes]:
        """Decrypt one text of each of many people, by subject, with one question to the keyring.

        Who has no key any more is left out. Raises: Unreadable, KeyGone, ValueError.
        """
        _demand_class(cls)
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(
                "select k.subject, k.version, e.kek_id, k.wrapped"
                " from keyring.key as k join keyring.epoch as e on e.number = k.epoch"
                " where k.subject = any(%s) and k.class = %s",
                (list(sealed), cls),
            )
            rows = cursor.fetchall()
        wanted = {(subject, HEAD.unpack_from(text)[1]) for subject, text in sealed.items()}
        keys = self._unwrapped([row for row in rows if row[:2] in wanted], cls)
        return {
            subject: _decrypted(
                keys[subject, version], sealed[subject], _bound(context, subject, cls, version)
            )
            for subject, version in wanted
            if (subject, version) in keys
        }

    def destroy(self, subject: str, cls: str, at: datetime) -> Destroyed:
        """Destroy every key of ``subject`` and ``cls``; return the receipt, the first one if it is repeated.

        A person without a key gets a receipt too, so that none can be made later. ``at``: naive UTC.
        Raises: ValueError.
        """
        return self.destroy_all([subject], cls, at)[0]

    def destroy_all(self, subjects: Sequence[str], cls: str, at: datetime) -> list[Destroyed]:
        """Destroy the keys of many people in a few statements; receipts in the order of ``subjects``.

        Raises: ValueError.
        """
        _demand_class(cls)
        if at.tzinfo is not None:
            raise ValueError("at must be naive UTC")
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            _lock(cursor, subjects)
            try:
                with connection.transaction():
                    receipts = _destroy(cursor, subjects, cls, at)
            except errors.UniqueViolation:  # repeated: some were destroyed before
                receipts = _receipts(cursor, subjects, cls)
                receipts |= _destroy(cursor, [one for one in subjects if one not in receipts], cls, at)
        return [receipts[subject] for subject in subjects]

    def destroyed(self, subject: str, cls: str) -> Destroyed | None:
        """Return the receipt of a destruction, or none if the key was not destroyed."""
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            return _receipts(cursor, [subject], cls).get(subject)

    def erasures(self, after: int = 0) -> list[Destroyed]:
        """Return every destruction after receipt ``after``, in order: what a restored database must know again."""
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(f"{RECEIPT} where number > %s order by number", (after,))
            return [Destroyed(*row) for row in cursor.fetchall()]

    def erasure_count(self) -> int:
        """Return how many destructions there were."""
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute("select count(*) from keyring.erasure")
            (count,) = cursor.fetchone() or (0,)
            return int(count)

    def prepare(self, subjects: Sequence[str], cls: str) -> None:
        """Make the keys of many people at once, where they are missing. Raises: KeyDestroyed, ValueError."""
        _demand_class(cls)
        with self._keyring() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            _lock(cursor, subjects)
            for gone in _receipts(cursor, subjects, cls).values():
                raise KeyDestroyed(gone.subject, cls, gone.at)
            epoch, kek_id = self._epoch(cursor)
            made = [(one, self._wrap_new(kek_id, one, cls)) for one in dict.fromkeys(subjects)]
            cursor.execute(
                "insert into keyring.key (subject, class, version, epoch, wrapped)"
                " select subject, %s, 1, %s, wrapped from unnest(%s::text[], %s::bytea[]) as new (subject, wrapped)"
                " on conflict do nothing",
                (cls, epoch, [one for one, _ in made], [wrapped for _, wrapped in made]),
            )

    def _wrap_new(self, kek_id: str, subject: str, cls: str) -> bytes:
        return self._kek.wrap(kek_id, os.urandom(KEY_BYTES), context=wrapped_as(subject, cls, 1))

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
                _lock(cursor, [subject])
                found = _newest(cursor, subject, cls) or self._make(cursor, subject, cls)
        version, kek_id, wrapped = found
        return version, self._kek.unwrap(kek_id, wrapped, context=wrapped_as(subject, cls, version))

    def _make(self, cursor: psycopg.Cursor[Any], subject: str, cls: str) -> tuple[int, str, bytes]:
        if gone := _receipts(cursor, [subject], cls).get(subject):
            raise KeyDestroyed(subject, cls, gone.at)
        epoch, kek_id = self._epoch(cursor)
        wrapped = self._wrap_new(kek_id, subject, cls)
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
                gone = _receipts(cursor, [subject], cls).get(subject)
                if gone is not None:
                    raise KeyDestroyed(subject, cls, gone.at)
                return None
        kek_id, wrapped = row
        return self._kek.unwrap(kek_id, bytes(wrapped), context=wrapped_as(subject, cls, version))


def _decrypted(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    body = sealed[HEAD.size :]
    try:
        return AESGCM(key).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], bound)
    except InvalidTag as wrong:
        raise Unreadable("altered, or sealed for another place, person or class") from wrong


def _demand_class(cls: str) -> None:
    if cls not in CLASSES:
        raise ValueError(f"no such class: {cls!r}; there are {', '.join(CLASSES)}")


def _bound(context: str, subject: str, cls: str, version: int) -> bytes:
    """Join the four with their lengths, so that no two different places give the same bytes."""
    return json.dumps(["closeout.vault", FORMAT, context, subject, cls, version]).encode()


def wrapped_as(subject: str, cls: str, version: int) -> bytes:
    """Return what a wrapped key is bound to: it opens for this person, class and version only."""
    return json.dumps(["closeout.keyring", FORMAT, subject, cls, version]).encode()


def _lock(cursor: psycopg.Cursor[Any], subjects: Sequence[str]) -> None:
    """Keep making and destroying a key apart: people share 256 locks, so that any number can be locked at once."""
    cursor.execute(
        "select pg_advisory_xact_lock(%s, place) from (select distinct hashtext(subject) & 255 as place"
        " from jsonb_array_elements_text(%s::jsonb) as given (subject) order by place) as places",
        (LOCK, json.dumps(subjects)),
    )


def _destroy(
    cursor: psycopg.Cursor[Any], subjects: Sequence[str], cls: str, at: datetime
) -> dict[str, Destroyed]:
    """Destroy the keys of subjects that have no receipt yet; the locks hold until both are committed.

    Raises: UniqueViolation (somebody has one).
    """
    said = f"{at.isoformat(timespec='microseconds')}Z"
    cursor.execute(DESTROY, {"subjects": list(dict.fromkeys(subjects)), "class": cls, "at": at, "said": said})
    return {
        subject: Destroyed(number, subject, cls, keys, at, digest) for number, subject, keys, digest in cursor
    }


def _newest(cursor: psycopg.Cursor[Any], subject: str, cls: str) -> tuple[int, str, bytes] | None:
    cursor.execute(
        "select k.version, e.kek_id, k.wrapped"
        " from keyring.key as k join keyring.epoch as e on e.number = k.epoch"
        " where k.subject = %s and k.class = %s order by k.version desc limit 1",
        (subject, cls),
    )
    row = cursor.fetchone()
    return None if row is None else (row[0], row[1], bytes(row[2]))


def _receipts(cursor: psycopg.Cursor[Any], subjects: Sequence[str], cls: str) -> dict[str, Destroyed]:
    cursor.execute(f"{RECEIPT} where subject = any(%s) and class = %s", (list(subjects), cls))
    return {row[1]: Destroyed(*row) for row in cursor.fetchall()}
