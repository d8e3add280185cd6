"""The audit log: who did what to which case, append-only, sealed in Merkle batches that anyone can check.

An entry holds no personal data: a pseudonym of the case, a typed event, digests. Its canonical bytes are
what is stored and hashed; nothing is ever serialised again to check it. Checking is in
:mod:`closeout.records.audit_check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import tuple_row

from closeout.records import merkle, notes
from closeout.records.statement import canonical, moment

SCHEMA = "closeout.audit/1"
EVENT = re.compile(r"^[a-z_]+:[a-z_]+$")
TILE = 256
LOCK = 0x61756474  # "audt"
TOKEN = re.compile(r"^[\w.:|/+=-]{0,200}$", re.ASCII)

Cursor = psycopg.Cursor[Any]


class Personal(ValueError):
    """An entry holds text that could be personal data: only codes, numbers and digests may stand there."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One event. ``subject``: pseudonym (``case:81``); ``event``: ``subject:action``; ``at``: naive UTC."""

    subject: str
    event: str
    actor: str
    at: datetime
    details: Mapping[str, str | int | bool] = field(default_factory=dict)

    def record(self) -> bytes:
        """Return the canonical bytes. Raises: Personal, ValueError (not ``subject:action``, aware time)."""
        if not EVENT.match(self.event) or self.at.tzinfo is not None:
            raise ValueError(f"an event is subject:action at a naive UTC time, got {self.event!r}")
        for words in (self.subject, self.actor, *map(str, self.details), *map(str, self.details.values())):
            if not TOKEN.match(words):
                raise Personal(f"{self.event} holds free text; write a code, a number or a digest instead")
        return canonical(
            {
                "schema": SCHEMA,
                "subject": self.subject,
                "event": self.event,
                "actor": self.actor,
                "at": moment(self.at),
                "details": dict(self.details),
            }
        )


@dataclass(frozen=True)
class Proof:
    """That one entry is in the log: what a holder keeps. ``note``: the signed checkpoint."""

    number: int
    index: int
    record: bytes
    path: tuple[bytes, ...]
    note: str


def append(cursor: Cursor, entries: Iterable[Entry]) -> list[int]:
    """Write ``entries`` in the caller's transaction; return their numbers. Raises: Personal, ValueError."""
    rows = [(entry.subject, entry.event, entry.record()) for entry in entries]
    if not rows:
        return []
    cursor.execute(
        "insert into audit.entry (epoch, subject, event, rec)"
        " select (select max(number) from audit.epoch), subject, event, rec from"
        " unnest(%s::text[], %s::text[], %s::bytea[]) with ordinality as new (subject, event, rec, place)"
        " order by place returning number",
        tuple(list(column) for column in zip(*rows, strict=True)),
    )
    return [_first(row) for row in cursor.fetchall()]


def open_epoch(cursor: Cursor, at: datetime) -> int:
    """Begin a new epoch, as must be done after a logical restore, before anything is appended."""
    cursor.execute("lock table audit.epoch in exclusive mode")
    cursor.execute(
        "insert into audit.epoch (number, opened_at)"
        " select max(number) + 1, %s from audit.epoch returning number",
        (at,),
    )
    return int(_first(_one(cursor)))


def seal(cursor: Cursor, *, name: str, key: Ed25519PrivateKey, at: datetime) -> notes.Checkpoint | None:
    """Seal every entry whose transaction is over and none that could still be joined by an earlier one.

    The window is bounded by transaction ids: all below the oldest running transaction are decided, so that
    writers never wait and a late commit is never missed. Returns nothing if there is nothing to seal; one
    sealer at a time, a second waits. ``name``: of the log. ``at``: naive UTC. Call it in a transaction that
    has written nothing.
    """
    with psycopg.Cursor(cursor.connection, row_factory=tuple_row) as own:
        own.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        own.execute("select size, epoch, until from audit.checkpoint order by size desc limit 1")
        size, epoch, since = own.fetchone() or (0, 0, 0)
        own.execute("select pg_snapshot_xmin(pg_current_snapshot()), max(number) from audit.epoch")
        until, newest = _one(own)
        numbers, hashes = _window(own, epoch=epoch, since=since, newest=newest, until=until)
        if not numbers:
            return None
        root = _extend(own, size, numbers, hashes)
        checkpoint = notes.Checkpoint(name, size + len(numbers), root)
        own.execute(
            "insert into audit.checkpoint (size, entries, root, epoch, until, sealed_at, note)"
            " values (%s, %s, %s, %s, %s::text::xid8, %s, %s)",
            (
                checkpoint.size,
                len(numbers),
                root,
                newest,
                str(until),
                at,
                notes.sign(checkpoint.text(), name, key),
            ),
        )
    return checkpoint


def _window(own: Cursor, *, epoch: int, since: int, newest: int, until: int) -> tuple[list[int], list[bytes]]:
    """Return numbers and leaf hashes of the entries to seal, in their order."""
    own.execute(
        "select number, sha256('\\x00'::bytea || rec) from audit.entry"
        " where (epoch, xid) >= (%s, %s::text::xid8) and (epoch < %s or epoch = %s and xid < %s::text::xid8)"
        " order by epoch, xid, number",
        (epoch, str(since), newest, newest, str(until)),
        binary=True,
    )
    rows = own.fetchall()
    return [row[0] for row in rows], [row[1] for row in rows]


