"""Screening on DuckDB in buckets: ranges of accounts, each a unit of work that any process can take.

A bucket's files are read once per relation: rows that can block anything (``Condition.implied``) are kept,
and each condition's own text is asked of what was kept. Memory depends on the bucket, not on the population.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from closeout.conditions.catalog import Condition, catalog, data_faults
from closeout.conditions.check import labelled
from closeout.facts.ddl import blocker_shape_select
from closeout.facts.duck import bounded, file_list, set_policy
from closeout.facts.engine import Row
from closeout.facts.parquet import Folder
from closeout.facts.schema import RELATIONS, columns

SIZE = 250_000  # accounts in a bucket; keeps the peak below 256 MB
# A row of ``account`` for nearly every account: these are asked of the files themselves.
WIDE = frozenset({"identity_missing"})
_POLICY = re.compile(r"\bp\.(\w+)")
COLUMNS = "account_id, code, subject, item, asset, amount, clears_at"
# Both find accounts whose rows in ``identity`` are not exactly one. If the main accounts and the rows are the
# same multiset, neither finds any; three sums over hashes of both tell that much sooner than a join.
ONE_EACH = frozenset({"identity_missing", "identity_duplicate"})
MAIN = {"account": "r.parent_id is null", "identity": "true"}
FINGERPRINT = ("count(*)", "sum(hash(r.account_id)::hugeint)", "bit_xor(hash(r.account_id))")


@dataclass(frozen=True)
class Bucket:
    """Accounts from ``least`` to ``most``, both included."""

    number: int
    least: int
    most: int


def split(folder: Folder) -> list[Bucket]:
    """Divide the accounts of ``folder`` into ranges of about SIZE accounts; reads account ids only.

    Files that already hold separate ranges are the buckets; otherwise a sample of the ids says where to cut.
    """
    size = SIZE
    spans = sorted(folder.ranges[path] for path in folder.files["account"] if path in folder.ranges)
    if not spans:
        return []
    least = min(folder.ranges.values())[0]
    most = max(span[1] for span in folder.ranges.values())
    apart = all(one[1] < other[0] for one, other in pairwise(spans))
    fits = apart and folder.accounts <= len(spans) * size
    cuts = [span[0] for span in spans[1:]] if fits else _cuts(folder, size)
    edges = [least, *sorted({cut for cut in cuts if least < cut <= most}), most + 1]
    return [Bucket(n, low, high - 1) for n, (low, high) in enumerate(pairwise(edges))]


def _cuts(folder: Folder, size: int) -> list[int]:
    many = -(-folder.accounts // size)
    if many == 1:
        return []
    shares = ", ".join(str(share / many) for share in range(1, many))
    with bounded("160MB") as connection:
        row = connection.execute(
            f"select quantile_disc(account_id, [{shares}]) from read_parquet({file_list(folder.files['account'])}) "
            f"using sample {max(100_000, many * 1000)} rows"
        ).fetchall()
    return [int(cut) for cut in row[0][0]]


class Screen:
    """One connection that screens bucket after bucket of a folder under one policy."""

    def __init__(
        self, folder: Folder, policy_row: Mapping[str, object], *, memory: str = "160MB", threads: int = 2
    ) -> None:
        self.folder = folder
        self._open_until_closed = ExitStack()
        self.connection = self._open_until_closed.enter_context(bounded(memory, threads=threads))
        self.connection.execute("set preserve_insertion_order = false; set parquet_metadata_cache = true")
        self.connection.execute(f"create view blocker_shape as {blocker_shape_select()}")
        set_policy(self.connection, policy_row)
        self._policy = {name: f"timestamp '{moment}'" for name, moment in policy_row.items()}
        self._kept: dict[str, str] = {}  # condition → the table of its rows
        self.conditions = tuple(
            one for one in (*catalog(), *data_faults()) if one.reads.keys() <= folder.files.keys()
        )

    def close(self) -> None:
        """Give the memory back."""
        self._open_until_closed.close()

    def counts(self, bucket: Bucket) -> dict[str, int]:
        """Count the rows of each condition and data fault, doubted or not, without writing any."""
        self._open(bucket)
        found: dict[str, int] = {}
        prints = {}
        for relation, conditions in self._by_relation():
            alone = [one for one in conditions if one.where is not None]
            tied = [one for one in conditions if self._is_few(one)]
            cells = [
                f"count(*) filter (where {self._literal(one.where or '')}) as c{n}"
                for n, one in enumerate(alone)
            ]
            if relation in MAIN:
                cells += [
                    f"{cell} filter (where {MAIN[relation]}) as f{n}" for n, cell in enumerate(FINGERPRINT)
                ]
            lists = [
                f"list({_cell(one)}) filter (where {self._literal(one.implied)}) as l{n}"
                for n, one in enumerate(tied)
            ]
            row = self._tally(relation, cells, lists)
            found |= {one.code: count for one, count in zip(alone, row, strict=False)}
            prints[relation] = row[len(alone) :]
            for number, one in enumerate(tied):
                found[one.code] = self._count(f"with {relation} as ({_listed(one, number)}) {one.sql}")
        if {"account", "identity"} <= self.folder.files.keys() and prints["account"] == prints["identity"]:
            found |= dict.fromkeys(ONE_EACH, 0)
        return found | {one.code: self._count(one.sql) for one in self.conditions if one.code not in found}

    def _tally(self, relation: str, cells: Sequence[str], lists: Sequence[str]) -> Row:
        """Return ``cells`` over all rows of ``relation`` and leave ``lists`` in the table ``tally``: one pass."""
        if not cells and not lists:
            return ()
        select = f"select {', '.join([*cells, *lists])} from {relation} as r"
        if lists:
            self.connection.execute(f"create or replace temp table tally as {select}")
            select = f"select {', '.join(cell.rpartition(' as ')[2] for cell in cells) or '0'} from tally"
        return self.connection.execute(select).fetchall()[0]

    def _count(self, sql: str) -> int:
        return int(self.connection.execute(f"select count(*) from ({sql})").fetchall()[0][0])

    @staticmethod
    def _is_few(condition: Condition) -> bool:
        """Say whether few rows can block at all, and other rows have a say in it."""
        return condition.where is None and condition.implied != "true" and condition.code not in WIDE

    def write(self, bucket: Bucket, path: Path) -> None:
        """Write every blocker and every row of a data fault of ``bucket`` to a Parquet file."""
        self._open(bucket)
        self._keep()
        skipped = self._settled()
        asked = [one for one in self.conditions if one.code not in skipped]
        doubted = self._doubt([one for one in asked if one.faults])
        parts = [self._shape()]
        parts += [self._branch(one, doubted) for one in asked if not one.faults]
        parts.append(f"select {COLUMNS} from doubt_row")
        union = "\nunion all\n".join(parts)
        self.connection.execute(f"copy ({union}) to '{path}' (format parquet, compression snappy)")

    def _open(self, bucket: Bucket) -> None:
        for name in RELATIONS:
            paths = self.folder.reading(name, bucket.least, bucket.most)
            if paths:
                whole = all(
                    bucket.least <= self.folder.ranges[path][0] and self.folder.ranges[path][1] <= bucket.most
                    for path in paths
                )
                where = "" if whole else f" where account_id between {bucket.least} and {bucket.most}"
                text = f"select * from read_parquet({file_list(paths)}){where}"
            else:
                cells = ", ".join(
                    f"cast(null as {one.type}) as {one.name}" for one in columns(RELATIONS[name])
                )
                text = f"select {cells} where false"
            self.connection.execute(f"create or replace temp view {name} as {text}")

    def _by_relation(self) -> Iterator[tuple[str, list[Condition]]]:
        for relation in RELATIONS:
            conditions = [one for one in self.conditions if one.drives == relation]
            if conditions:
                yield relation, conditions

    def _keep(self) -> None:
        """Keep, per relation, the rows that can block anything, each with what every condition says of it."""
        self._kept = {}
        for relation, conditions in self._by_relation():
            asked = [one for one in conditions if self._is_kept(one)]
            if asked and all(one.implied != "true" for one in asked):
                wanted = sorted({f"r.{name}" for one in asked for name in one.reads[relation]})
                said = [f"{self._literal(one.implied)} as is_{one.code}" for one in asked]
                can = " or ".join(dict.fromkeys(f"({self._literal(one.implied)})" for one in asked))
                self.connection.execute(
                    f"create or replace temp table kept_{relation} as "
                    f"select {', '.join([*wanted, *said])} from {relation} as r where {can}"
                )
                self._kept |= {one.code: f"kept_{relation}" for one in asked}

    def _literal(self, text: str) -> str:
        """Put the policy's values into a predicate: a scan can compare with them, a join cannot."""
        return _POLICY.sub(lambda found: self._policy[found[1]], text)

    @staticmethod
    def _is_kept(condition: Condition) -> bool:
        others = condition.reads.keys() - {condition.drives, "policy"}
        return condition.code not in WIDE and not (
            condition.where is None and condition.implied == "true" and others
        )

    def _asked_of(self, condition: Condition) -> str:
        """Return the condition's own text, asked of the rows that were kept for it.

        What one row decides was decided when the row was kept: the text is asked without its predicate.
        """
        text = labelled(condition)
        if condition.code not in self._kept:
            return text
        rows = f"select * from {self._kept[condition.code]} where is_{condition.code}"
        if condition.where is not None:
            text, found, _ = text.partition("\nwhere")
            assert found
        return f"(with {condition.drives} as ({rows}) {text})"

    def _settled(self) -> frozenset[str]:
        """Return the conditions that certainly find nothing in this bucket."""
        if not {"account", "identity"} <= self.folder.files.keys():
            return frozenset()
        main, there = (
            self.connection.execute(
                f"select {', '.join(FINGERPRINT)} from {name} as r where {rows}"
            ).fetchall()
            for name, rows in MAIN.items()
        )
        return ONE_EACH if main == there else frozenset()

    def _doubt(self, faults: Sequence[Condition]) -> frozenset[str]:
        """Collect the rows of data faults and return the relations that they make unknown for some account."""
        union = "\nunion all\n".join([self._shape(), *(self._asked_of(one) for one in faults)])
        self.connection.execute(f"create or replace temp table doubt_row as {union}")
        codes = {
            code for (code,) in self.connection.execute("select distinct code from doubt_row").fetchall()
        }
        pairs = [(one.code, relation) for one in faults if one.code in codes for relation in one.faults]
        listed = ", ".join(f"('{code}', '{relation}')" for code, relation in pairs) or "(null, null)"
        self.connection.execute(
            "create or replace temp table doubt as select distinct d.account_id, m.relation from doubt_row as d "
            f"inner join (values {listed}) as m(code, relation) on d.code = m.code"
        )
        return frozenset(relation for _, relation in pairs)

    def _branch(self, condition: Condition, doubted: frozenset[str]) -> str:
        text = self._asked_of(condition)
        touched = sorted(condition.reads.keys() & doubted)
        if not touched:
            return f"select {COLUMNS} from ({text})"
        listed = ", ".join(f"'{relation}'" for relation in touched)
        return (
            f"select {COLUMNS} from ({text}) where account_id not in "
            f"(select account_id from doubt where relation in ({listed}))"
        )

    @staticmethod
    def _shape() -> str:
        return "select account_id, '' as code, subject, item, asset, amount, clears_at from blocker_shape"


def _decisive(condition: Condition) -> set[str]:
    return {"account_id", *re.findall(r"\br\.(\w+)", condition.implied)}


def _cell(condition: Condition) -> str:
    """Return the columns of a row that take part in the decision, as one value."""
    return "{" + ", ".join(f"'{name}': r.{name}" for name in sorted(_decisive(condition))) + "}"


def _listed(condition: Condition, number: int) -> str:
    """Return the rows that were listed in the tally as a relation; columns that decide nothing are null."""
    decisive = _decisive(condition)
    cells = [
        f"u.{one.name}" if one.name in decisive else f"cast(null as {one.type}) as {one.name}"
        for one in columns(RELATIONS[condition.drives])
    ]
    return f"select {', '.join(cells)} from (select unnest(l{number}) as u from tally)"
