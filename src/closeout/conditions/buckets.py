"""Screening on DuckDB in buckets: ranges of accounts, each a unit of work that any process can take.

A bucket's files are read once per relation, for all conditions that look at one row (``branches``); the few
others get their own text, asked of the rows that can matter. Memory depends on the bucket, not on the population.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from closeout.conditions.branches import CODE, COLUMNS, branch, decides, literal
from closeout.conditions.catalog import Condition, by_code, catalog, data_faults
from closeout.facts.ddl import blocker_shape_select
from closeout.facts.duck import bounded, file_list, set_policy
from closeout.facts.engine import Row
from closeout.facts.parquet import Folder
from closeout.facts.schema import RELATIONS, columns

SIZE = 500_000  # accounts in a bucket; keeps the peak below 256 MB
# Finds accounts with more than one row in the relation; see Screen._proven.
ONE_EACH = {"identity_duplicate": "identity"}
# Three sums over hashes say that two relations hold the same accounts much sooner than a join.
FINGERPRINT = ("count(*)", "sum(hash(r.account_id)::hugeint)", "bit_xor(hash(r.account_id))")
# Version 2 writes numbers as differences, which is small enough: packing costs a sixth of the whole union. Long
# dictionaries are given up early: an item is a number that stands there once.
FORMAT = "format parquet, parquet_version v2, compression uncompressed, dictionary_size_limit 1000"


@dataclass(frozen=True)
class Bucket:
    """Accounts from ``least`` to ``most``, both included."""

    number: int
    least: int
    most: int


def split(folder: Folder, *, size: int | None = None) -> list[Bucket]:
    """Divide the accounts of ``folder`` into ranges of about ``size`` (SIZE) accounts; reads account ids only.

    Files that already hold separate ranges are put together to buckets; otherwise a sample of the ids says where
    to cut.
    """
    size = size or SIZE
    spans = sorted(folder.ranges[path] for path in folder.files["account"] if path in folder.ranges)
    if not spans:
        return []
    least = min(folder.ranges.values())[0]
    most = max(span[1] for span in folder.ranges.values())
    apart = all(one[1] < other[0] for one, other in pairwise(spans))
    fits = apart and folder.accounts <= len(spans) * size
    several = max(1, size * len(spans) // folder.accounts)  # files in a bucket
    cuts = [span[0] for span in spans[several::several]] if fits else _cuts(folder, size)
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
        codes = ", ".join(f"'{code}'" for code in by_code())
        self.connection.execute(f"create type {CODE} as enum ({codes})")
        self.connection.execute(f"create view blocker_shape as {blocker_shape_select()}")
        set_policy(self.connection, policy_row)
        self._policy = policy_row
        self.conditions = tuple(
            one for one in (*catalog(), *data_faults()) if one.reads.keys() <= folder.files.keys()
        )

    def close(self) -> None:
        """Give the memory back."""
        self._open_until_closed.close()

    def counts(self, bucket: Bucket) -> dict[str, int]:
        """Count the rows of each condition and data fault, doubted or not, without writing any."""
        found = {one.code: 0 for one in self.conditions}
        hoped = frozenset(one.lacks.relation for one in self.conditions if one.lacks)
        alone = dict(self._alone(bucket, self._given(hoped)))
        prints: dict[tuple[str, str], Row] = {}
        for relation in RELATIONS:
            asked, roles = alone.get(relation, []), self._roles(relation)
            tied = [one for one in self.conditions if one.drives == relation and self._is_few(one)]
            if asked or roles or tied:
                cells = [f"count_if({decision})" for _, decision in asked]
                lists = [
                    f"list({_cell(one)}) filter (where {literal(one.implied, self._policy)}) as l{n}"
                    for n, one in enumerate(tied)
                ]
                row = self._tally(self._runs(relation, bucket), [*cells, *_printed(roles)], lists)
                found |= {one.code: count for (one, _), count in zip(asked, row, strict=False)}
                prints |= _by_role(roles, row[len(cells) :])
                for number, one in enumerate(tied):
                    text = self._text(one, bucket, kept={relation: _listed(one, number)})
                    found[one.code] = self._count(text)
        proven = self._same(prints)
        for one in self._given(proven):
            if one.where is None and not self._is_few(one) and not self._is_settled(one, proven):
                found[one.code] = self._count(self._text(one, bucket))
        return found

    def write(self, bucket: Bucket, path: Path) -> None:
        """Write every blocker and every row of a data fault of ``bucket`` to a Parquet file."""
        proven = self._proven(bucket)
        doubted = self._doubt(bucket, proven)
        sound = [one for one in self._given(proven) if not one.faults]
        parts = [self._shape(), f"select {COLUMNS} from doubt_row"]
        for relation, asked in self._alone(bucket, sound):
            source = self._source(relation, bucket)
            for reads in {frozenset(one.reads) for one, _ in asked}:
                alike = [(one, decision) for one, decision in asked if frozenset(one.reads) == reads]
                parts.append(self._sure(f"({branch(source, alike, self._policy)})", reads, doubted))
        parts += [
            self._sure(f"({self._coded(one, bucket)})", one.reads.keys(), doubted)
            for one in sound
            if one.where is None and not self._is_settled(one, proven)
        ]
        union = "\nunion all\n".join(parts)
        self.connection.execute(f"copy ({union}) to '{path}' ({FORMAT})")

    def _source(self, relation: str, bucket: Bucket) -> str:
        """Return the rows of ``relation`` in ``bucket`` as a select."""
        paths = self.folder.reading(relation, bucket.least, bucket.most)
        if not paths:
            kinds = columns(RELATIONS[relation])
            return (
                f"select {', '.join(f'cast(null as {one.type}) as {one.name}' for one in kinds)} where false"
            )
        whole = all(
            bucket.least <= self.folder.ranges[path][0] and self.folder.ranges[path][1] <= bucket.most
            for path in paths
        )
        where = "" if whole else f" where account_id between {bucket.least} and {bucket.most}"
        return f"select * from read_parquet({file_list(paths)}){where}"

    def _alone(
        self, bucket: Bucket, conditions: Sequence[Condition]
    ) -> Iterator[tuple[str, list[tuple[Condition, str]]]]:
        """Yield each relation with the conditions that one of its rows decides, and what decides.

        Left out is what cannot block in this bucket: no files, or their footers rule it out.
        """
        for relation in RELATIONS:
            paths = self.folder.reading(relation, bucket.least, bucket.most)
            bounds = [self.folder.bounds.get(path, {}) for path in paths]
            asked = [
                (one, decides(one, bounds, self._policy))
                for one in conditions
                if paths and one.drives == relation and one.where is not None
            ]
            asked = [(one, decision) for one, decision in asked if decision != "false"]
            if asked:
                yield relation, asked

    def _tally(self, source: str, cells: Sequence[str], lists: Sequence[str]) -> Row:
        """Return ``cells`` over all rows of ``source`` and leave ``lists`` in the table ``tally``: one pass."""
        named = [f"{cell} as c{n}" for n, cell in enumerate(cells)]
        select = f"select {', '.join([*named, *lists])} from ({source}) as r"
        if lists:
            self.connection.execute(f"create or replace temp table tally as {select}")
            select = f"select {', '.join(f'c{n}' for n in range(len(cells)))} from tally"
        return self.connection.execute(select).fetchall()[0] if cells else ()

    def _count(self, sql: str) -> int:
        return int(self.connection.execute(f"select count(*) from ({sql})").fetchall()[0][0])

    @staticmethod
    def _is_few(condition: Condition) -> bool:
        """Say whether few rows can block at all, and other rows have a say in it."""
        return condition.where is None and condition.implied != "true" and condition.lacks is None

    def _proven(self, bucket: Bucket) -> frozenset[str]:
        """Return the relations with a row for each account that must have one, and for no other account.

        For one in ONE_EACH that is exactly one row. A false answer only costs a join. Rows of an account that
        lie apart in the files count as two accounts, so that the answer is false then.
        """
        prints: dict[tuple[str, str], Row] = {}
        for relation in RELATIONS:
            roles = self._roles(relation)
            if roles:
                prints |= _by_role(roles, self._tally(self._runs(relation, bucket), _printed(roles), []))
        return self._same(prints)

    def _roles(self, relation: str) -> list[tuple[str, str]]:
        """Return which rows of ``relation`` are compared with those of another one, as relation and predicate."""
        found = [(one.drives, one.lacks.of) for one in self.conditions if one.lacks]
        found += [(one.lacks.relation, _first(one.lacks.relation)) for one in self.conditions if one.lacks]
        return sorted({role for role in found if role[0] == relation})

    def _runs(self, relation: str, bucket: Bucket) -> str:
        """Return the rows of ``relation``, each with whether it is the first one of its account, if that is asked."""
        source = self._source(relation, bucket)
        if (relation, "first") not in self._roles(relation):
            return source
        return f"select *, account_id is distinct from lag(account_id) over () as first from ({source})"

    def _given(self, proven: frozenset[str]) -> list[Condition]:
        """Return the conditions; where every account has its row in ``proven``, that row alone decides."""
        return [
            replace(
                one, drives=one.lacks.relation, where=one.lacks.otherwise, terms=((one.lacks.otherwise,),),
                yields=one.lacks.yields, lacks=None,
            )
            if one.lacks and one.lacks.relation in proven and one.lacks.otherwise and one.lacks.yields
            else one
            for one in self.conditions
        ]  # fmt: skip

    def _same(self, prints: Mapping[tuple[str, str], Row]) -> frozenset[str]:
        return frozenset(
            one.lacks.relation
            for one in self.conditions
            if one.lacks
            and prints[one.drives, one.lacks.of] == prints[one.lacks.relation, _first(one.lacks.relation)]
        )

    @staticmethod
    def _is_settled(condition: Condition, proven: frozenset[str]) -> bool:
        """Say whether ``condition`` certainly finds nothing."""
        lacks = condition.lacks
        if lacks is not None:
            return lacks.relation in proven and lacks.otherwise is None
        return ONE_EACH.get(condition.code) in proven

    def _text(self, condition: Condition, bucket: Bucket, *, kept: Mapping[str, str] | None = None) -> str:
        """Return the condition's own text, asked of the rows of ``bucket`` that can matter for it.

        ``kept``: rows by relation, if they are at hand.
        """
        rows = {name: self._source(name, bucket) for name in condition.reads} | dict(kept or {})
        if condition.drives not in (kept or {}):
            decision = literal(condition.implied, self._policy)
            rows[condition.drives] = f"select * from ({rows[condition.drives]}) as r where {decision}"
        return f"with {', '.join(f'{name} as ({rows[name]})' for name in rows)} {condition.sql}"

    def _coded(self, condition: Condition, bucket: Bucket) -> str:
        columns_ = COLUMNS.replace("code", f"'{condition.code}'::{CODE} as code", 1)
        return f"select {columns_} from ({self._text(condition, bucket)})"

    def _doubt(self, bucket: Bucket, proven: frozenset[str]) -> frozenset[str]:
        """Collect the rows of data faults and return the relations that they make unknown for some account."""
        faults = [one for one in self._given(proven) if one.faults]
        parts = [
            branch(self._source(relation, bucket), asked, self._policy)
            for relation, asked in self._alone(bucket, faults)
        ]
        parts += [
            self._coded(one, bucket)
            for one in faults
            if one.where is None and not self._is_settled(one, proven)
        ]
        union = "\nunion all\n".join([self._shape(), *(f"select {COLUMNS} from ({one})" for one in parts)])
        self.connection.execute(f"create or replace temp table doubt_row as {union}")
        codes = {
            code for (code,) in self.connection.execute("select distinct code from doubt_row").fetchall()
        }
        pairs = [(one.code, relation) for one in faults if one.code in codes for relation in one.faults]
        listed = ", ".join(f"('{code}', '{relation}')" for code, relation in pairs) or "(null, null)"
        self.connection.execute(
            "create or replace temp table doubt as select distinct d.account_id, m.relation from doubt_row as d "
            f"inner join (values {listed}) as m(code, relation) on d.code = m.code::{CODE}"
        )
        return frozenset(relation for _, relation in pairs)

    @staticmethod
    def _sure(rows: str, reads: Iterable[str], doubted: frozenset[str]) -> str:
        """Return ``rows`` without the accounts of which a data fault doubts what was read."""
        touched = sorted(doubted.intersection(reads))
        if not touched:
            return f"select {COLUMNS} from {rows}"
        listed = ", ".join(f"'{relation}'" for relation in touched)
        return (
            f"select {COLUMNS} from {rows} as b anti join "
            f"(select account_id from doubt where relation in ({listed})) as d on b.account_id = d.account_id"
        )

    @staticmethod
    def _shape() -> str:
        return f"select account_id, null::{CODE} as code, {COLUMNS.partition('code, ')[2]} from blocker_shape"


def _first(relation: str) -> str:
    """Return the predicate of one row for each account."""
    return "true" if relation in ONE_EACH.values() else "first"


def _printed(roles: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{part} filter (where {which})" for _, which in roles for part in FINGERPRINT]


def _by_role(roles: Sequence[tuple[str, str]], row: Row) -> dict[tuple[str, str], Row]:
    wide = len(FINGERPRINT)
    return {role: row[n * wide : (n + 1) * wide] for n, role in enumerate(roles)}


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
