"""A hold stops everything at once and is inferable by nobody without the right. R-SUP-8, hard cases 38 to 41."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.cases.exchange import Exchange
from tests.cases.people import People, seeded
from tests.cases.test_uploads import picture

from closeout.cases import decisions, desk, evidence, holds, staff, stories, venues
from closeout.cases.models import Case, CaseHold, CaseMessage, Decision, Evidence, EvidenceView, StaffSession
from closeout.cases.uploads import Clean
from closeout.policy.laws import Rule
from closeout.reasons import Refused

ORDER: dict[str, Any] = {
    "kind": "judicial",
    "authority": "District court",
    "reference": "7 K 12/26",
    "scope": "both",
}
PAGES = ("/console/", "/console/cases/{number}", "/console/search?q={account}", "/console/numbers",
         "/console/cases/{number}/reconciliation", "/console/cases/{number}/thread",
         "/console/?team=support&waits=us&value=0")  # fmt: skip


@pytest.fixture
def people(exchange: Exchange) -> People:
    """Everybody who is seeded."""
    return seeded()


def place(people: People, case: Case, exchange: Exchange, **more: Any) -> CaseHold:
    said = {**ORDER, "ordered_on": exchange.now.date(), **more}
    return holds.place(people.session("compliance-1"), case, **said, now=exchange.now)


def signed_in(people: People, name: str, *, language: str = "en") -> Client:
    client = Client(headers={"accept-language": {"zh": "zh-hans"}.get(language, language)})
    session = client.session
    begun = people.session(name)
    StaffSession.objects.filter(pk=begun.pk).update(started_at=timezone.now())  # sessions go by the real time
    session["staff_session"] = begun.pk.hex
    session.save()
    client.cookies["sid"] = session.session_key
    return client


def test_a_freeze_stops_a_closing_on_its_last_day_and_gives_the_day_back(
    exchange: Exchange, people: People
) -> None:
    """Hard case 38; and the release needs another person of compliance."""
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.work(days=6.5)
    place(people, exchange.again(case), exchange)
    exchange.work(days=30)
    assert exchange.again(case).state == "cooling_off"
    asked = decisions.ask(people.session("compliance-1"), exchange.again(case), "release", now=exchange.now)
    for name, code in (("approver-1", "no_right"), ("compliance-1", "four_eyes")):
        with pytest.raises(Refused) as why:
            decisions.answer(people.session(name), asked.pk, agrees=True, now=exchange.now)
        assert [reason.code for reason in why.value.reasons] == [code]
    decisions.answer(people.session("compliance-2"), asked.pk, agrees=True, now=exchange.now)
    after = exchange.again(case)
    assert after.due_at is not None
    assert timedelta(0) < after.due_at - exchange.now <= timedelta(hours=12)
    exchange.work(days=1)
    exchange.work(days=1)
    assert exchange.again(case).state == "observation"


@pytest.mark.parametrize(
    ("wrong", "codes"),
    [
        ({"authority": "  "}, ["hold_authority"]),
        ({"reference": ""}, ["hold_reference"]),
        ({"scope": "all"}, ["hold_scope"]),
        ({"ordered_on": None}, ["hold_date"]),
        ({"ordered_on": date(2030, 1, 1)}, ["hold_date"]),
        (
            {"kind": "other", "authority": "", "reference": ""},
            ["hold_kind", "hold_authority", "hold_reference"],
        ),
    ],
)
def test_a_hold_without_its_order_is_refused(
    exchange: Exchange, people: People, wrong: dict[str, Any], codes: list[str]
) -> None:
    """Bad input: every reason at once, nothing stored, the clock runs on."""
    (case,) = exchange.cooling(exchange.accounts[0])
    with pytest.raises(Refused) as why:
        place(people, case, exchange, **wrong)
    assert [reason.code for reason in why.value.reasons] == codes
    assert not CaseHold.objects.exists()
    assert not exchange.again(case).held


def test_a_hold_after_closing_pins_what_is_left(exchange: Exchange, people: People, keyring: str) -> None:
    """Hard cases 40 and 41: before erasure it stops it; after erasure the answer is honest."""
    assert keyring
    (held, free) = exchange.cooling(*exchange.accounts[:2])
    for _ in range(4):
        exchange.work(days=2)
    assert exchange.again(held).state == "observation"
    place(people, exchange.again(held), exchange, scope="erasure")
    exchange.work(days=200)
    exchange.work(days=1)
    assert exchange.again(held).state == "observation"
    assert exchange.again(free).state == "erased"
    with pytest.raises(Refused) as why:
        place(people, exchange.again(free), exchange)
    assert [reason.code for reason in why.value.reasons] == ["hold_too_late"]


def looked_at(people: People, name: str, case: Case) -> tuple[list[str], list[int]]:
    """Return what somebody sees of ``case`` with its numbers taken out, and how many questions each page asked."""
    client, pages, counts = signed_in(people, name), [], []
    for path in PAGES:
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path.format(number=case.number, account=case.account_id))
        unread = name == "operator-1" and path.endswith("thread")  # an operator reads no conversation
        assert answer.status_code == (403 if unread else 200), path
        text = answer.content.decode()
        for one in Case.objects.all():
            text = text.replace(one.number, "NUMBER").replace(str(one.account_id), "ACCOUNT")
        text = re.sub(r'(nonce|value|csrf\w*)="[^"]*"', "", text)
        pages.append(re.sub(r"h\w*\*\*\*@", "MASKED@", text))
        counts.append(len(asked))
    return pages, counts


def test_without_the_right_a_freeze_looks_like_an_ordinary_check(exchange: Exchange, people: People) -> None:
    """Hard case 39: pages, the number of questions to the database, search, numbers and documents are the same."""
    (frozen, checked) = exchange.cooling(*exchange.accounts[:2])
    place(people, frozen, exchange)
    place(people, checked, exchange, kind="check", authority="quality", reference="sample")
    frozen, checked = exchange.again(frozen), exchange.again(checked)
    for name in ("support-1", "identity-1", "approver-1", "operator-1"):
        looked_at(people, name, frozen)  # caches are warm
        pages, counts = looked_at(people, name, frozen)
        others, other_counts = looked_at(people, name, checked)
        assert pages == others
        assert counts == other_counts
        assert not re.search("court|judicial|freeze|hold(?!er)|7 K 12", "".join(pages[1:]), re.IGNORECASE)
    told = [re.sub(r"\d", "", str(stories.document(one))) for one in (frozen, checked)]
    assert told[0] == told[1]
    assert {task.team for task in desk.tasks_of(frozen)} == {task.team for task in desk.tasks_of(checked)}
    seen, _ = looked_at(people, "compliance-1", frozen)
    assert "District court" in seen[1]


def test_authority_and_reference_lie_sealed(exchange: Exchange, people: People) -> None:
    (case,) = exchange.cooling(exchange.accounts[0])
    hold = place(people, case, exchange)
    assert b"court" not in bytes(hold.sealed)
    (standing,) = holds.of(case)
    assert (standing.authority, standing.reference) == ("District court", "7 K 12/26")


def test_another_tenants_case_is_not_there(exchange: Exchange, people: People) -> None:
    """Bad input: a case number of another tenant; refused with the reason, nothing stored."""
    (case,) = exchange.cooling(exchange.accounts[0])
    Case.objects.filter(pk=case.pk).update(venue="elsewhere")
    with pytest.raises(Refused) as why:
        staff.case_for(people.by_name["compliance-1"], case.number)
    assert [reason.code for reason in why.value.reasons] == ["unknown_case"]
    client = signed_in(people, "compliance-1")
    for path, said in (
        ("messages", {"audience": "holder", "text": "x"}),
        ("holds", ORDER),
        ("decisions", {"action": "release"}),
    ):
        answer = client.post(f"/console/cases/{case.number}/{path}", said)
        assert answer.status_code == 404
        assert "no such case" in answer.content.decode()
    assert client.get(f"/console/cases/{case.number}").status_code == 404
    assert (CaseMessage.objects.count(), CaseHold.objects.count(), Decision.objects.count()) == (0, 0, 0)
    assert desk.search("sandbox", case.number) == []


def test_a_photo_is_sealed_seen_and_deleted_in_time(
    exchange: Exchange, people: People, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-SUP-4: every look is written down; 90 days after the decision nothing is left."""
    monkeypatch.setenv("CLOSEOUT_EVIDENCE", str(tmp_path / "evidence"))
    monkeypatch.setattr(evidence.uploads, "read", lambda _kind, content: Clean("image/jpeg", content))
    case = exchange.open(exchange.accounts[0])
    request = evidence.ask(people.session("identity-1"), case, "photo", now=exchange.now)
    with pytest.raises(Refused) as why:
        evidence.ask(people.session("support-1"), case, "photo", now=exchange.now)
    assert [reason.code for reason in why.value.reasons] == ["evidence_asked"]
    (said,) = CaseMessage.objects.all()
    assert (said.kind, said.audience) == ("request", "holder")
    found = evidence.receive(request, picture(), now=exchange.now)
    (file,) = (tmp_path / "evidence").iterdir()
    assert b"JFIF" not in file.read_bytes()
    for name, allowed in (
        ("identity-1", True),
        ("approver-1", True),
        ("support-1", False),
        ("auditor-1", False),
    ):
        session = people.session(name)
        if allowed:
            assert evidence.look(session, found.pk, now=exchange.now)[1] == picture()
        else:
            with pytest.raises(Refused):
                evidence.look(session, found.pk, now=exchange.now)
    assert EvidenceView.objects.count() == 2
    evidence.decided(case, now=exchange.now)
    exchange.work(days=91)
    assert not list((tmp_path / "evidence").iterdir())
    assert Evidence.objects.get().deleted_at is not None
    with pytest.raises(Refused) as why:
        evidence.look(people.session("identity-1"), found.pk, now=exchange.now)
    assert [reason.code for reason in why.value.reasons] == ["evidence_gone"]


