"""Every condition's cases, written as data beside this file, on every engine (R-CHK-1 to R-CHK-17)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conditions import world

from closeout.conditions.catalog import by_code, catalog, data_faults
from closeout.conditions.check import Blocker, Report, Result, check
from closeout.facts.schema import RELATIONS
from closeout.policy import Policy

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One case of one file; each case is an account of its own, so that one query answers them all."""

    account_id: int
    code: str
    case: Mapping[str, Any]


def _cases() -> list[Case]:
    found = []
    for path in sorted([*HERE.glob("*.toml"), *HERE.glob("faults/*.toml")]):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            found.append(Case(len(found) + 1, path.stem, case))
    return found


CASES = _cases()


def facts_of_all() -> world.Facts:
    """Return the facts of all cases together: a clean account, with the case's own relations instead."""
    facts: world.Facts = {name: [] for name in RELATIONS}
    for case in CASES:
        for name, rows in world.clean(case.account_id).items():
            given = case.case.get(name)
            facts[name] += (
                rows if given is None else [world.row(name, case.account_id, **one) for one in given]
            )
    return facts


@pytest.fixture(scope="module")
def reports(cluster_url: str) -> Mapping[str, Mapping[int, Report]]:
    """The reports of all cases, by engine."""
    facts, numbers = facts_of_all(), [case.account_id for case in CASES]
    with psycopg.connect(cluster_url) as connection, world.in_duck(facts) as duck:
        engines = {"duckdb": duck, "postgres": world.in_postgres(connection, facts)}
        found = {
            name: check(engine, Policy(), as_of=world.NOW, accounts=numbers)
            for name, engine in engines.items()
        }
        connection.rollback()
    return found


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}: {case.case['name']}")
def test_case(case: Case, engine: str, reports: Mapping[str, Mapping[int, Report]]) -> None:
    report = reports[engine][case.account_id]
    if "blockers" in case.case:
        finding = next(one for one in report.findings if one.condition.code == case.code)
        assert sorted(finding.blockers, key=repr) == sorted(_expected(case, "blockers"), key=repr)
        assert finding.result is (Result.BLOCKED if finding.blockers else Result.CLEAR)
    else:
        _assert_fault(case, report)


def _assert_fault(case: Case, report: Report) -> None:
    expected = _expected(case, "evidence")
    doubted = [one for one in report.findings if one.fault == case.code]
    assert bool(doubted) == bool(expected)
    for finding in doubted:
        assert list(finding.evidence) == expected
        assert finding.blockers == ()
        assert finding.result is Result.UNKNOWN
    for finding in report.findings:
        if expected and finding.condition.reads.keys() & set(by_code()[case.code].faults):
            assert finding.result is Result.UNKNOWN


def _expected(case: Case, key: str) -> list[Blocker]:
    return [
        Blocker(
            case.code,
            case.account_id,
            one.get("subject"),
            one.get("item"),
            one.get("asset"),
            Decimal(one["amount"]) if "amount" in one else None,
            _moment(one.get("clears_at")),
        )
        for one in case.case[key]
    ]


def _moment(value: datetime | None) -> datetime | None:
    return value


def test_every_condition_has_a_case_that_blocks_and_one_that_does_not() -> None:
    """A condition without both was never seen to decide anything."""
    for condition in (*catalog(), *data_faults()):
        expected = [
            bool(case.case.get("blockers", case.case.get("evidence")))
            for case in CASES
            if case.code == condition.code
        ]
        assert set(expected) == {True, False}, condition.code


def test_every_file_of_cases_belongs_to_a_condition() -> None:
    assert {case.code for case in CASES} == by_code().keys()
