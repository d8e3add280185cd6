"""The audit log: who did what to which case, append-only, sealed in Merkle batches that anyone can check.

An entry holds no personal data: a pseudonym of the case, a typed event, digests. Its canonical bytes are
what is stored and hashed; nothing is ever serialised again to check it. Checking is in
:mod:`closeout.records.audit_check`.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
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


APPEND = """
insert into audit.entry (epoch, subject, event, rec)
select (select max(number) from audit.epoch), one.subject, run.event,
    convert_to(run.before || one.subject || run.after, 'UTF8')
from rows from (
    jsonb_to_recordset(%s::jsonb) as (event text, before text, after text, subjects text[])
) with ordinality as run (event, before, after, subjects, place)
cross join lateral unnest(run.subjects) with ordinality as one (subject, place)
order by run.place, one.place returning number
"""


def append(cursor: Cursor, entries: Iterable[Entry]) -> list[int]:
    """Write ``entries`` in the caller's transaction; return their numbers. Raises: Personal, ValueError."""
    runs = [
        {"event": event, "before": before, "after": AFTER, "subjects": [entry.subject for entry, *_ in run]}
        for (event, before), run in groupby(_begun(list(entries)), key=itemgetter(1, 2))
    ]
    if not runs:
        return []
    cursor.execute(APPEND, (json.dumps(runs),))
    return [_first(row) for row in cursor.fetchall()]


AFTER = '"}'  # the subject stands last in the canonical form and, being a token, needs no escape


def _begun(kept: Sequence[Entry]) -> Iterator[tuple[Entry, str, str]]:
    """Yield each entry with its event and its canonical text before the subject.

    Those that share their details and differ in the subject alone are written out once.
    """
    known: dict[tuple[str, str, datetime, int], str] = {}
    for entry in kept:
        alike = (entry.event, entry.actor, entry.at, id(entry.details))
        if alike not in known or not TOKEN.match(entry.subject):
            known[alike] = entry.record().decode().removesuffix(entry.subject + AFTER)
        yield entry, entry.event, known[alike]


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
        window = blocks(own, f"{NUMBERS}, {LEAVES}", since=(epoch, since), until=(newest, until))
        entries, root = _extend(own, size, window)
        if not entries:
            return None
        checkpoint = notes.Checkpoint(name, size + entries, root)
        own.execute(
            "insert into audit.checkpoint (size, entries, root, epoch, until, sealed_at, note)"
            " values (%s, %s, %s, %s, %s::text::xid8, %s, %s)",
            (
                checkpoint.size,
                entries,
                root,
                newest,
                str(until),
                at,
                notes.sign(checkpoint.text(), name, key),
            ),
        )
    return checkpoint


# Entries in their order, thousands in one row: neither side handles a million rows, and PostgreSQL works on the next
# block while this process hashes the last one.
BLOCK = 16 * TILE
BLOCKS = """
with recursive block as (
    select 0::bigint as place, %(epoch)s::integer as epoch, %(since)s::text::xid8 as xid, %(before)s::bigint as number
    union all
    select block.place + 1, following.epoch, following.xid, following.number
    from block, lateral (
        select e.epoch, e.xid, e.number from audit.entry as e
        where (e.epoch, e.xid, e.number) > (block.epoch, block.xid, block.number)
        and (e.epoch, e.xid) < (%(newest)s, %(until)s::text::xid8)
        order by e.epoch, e.xid, e.number offset {block} - 1 limit 1
    ) as following
)
select part.* from block, lateral (
    select {values} from (
        select e.number, e.subject, e.event, e.rec, e.leaf from audit.entry as e
        where (e.epoch, e.xid, e.number) > (block.epoch, block.xid, block.number)
        and (e.epoch, e.xid) < (%(newest)s, %(until)s::text::xid8)
        order by e.epoch, e.xid, e.number limit {block}
    ) as entry having count(*) > 0
) as part
"""
BEFORE = -(1 << 63)  # no entry has a smaller number
NUMBERS = "string_agg(int8send(number), '')"
LEAVES = "string_agg(leaf, '')"


def blocks(
    own: Cursor, values: str, *, since: tuple[int, object], until: tuple[int, object]
) -> Iterator[tuple[Any, ...]]:
    """Yield ``values``, aggregates over each block of entries from ``since`` to ``until`` (epoch, transaction id).

    Each block has :data:`BLOCK` entries, the last one fewer. ``values`` comes from code, never from a person.
    Call it in a transaction. Entries come in the order of their index, whatever statistics say of their number:
    sorting what is left for each block anew would take the square of the time.
    """
    own.execute("set local enable_sort = off")
    query = BLOCKS.format(values=values, block=BLOCK)
    window = {
        "before": BEFORE,
        "epoch": since[0],
        "since": str(since[1]),
        "newest": until[0],
        "until": str(until[1]),
    }
    yield from own.stream(query.encode(), window, binary=True)
    own.execute("set local enable_sort to default")


