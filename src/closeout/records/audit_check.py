"""Checking the audit log: entries against the sealed tree, checkpoints against their signatures.

What was altered is named: an entry changed, missing, inserted or moved; a tile; a checkpoint. A log that was
rewritten and signed again with the operator's own key passes here; only a witness outside finds that.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closeout.records import merkle, notes
from closeout.records.audit import BLOCK, NUMBERS, SCHEMA, TILE, blocks, prove, unpack

Connection = psycopg.Connection[Any]
Sealed = tuple[int, bytes]  # number of the entry, leaf hash
PROBLEMS_MAX = 1000
TILES = BLOCK // TILE
FIRST_EPOCH = -(1 << 31)  # also what somebody inserted before everything
# Entries whose columns, which serve to search, say something else than their record.
WRONG = f"""
position(textsend('"event":"' || event || '","schema":"{SCHEMA}","subject":"' || subject || '"}}') in rec) = 0
"""
STORED = (
    "(select string_agg(t.{0}, '' order by t.index) from audit.tile as t where t.level = 0"  # noqa: S608 - constants
    f" and t.index >= block.place * {TILES} and t.index < (block.place + 1) * {TILES})"
)
# The records come joined by a mark that is drawn anew for each check: no record can have been altered to hold it.
CHECKED = f"""
'\\x00'::bytea || string_agg(rec, '\\xMARK00'::bytea), {NUMBERS},
array_agg(number) filter (where {WRONG}), {STORED.format("numbers")}, {STORED.format("hashes")}
"""


@dataclass(frozen=True)
class Head:
    """A checkpoint: size and root of the tree, and the end of its window."""

    size: int
    root: bytes
    epoch: int
    until: str


@dataclass(frozen=True)
class Problem:
    """One finding: changed, missing, inserted, moved (an entry by number), tile, checkpoint (by size)."""

    kind: str
    number: int
    detail: str


@dataclass
class Report:
    """What checking found. ``unsealed`` entries still wait for a seal."""

    entries: int = 0
    checkpoints: int = 0
    unsealed: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        """Say whether nothing was found."""
        return not self.problems

    def add(self, kind: str, number: int, detail: str) -> None:
        """Note a finding, up to a limit that keeps the report readable."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(kind, number, detail))


class _Roots:
    """A growing tree that keeps one hash per perfect subtree; its root is compared at the size of each checkpoint."""

    def __init__(self, heads: Sequence[Head], report: Report) -> None:
        self._waiting = deque(heads)
        self._report = report
        self._size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def extend(self, leaves: bytes) -> None:
        """Add leaf hashes, 32 bytes each, a whole tile at once where it fits."""
        at, end = 0, self._size + len(leaves) // 32
        while self._size < end:
            step = min(end, self._waiting[0].size if self._waiting else end) - self._size
            count = TILE if step >= TILE and self._size % TILE == 0 else min(max(step, 0), 1)
            if count:
                self._push(count.bit_length() - 1, merkle.root_of(leaves[at : at + count * 32]))
                self._size, at = self._size + count, at + count * 32
            self._compare()

    def _compare(self) -> None:
        while self._waiting and self._waiting[0].size <= self._size:
            head = self._waiting.popleft()
            if (self._size, self._root()) != (head.size, head.root):
                self._report.add(
                    "tile", head.size, "the stored tree does not have the signed root at this size"
                )

    def _push(self, level: int, peak: bytes) -> None:
        while self._peaks and self._peaks[-1][0] == level:
            peak = merkle.node_hash(self._peaks.pop()[1], peak)
            level += 1
        self._peaks.append((level, peak))

    def _root(self) -> bytes:
        root = self._peaks[-1][1] if self._peaks else merkle.EMPTY_ROOT
        for _, peak in reversed(self._peaks[:-1]):
            root = merkle.node_hash(peak, root)
        return root

    def finish(self) -> None:
        """Name the checkpoints that say more than there is."""
        for head in self._waiting:
            self._report.add("tile", head.size, "the stored tree is shorter than this checkpoint")