def _extend(own: Cursor, size: int, numbers: Sequence[int], hashes: Sequence[bytes]) -> bytes:
    """Append leaves to the stored tree, level by level, and return the new root."""
    level, begin, new = 0, size, list(hashes)
    said: Sequence[int] | None = numbers
    tiles: dict[tuple[int, int], list[bytes]] = {}
    while True:
        begin, new = _extend_level(own, level, begin, new, numbers=said, tiles=tiles)
        if not new:
            break
        level, said = level + 1, None
    return merkle.range_root(_node_of(tiles, own), 0, size + len(numbers))


def _extend_level(
    own: Cursor,
    level: int,
    begin: int,
    new: list[bytes],
    *,
    numbers: Sequence[int] | None,
    tiles: dict[tuple[int, int], list[bytes]],
) -> tuple[int, list[bytes]]:
    """Write one level's tiles; return where the next level goes on and with which hashes."""
    index, within = divmod(begin, TILE)
    old: list[bytes] = []
    old_numbers: list[int] = []
    if within:
        old, old_numbers = _read_tile(own, level, index)
        old, old_numbers = old[:within], old_numbers[:within]
    row = old + new
    said = None if numbers is None else old_numbers + list(numbers)
    rows, full = [], []
    for place in range(0, len(row), TILE):
        piece = row[place : place + TILE]
        mine = None if said is None else said[place : place + TILE]
        rows.append((level, index + place // TILE, b"".join(piece), mine))
        tiles[level, index + place // TILE] = piece
        if len(piece) == TILE:
            full.append(merkle.root(piece))
    own.executemany(
        "insert into audit.tile (level, index, hashes, numbers) values (%s, %s, %s, %s)"
        " on conflict (level, index) do update set hashes = excluded.hashes, numbers = excluded.numbers",
        rows,
    )
    return index, full


def _read_tile(own: Cursor, level: int, index: int) -> tuple[list[bytes], list[int]]:
    own.execute("select hashes, numbers from audit.tile where level = %s and index = %s", (level, index))
    row = own.fetchone()
    if row is None:
        raise LookupError(f"tile {level}/{index} of the audit log is missing; rebuild the tiles")
    hashes = bytes(row[0])
    return [hashes[at : at + 32] for at in range(0, len(hashes), 32)], list(row[1] or [])


def _node_of(tiles: dict[tuple[int, int], list[bytes]], own: Cursor) -> merkle.Node:
    """Return the nodes of the stored tree; tiles are read once and kept in ``tiles``."""

    def node(level: int, index: int) -> bytes:
        tile_level, up = divmod(level, 8)
        first = index << up
        place = (tile_level, first // TILE)
        if place not in tiles:
            tiles[place] = _read_tile(own, *place)[0]
        begin = first % TILE
        return merkle.root(tiles[place][begin : begin + (1 << up)])

    return node


def nodes(cursor: Cursor) -> merkle.Node:
    """Return the nodes of the sealed tree, read when asked for."""
    return _node_of({}, cursor)


def latest(cursor: Cursor) -> str | None:
    """Return the newest signed checkpoint, or none if nothing was sealed."""
    cursor.execute("select note from audit.checkpoint order by size desc limit 1")
    row = cursor.fetchone()
    return None if row is None else str(_first(row))


def prove(cursor: Cursor, number: int) -> Proof | None:
    """Return the proof that entry ``number`` is in the newest checkpoint, or none if it is not sealed yet."""
    with psycopg.Cursor(cursor.connection, row_factory=tuple_row) as own:
        own.execute("select epoch, xid::text, rec from audit.entry where number = %s", (number,))
        found = own.fetchone()
        own.execute("select size, note from audit.checkpoint order by size desc limit 1")
        head = own.fetchone()
        if found is None or head is None:
            return None
        index = _index(own, number)
        if index is None:
            return None
        path = merkle.inclusion_path(nodes(own), index, head[0])
    return Proof(number, index, bytes(found[2]), tuple(path), head[1])


def _index(own: Cursor, number: int) -> int | None:
    own.execute(
        "select index, array_position(numbers, %s) from audit.tile"
        " where level = 0 and numbers @> array[%s::bigint]",
        (number, number),
    )
    row = own.fetchone()
    return None if row is None else row[0] * TILE + row[1] - 1


def prove_consistency(cursor: Cursor, old: int) -> tuple[bytes, ...]:
    """Return the proof that the log of ``old`` entries is a beginning of the newest. Raises: IndexError."""
    with psycopg.Cursor(cursor.connection, row_factory=tuple_row) as own:
        own.execute("select coalesce(max(size), 0) from audit.checkpoint")
        size = _first(_one(own))
        return tuple(merkle.consistency_path(nodes(own), old, size))


def _one(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    assert row is not None
    return row


def _first(row: Any) -> Any:
    """Return the first column, whatever shape the caller's cursor gives rows."""
    return next(iter(row.values())) if isinstance(row, Mapping) else row[0]
