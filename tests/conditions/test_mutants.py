"""Every mutant of every condition is caught by the boundary grid: 100 %, printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from tests.conditions import hostile, oracle, world
from tests.conditions.mutants import mutants

from closeout.conditions.catalog import Condition, by_code
from closeout.conditions.check import labelled, statement
from closeout.facts import arrow, ddl
from closeout.facts.duck import DuckFacts
from closeout.facts.engine import FactsUnreachable
from closeout.facts.schema import RELATIONS
from closeout.policy import Policy

POLICY = Policy()
TYPED = statement((), present=False) + "\nunion all\n"


@pytest.fixture(scope="module")
def grid() -> tuple[DuckFacts, dict[str, Counter[tuple[Any, ...]]]]:
    facts = hostile.grid(POLICY)
    expected: dict[str, Counter[tuple[Any, ...]]] = {code: Counter() for code in by_code()}
    for row, times in oracle.answers(facts, POLICY, world.NOW).items():
        expected[row[1]][row] = times
    connection = duckdb.connect()  # not DuckFacts.of: there a wrong statement ends the transaction
    connection.execute(f"create view blocker_shape as {ddl.blocker_shape_select()}")
    for name, relation in RELATIONS.items():
        connection.execute(ddl.create_table(relation))
        connection.register("rows", arrow.table(relation, facts[name]))
        connection.execute(f"insert into {name} select * from rows")
    return DuckFacts(connection, world.complete(), frozenset()), expected


@pytest.mark.parametrize("condition", by_code().values(), ids=lambda condition: condition.code)
def test_mutants_are_caught(
    condition: Condition,
    grid: tuple[DuckFacts, dict[str, Counter[tuple[Any, ...]]]],
    record_property: Callable[[str, object], None],
) -> None:
    engine, expected = grid
    survivors, count = [], 0
    for what, sql in mutants(condition.sql):
        answers = _answers(engine, replace(condition, sql=sql))
        count += answers is not None
        if answers == expected[condition.code]:
            survivors.append(f"{what}\n{sql}")
    record_property("mutants", (count - len(survivors), count))
    assert survivors == []
    assert count >= 2
    assert _answers(engine, condition) == expected[condition.code]


def _answers(engine: DuckFacts, condition: Condition) -> Counter[tuple[Any, ...]] | None:
    text = labelled(condition)
    if "as code" not in text:
        text = text.replace("account_id,", f"account_id, '{condition.code}' as code,", 1)
        first, _, rest = condition.sql.partition(",")
        text = f"{first}, '{condition.code}' as code,{rest}"
    try:
        return Counter(engine.rows(TYPED + text, policy=POLICY.row(world.NOW)))
    except FactsUnreachable:
        return None  # a mutant that does not run at all proves nothing and is not counted
