"""The self-check: facts in, blockers out, for one account or for all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from closeout.conditions.catalog import Condition, by_code, catalog, data_faults
from closeout.facts.engine import Engine, KnowsEmpty, Row
from closeout.facts.schema import RELATIONS, Source
from closeout.policy import Policy

PRESENT = "account"  # the code of the row that says: this account is known
_SHAPE = """select s.account_id, '' as code, s.subject, s.item, s.asset, s.amount, s.clears_at
from blocker_shape as s"""
_PRESENT = f"""select
    a.account_id, '{PRESENT}' as code, null as subject, null as item, null as asset, null as amount,
    null as clears_at
from account as a"""
_FIRST_COLUMN = re.compile(r"\Aselect\s+(?P<account_id>\w+\.account_id),")


class Result(StrEnum):
    """Three results, never two (R-CHK-17)."""

    CLEAR = "clear"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Blocker:
    """One thing that stands in the way of closing one account."""

    code: str
    account_id: int
    subject: str | None  # what or where it is: a wallet, an instrument, a kind of event
    item: str | None  # the venue's number of it, for the remedy
    asset: str | None
    amount: Decimal | None
    clears_at: datetime | None  # naive UTC; when it ends by itself


@dataclass(frozen=True)
class Finding:
    """One condition applied to one account."""

    condition: Condition
    result: Result
    blockers: tuple[Blocker, ...] = ()
    fault: str | None = None  # when unknown: failed, stale, partial, missing, or the code of a data fault
    fault_relation: str | None = None
    # Why it is unknown: the rows of a data fault in full, or what a partial source did show. Never to be cleared.
    evidence: tuple[Blocker, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The self-check of one account: every condition, in the order of the catalogue."""

    account_id: int
    as_of: datetime
    findings: tuple[Finding, ...]

    @property
    def result(self) -> Result:
        """Blocked if anything blocks; otherwise unknown if anything is unknown; otherwise clear."""
        results = {finding.result for finding in self.findings}
        for worst in (Result.BLOCKED, Result.UNKNOWN):
            if worst in results:
                return worst
        return Result.CLEAR

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """Every blocker of every condition."""
        return tuple(blocker for finding in self.findings for blocker in finding.blockers)


def check(
    engine: Engine, policy: Policy, *, as_of: datetime, accounts: Sequence[int]
) -> Mapping[int, Report]:
    """Check ``accounts`` in one query and return a report for each of them.

    An account without a row in the relation ``account`` is not a known account: it is left out of the
    answer; when ``account`` itself cannot be read, every account is answered as unknown. A finding that is
    unknown has no blockers: what cannot be trusted is not acted upon; what a partial source did show is kept
    as evidence. ``as_of``: naive UTC.
    Raises: FactsUnreachable.
    """
    if not accounts:
        return {}
    row = policy.row(as_of)
    unreadable = unreadable_relations(engine.sources(), row)
    empty = engine.empty() if isinstance(engine, KnowsEmpty) else frozenset()
    asked = tuple(
        condition.code
        for condition in (*catalog(), *data_faults())
        if _can_be_asked(condition, unreadable) and condition.drives not in empty
    )
    present = PRESENT not in unreadable
    answered: dict[int, dict[str, list[Blocker]]] = {} if present else {number: {} for number in accounts}
    for found in engine.rows(statement(asked, present=present), policy=row, accounts=accounts):
        rows = answered.setdefault(found[0], {}).setdefault(found[1], [])
        if found[1] != PRESENT:
            rows.append(_blocker(found))
    said_of_all = {PRESENT} if present else set()
    clean = findings({}, unreadable)  # the same for every account of which nothing but its presence was said
    return {
        number: Report(
            number,
            as_of,
            clean if answered[number].keys() == said_of_all else findings(answered[number], unreadable),
        )
        for number in dict.fromkeys(accounts)
        if number in answered and (not present or PRESENT in answered[number])
    }


