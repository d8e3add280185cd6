"""Coverage is a test: what is true of an account is read, can be cleared, is kept or erased by a rule."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import pytest
from tests.house.rules import REPOSITORY, broken_link, files, name

from closeout.cluster import migrations
from closeout.conditions import catalog
from closeout.facts import schema

CONDITIONS = REPOSITORY / "src" / "closeout" / "conditions"
CASES = REPOSITORY / "tests" / "conditions"
RETENTION = {"operational", "transactions", "identity", "security", "claims"}
ERASURE = {"delete", "shred", "keep"}


@pytest.mark.parametrize("relation", schema.RELATIONS.values(), ids=schema.RELATIONS.keys())
def test_a_relation_has_a_condition_a_remedy_and_an_end(relation: type[schema.Relation]) -> None:
    """A relation without all four is the commonest fault of closing flows: the forgotten product."""
    conditions = [condition for condition in catalog.catalog() if relation.name in condition.reads]
    assert conditions, f"no condition reads {relation.name}"
    answered = any(condition.remedy or condition.no_remedy for condition in conditions)
    assert answered or relation.no_remedy, (
        f"nothing clears {relation.name}: give a condition a remedy or say no_remedy"
    )
    assert relation.retention in RETENTION, f"{relation.name}: unknown retention class {relation.retention}"
    assert relation.erasure in ERASURE, f"{relation.name}: unknown erasure {relation.erasure}"


@pytest.mark.parametrize("relation", schema.RELATIONS.values(), ids=schema.RELATIONS.keys())
def test_every_column_says_what_it_means(relation: type[schema.Relation]) -> None:
    for column in schema.columns(relation):
        assert column.meaning.strip(), f"{relation.name}.{column.name}"


def test_a_condition_without_a_remedy_says_why() -> None:
    """R-CHK-18: every blocker says what to do, or that nothing can be done."""
    silent = [
        condition.code for condition in catalog.catalog() if not condition.remedy and not condition.no_remedy
    ]
    assert not silent


def test_every_text_is_in_both_languages() -> None:
    for condition in catalog.catalog():
        for text in (condition.met, condition.unmet, condition.reason):
            assert set(text) == {"en", "zh"}, condition.code
            assert all(said.strip() for said in text.values()), condition.code


def test_every_requirement_of_the_self_check_has_a_condition() -> None:
    """R-CHK-1 … R-CHK-16: one condition at least for each row."""
    rows = {row for condition in catalog.catalog() for row in condition.rows}
    assert {f"R-CHK-{number}" for number in range(1, 17)} <= rows


def test_every_condition_has_cases_and_every_case_a_condition() -> None:
    for folder in ("", "faults"):
        conditions = {path.stem for path in (CONDITIONS / folder).glob("*.sql")}
        cases = {path.stem for path in (CASES / folder).glob("*.toml")}
        assert conditions == cases


def test_every_folder_of_sql_is_applied() -> None:
    """A schema that nobody lists would be missing in production and present in a test."""
    listed = {*migrations.ROOMS.values(), *migrations.KEYRING.values()}
    for package in listed:
        assert importlib.resources.files(package).is_dir()
    code = "\n".join(path.read_text(encoding="utf-8") for path in files(".py", under="src"))
    for path in files(".sql", under="src"):
        package = ".".join(path.parent.relative_to(REPOSITORY / "src").parts)
        if path.name[:4].isdigit() and package not in listed:
            assert f'package="{package}"' in code, f"{package} is in neither ROOMS nor KEYRING"


def test_links_in_the_documents_lead_somewhere() -> None:
    problems = [
        f"{name(path)} {problem}"
        for path in files(".md")
        for problem in broken_link(path, path.read_text(encoding="utf-8"))
    ]
    assert not problems


def test_the_rule_of_links_bites(tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    page = tmp_path / "page.md"
    assert not list(broken_link(page, "[a](there.md#part) [b](https://example.com) [c](#here)"))
    assert list(broken_link(page, "[a](missing.md)"))
    assert list(broken_link(page, "![a](missing.png)"))


def test_both_languages_have_the_same_documents() -> None:
    """Zh and en together, never one alone."""
    docs = REPOSITORY / "docs"
    pages = {
        language: {path.relative_to(docs / language) for path in files(".md", under=f"docs/{language}")}
        for language in ("en", "zh")
    }
    assert pages["en"] == pages["zh"]
