"""The console's pages from the inside: sign-in, hand-over, answers, and text of holders that stays text. Issue 7."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.cases.exchange import Exchange
from tests.cases.people import People, referred, seeded
from tests.cases.test_holds import signed_in

from closeout.cases import asking, correspondence, findings, staff
from closeout.cases.models import CaseMessage, Finding, StaffSession, Task
from closeout.cases.operations import HOLDER
from closeout.reasons import Refused

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' {{ 7 }} {% now %}"


@pytest.fixture
def people(exchange: Exchange) -> People:
    """Everybody who is seeded."""
    return seeded()


def test_a_code_of_the_second_factor_is_good_once_and_guesses_are_counted(people: People) -> None:
    """Five tries in five minutes, right ones included; a used code is refused."""
    person, now = people.by_name["support-2"], timezone.now()
    code = staff.authenticator(person, now=now)
    session = staff.sign_in(person, code, now=now)
    codes = []
    for typed, at in (
        (code, now),
        ("", now),
        ("abcdef", now),
        (code, now + timedelta(minutes=3)),
        (code, now),
    ):
        with pytest.raises(Refused) as why:
            staff.sign_in(person, typed, now=at)
        codes.append(why.value.reasons[0].code)
    assert codes[:4] == ["code_replayed", "wrong_staff_code", "wrong_staff_code", "wrong_staff_code"]
    assert codes[4] == "too_many_codes"
    staff.sign_out(session, now=now)
    assert staff.session_of(session.pk.hex) is None
    assert StaffSession.objects.count() == 1


def test_text_of_a_holder_stays_text_on_every_page(exchange: Exchange, people: People) -> None:
    """No holder text reaches a page unescaped: messages, findings, search."""
    case = referred(exchange, exchange.accounts[0])
    correspondence.say(
        case.account_id,
        HOSTILE,
        venue="sandbox",
        audience="holder",
        author=HOLDER,
        case=case,
        now=exchange.now,
    )
    findings.record(
        people.session("support-1"), case, kind="hidden_asset", text=HOSTILE, asset="<b>", now=exchange.now
    )
    client = signed_in(people, "support-1")
    for path in (
        f"/console/cases/{case.number}",
        f"/console/cases/{case.number}/thread",
        "/console/search?q=%3Cscript%3E1",
    ):
        text = client.get(path).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<script>1" not in text
        if "cases" in path:
            assert "&lt;script&gt;alert(1)" in text


def test_somebody_without_an_application_gets_an_answer(exchange: Exchange, people: People) -> None:
    """R-SUP-2: the ticket opens from a failed closing; support answers before there is a case."""
    account = exchange.accounts[2]
    asking.ask(account, "It does not close.", venue="sandbox", key="k", about=["no_dust"], now=exchange.now)
    client = signed_in(people, "support-1")
    assert f"/console/accounts/{account}" in client.get("/console/").content.decode()
    assert "It does not close." in client.get(f"/console/accounts/{account}").content.decode()
    said = {"audience": "holder", "text": "We look at it.", "key": "one"}
    for _ in range(2):
        assert client.post(f"/console/accounts/{account}", said).status_code == 302
    assert [one.text for one in asking.thread(account, venue="sandbox")] == [
        "It does not close.",
        "We look at it.",
    ]
    assert Task.objects.get().waits_for == "holder"
    assert client.post(f"/console/accounts/{account}", {"settled": "1"}).status_code == 302
    assert client.post(f"/console/accounts/{account}", {"settled": "1"}).status_code == 409
    assert Task.objects.get().closed_at is not None
    assert client.get(f"/console/accounts/{exchange.accounts[5]}").status_code == 404
    assert signed_in(people, "operator-1").post(f"/console/accounts/{account}", said).status_code == 403
    assert CaseMessage.objects.count() == 2


def test_a_task_is_handed_over_with_a_word(exchange: Exchange, people: People) -> None:
    case = referred(exchange, exchange.accounts[0])
    task = Task.objects.get(team="identity")
    client = signed_in(people, "support-1")
    there = f"/console/cases/{case.number}/assignment"
    assert client.post(there, {"task": task.pk, "to": "nobody"}).status_code == 409
    assert client.post(there, {"task": 0, "to": "identity-1"}).status_code == 404
    client.post(there, {"task": task.pk, "to": "identity-1", "note": "She speaks German."})
    task.refresh_from_db()
    assert task.assignee == people.by_name["identity-1"]
    (note,) = correspondence.read(case.account_id, venue="sandbox", audience="agents")
    assert (note.kind, note.text) == ("handover", "She speaks German.")
    assert correspondence.read(case.account_id, venue="sandbox", audience="holder") == []
    mine = signed_in(people, "identity-1").get(
        "/console/?team=identity&mine=1&waits=us&blocked=no_dust&value=5"
    )
    assert "Nothing waits here." in mine.content.decode()


def test_a_finding_blocks_until_it_is_settled(exchange: Exchange, people: People) -> None:
    """R-SUP-3: it stops as any manual review does, and the case goes on by itself afterwards."""
    (case,) = exchange.cooling(exchange.accounts[0])
    session = people.session("support-1")
    with pytest.raises(Refused) as why:
        findings.record(session, case, kind="rumour", text="x", now=exchange.now)
    assert why.value.reasons[0].code == "finding_kind"
    found = findings.record(session, case, kind="hidden_asset", text="A staking reward.", now=exchange.now)
    exchange.work(days=8)
    assert exchange.again(case).held
    assert exchange.again(case).state == "cooling_off"
    findings.resolve(session, exchange.again(case), found.pk, now=exchange.now)
    exchange.work(minutes=5)
    exchange.work(days=8)
    exchange.work(days=1)
    assert exchange.again(case).state == "observation"
    assert Finding.objects.get().resolved_at is not None
    assert findings.text_of(Finding.objects.get()) == "A staking reward."
    lines = findings.reconciliation(exchange.again(case), now=exchange.now)
    assert [line.residual for line in lines if line.residual] == []
