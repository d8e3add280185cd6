"""What is asked of the venue, contacts in full, the log of a case, what was given up, proof by the files. Issue 7."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils.translation import override
from tests.cases.exchange import Exchange
from tests.cases.people import People, referred, seeded
from tests.cases.test_holds import signed_in

from closeout.cases import (
    applications,
    audit,
    decisions,
    evidence,
    findings,
    inquiries,
    mandates,
    messages,
    repair,
    stories,
    venues,
)
from closeout.cases.models import EffectRow, Finding, VenueInquiry
from closeout.policy.laws import Rule
from closeout.reasons import Refused
from closeout.venues.sandbox import world
from closeout.web.console import overseeing

ROOMS = re.compile(
    "(account|archive|case|certificate|clearing|consent|contact|decision|effect|erasure|evidence|finding|hold|inquiry"
    "|mandate|message|receipt|records|retention|statements|task|waiver):"
)  # what the log of a case tells of


@pytest.fixture
def people(exchange: Exchange) -> People:
    """Everybody who is seeded."""
    return seeded()


def codes_of(raised: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [reason.code for reason in raised.value.reasons]


def test_the_venue_is_asked_and_its_answer_carries_a_finding(exchange: Exchange, people: People) -> None:
    """R-SUP-3: request to the venue; the finding rests on its answer, blocks, and is cleared by a later answer."""
    (case,) = exchange.cooling(exchange.accounts[0])
    with venues.sandbox().connection() as opened:
        world.deposit(opened, case.account_id, asset="USDT", amount=Decimal(7))
    exchange.work(minutes=5)
    client = signed_in(people, "support-1")
    page = f"/console/cases/{case.number}/reconciliation"
    assert client.post(f"/console/cases/{case.number}/inquiries", {"asset": ""}).status_code == 409
    assert client.post(f"/console/cases/{case.number}/inquiries", {"asset": "USDT"}).status_code == 302
    assert client.post(f"/console/cases/{case.number}/inquiries", {"asset": "USDT"}).status_code == 409
    assert "No answer yet" in client.get(page).content.decode()
    asked = VenueInquiry.objects.get()
    said = {"kind": "hidden_asset", "text": "A late deposit.", "asset": "USDT", "inquiry": str(asked.pk)}
    assert client.post(f"/console/cases/{case.number}/findings", said).status_code == 409
    exchange.work(minutes=1)
    asked.refresh_from_db()
    assert sum(place.amount for place in inquiries.answer_of(asked)) == 7
    text = client.get(page).content.decode()
    assert asked.sha256 in text
    assert b"funding" not in bytes(asked.sealed)
    assert client.post(f"/console/cases/{case.number}/findings", said).status_code == 302
    found = Finding.objects.get()
    assert (found.inquiry_id, found.resolved_at) == (asked.pk, None)
    later = inquiries.ask(people.session("support-1"), case, "USDT", now=exchange.now)
    exchange.work(minutes=1)
    findings.resolve(people.session("support-1"), exchange.again(case), found.pk, now=exchange.now)
    found.refresh_from_db()
    assert found.cleared_by_id == later.pk
    assert "by the venue" in client.get(f"/console/cases/{case.number}").content.decode()
    events = [line.event for line in audit.entries(case.number)]
    assert events.count("inquiry:ask") == events.count("inquiry:answer") == 2


def test_an_unexplained_asset_is_not_settled_by_word_alone(
    exchange: Exchange, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = exchange.cooling(exchange.accounts[0])
    session = people.session("support-1")
    found = findings.record(session, case, kind="hidden_asset", text="x", asset="OKB", now=exchange.now)
    monkeypatch.setattr(findings, "_unexplained", lambda *_args, **_more: True)
    with pytest.raises(Refused) as why:
        findings.resolve(session, case, found.pk, now=exchange.now)
    assert codes_of(why) == ["finding_unproven"]


def test_contacts_are_masked_until_somebody_says_why(exchange: Exchange, people: People) -> None:
    """Issue 7: the reason is written down before anything is shown, and the page of the case stays masked."""
    case = exchange.open(exchange.accounts[0])
    person = venues.sandbox().holder(case.account_id)
    assert person is not None
    assert person.email is not None
    client = signed_in(people, "support-1")
    there, page = f"/console/cases/{case.number}/contacts", f"/console/cases/{case.number}"
    assert person.email not in client.get(page).content.decode()
    assert client.post(there, {"reason": "curious"}).status_code == 409
    shown = client.post(there, {"reason": "call_back"})
    assert person.email in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]
    assert person.email not in client.get(page).content.decode()
    (line,) = [one for one in audit.entries(case.number) if one.event == "contact:unmask"]
    assert (line.actor, line.details["reason"]) == ("agent:support-1", "call_back")
    for name in ("approver-1", "auditor-1", "operator-1"):
        assert signed_in(people, name).post(there, {"reason": "call_back"}).status_code == 403
    assert client.get(there).status_code == 405


def test_auditors_read_the_log_of_a_case_and_others_do_not(exchange: Exchange, people: People) -> None:
    case = referred(exchange, exchange.accounts[0])
    page = f"/console/cases/{case.number}/audit"
    text = signed_in(people, "auditor-1").get(page).content.decode()
    assert "Sent to manual review" in text
    assert "Consequences read and agreed to" in text
    assert signed_in(people, "compliance-1").get(page).status_code == 200
    for name in ("support-1", "identity-1", "approver-1", "operator-1"):
        assert signed_in(people, name).get(page).status_code == 403
    assert "/audit" in signed_in(people, "auditor-1").get(f"/console/cases/{case.number}").content.decode()
    numbers = [one.number for one in audit.entries(case.number)]
    assert [one.number for one in audit.entries(case.number, after=numbers[0])] == numbers[1:]


def test_an_operator_lets_given_up_steps_be_tried_again(exchange: Exchange, people: People) -> None:
    """Issue 7: a stuck effect or erasure goes on with its old key; who pressed the button is in the log."""
    (case,) = exchange.cooling(exchange.accounts[0])
    EffectRow.objects.filter(case=case).update(state="failed", fault="rejected", attempts=20)
    page, there = f"/console/cases/{case.number}", f"/console/cases/{case.number}/repairs"
    assert 'action="' + there not in signed_in(people, "auditor-1").get(page).content.decode()
    for name in ("support-1", "compliance-1", "auditor-1"):
        assert signed_in(people, name).post(there).status_code == 403
    client = signed_in(people, "operator-1")
    assert 'action="' + there in client.get(page).content.decode()
    count = len(repair.stuck(case))
    assert client.post(there).status_code == 302
    assert client.post(there).status_code == 409
    assert EffectRow.objects.filter(case=case, state="ready", attempts=0).count() == count > 0
    assert "effect:retry" in {one.event for one in audit.entries(case.number)}


def test_where_the_law_forbids_more_the_files_and_time_decide(
    exchange: Exchange, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-DIA-6, R-SUP-4: nothing is asked beyond registration; every contact is told; then two people, not before."""
    case = referred(exchange, exchange.accounts[0])
    identity = people.session("identity-1")
    with pytest.raises(Refused) as why:
        evidence.compare(identity, case, "matches", now=exchange.now)
    assert codes_of(why) == ["not_now"]
    real = evidence.laws.strictest
    monkeypatch.setattr(
        evidence.laws, "strictest",
        lambda packs, rule, *, most: Rule(0, "a law", "assumed") if rule == "more_evidence_allowed"
        else real(packs, rule, most=most),
    )  # fmt: skip
    client = signed_in(people, "identity-1")
    assert "documents on file" in client.get(f"/console/cases/{case.number}").content.decode()
    with pytest.raises(Refused) as why:
        decisions.ask(identity, case, "proof", now=exchange.now)
    assert codes_of(why) == ["proof_missing"]
    assert client.post(f"/console/cases/{case.number}/comparisons", {"verdict": "matches"}).status_code == 302
    exchange.work(minutes=1)
    told = [one for one in messages.inbox(case) if one["template"] == "compare"]
    assert {one["channel"] for one in told} == {"email", "sms"}
    assert all("/stop/" in one["link"] + one["body"] for one in told)
    with pytest.raises(Refused) as why:
        decisions.ask(identity, exchange.again(case), "proof", now=exchange.now)
    assert codes_of(why) == ["proof_waits"]
    exchange.work(days=7.1)
    decision = decisions.ask(identity, exchange.again(case), "proof", now=exchange.now)
    with pytest.raises(Refused) as why:
        decisions.answer(people.session("identity-1"), decision.pk, agrees=True, now=exchange.now)
    assert codes_of(why) == ["no_right"]
    for name in ("approver-1", "approver-2"):
        decisions.answer(people.session(name), decision.pk, agrees=True, now=exchange.now)
    assert exchange.again(case).state == "cooling_off"


def test_every_line_of_the_log_of_a_case_has_a_name() -> None:
    """Issue 7: what the code writes into the log is said in words to an auditor, in both languages."""
    found = set()
    for path in (Path(audit.__file__).parent).glob("*.py"):
        found |= set(re.findall(r'"([a-z_]+:[a-z_]+)"', path.read_text(encoding="utf-8")))
    found |= {f"case:{event}" for event in stories.TITLES}
    found |= {f"decision:ask_{action}" for action in decisions.RULES}
    found |= {f"records:{choice}" for choice in applications.CHOICES}
    about = {event for event in found - {mandates.NOBODY} if ROOMS.match(event)}
    assert len(about) > 50
    for language, sign in (("zh", r"[\u4e00-\u9fff]"), ("en", "^[A-Z]")):
        with override("zh-hans" if language == "zh" else "en"):
            names = {event: str(overseeing.what(event, language)) for event in about}
        assert [event for event, name in names.items() if not re.search(sign, name)] == []