def test_the_sentence_is_new_after_ten_minutes_and_an_old_one_is_refused(
    exchange: Exchange, people: People
) -> None:
    case = exchange.open(exchange.accounts[0])
    request = evidence.ask(people.session("identity-1"), case, "video", now=exchange.now)
    first = evidence.sentence(request, now=exchange.now)
    assert evidence.sentence(request, now=exchange.later(minutes=5)) == first
    with pytest.raises(Refused) as why:
        evidence.receive(request, b"", now=exchange.later(minutes=6))
    assert [reason.code for reason in why.value.reasons] == ["sentence_expired"]
    assert not Evidence.objects.exists()
    assert len(evidence.sentence(request, now=exchange.now)) == len(first)


def test_the_law_may_forbid_to_ask_for_more(
    exchange: Exchange, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-SUP-4: then the console does not offer it, and the operation refuses it."""
    case = exchange.open(exchange.accounts[0])
    assert evidence.offered(case) == evidence.KINDS
    monkeypatch.setattr(evidence.laws, "strictest", lambda *_args, **_more: Rule(0, "a law", "assumed"))
    assert evidence.offered(case) == ()
    with pytest.raises(Refused) as why:
        evidence.ask(people.session("identity-1"), case, "video", now=exchange.now)
    assert [reason.code for reason in why.value.reasons] == ["evidence_forbidden"]


def test_a_case_is_found_by_contacts_that_are_nowhere_stored(exchange: Exchange, people: People) -> None:
    """R-SUP-2: exact, by keyed hash, however the number is written."""
    (case,) = exchange.cooling(exchange.accounts[3])
    person = venues.sandbox().holder(case.account_id)
    assert person is not None
    assert person.email
    assert person.phone
    for said in (
        case.number.lower(),
        str(case.account_id),
        person.email.upper(),
        person.phone,
        person.phone.replace(" ", ""),
    ):
        assert [found.pk for found in desk.search("sandbox", said)] == [case.pk], said
    for said in (person.email[:-1], person.phone[:-1], "", "x", "' or 1=1 --"):
        assert desk.search("sandbox", said) == []
