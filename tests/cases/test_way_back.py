"""The link in every message that takes the application back without sign-in (R-CLO-12)."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from tests.cases.exchange import Exchange, parallel

from closeout.cases import letters, messages, operations, queries, vaults, venues, way_back
from closeout.cases.models import Case, CaseEvent, Message
from closeout.cases.operations import HOLDER
from closeout.cases.way_back import Standing
from closeout.lifecycle import TABLE, Effect, Event, Life, State, allowed
from closeout.reasons import Refused
from closeout.venues.sandbox import people

OWN = ("closeout.example",)


def again(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


def test_every_letter_about_a_case_that_can_be_taken_back_leads_back_and_no_other() -> None:
    """R-CLO-12: "every message sent"; where nothing can be taken back, no link pretends it."""
    told = {(event, step.to) for (_, event), step in TABLE.items() if Effect.NOTIFY in step.effects}
    for event, state in told:
        possible = Event.WITHDRAW in allowed(Life(state))
        assert letters.leads_back(event.value) is possible, event
    for template in ("remind", "stuck", "code"):
        assert letters.leads_back(template)


def test_the_link_is_in_mail_and_sms_in_both_languages(exchange: Exchange) -> None:
    """R-CLO-12: on every channel; the address is its own line in the text, so that mailboxes make a link of it."""
    (case,) = exchange.cooling(exchange.accounts[0])
    link = way_back.link(case)
    sent = messages.inbox(case)
    assert {letter["channel"] for letter in sent} == {"email", "sms"}
    assert all(link in letter["body"] for letter in sent)
    values = {"number": "1", "due_at": "x", "phrase": "y", "domains": "z", "link": link}
    for language in ("en", "zh"):
        assert link in letters.write("remind", "email", language, values).body.splitlines()
        assert letters.write("remind", "sms", language, values).body.endswith(link)
    assert len(link.split("/stop/")[1]) == 34


def test_contacts_replaced_in_the_last_90_days_get_it_too_and_older_ones_do_not(exchange: Exchange) -> None:
    """R-CLO-12: who changed the mailbox first does not keep the message from its true owner."""
    account = exchange.accounts[0]
    now = exchange.now.replace(tzinfo=None)
    old = [
        ("email", "before@mail.example", (now - timedelta(days=89)).isoformat()),
        ("sms", "+8613800000001", (now - timedelta(days=1)).isoformat()),
        ("email", "longago@mail.example", (now - timedelta(days=91)).isoformat()),
    ]
    with venues.sandbox().connection() as opened, opened.cursor() as cursor:
        found = people.load(cursor, vaults.vault(), account)
        assert found is not None
        private = people.Private(**{**found[1].__dict__, "replaced": tuple(old)})
        people.save(cursor, vaults.vault(), account, found[0], private)
    (case,) = exchange.cooling(account)
    sent = messages.inbox(case)
    reached = {letter["to"] for letter in sent}
    assert {"before@mail.example", "+8613800000001"} < reached
    assert "longago@mail.example" not in reached
    assert len(reached) == 4
    assert all(way_back.link(case) in letter["body"] for letter in sent)


def test_it_takes_the_application_back_once_and_twice_is_once(exchange: Exchange) -> None:
    """R-CLO-12: POST acts, and doing it again says the same and does nothing."""
    (case,) = exchange.cooling(exchange.accounts[0])
    found = way_back.case_of(way_back.token(case))
    assert found is not None
    assert way_back.standing(found) is Standing.OPEN
    assert way_back.take_back(found, now=exchange.now) is True
    assert way_back.take_back(again(case), now=exchange.now) is False
    exchange.work()
    assert exchange.standing(case.account_id) == "open"
    assert way_back.standing(again(case)) is Standing.USED
    lines = CaseEvent.objects.filter(case=case, event="withdraw")
    assert [line.actor for line in lines] == ["holder:link"]


def test_of_many_at_once_one_does_it(exchange: Exchange) -> None:
    """R-CLO-11, R-CLO-12: a prefetching mailbox, an impatient finger and a second device are one change of mind."""
    (case,) = exchange.cooling(exchange.accounts[0])
    now = exchange.now
    answers = parallel(*[lambda: way_back.take_back(again(case), now=now)] * 6)
    assert sorted(answers) == [False] * 5 + [True]
    assert CaseEvent.objects.filter(case=case, event="withdraw").count() == 1


def test_it_expires_with_the_cooling_off_and_not_before(exchange: Exchange) -> None:
    """R-CLO-12: a pause or a hold stops the clock, and the link waits with it; then it is too late."""
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.deposit(case.account_id)
    exchange.work(minutes=2)
    assert (again(case).state, way_back.standing(again(case))) == (State.PAUSE, Standing.OPEN)
    exchange.take(case.account_id)
    exchange.work(days=30)
    assert way_back.standing(again(case)) is Standing.OPEN
    exchange.work(days=8)
    exchange.work()
    assert way_back.standing(again(case)) is Standing.CLOSED
    with pytest.raises(Refused) as late:
        way_back.take_back(again(case), now=exchange.now)
    assert late.value.reasons[0].code == "already_closed"


def test_while_closing_it_says_so(exchange: Exchange) -> None:
    """R-CLO-11: the truthful answer of the last minute."""
    (case,) = exchange.cooling(exchange.accounts[0])
    Case.objects.filter(pk=case.pk).update(state=State.CLOSING, due_at=None)
    assert way_back.standing(again(case)) is Standing.CLOSING
    with pytest.raises(Refused) as late:
        way_back.take_back(again(case), now=exchange.now)
    assert late.value.reasons[0].code == "being_closed"


def test_a_forged_link_is_no_link(exchange: Exchange) -> None:
    """Issue 5, bad input: every single character counts; a link of one case does not open another."""
    one, other = exchange.cooling(exchange.accounts[0], exchange.accounts[1])
    good = way_back.token(one)
    letters_ = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place, letter in enumerate(good):
        for wrong in letters_[place % 8 :: 8]:
            if wrong != letter:
                assert way_back.case_of(good[:place] + wrong + good[place + 1 :]) is None
    raw = base64.urlsafe_b64decode(good + "==")
    theirs = base64.urlsafe_b64decode(way_back.token(other) + "==")
    crossed = base64.urlsafe_b64encode(theirs[:9] + raw[9:]).decode().rstrip("=")
    assert way_back.case_of(crossed) is None
    for said in (
        "",
        "x",
        good[:-1],
        good + "A",
        good + "==",
        "é" * 34,
        "\x00" * 34,
        "A" * 100_000,
        "../../etc",
    ):
        assert way_back.case_of(said) is None
    found = way_back.case_of(good)
    assert found is not None
    assert found.pk == one.pk


def test_after_two_changes_of_mind_the_link_alone_is_not_enough(exchange: Exchange) -> None:
    """R-CLO-12: whoever reads a mailbox cannot keep an account from being closed for ever."""
    account = exchange.accounts[0]
    for _ in range(2):
        (case,) = exchange.cooling(account)
        assert way_back.take_back(case, now=exchange.now) is True
        exchange.work()
    (third,) = exchange.cooling(account)
    assert way_back.standing(third) is Standing.STRONG
    with pytest.raises(Refused) as refused:
        way_back.take_back(third, now=exchange.now)
    assert refused.value.reasons[0].code == "strong_factor"
    assert again(third).state == State.COOLING_OFF


def test_what_was_never_submitted_does_not_count_as_a_change_of_mind(exchange: Exchange) -> None:
    """R-CLO-12: opening and leaving the form bothers nobody."""
    account = exchange.accounts[0]
    for _ in range(3):
        operations.withdraw(exchange.open(account), actor=HOLDER, now=exchange.now)
    (case,) = exchange.cooling(account)
    assert way_back.standing(case) is Standing.OPEN


def test_the_token_is_stored_nowhere_in_the_open_and_in_no_log(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    """Threat 1, 37: neither the database nor a log gives anybody a working link."""
    caplog.set_level(logging.DEBUG)
    (case,) = exchange.cooling(exchange.accounts[0])
    token = way_back.token(case)
    way_back.take_back(case, now=exchange.now)
    exchange.work()
    assert token not in caplog.text
    assert all(token.encode() not in bytes(sealed) for (sealed,) in Message.objects.values_list("sealed"))
    with connection.cursor() as cursor:
        for table in ("cases_caseevent", "cases_effect", "audit.entry"):
            cursor.execute(f"select count(*) from {table} as t where t::text like %s", [f"%{token}%"])
            assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ("https://closeout.example", True),
        ("https://case.closeout.example/", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost:9", True),
        ("http://closeout.example", False),
        ("https://closeout.example.evil.org", False),
        ("https://c1oseout.example", False),
        ("javascript:alert(1)", False),
    ],
)
def test_a_message_carries_no_address_but_our_own(
    monkeypatch: pytest.MonkeyPatch, said: str, good: Any
) -> None:
    """R-SUP-9: the link of a message leads to a true domain over TLS, or it is not sent at all."""
    monkeypatch.setenv("CLOSEOUT_URL", said)
    if good:
        assert way_back.address(OWN) == said.rstrip("/")
    else:
        with pytest.raises(ValueError, match="CLOSEOUT_URL"):
            way_back.address(OWN)


def test_a_word_that_names_a_host_is_left_out(exchange: Exchange) -> None:
    """R-SUP-9: the anti-phishing word is the holder's own; as a foreign address it would be a lure in our letter."""
    (case,) = exchange.cooling(exchange.accounts[0])
    holder = venues.sandbox().holder(case.account_id)
    assert holder is not None
    lured = type(holder)(**{**holder.__dict__, "phrase": "see evil-bank.com now"})
    message = messages.keep(
        case, lured, template="remind", channel="email", address="a@b.example", key="lure", now=exchange.now
    )
    assert message.text_hash
    (kept,) = [letter for letter in messages.inbox(case) if letter["to"] == "a@b.example"]
    assert "evil" not in kept["body"]
    assert queries.cases([case.pk])
