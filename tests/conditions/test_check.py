"""The self-check: three results, known and unknown accounts, and what a broken source means (R-CHK-17)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from tests.conditions import world

from closeout.conditions.catalog import CatalogueError, catalog, parse
from closeout.conditions.check import Report, Result, check
from closeout.conditions.document import blocker_sentence, document, grouped, plain, sentence
from closeout.facts.duck import DuckFacts
from closeout.facts.engine import FactsUnreachable
from closeout.facts.postgres import PostgresFacts
from closeout.facts.schema import RELATIONS, Source
from closeout.policy import Policy

POLICY = Policy()


def _check(facts: world.Facts, sources: Mapping[str, Source] | None = None, account_id: int = 1) -> Report:
    return check(world.in_duck(facts, sources), POLICY, as_of=world.NOW, accounts=[account_id])[account_id]


def test_a_clean_account_is_clear() -> None:
    report = _check(world.clean())
    assert report.result is Result.CLEAR
    assert [finding.condition for finding in report.findings] == list(catalog())
    assert report.blockers == ()


def test_an_unknown_account_is_left_out(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for engine in (world.in_duck(world.clean(1, 2)), world.in_postgres(connection, world.clean(1, 2))):
        assert check(engine, POLICY, as_of=world.NOW, accounts=[2, 404, 1, 2]).keys() == {1, 2}
        assert check(engine, POLICY, as_of=world.NOW, accounts=[]) == {}


def test_accounts_do_not_see_each_other() -> None:
    facts = world.clean(1, 2)
    facts["open_order"] = [world.row("open_order", 2)]
    assert _check(facts).result is Result.CLEAR
    assert _check(facts, account_id=2).result is Result.BLOCKED


@pytest.mark.parametrize("relation", list(RELATIONS))
@pytest.mark.parametrize(
    "fault", ["missing", "failed", "partial", "stale", "skewed", "no time", "another word"]
)
def test_a_broken_source_never_clears_and_never_blames(relation: str, fault: str) -> None:
    """R-CHK-17: down, stale or contradictory is unknown; the rest of the answer stands."""
    sources = world.complete()
    broken = {
        "missing": None,
        "failed": Source(relation, "failed", None),
        "partial": Source(relation, "partial", world.NOW),
        "stale": Source(relation, "complete", world.days_ago(minutes=60, microseconds=1)),
        "skewed": Source(relation, "complete", world.NOW + timedelta(minutes=60, microseconds=1)),
        "no time": Source(relation, "complete", None),
        "another word": Source(relation, "perhaps", world.NOW),
    }[fault]
    del sources[relation]
    if broken is not None:
        sources[relation] = broken
    report = _check(world.clean(), sources)
    expected = {"no time": "stale", "another word": "failed"}.get(fault, fault)
    for finding in report.findings:
        if relation in finding.condition.reads:
            assert (finding.result, finding.fault, finding.blockers) == (Result.UNKNOWN, expected, ())
            assert "you" not in sentence(finding, "en").split()
        else:
            assert finding.result is Result.CLEAR
    assert report.result is Result.UNKNOWN
    assert document(report, POLICY)["earliest_closing_at"] is None


def test_what_a_partial_source_shows_is_kept_as_evidence_and_never_acted_upon() -> None:
    """R-CHK-17: one order came, perhaps more are open: unknown, and the one is shown beside it."""
    facts = world.clean()
    facts["open_order"] = [world.row("open_order", order_id="o7")]
    sources = world.complete()
    sources["open_order"] = Source("open_order", "partial", world.NOW)
    report = _check(facts, sources)
    finding = next(one for one in report.findings if one.condition.code == "no_open_orders")
    assert (finding.result, finding.fault, finding.blockers) == (Result.UNKNOWN, "partial", ())
    assert [row.item for row in finding.evidence] == ["o7"]
    assert report.blockers == ()
    for lang, words in (("en", "only in part"), ("zh", "只返回了部分数据")):
        assert words in sentence(finding, lang)
    shown = next(one for one in document(report, POLICY)["conditions"] if one["code"] == "no_open_orders")
    assert [row["item"] for row in shown["fault"]["evidence"]] == ["o7"]


@pytest.mark.parametrize("relation", ["contact", "identity", "loan"])
def test_a_row_that_is_missing_from_a_partial_source_proves_nothing(relation: str) -> None:
    """No contact, no identity, no debt: perhaps they are in the part that did not come."""
    facts = world.clean()
    facts["balance"] = [world.row("balance", available=-1)] if relation == "loan" else []
    facts[relation] = []
    sources = world.complete()
    sources[relation] = Source(relation, "partial", world.NOW)
    unknown = [one for one in _check(facts, sources).findings if one.fault == "partial"]
    assert unknown
    assert all(one.evidence == () for one in unknown)


def test_facts_as_old_as_the_policy_allows_still_count() -> None:
    sources = world.complete(world.days_ago(minutes=60))
    assert _check(world.clean(), sources).result is Result.CLEAR
    assert _check(world.clean(), world.complete(world.NOW + timedelta(minutes=60))).result is Result.CLEAR


def test_without_the_account_relation_every_account_is_answered_as_unknown() -> None:
    sources = world.complete()
    del sources["account"]
    report = _check(world.clean(), sources, account_id=404)
    assert report.result is Result.UNKNOWN


def test_a_blocker_outweighs_what_is_unknown() -> None:
    sources = world.complete()
    del sources["earn"]
    facts = world.clean()
    facts["api_key"] = [world.row("api_key")]
    assert _check(facts, sources).result is Result.BLOCKED


def test_a_contradiction_is_shown_in_full_as_the_operators_fault() -> None:
    """Hard case 4: a negative fraction without a debt is never zero and never the holder's fault."""
    facts = world.clean()
    facts["balance"] = [world.row("balance", available="-0.000000000000000001")]
    finding = next(one for one in _check(facts).findings if one.condition.code == "balances_zero")
    assert finding.result is Result.UNKNOWN
    assert (finding.fault, finding.fault_relation) == ("balance_negative", "balance")
    assert "-0.000000000000000001 BTC" in sentence(finding, "en")
    assert "-0.000000000000000001 BTC" in sentence(finding, "zh")