class _Matching:
    """Compares two sequences of entries that should be equal, in bounded memory while they nearly are."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._sealed: dict[int, bytes] = {}
        self._found: dict[int, bytes] = {}
        self._crossed: list[int] = []

    def compare(self, sealed: Sequence[Sealed], found: Sequence[Sealed]) -> None:
        """Compare as many of each as there are, a tile at a time."""
        for at in range(0, max(len(sealed), len(found)), TILE):
            some, others = sealed[at : at + TILE], found[at : at + TILE]
            if some != others:
                self._compare_tile(some, others)

    def _compare_tile(self, sealed: Sequence[Sealed], found: Sequence[Sealed]) -> None:
        here = dict(sealed)
        order = [number for number, _ in found if number in here]
        present = set(order)
        if order != [number for number in here if number in present]:
            self._crossed += order
        for number, leaf in found:
            expected = here.pop(number, None) or self._sealed.pop(number, None)
            if expected is None:
                self._found[number] = leaf
            elif expected != leaf:
                self._report.add("changed", number, "is not what was sealed")
        for number, leaf in here.items():
            other = self._found.pop(number, None)
            if other is None:
                self._sealed[number] = leaf
                continue
            self._crossed.append(number)
            if other != leaf:
                self._report.add("changed", number, "is not what was sealed")

    def finish(self) -> None:
        """Name what has no partner; without any, name what stands at another place."""
        for number in self._sealed:
            self._report.add("missing", number, "was sealed, is no longer in the log")
        for number in self._found:
            self._report.add("inserted", number, "lies in a sealed window but was not sealed")
        if not self._sealed and not self._found:
            for number in self._crossed:
                self._report.add("moved", number, "stands at another place than where it was sealed")


def verify(connection: Connection, logs: Sequence[str], *, subject: str | None = None) -> Report:
    """Check the whole log. ``logs``: verifier keys (``PublicKeys.logs``). Reads only; in one transaction.

    With ``subject`` only its entries are checked, each by its inclusion proof. Raises: notes.BadNote (a verifier key
    is malformed).
    """
    report = Report()
    keys = dict(notes.read_public(text) for text in logs)
    heads = _checkpoints(connection, keys, report)
    if subject is not None:
        _check_subject(connection, heads[-1] if heads else None, subject, report)
    else:
        _compare(connection, heads, report)
    return report


def _checkpoints(connection: Connection, keys: Mapping[str, bytes], report: Report) -> list[Head]:
    """Return every checkpoint in order, after checking its signature."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select size, entries, root, epoch, until::text, note from audit.checkpoint order by size"
        )
        rows = cursor.fetchall()
    before, heads = 0, []
    for size, entries, root, epoch, until, note in rows:
        report.checkpoints += 1
        if size - before != entries:
            report.add("checkpoint", size, "a checkpoint before this one is missing")
        try:
            said = notes.read_checkpoint(notes.open_note(note, keys)[0])
        except notes.BadNote as wrong:
            report.add("checkpoint", size, str(wrong))
        else:
            if (said.size, said.root) != (size, bytes(root)):
                report.add("checkpoint", size, "its row is not what was signed")
        heads.append(Head(size, bytes(root), epoch, until))
        before = size
    return heads


def _compare(connection: Connection, heads: Sequence[Head], report: Report) -> None:
    """Compare each entry that lies in a sealed window with its leaf, and the leaves with every signed root."""
    matching, roots = _Matching(report), _Roots(heads, report)
    until = (heads[-1].epoch, heads[-1].until) if heads else (0, "0")
    seen, wrong = 0, list[int]()
    mark = secrets.token_bytes(8)
    checked = CHECKED.replace("MARK", mark.hex())
    with connection.cursor(row_factory=tuple_row) as cursor:
        for records, numbers, differing, named, leaves in blocks(
            cursor, checked, since=(FIRST_EPOCH, 0), until=until
        ):
            found = _leaf_hashes(records.split(mark))
            if found != leaves or numbers != named:
                matching.compare(_pairs(named or b"", leaves or b""), _pairs(numbers, found))
            roots.extend(leaves or b"")
            wrong += (differing or [])[:PROBLEMS_MAX]
            seen, report.entries = seen + TILES, report.entries + len(found) // 32
        rest = "select numbers, hashes from audit.tile where level = 0 and index >= %s order by index"
        for named, leaves in cursor.stream(rest, (seen,), binary=True):
            matching.compare(_pairs(named, leaves), [])
            roots.extend(leaves)
        cursor.execute(
            f"select count(*), array_agg(number order by number) filter (where {WRONG})"  # noqa: S608
            " from audit.entry where (epoch, xid) >= (%s, %s::text::xid8)",
            until,
        )
        report.unsealed, differing = cursor.fetchone() or (0, None)
    matching.finish()
    roots.finish()
    changed = {problem.number for problem in report.problems if problem.kind == "changed"}
    for number in [*wrong, *(differing or ())]:
        if number not in changed:
            report.add("changed", number, "its columns are not what its record says")


def _leaf_hashes(records: Sequence[bytes]) -> bytes:
    """Return the leaf hashes of records that already have the mark of a leaf before them."""
    sha256 = hashlib.sha256
    return b"".join([sha256(record).digest() for record in records])


def _pairs(numbers: bytes, leaves: bytes) -> list[Sealed]:
    named = enumerate(unpack(numbers))
    return [(number, leaves[32 * at : 32 * at + 32]) for at, number in named]


def _check_subject(connection: Connection, last: Head | None, subject: str, report: Report) -> None:
    """Prove each entry of ``subject`` against the newest root; one that is sealed but cannot be proven was changed."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("select number from audit.entry where subject = %s order by number", (subject,))
        numbers = [number for (number,) in cursor.fetchall()]
        for number in numbers:
            proof = prove(cursor, number)
            if proof is None or last is None:
                report.unsealed += 1
                continue
            report.entries += 1
            leaf = merkle.leaf_hash(proof.record)
            if not merkle.included(leaf, proof.index, last.size, proof.path, last.root):
                report.add("changed", number, "is not what was sealed")
