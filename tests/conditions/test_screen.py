"""Screening: the same answer for everybody as for each one, and bad input named precisely (R-CHK-20, R-OPS-2)."""

from __future__ import annotations

import html
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tests.conditions import hostile, world

from closeout.commands.screen import population as population_command
from closeout.commands.screen import screen as screen_command
from closeout.conditions import buckets, page, screen
from closeout.conditions.catalog import by_code, catalog, data_faults
from closeout.conditions.check import Result, check
from closeout.facts import arrow, parquet, population
from closeout.facts.duck import DuckFacts
from closeout.facts.schema import RELATIONS, Source
from closeout.policy import Policy

POLICY = Policy()
AT = datetime(2026, 11, 22)


def written(facts: world.Facts, folder: Path, *, parts: int = 1) -> Path:
    for name, relation in RELATIONS.items():
        (folder / name).mkdir(parents=True)
        rows = facts[name]
        for part in range(parts):
            table = arrow.table(relation, rows[part::parts])
            pq.write_table(table, folder / name / f"part-{part}.parquet", row_group_size=1000)
    return folder


def blockers(folder: Path) -> Counter[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        columns = "account_id, code, subject, item, asset, amount, clears_at"
        query = f"select {columns} from read_parquet(?)"
        return Counter(connection.execute(query, [str(folder / "blockers" / "*.parquet")]).fetchall())


def one_by_one(facts: world.Facts, policy: Policy) -> tuple[Counter[tuple[Any, ...]], Counter[str]]:
    """Return what the check of each single account says: rows, and results."""
    numbers = sorted({one.account_id for one in facts["account"]})
    with world.in_duck(facts) as engine:
        reports = check(engine, policy, as_of=world.NOW, accounts=numbers).values()
    return (
        Counter(row for report in reports for row in screen.rows(report)),
        Counter(str(report.result) for report in reports),
    )


@pytest.mark.parametrize("size", [buckets.SIZE, 500])
def test_everybody_at_once_is_the_same_as_one_by_one(size: int, tmp_path: Path, monkeypatch: Any) -> None:
    """On the boundary grid, in one bucket and in several, from files that are not sorted."""
    monkeypatch.setattr(buckets, "SIZE", size)
    facts = hostile.grid(POLICY)
    folder = parquet.opened(written(facts, tmp_path / "facts", parts=3))
    found = screen.screen(screen.Asked(folder, POLICY, world.NOW), tmp_path / "out")
    rows, results = one_by_one(facts, POLICY)
    answered = blockers(tmp_path / "out")
    assert (answered - rows, rows - answered) == (Counter(), Counter())
    for result in Result:
        assert found[result] == results[result], result
    assert found["accounts"] == results.total()


def test_counts_are_those_of_the_conditions(tmp_path: Path) -> None:
    folder = parquet.opened(written(hostile.grid(POLICY), tmp_path / "facts"))
    work = buckets.Screen(folder, POLICY.row(world.NOW))
    (bucket,) = buckets.split(folder)
    counted = work.counts(bucket)
    with DuckFacts.folder(folder.path, as_of=world.NOW) as engine:
        for condition in work.conditions:
            expected = len(engine.rows(condition.sql, policy=POLICY.row(world.NOW)))
            assert counted[condition.code] == expected, condition.code


def test_a_population_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        population.generate(tmp_path / name, accounts=500, seed=seed, as_of=AT)
    read = {
        name: [pq.read_table(path).to_pylist() for path in sorted((tmp_path / name).rglob("*.parquet"))]
        for name in "abc"
    }
    assert read["a"] == read["b"]
    assert read["a"] != read["c"]


def test_the_live_database_gives_the_same_summary_as_its_files(
    connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    facts = world.clean(*range(1, 40))
    facts["api_key"] = [world.row("api_key", number) for number in range(1, 20)]
    facts["balance"] = [world.row("balance", number, available="-1") for number in range(15, 25)]
    facts["earn"] = [world.row("earn", 30, redeemable=False, matures_at="2026-12-24T00:00:00")]
    engine = world.in_postgres(connection, facts)
    live = screen.screen_live(engine, range(1, 50), tmp_path / "live", policy=POLICY, as_of=world.NOW)
    folder = parquet.opened(written(facts, tmp_path / "facts"))
    files = screen.screen(screen.Asked(folder, POLICY, world.NOW), tmp_path / "files")
    assert live == files
    assert blockers(tmp_path / "live") == blockers(tmp_path / "files")
    assert (live["accounts"], live["blocked"], live["unknown"], live["clear"]) == (39, 20, 5, 14)


@pytest.mark.parametrize("state", ["partial", "failed"])
def test_a_source_that_is_not_complete_leaves_nobody_clear_in_the_live_database(
    state: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    """R-CHK-17: what a partial source showed counts as unknown, never as blocked and never as clear."""
    facts = world.clean(1, 2, 3)
    facts["hold"] = [world.row("hold", 1)]
    facts["api_key"] = [world.row("api_key", 2)]
    sources = world.complete()
    sources["hold"] = Source("hold", state, world.NOW)
    engine = world.in_postgres(connection, facts, sources)
    found = screen.screen_live(engine, [1, 2, 3], tmp_path / "out", policy=POLICY, as_of=world.NOW)
    assert (found["clear"], found["blocked"], found["unknown"]) == (0, 1, 2)
    assert found["missing"] == ["hold"]
    assert {row[:2] for row in blockers(tmp_path / "out")} == {(2, "no_api_keys")}


def test_a_relation_that_was_not_fetched_leaves_nobody_clear(tmp_path: Path) -> None:
    written(world.clean(1, 2), tmp_path / "facts")
    (tmp_path / "facts" / "hold" / "part-0.parquet").unlink()
    (tmp_path / "facts" / "hold").rmdir()
    asked = screen.Asked(parquet.opened(tmp_path / "facts"), POLICY, world.NOW)
    found = screen.screen(asked, tmp_path / "out")
    assert (found["clear"], found["unknown"], found["missing"]) == (0, 2, ["hold"])


def test_what_if_says_who_becomes_free(tmp_path: Path) -> None:
    facts = world.clean(1, 2, 3)
    facts["security_event"] = [
        world.row("security_event", 1, happened_at=world.days_ago(20)),
        world.row("security_event", 2, happened_at=world.days_ago(5)),
    ]
    folder = parquet.opened(written(facts, tmp_path / "facts"))
    draft = Policy(password_wait_days=10)
    found = screen.screen(screen.Asked(folder, POLICY, world.NOW, draft), tmp_path / "out")
    assert (found["what_if"]["clear"], found["what_if"]["blocked"]) == (1, -1)
    assert found["what_if"]["conditions"] == [
        {"code": "security_password_quiet", "accounts": -1, "blockers": -1}
    ]


def test_the_terminal_screens_and_writes_a_page(tmp_path: Path) -> None:
    made = CliRunner().invoke(population_command, ["--accounts", "300", "--out", str(tmp_path / "facts")])
    assert made.exit_code == 0, made.output
    for _ in range(2):  # an earlier screening is replaced
        ran = CliRunner().invoke(
            screen_command, ["--facts", str(tmp_path / "facts"), "--out", str(tmp_path / "out"), "--json"]
        )
        assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert found["schema"] == "closeout.screen/1"
    assert found["accounts"] == found["clear"] + found["blocked"] + found["unknown"] == 300
    assert sum(one["accounts"] for one in found["earliest"]) == found["blocked"]
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8")) == found
    shown = (tmp_path / "out" / "summary.html").read_text(encoding="utf-8")
    assert "<svg" in shown
    assert "http" not in shown


def test_the_page_names_everything_in_both_languages() -> None:
    """R-OPS-2: no code of a programmer, no text cut off."""
    for one in by_code().values():
        assert " · " in page.WORDS[one.remedy or "none"]
        assert " · " in page.WORDS[str(one.who)]
    found = {
        "as_of": "2026-11-22T00:00:00Z", "policy_version": "x", "accounts": 9, "clear": 0, "blocked": 8,
        "unknown": 1, "missing": [], "who": {"holder": 2, "support": 5}, "remedies": {"convert": 3},
        "earliest": [],
        "conditions": [{"code": one.code, "title": one.met, "accounts": 1} for one in catalog()],
        "data_faults": [{"code": one.code, "title": one.met, "accounts": 1} for one in data_faults()],
    }  # fmt: skip
    shown = page.page(found)
    for one in catalog():
        assert all(html.escape(text) in shown for text in one.met.values()), one.code
        assert one.code not in shown
    assert "negative balances · 负余额" in shown
    assert shown.index("support · 客服") < shown.index("holder, one button · 本人一键")


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("meow")
    population.generate(tmp_path / "facts", accounts=10, seed=1, as_of=AT)
    ran = CliRunner().invoke(
        screen_command, ["--facts", str(tmp_path / "facts"), "--out", str(tmp_path / "photos")]
    )
    assert ran.exit_code == 2
    assert (tmp_path / "photos" / "cat.jpg").read_text() == "meow"