def test_unreachable_facts_are_no_answer(cluster_url: str) -> None:
    """A database that is gone says nothing about anybody."""
    with psycopg.connect(cluster_url) as connection, pytest.raises(FactsUnreachable):
        check(PostgresFacts(connection, schema="nowhere"), POLICY, as_of=world.NOW, accounts=[1])
    with pytest.raises(FactsUnreachable):
        PostgresFacts(connection).sources()


def test_a_check_sees_its_callers_transaction(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """R-CLO-10: what the closing transaction wrote a moment ago counts."""
    engine = world.in_postgres(connection, world.clean())
    assert check(engine, POLICY, as_of=world.NOW, accounts=[1])[1].result is Result.CLEAR
    connection.execute("insert into given.api_key values (1, 'k1', 'key', '', true)")
    with connection.cursor() as cursor:
        again = PostgresFacts(cursor, schema="given")
        assert check(again, POLICY, as_of=world.NOW, accounts=[1])[1].result is Result.BLOCKED


def test_many_rows_are_loaded_as_exactly_as_few() -> None:
    facts = world.clean(*range(400))
    facts["balance"] = [
        world.row("balance", number, available="123456789012345678.000000000000000001")
        for number in range(400)
    ]
    report = _check(facts, account_id=399)
    assert plain(report.blockers[0].amount or 0) == "123456789012345678.000000000000000001"  # type: ignore[arg-type]


def test_facts_in_memory_need_a_moment_and_known_relations() -> None:
    with pytest.raises(ValueError, match="as_of or sources"):
        DuckFacts.of({})
    with pytest.raises(ValueError, match="unknown relation balances"):
        DuckFacts.of({"balances": []}, as_of=world.NOW)


def test_amounts_are_written_exactly() -> None:
    from decimal import Decimal

    assert plain(Decimal("1E-18")) == "0.000000000000000001"
    assert plain(Decimal("-0.000")) == "0"
    assert plain(Decimal("100.500")) == "100.5"
    assert plain(Decimal("1E+3")) == "1000"
    assert grouped(Decimal("-1234567.000100")) == "-1,234,567.0001"
    assert grouped(Decimal("-0.5")) == "-0.5"


def test_the_document_says_everything_about_a_blocker() -> None:
    """R-CHK-18: code, place, item, asset, exact amount, what to do, who, until when, why."""
    facts = world.clean()
    facts["earn"] = [world.row("earn", kind="staking", redeemable=False, matures_at="2026-12-01T00:00:00")]
    told = document(_check(facts), POLICY)
    assert told["schema"] == "closeout.check/1"
    assert (told["account_id"], told["result"], told["as_of"]) == (1, "blocked", "2026-11-22T03:00:00Z")
    found = next(one for one in told["conditions"] if one["code"] == "earn_locked")
    (blocker,) = found["blockers"]
    assert blocker["amount"] == "5"
    assert blocker["clears_at"] == "2026-12-01T00:00:00Z"
    assert (blocker["asset"], blocker["item"], blocker["subject"]) == ("USDT", "e1", "staking")
    assert blocker["who"] == "nobody"
    assert blocker["reason"].keys() == blocker["no_remedy"].keys() == {"en", "zh"}
    assert told["earliest_closing_at"] == "2026-12-01T00:10:00Z"


def test_the_text_of_a_hold_never_says_what_it_is() -> None:
    """Hard case 39: neutral, whatever the kind."""
    told = set()
    for kind in ("judicial", "compliance", "investigation"):
        facts = world.clean()
        facts["hold"] = [world.row("hold", kind=kind, hold_id=kind)]
        report = _check(facts)
        told.add((blocker_sentence(report.blockers[0], "en"), repr(report.blockers)))
    assert len(told) == 1


@pytest.mark.parametrize("condition", catalog(), ids=lambda condition: condition.code)
def test_texts_are_complete_in_both_languages(condition: object) -> None:
    """R-CHK-18, and both languages always together; the placeholders are the same in both."""
    import string

    from closeout.conditions.catalog import Condition

    assert isinstance(condition, Condition)
    for texts in (condition.met, condition.unmet, condition.many, condition.reason):
        assert texts is not None
        named = {
            lang: {name for _, name, _, _ in string.Formatter().parse(texts[lang]) if name} for lang in texts
        }
        assert named["en"] == named["zh"]
        assert all(texts.values())
    assert condition.rows


GOOD_HEADER = """/*
rows = ["R-CHK-1"]
group = "assets"
met = {en = "a", zh = "b"}
unmet = {en = "a", zh = "b"}
reason = {en = "a", zh = "b"}
who = "holder"
remedy = "withdraw"
source = "x"
*/
select 1"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("/*\n", "", "header between"),
        ('who = "holder"', 'who = "me"', "who is one of"),
        ('group = "assets"', 'group = "money"', "group is one of"),
        ('remedy = "withdraw"', "", "exactly one of"),
        ('met = {en = "a", zh = "b"}', 'met = {en = "a"}', "met needs en and zh"),
        ('source = "x"', 'origin = "x"', "unknown key 'origin'; source is missing"),
        ('source = "x"', "source = ", "Invalid"),
    ],
)
def test_a_wrong_header_is_named(old: str, new: str, problem: str) -> None:
    assert parse("good", GOOD_HEADER, {}).code == "good"
    with pytest.raises(CatalogueError, match=problem) as wrong:
        parse("bad", GOOD_HEADER.replace(old, new), {})
    assert str(wrong.value).startswith("bad.sql: ")


def test_the_policy_decides_the_window() -> None:
    facts = world.clean()
    facts["security_event"] = [world.row("security_event", happened_at=world.days_ago(10))]
    assert _check(facts).result is Result.BLOCKED
    shorter = replace(POLICY, password_wait_days=10)
    found = check(world.in_duck(facts), shorter, as_of=world.NOW, accounts=[1])[1]
    assert found.result is Result.CLEAR


def test_importing_the_check_needs_no_heavy_library() -> None:
    """Only the lint imports SQLGlot; a terminal that checks one account starts fast."""
    import subprocess
    import sys

    text = (
        "import sys, closeout.conditions.document, closeout.conditions.earliest; "
        "from closeout.conditions.catalog import catalog; catalog(); "
        "heavy = ('sqlglot', 'duckdb', 'pyarrow', 'psycopg', 'django'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
