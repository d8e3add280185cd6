"""Checking the audit log: entries against the sealed tree, checkpoints against their signatures.

What was altered is named: an entry changed, missing, inserted or moved; a tile; a checkpoint. A log that was
rewritten and signed again with the operator's own key passes here; only a witness outside finds that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closeout.records import merkle, notes
from closeout.records.audit import NUMBER, REC, TILE, copied, prove, unpack

Connection = psycopg.Connection[Any]
Sealed = tuple[int, bytes]  # number of the entry, leaf hash
PROBLEMS_MAX = 1000


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
    """A growing tree that keeps one hash per perfect subtree: its root is known at every size."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def extend(self, leaves: bytes) -> None:
        """Add leaf hashes, 32 bytes each; a whole tile at once where it fits."""
        if self.size % TILE == 0 and len(leaves) == TILE * 32:
            self._push(TILE.bit_length() - 1, merkle.root_of(leaves))
        else:
            for at in range(0, len(leaves), 32):
                self._push(0, leaves[at : at + 32])
        self.size += len(leaves) // 32

    def _push(self, level: int, peak: bytes) -> None:
        while self._peaks and self._peaks[-1][0] == level:
            peak = merkle.node_hash(self._peaks.pop()[1], peak)
            level += 1
        self._peaks.append((level, peak))

    def root(self) -> bytes:
        """Return the root of what was added."""
        if not self._peaks:
            return merkle.EMPTY_ROOT
        root = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            root = merkle.node_hash(peak, root)
        return root


class _Matching:
    """Compares two sequences of entries that should be equal, in bounded memory while they nearly are."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._sealed: dict[int, bytes] = {}
        self._found: dict[int, bytes] = {}
        self._crossed: list[int] = []

    def compare(self, sealed: Sequence[Sealed], found: Sequence[Sealed]) -> None:
        """Compare as many of each as there are."""
        here = dict(sealed)
        order = [number for number, _ in found if number in here]
        if order != [number for number in here if number in set(order)]:
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
    sizes = _checkpoints(connection, keys, report)
    last = sizes[-1] if sizes else None
    if subject is not None:
        _check_subject(connection, last, subject, report)
        return report
    _compare_entries(connection, last, report)
    _compare_roots(connection, sizes, report)
    return report


def _checkpoints(
    connection: Connection, keys: Mapping[str, bytes], report: Report
) -> list[tuple[int, bytes, int, str]]:
    """Return size, root, epoch and window end of every checkpoint, in order, after checking its signature."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select size, entries, root, epoch, until::text, note from audit.checkpoint order by size"
        )
        rows = cursor.fetchall()
    before, checked = 0, []
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
        checked.append((size, bytes(root), epoch, until))
        before = size
    return checked


def _compare_entries(
    connection: Connection, last: tuple[int, bytes, int, str] | None, report: Report
) -> None:
    """Compare each entry that lies in a sealed window with the leaf that was sealed for it."""
    matching = _Matching(report)
    sealed = _tiles(connection)
    epoch, until = (last[2], last[3]) if last else (0, "0")
    with connection.cursor(row_factory=tuple_row) as cursor:
        stream = copied(cursor, "(epoch, xid) < (%s, %s::text::xid8)", (epoch, until))
        sha256 = hashlib.sha256
        for packed, blob in sealed:
            rows = list(islice(stream, len(packed) // 8))
            report.entries += len(rows)
            found = b"".join([sha256(row[REC]).digest() for row in rows])
            mine = b"".join([row[NUMBER] for row in rows])
            if found != blob or mine != packed:
                matching.compare(_pairs(unpack(packed), blob), _pairs(unpack(mine), found))
        for row in stream:
            report.entries += 1
            matching.compare([], _pairs(unpack(row[NUMBER]), sha256(row[REC]).digest()))
    matching.finish()
    _compare_columns(connection, report)
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select count(*) from audit.entry where (epoch, xid) >= (%s, %s::text::xid8)", (epoch, until)
        )
        report.unsealed = (cursor.fetchone() or (0,))[0]


def _check_subject(
    connection: Connection, last: tuple[int, bytes, int, str] | None, subject: str, report: Report
) -> None:
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
            if not merkle.included(leaf, proof.index, last[0], proof.path, last[1]):
                report.add("changed", number, "is not what was sealed")


def _pairs(numbers: Sequence[int], blob: bytes) -> list[Sealed]:
    return [(number, blob[32 * at : 32 * at + 32]) for at, number in enumerate(numbers)]


def _compare_columns(connection: Connection, report: Report) -> None:
    """Find entries whose columns, which serve to search, say something else than their record."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select number from audit.entry"
            " where position(convert_to('\"event\":\"' || event || '\"', 'UTF8') in rec) = 0"
            " or position(convert_to('\"subject\":\"' || subject || '\"}', 'UTF8') in rec) = 0"
            " order by number limit %s",
            (PROBLEMS_MAX,),
        )
        named = {problem.number for problem in report.problems if problem.kind == "changed"}
        for (number,) in cursor.fetchall():
            if number not in named:
                report.add("changed", number, "its columns are not what its record says")


def _tiles(connection: Connection) -> list[tuple[bytes, bytes]]:
    """Return numbers and hashes of the leaves, one tile a row: 40 bytes per entry."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("select numbers, hashes from audit.tile where level = 0 order by index", binary=True)
        return cursor.fetchall()


def _compare_roots(
    connection: Connection, sizes: Sequence[tuple[int, bytes, int, str]], report: Report
) -> None:
    """Compute the root at each checkpoint from the stored leaves and compare it with the signed one."""
    tree, waiting = _Roots(), list(sizes)
    for _, leaves in _tiles(connection):
        rest = leaves
        while waiting and waiting[0][0] <= tree.size + len(rest) // 32:
            cut = (waiting[0][0] - tree.size) * 32
            tree.extend(rest[:cut])
            rest = rest[cut:]
            if tree.root() != waiting[0][1]:
                report.add(
                    "tile", waiting[0][0], "the stored tree does not have the signed root at this size"
                )
            waiting.pop(0)
        tree.extend(rest)
    for size, _, _, _ in waiting:
        report.add("tile", size, "the stored tree is shorter than this checkpoint")
