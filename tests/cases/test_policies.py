"""R-OPS-1, R-CLO-15: a change of policy needs two people, and reaches open cases only in the holder's favour."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from tests.cases.exchange import Exchange, parallel

from closeout import policy
from closeout.cases import policies
from closeout.cases.models import PolicyChange
from closeout.policy import Policy, PolicyError
from closeout.reasons import Refused


def refused(deed: object) -> list[str]:
    assert isinstance(deed, Refused), deed
    return [reason.code for reason in deed.reasons]


def change(exchange: Exchange, chosen: Policy) -> PolicyChange:
    """Draft and approve ``chosen``."""
    policies.draft(chosen, by="Ada", why="shorter", now=exchange.now)
    return policies.approve(chosen.version, by="Ben", now=exchange.now)


def test_two_people_change_the_policy(exchange: Exchange) -> None:
    """R-OPS-1: who drafted cannot approve, under any spelling; until then nothing changes."""
    chosen = Policy(cooling_off_days=10)
    drafted = policies.draft(chosen, by=" Ada ", why="longer", now=exchange.now)
    assert policies.in_force() == Policy()
    with pytest.raises(Refused) as same:
        policies.approve(chosen.version, by="ADA", now=exchange.now)
    assert refused(same.value) == ["same_person"]
    policies.approve(chosen.version, by="Ben", now=exchange.now)
    assert policies.in_force() == chosen
    (case,) = exchange.apply(exchange.accounts[0])
    assert case.policy_id == drafted.version_id


@pytest.mark.parametrize(
    "statement",
    [
        "update cases_policychange set approved_by = drafted_by, approved_at = drafted_at, number = 1",
        "update cases_policychange set approved_by = 'Ada', approved_at = drafted_at, number = 1",
        "update cases_policychange set approved_by = 'ben'",
        "update cases_policychange set drafted_by = 'ben'",
        "update cases_policychange set why = 'other'",
        "delete from cases_policychange",
        "truncate cases_policychange",
    ],
)
def test_the_database_itself_demands_it(exchange: Exchange, statement: str) -> None:
    policies.draft(Policy(cooling_off_days=10), by="ada", why="longer", now=exchange.now)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_what_is_approved_is_never_rewritten(exchange: Exchange) -> None:
    change(exchange, Policy(cooling_off_days=10))
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update cases_policychange set approved_by = 'cleo'")


def test_two_who_approve_at_once_approve_once(exchange: Exchange) -> None:
    chosen = Policy(cooling_off_days=10)
    policies.draft(chosen, by="ada", why="longer", now=exchange.now)
    answers = parallel(
        *(
            lambda who=who: policies.approve(chosen.version, by=who, now=exchange.now)
            for who in ("ben", "cleo")
        )
    )
    (no,) = [answer for answer in answers if isinstance(answer, Exception)]
    assert refused(no) == ["no_draft"]
    assert [one.number for one in policies.changes()] == [1]


def test_open_cases_get_what_favours_their_holders_and_nothing_else(exchange: Exchange) -> None:
    """R-CLO-15, hard case 51: a shorter window reaches them; a longer cooling-off does not."""
    one, two = exchange.cooling(*exchange.accounts[:2])
    due = one.due_at
    change(exchange, Policy(password_wait_days=10, cooling_off_days=20))
    exchange.work()
    for case in (one, two):
        again = exchange.again(case)
        kept = policies.of_version(again.policy_id)
        assert policy.differences(Policy(), kept) == [("password_wait_days", "30", "10")]
        assert again.due_at == due
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.entry where event = 'case:policy'")
        assert cursor.fetchone() == (2,)
    assert exchange.work() == 0
    assert PolicyChange.objects.get().applied_at is not None


def test_two_workers_with_different_policies_are_refused(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file is what is in force; a worker with another one says every difference and does not start."""
    file = tmp_path / "policy.toml"
    for text, agrees in (("cooling_off_days = 9", True), ("cooling_off_days = 9", True), ("", False)):
        file.write_text(text, encoding="utf-8")
        monkeypatch.setenv("CLOSEOUT_POLICY", str(file))
        policies._of_file.cache_clear()
        if agrees:
            policies.agree(now=exchange.now)
            assert policies.in_force().cooling_off_days == 9
        else:
            with pytest.raises(PolicyError, match="cooling_off_days is 7 in the file and 9 in force"):
                policies.agree(now=exchange.now)
    monkeypatch.delenv("CLOSEOUT_POLICY")
    policies._of_file.cache_clear()
