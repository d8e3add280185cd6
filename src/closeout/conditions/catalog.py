"""The catalogue: every condition read from its ``.sql`` file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Who(StrEnum):
    """Who can end a blocker."""

    HOLDER = "holder"  # with one button
    HOLDER_ELSEWHERE = "holder_elsewhere"
    SUPPORT = "support"
    OPERATOR = "operator"
    NOBODY = "nobody"  # passes by itself


@dataclass(frozen=True)
class Condition:
    """One condition as compliance reads it: texts in both languages and one select."""

    code: str  # name of the file without .sql
    rows: tuple[str, ...]  # requirement ids, for example R-CHK-11
    group: str  # assets, trading, products, links, security, people or data
    met: Mapping[str, str]  # by language: the goal, shown when it holds
    unmet: Mapping[str, str]  # by language: the fact, shown when it does not; {subject}, {amount}, {asset}
    who: Who
    remedy: str | None  # value of venues.base.Remedy
    no_remedy: Mapping[str, str] | None  # by language: why there is none
    reason: Mapping[str, str]  # by language: why the rule exists
    legal_basis: str | None
    longest: str | None  # longest duration, for example "90 days"
    source: str
    sql: str
    reads: Mapping[str, frozenset[str]]  # relation → columns, derived from the select
    faults: tuple[str, ...] = ()  # for a data fault: the relations that it makes unknown


def catalog() -> tuple[Condition, ...]:
    """Return all conditions in the order in which a report lists them; read once per process."""
    raise NotImplementedError
