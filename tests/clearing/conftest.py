"""Fixtures of the clearing tests."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, ClassVar

import psycopg
import pytest
from psycopg import sql
from tests.clearing import people

from closeout.clearing.journal import MemoryJournal
from closeout.cluster import databases
from closeout.conditions import check
from closeout.conditions.check import Report
from closeout.facts.duck import DuckFacts
from closeout.facts.engine import Engine, Row
from closeout.facts.schema import Relation
from closeout.policy import Policy
from closeout.venues import paper
from closeout.venues.paper import Paper

REAL_CHECK = check.check


@pytest.fixture
def venue() -> Paper:
    """Return a paper venue with the messy person."""
    return people.messy()


@pytest.fixture
def journal() -> MemoryJournal:
    """Return an empty journal."""
    return MemoryJournal()


@pytest.fixture
def policy() -> Policy:
    """Return the default policy."""
    return Policy()


class Remembered:
    """Facts whose self-check is kept for the next test that meets the same facts: a look costs 0.1 s."""

    kept: ClassVar[dict[object, Mapping[int, Report]]] = {}

    def __init__(self, facts: Mapping[str, Sequence[Relation]], as_of: datetime) -> None:
        self.facts, self.as_of = facts, as_of

    @classmethod
    def of(cls, facts: Mapping[str, Sequence[Relation]], *, as_of: datetime) -> Remembered:
        """Take the place of DuckFacts."""
        return cls(facts, as_of)

    def rows(self, sql: str, *, policy: Mapping[str, object], accounts: Sequence[int]) -> Sequence[Row]:
        """Ask the facts anything."""
        with DuckFacts.of(self.facts, as_of=self.as_of) as engine:
            return engine.rows(sql, policy=policy, accounts=accounts)

    def check(self, policy: Policy, as_of: datetime, accounts: Sequence[int]) -> Mapping[int, Report]:
        """Check for real once, and remember it."""
        key = (repr(self.facts), self.as_of, policy, as_of, tuple(accounts))
        if key not in self.kept:
            with DuckFacts.of(self.facts, as_of=self.as_of) as engine:
                self.kept[key] = REAL_CHECK(engine, policy, as_of=as_of, accounts=accounts)
        return self.kept[key]


def _check(
    engine: Engine, policy: Policy, *, as_of: datetime, accounts: Sequence[int]
) -> Mapping[int, Report]:
    if isinstance(engine, Remembered):
        return engine.check(policy, as_of, accounts)
    return REAL_CHECK(engine, policy, as_of=as_of, accounts=accounts)


@pytest.fixture(autouse=True)
def _remember_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "DuckFacts", Remembered)
    monkeypatch.setattr(check, "check", _check)


@pytest.fixture
def copy_of(cluster_url: str) -> Callable[[str], AbstractContextManager[str]]:
    """Return how a database is copied; the copy is dropped afterwards."""
    numbers = itertools.count(1)

    @contextmanager
    def copied(url: str) -> Iterator[str]:
        template = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        name = f"copy{os.getpid()}_{next(numbers)}"
        with databases.connect(cluster_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(str(template))
                )
            )
            yield databases.with_name(cluster_url, name)
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    return copied


@pytest.fixture
def clone_with_cases(
    cluster_url: str,
    case_template: str,
    copy_of: Callable[[str], AbstractContextManager[str]],
    django_db_blocker: Any,
) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Return how a database is made that has the tables of the case file beside the core's."""
    with django_db_blocker.unblock():
        yield lambda: copy_of(databases.with_name(cluster_url, case_template))