def _can_be_asked(condition: Condition, unreadable: Mapping[str, str]) -> bool:
    """Say whether the rows mean something: of a partial source only those that need no other row to block."""
    touched = condition.reads.keys() & unreadable.keys()
    if not touched:
        return True
    return condition.where is not None and not condition.faults and unreadable[condition.drives] == "partial"


@lru_cache(maxsize=256)
def statement(codes: tuple[str, ...], *, present: bool) -> str:
    """Return one select: the conditions of ``codes``, each with its code as a literal beside its own text.

    ``present`` adds one row per known account with the code :data:`PRESENT`. The empty ``blocker_shape``
    comes first and gives the columns their types.
    """
    parts = [_SHAPE, _PRESENT] if present else [_SHAPE]
    parts += [labelled(by_code()[code]) for code in codes]
    return "\nunion all\n".join(parts)


def labelled(condition: Condition) -> str:
    """Return the condition's own text with its code as second column."""
    begun = rf"select\n    \g<account_id>,\n    '{condition.code}' as code,"
    return _FIRST_COLUMN.sub(begun, condition.sql, count=1)


def unreadable_relations(
    sources: Mapping[str, Source], policy_row: Mapping[str, object]
) -> Mapping[str, str]:
    """Return the relations that decide nothing now, with the reason (R-CHK-17).

    ``missing`` was not fetched, ``failed`` and ``partial`` say so themselves, ``stale`` is older than the
    policy allows or has no time at all, ``skewed`` lies in the future by more than the same span.
    """
    as_of, cutoff = policy_row["as_of"], policy_row["stale_cutoff_at"]
    assert isinstance(as_of, datetime)
    assert isinstance(cutoff, datetime)
    found = {}
    for relation in RELATIONS:
        source = sources.get(relation)
        if source is None:
            found[relation] = "missing"
        elif source.state != "complete":
            found[relation] = "partial" if source.state == "partial" else "failed"
        elif source.as_of is None or source.as_of < cutoff:
            found[relation] = "stale"
        elif source.as_of > as_of + (as_of - cutoff):
            found[relation] = "skewed"
    return found


def findings(answered: Mapping[str, Sequence[Blocker]], unreadable: Mapping[str, str]) -> tuple[Finding, ...]:
    """Judge every condition from the rows of one account, by code."""
    doubted: dict[str, list[str]] = {}
    for fault in data_faults():
        if fault.code in answered:
            for relation in fault.faults:
                doubted.setdefault(relation, []).append(fault.code)
    return tuple(_finding(condition, answered, unreadable, doubted) for condition in catalog())


def _finding(
    condition: Condition,
    answered: Mapping[str, Sequence[Blocker]],
    unreadable: Mapping[str, str],
    doubted: Mapping[str, Sequence[str]],
) -> Finding:
    for relation in sorted(condition.reads):
        if relation in unreadable:
            shown = tuple(_sorted(answered.get(condition.code, ())))
            fault = unreadable[relation]
            return Finding(condition, Result.UNKNOWN, fault=fault, fault_relation=relation, evidence=shown)
    for relation in sorted(condition.reads):
        if relation in doubted:
            codes = doubted[relation]
            rows = tuple(row for code in codes for row in _sorted(answered[code]))
            return Finding(condition, Result.UNKNOWN, fault=codes[0], fault_relation=relation, evidence=rows)
    blockers = tuple(_sorted(answered.get(condition.code, ())))
    return Finding(condition, Result.BLOCKED if blockers else Result.CLEAR, blockers)


def _blocker(row: Row) -> Blocker:
    account_id, code, subject, item, asset, amount, clears_at = row
    return Blocker(code, account_id, subject, item, asset, amount, clears_at)


def _sorted(blockers: Sequence[Blocker]) -> Iterator[Blocker]:
    yield from sorted(
        blockers,
        key=lambda one: (
            one.subject or "", one.asset or "", one.item or "", one.amount or 0, str(one.clears_at or ""),
        ),
    )  # fmt: skip