def _extend(own: Cursor, size: int, window: Iterator[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    """Append the leaves of ``window`` (numbers, hashes) to the stored tree; return how many and the new root."""
    index, within = divmod(size, TILE)
    hashes, numbers = _read_tile(own, 0, index) if within else (b"", b"")
    tiles: dict[tuple[int, int], bytes] = {}
    rows: list[tuple[int, int, bytes, bytes | None]] = []
    roots: list[bytes] = []
    count = 0
    for more_numbers, leaves in window:
        count += len(leaves) // 32
        hashes, numbers, begin = hashes + leaves, numbers + more_numbers, 0
        for begin in range(TILE, len(hashes) // 32 + 1, TILE):
            full = hashes[(begin - TILE) * 32 : begin * 32]
            rows.append((0, index, full, numbers[(begin - TILE) * 8 : begin * 8]))
            tiles[0, index] = full
            roots.append(merkle.root_of(full))
            index += 1
        hashes, numbers = hashes[begin * 32 :], numbers[begin * 8 :]
    if not count:
        return 0, b""
    if hashes:
        rows.append((0, index, hashes, numbers))
        tiles[0, index] = hashes
    level, at = 1, size // TILE
    while roots:
        at, roots = _extend_level(own, level, at, roots, rows=rows, tiles=tiles)
        level += 1
    _write_tiles(own, rows)
    return count, merkle.range_root(_node_of(tiles, own), 0, size + count)


def _extend_level(
    own: Cursor,
    level: int,
    begin: int,
    new: list[bytes],
    *,
    rows: list[tuple[int, int, bytes, bytes | None]],
    tiles: dict[tuple[int, int], bytes],
) -> tuple[int, list[bytes]]:
    """Append hashes to one upper level; return where the next level goes on and with which hashes."""
    index, within = divmod(begin, TILE)
    old = _read_tile(own, level, index)[0][: within * 32] if within else b""
    row, full = old + b"".join(new), []
    for place in range(0, len(row), TILE * 32):
        blob = row[place : place + TILE * 32]
        mine = index + place // (TILE * 32)
        tiles[level, mine] = blob
        rows.append((level, mine, blob, None))
        if len(blob) == TILE * 32:
            full.append(merkle.root_of(blob))
    return index, full


def _write_tiles(own: Cursor, rows: Sequence[tuple[int, int, bytes, bytes | None]]) -> None:
    """Replace the tiles that were not full, add the others."""
    own.executemany("delete from audit.tile where level = %s and index = %s", {row[:2] for row in rows[:1]})
    upper = [row[:2] for row in rows if row[0]]
    own.executemany("delete from audit.tile where level = %s and index = %s", upper)
    copying = "copy audit.tile (level, index, hashes, numbers, least, most) from stdin (format binary)"
    with own.copy(copying) as copy:
        copy.set_types(["int4", "int8", "bytea", "bytea", "int8", "int8"])
        for level, index, blob, packed in rows:
            numbers = unpack(packed)
            least, most = (min(numbers), max(numbers)) if numbers else (None, None)
            copy.write_row((level, index, blob, packed, least, most))


def unpack(packed: bytes | None) -> tuple[int, ...]:
    """Return the numbers of entries that a tile names."""
    return struct.unpack(f">{len(packed) // 8}q", packed) if packed else ()


def _read_tile(own: Cursor, level: int, index: int) -> tuple[bytes, bytes]:
    own.execute("select hashes, numbers from audit.tile where level = %s and index = %s", (level, index))
    row = own.fetchone()
    if row is None:
        raise LookupError(f"tile {level}/{index} of the audit log is missing; rebuild the tiles")
    return bytes(row[0]), bytes(row[1] or b"")


def _node_of(tiles: dict[tuple[int, int], bytes], own: Cursor) -> merkle.Node:
    """Return the nodes of the stored tree; tiles are read once and kept in ``tiles``."""

    def node(level: int, index: int) -> bytes:
        tile_level, up = divmod(level, 8)
        first = index << up
        place = (tile_level, first // TILE)
        if place not in tiles:
            tiles[place] = _read_tile(own, *place)[0]
        begin = first % TILE
        return merkle.root_of(tiles[place][begin * 32 : (begin + (1 << up)) * 32])

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
        "select index, numbers from audit.tile where level = 0 and least <= %s and most >= %s",
        (number, number),
    )
    for index, packed in own.fetchall():
        numbers = unpack(bytes(packed))
        if number in numbers:
            return int(index) * TILE + numbers.index(number)
    return None


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
