"""Estate, guardian, joint and corporate accounts: n of m sign, one objection stops. R-SUP-11, hard cases 28 to 31."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from tests.cases.exchange import Exchange, parallel
from tests.cases.people import People, seeded
from tests.cases.test_uploads import picture

from closeout.cases import (
    applications,
    decisions,
    evidence,
    mandates,
    messages,
    operations,
    signatures,
    transcript,
    vaults,
    venues,
)
from closeout.cases.mandates import Person
from closeout.cases.models import Case, CaseEvent, Decision, Evidence, Mandate, Signer, Task
from closeout.cases.operations import HOLDER
from closeout.cases.uploads import Clean
from closeout.reasons import Refused
from closeout.records.vault import KeyDestroyed

FORGED = (
    "insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail) "
    "values (%%(case)s, 99, '%s', 'review', 'cooling_off', 'x', now(), %s)"
)
ADA, BEN, CLEO = (Person(name, f"{name}@example.org") for name in ("ada", "ben", "cleo"))


def codes_of(raised: Any) -> list[str]:
    return [reason.code for reason in raised.value.reasons]


@pytest.fixture
def people(exchange: Exchange, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> People:
    """Everybody who is seeded; what is sent lies in a folder of the test, and reading it is told apart elsewhere."""
    monkeypatch.setenv("CLOSEOUT_EVIDENCE", str(tmp_path / "evidence"))
    monkeypatch.setattr(evidence.uploads, "read", lambda _kind, content: Clean("image/jpeg", content))
    return seeded()


def opened(
    exchange: Exchange,
    people: People,
    kind: str = "estate",
    *,
    needed: int = 2,
    account: int = 0,
    **more: Any,
) -> tuple[Case, Mandate, Sequence[Signer]]:
    """Let an agent open a mandate with three signers."""
    mandate = mandates.open_for(
        people.session("support-1"), exchange.accounts[account], kind=kind, needed=needed, people=[ADA, BEN, CLEO],
        language="en", now=exchange.now, **more,
    )  # fmt: skip
    assert mandate.case is not None
    exchange.work(minutes=1)
    return exchange.again(mandate.case), mandate, mandates.signers(mandate)


def sign(signer: Signer, exchange: Exchange) -> None:
    fresh = Signer.objects.get(pk=signer.pk)
    signatures.sign(fresh, mandates.person_of(fresh).name, digest=fresh.mandate.digest, now=exchange.now)


def shown(mandate: Mandate, exchange: Exchange, people: People) -> None:
    """Let the signers show everything that is missing, and the identity team accept it."""
    for paper in mandates.papers(mandate):
        if paper.state == "accepted":
            continue
        whose = Signer.objects.get(pk=paper.signer) if paper.signer else mandates.signers(mandate)[0]
        found = signatures.receive(whose, paper.code, picture(), now=exchange.now)
        evidence.judge(people.session("identity-1"), found.pk, "matches", now=exchange.now)


def asked(case: Case, people: People, exchange: Exchange) -> Decision:
    return decisions.ask(people.session("identity-1"), case, "mandate", now=exchange.now)


def agree(decision: Decision, people: People, exchange: Exchange) -> None:
    for name in ("approver-1", "approver-2"):
        decisions.answer(people.session(name), decision.pk, agrees=True, now=exchange.now)


def frozen(account: int) -> bool:
    with venues.sandbox().connection() as opened_:
        row = opened_.execute(
            "select state from sandbox.account where account_id = %s", (account,)
        ).fetchone()
    return row == ("frozen",)


def test_an_estate_goes_from_a_notice_to_its_certificate(exchange: Exchange, people: People) -> None:
    """Hard case 28: nothing by a notice alone; frozen when it is opened; two of three sign; heirs are told."""
    account = exchange.accounts[0]
    claimant = mandates.notice(
        account, "estate", ADA, "My mother died.", venue="sandbox", language="zh", now=exchange.now
    )
    assert Case.objects.count() == 0
    assert Task.objects.get().kind == "mandate"
    case, mandate, (one, two, three) = opened(exchange, people, given=claimant.mandate_id)
    assert (one.pk, case.state, frozen(account)) == (claimant.pk, "review", True)
    letters = messages.inbox(case)
    assert {(letter["to"], letter["template"]) for letter in letters if letter["template"] == "sign"} == {
        (person.email, "sign") for person in (ADA, BEN, CLEO)
    }
    (first,) = [one for one in letters if one["to"] == ADA.email]
    assert first["link"].endswith(signatures.token(claimant))
    assert "请你签署" in first["subject"]
    assert "mandate" in {
        letter["template"] for letter in letters if letter["to"] not in (ADA.email, BEN.email, CLEO.email)
    }
    sign(one, exchange)
    with pytest.raises(Refused) as why:
        asked(case, people, exchange)
    assert codes_of(why) == ["signatures_missing", "documents_missing"]
    sign(two, exchange)
    shown(mandate, exchange, people)
    agree(asked(case, people, exchange), people, exchange)
    assert exchange.again(case).state == "cooling_off"
    exchange.work(minutes=1)
    assert "approve" in {letter["template"] for letter in messages.inbox(case) if letter["to"] == CLEO.email}
    theirs = {ADA.email, BEN.email, CLEO.email}
    filed = list(transcript.records("sandbox", account, until=exchange.now)("letters"))
    assert {one["to"] for one in filed} == {one["to"] for one in messages.inbox(case)} - theirs
    assert not any("/signature/" in one["body"] for one in filed), "the archive opens no signer's page"
    exchange.work(days=8)
    exchange.work(days=1)
    assert exchange.again(case).state == "observation"
    with pytest.raises(Refused) as why:
        signatures.object_to(three, now=exchange.now)
    assert codes_of(why) == ["already_closed"]


def test_one_objection_stops_before_and_after_the_decision(exchange: Exchange, people: People) -> None:
    """One objection stops; it voids what was asked, stops the clock, and only its author takes it back."""
    case, mandate, (one, two, three) = opened(exchange, people, "joint")
    assert not frozen(case.account_id)
    for signer in (one, two):
        sign(signer, exchange)
    shown(mandate, exchange, people)
    decision = asked(case, people, exchange)
    signatures.object_to(three, now=exchange.now)
    with pytest.raises(Refused) as why:
        decisions.answer(people.session("approver-1"), decision.pk, agrees=True, now=exchange.now)
    assert codes_of(why) == ["decision_changed"]
    with pytest.raises(Refused) as why:
        asked(case, people, exchange)
    assert codes_of(why) == ["objection_stands"]
    sign(three, exchange)
    shown(mandate, exchange, people)
    agree(asked(case, people, exchange), people, exchange)
    signatures.object_to(two, now=exchange.now)
    signatures.object_to(two, now=exchange.now)
    stopped = exchange.again(case)
    assert (stopped.state, stopped.held, stopped.due_at) == ("cooling_off", True, None)
    exchange.work(days=30)
    assert exchange.again(case).state == "cooling_off"
    sign(two, exchange)
    assert not exchange.again(case).held
    operations.withdraw(exchange.again(case), actor=HOLDER, now=exchange.now)
    with pytest.raises(Refused) as why:
        sign(two, exchange)
    assert codes_of(why) == ["already_ended"]


@pytest.mark.parametrize("kind", ["estate", "guardian", "joint", "corporate"])
def test_each_kind_asks_for_its_own_documents(exchange: Exchange, people: People, kind: str) -> None:
    case, mandate, (one, *_) = opened(exchange, people, kind, needed=1)
    sign(one, exchange)
    wanted = {
        "estate": {"death", "letters"},
        "guardian": {"order"},
        "joint": {"agreement"},
        "corporate": {"register", "resolution"},
    }[kind]
    assert {paper.code for paper in mandates.papers(mandate)} == wanted | {"identity"}
    with pytest.raises(Refused) as why:
        signatures.receive(one, "selfie", picture(), now=exchange.now)
    assert codes_of(why) == ["evidence_closed"]
    found = signatures.receive(one, "identity", picture(), now=exchange.now)
    evidence.judge(people.session("identity-1"), found.pk, "unclear", now=exchange.now)
    assert {paper.state for paper in mandates.papers(mandate) if paper.code == "identity"} == {"again"}
    shown(mandate, exchange, people)
    assert mandates.lacking(case) == []
    agree(asked(case, people, exchange), people, exchange)
    assert exchange.again(case).state == "cooling_off"


def test_a_mandate_stops_an_application_that_runs(exchange: Exchange, people: People) -> None:
    """Hard case 28 in cooling-off: the clock stands until the heirs have signed and two people agreed."""
    (running,) = exchange.cooling(exchange.accounts[0])
    case, mandate, signers = opened(exchange, people, "estate", needed=3)
    assert case.pk == running.pk
    assert (case.state, case.held) == ("cooling_off", True)
    exchange.work(days=30)
    assert exchange.again(case).state == "cooling_off"
    for signer in signers:
        sign(signer, exchange)
    shown(mandate, exchange, people)
    agree(asked(exchange.again(case), people, exchange), people, exchange)
    after = exchange.again(case)
    assert (after.state, after.held) == ("cooling_off", False)
    assert after.due_at is not None


def test_nobody_goes_round_the_signers(exchange: Exchange, people: People) -> None:
    """Neither the holder alone, nor an ordinary approval, nor the database by itself."""
    case, mandate, (one, *_) = opened(exchange, people, "corporate", needed=1)
    with pytest.raises(Refused) as why:
        applications.submit(case, now=exchange.now)
    assert codes_of(why) == ["mandate_stands"]
    with pytest.raises(Refused) as why:
        decisions.ask(people.session("support-1"), case, "approve", now=exchange.now)
    assert codes_of(why) == ["mandate_stands"]
    sign(one, exchange)
    for attack in (
        FORGED % ("submit", "'{}'"),
        "delete from cases_signer where mandate_id = %(mandate)s",
        "update cases_signer set mandate_id = mandate_id + 1",
    ):
        with (
            pytest.raises(DatabaseError, match="four eyes"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(attack, {"case": case.pk, "mandate": mandate.pk})
    shown(mandate, exchange, people)
    decision = asked(case, people, exchange)
    decisions.answer(people.session("approver-1"), decision.pk, agrees=True, now=exchange.now)
    forged = FORGED % ("approve", "%(detail)s")
    with pytest.raises(DatabaseError, match="four eyes"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(forged, {"case": case.pk, "detail": f'{{"decision": {decision.pk}}}'})
    assert not CaseEvent.objects.filter(revision=99).exists()


def test_bad_input_opens_nothing(exchange: Exchange, people: People) -> None:
    """What is missing is told at once; another tenant, a closed account and a second mandate are refused."""
    session, account = people.session("support-1"), exchange.accounts[0]

    def attempt(**more: Any) -> list[str]:
        said = {"kind": "estate", "needed": 1, "people": [ADA], "language": "en"} | more
        with pytest.raises(Refused) as why:
            mandates.open_for(
                more.pop("session", session),
                said.pop("account", account),
                **{name: said[name] for name in ("kind", "needed", "people", "language")},
                now=exchange.now,
            )
        return codes_of(why)

    assert attempt(kind="friend", needed=2, people=[]) == [
        "mandate_signers",
        "mandate_kind",
        "mandate_needed",
    ]
    assert attempt(people=[ADA, Person("x", ADA.email.upper())]) == ["mandate_signers"]
    assert attempt(people=[Person("ada", "no address")]) == ["mandate_signers"]
    assert attempt(account=10**9) == ["unknown_account"]
    assert attempt(session=people.session("approver-1")) == ["no_right"]
    opened(exchange, people)
    assert attempt() == ["mandate_open"]
    assert Mandate.objects.count() == 1


def test_a_signature_is_of_the_person_and_of_the_text(exchange: Exchange, people: People) -> None:
    _, mandate, (one, two, _) = opened(exchange, people)
    with pytest.raises(Refused) as why:
        signatures.sign(one, "ben", digest=mandate.digest, now=exchange.now)
    assert codes_of(why) == ["signature_name"]
    with pytest.raises(Refused) as why:
        signatures.sign(one, "ada", digest="0" * 64, now=exchange.now)
    assert codes_of(why) == ["mandate_changed"]
    found = signatures.signer_of(signatures.token(two))
    assert found == two
    good = signatures.token(two)
    for bad in ("", "x" * 65, good[:-1], good[:-2] + ("AA" if good[-2:] != "AA" else "BB"), "é"):
        assert signatures.signer_of(bad) is None
    assert Signer.objects.filter(signed_at__isnull=False).count() == 0


def test_an_objection_and_the_last_approval_at_once(exchange: Exchange, people: People) -> None:
    """Either it never began, or it began and stands still; everybody is told the truth."""
    case, mandate, (one, two, _) = opened(exchange, people, needed=1)
    sign(one, exchange)
    shown(mandate, exchange, people)
    decision = asked(case, people, exchange)
    decisions.answer(people.session("approver-1"), decision.pk, agrees=True, now=exchange.now)
    last, now = people.session("approver-2"), exchange.now
    answers = parallel(
        lambda: decisions.answer(last, decision.pk, agrees=True, now=now),
        lambda: signatures.object_to(two, now=now),
    )
    after = exchange.again(case)
    if isinstance(answers[0], Refused):
        assert [reason.code for reason in answers[0].reasons] == ["decision_changed"]
        assert after.state == "review"
    else:
        assert (after.state, after.held) == ("cooling_off", True)
    exchange.work(days=30)
    assert exchange.again(case).state == after.state


def test_what_a_notice_said_ends_with_its_date_or_its_account(
    exchange: Exchange, people: People, keyring: str
) -> None:
    """A notice about nobody is blanked after 90 days; what belongs to an account dies with its key. R-REC-3."""
    stranger = mandates.notice(None, "estate", ADA, "Who?", venue="sandbox", language="en", now=exchange.now)
    assert mandates.words_of(stranger.mandate) == "Who?"
    with pytest.raises(Refused) as why:
        signatures.sign(stranger, "ada", digest="", now=exchange.now)
    assert codes_of(why) == ["not_now"]
    assert mandates.forget(now=exchange.now + timedelta(days=89)) == 0
    assert mandates.forget(now=exchange.now + timedelta(days=91)) == 1
    stranger.refresh_from_db()
    assert mandates.person_of(stranger) == Person("", "")
    case, _, (one, *_) = opened(exchange, people)
    assert b"ada" not in bytes(one.sealed)
    vaults.vault().destroy(
        vaults.subject_of("sandbox", case.account_id), "operational", at=exchange.now.replace(tzinfo=None)
    )
    with pytest.raises(KeyDestroyed):
        mandates.person_of(one)


def test_a_refused_or_withdrawn_estate_is_given_back(exchange: Exchange, people: People) -> None:
    """A living holder takes the link in the letter: the account works as before."""
    case, _, _ = opened(exchange, people)
    assert frozen(case.account_id)
    operations.withdraw(case, actor=HOLDER, now=exchange.now)
    exchange.work(minutes=1)
    assert not frozen(case.account_id)
    claimant = mandates.notice(
        case.account_id, "estate", BEN, "", venue="sandbox", language="en", now=exchange.now
    )
    mandates.decline(people.session("support-1"), claimant.mandate_id, now=exchange.now)
    with pytest.raises(Refused) as why:
        mandates.decline(people.session("support-1"), claimant.mandate_id, now=exchange.now)
    assert codes_of(why) == ["nothing_to_decide"]
    assert not Task.objects.filter(kind="mandate", case=None, closed_at=None).exists()
    assert Evidence.objects.count() == 0
