"""The manual is written from the catalogue and is current (R-CHK-18)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from closeout.commands.conditions import conditions as conditions_command
from closeout.commands.facts import facts as facts_command
from closeout.conditions import manual
from closeout.conditions.catalog import LANGUAGES, by_code
from closeout.facts.schema import RELATIONS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_current(lang: str) -> None:
    """Run ``python -m closeout.conditions.manual`` after changing a condition."""
    assert (DOCS / lang / "conditions.md").read_text(encoding="utf-8") == manual.page(lang)


def test_the_terminal_lists_every_condition() -> None:
    told = json.loads(CliRunner().invoke(conditions_command, ["--json"]).stdout)
    assert {one["code"] for key in ("conditions", "data_faults") for one in told[key]} == by_code().keys()
    plain = CliRunner().invoke(conditions_command, ["--lang", "zh", "--sql"]).stdout
    assert "没有挂单" in plain
    assert "from open_order as o" in plain


def test_the_terminal_lists_every_relation() -> None:
    told = json.loads(CliRunner().invoke(facts_command, ["schema", "--json"]).stdout)
    assert [one["name"] for one in told["relations"]] == list(RELATIONS)
    assert "open_order" in CliRunner().invoke(facts_command, ["schema"]).stdout


def test_an_operators_database_is_checked_from_the_terminal(database: str) -> None:
    good = CliRunner().invoke(facts_command, ["check", "--database-url", database, "--json"])
    assert (good.exit_code, json.loads(good.stdout)["problems"]) == (0, [])
    bad = CliRunner().invoke(facts_command, ["check", "--database-url", database, "--schema", "nowhere"])
    assert bad.exit_code == 1
    assert "view nowhere.balance is missing" in bad.stdout
    gone = CliRunner().invoke(facts_command, ["check", "--database-url", "postgresql:///x?host=/nowhere"])
    assert gone.exit_code == 4
