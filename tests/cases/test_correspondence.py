"""Messages on a case: once, in order, sealed, for their audience, forgotten with the person. R-SUP-2, R-SUP-9."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, connection, transaction
from tests.cases.exchange import Exchange

from closeout.cases import correspondence, messages, operations
from closeout.cases.models import CaseMessage
from closeout.cases.operations import HOLDER, Actor
from closeout.reasons import Refused

AGENT = Actor("agent", "support-1")


def say(
    exchange: Exchange, text: str, *, audience: str = "holder", author: Actor = AGENT, **more: str
) -> int:
    return correspondence.say(
        exchange.accounts[0],
        text,
        venue="sandbox",
        audience=audience,
        author=author,
        now=exchange.now,
        **more,
    ).id


def read(exchange: Exchange, audience: str, after: int = 0) -> list[str]:
    found = correspondence.read(exchange.accounts[0], venue="sandbox", audience=audience, after=after)
    return [one.text for one in found]


def test_each_audience_reads_its_own(exchange: Exchange) -> None:
    say(exchange, "hello", author=HOLDER)
    first = say(exchange, "a note", audience="agents")
    say(exchange, "a file was opened", audience="compliance")
    say(exchange, "we look at it")
    assert read(exchange, "holder") == ["hello", "we look at it"]
    assert read(exchange, "agents") == ["hello", "a note", "we look at it"]
    assert read(exchange, "compliance") == ["hello", "a note", "a file was opened", "we look at it"]
    assert read(exchange, "holder", after=first) == ["we look at it"]
    assert correspondence.last(exchange.accounts[0], venue="sandbox", audience="agents") > first


def test_a_message_sent_twice_is_said_once(exchange: Exchange) -> None:
    one = say(exchange, "hello", author=HOLDER, key="k1")
    assert say(exchange, "hello", author=HOLDER, key="k1") == one
    assert read(exchange, "holder") == ["hello"]


@pytest.mark.parametrize("applied", [True, False])
def test_an_answer_is_announced_once_and_without_its_words(exchange: Exchange, *, applied: bool) -> None:
    """R-SUP-2, R-SUP-9, R-CLO-12: on every channel, with the way back; one notice in half an hour."""
    account = exchange.accounts[0]
    case = exchange.cooling(account)[0] if applied else None

    def notices() -> list[tuple[str, bool]]:
        exchange.work()
        found = messages.inbox(case) if case else []
        assert not any("canary" in one["body"] for one in found)
        return [(one["channel"], bool(one["link"])) for one in found if one["template"] == "answer"]

    say(exchange, "a question", author=HOLDER)
    say(exchange, "a note", audience="agents")
    assert notices() == []
    say(exchange, "an answer, canary", key="a")
    say(exchange, "an answer, canary", key="a")
    say(exchange, "and more, canary")
    assert notices() == ([("email", True), ("sms", False)] if applied else [])
    if case is not None:
        exchange.later(minutes=31)
        operations.withdraw(case, actor=HOLDER, now=exchange.now)
        say(exchange, "later, canary")
        assert notices()[2:] == [("email", False), ("sms", False)]


@pytest.mark.parametrize(("text", "code"), [("   ", "message_empty"), ("x" * 4001, "message_too_long")])
def test_what_is_no_message_is_refused(exchange: Exchange, text: str, code: str) -> None:
    with pytest.raises(Refused) as why:
        say(exchange, text)
    assert [reason.code for reason in why.value.reasons] == [code]
    assert not CaseMessage.objects.exists()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("my code is 123456", "my code is ••••••"),
        ("验证码12345678。", "验证码••••••。"),
        ("1234 5678", "••••••"),
        ("I sent 500000 USDT on 2026-01-05 for CL-20260105-0001", None),
        ("123456.78 and 1,234,567", None),
    ],
)
def test_nobody_reads_a_code(exchange: Exchange, text: str, kept: str | None) -> None:
    """Hard case 58: agents cannot receive codes."""
    say(exchange, text, author=HOLDER)
    assert read(exchange, "agents") == [kept or text]


@pytest.mark.parametrize(
    "text", ["请把验证码发给我", "What is your code?", "Tell me the SMS code", "your Password, please"]
)
def test_an_agent_cannot_ask_for_a_code(exchange: Exchange, text: str) -> None:
    """R-SUP-9: not even to say it; notes and the holder's own words may."""
    with pytest.raises(Refused) as why:
        say(exchange, text)
    assert [reason.code for reason in why.value.reasons] == ["message_speaks_of_codes"]
    say(exchange, text, audience="agents")
    say(exchange, text, author=HOLDER)
    assert read(exchange, "holder") == [text]


def test_the_holder_cannot_write_notes(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="cannot speak to"):
        say(exchange, "x", audience="agents", author=HOLDER)


@pytest.mark.parametrize(
    "attack",
    [
        "delete from cases_casemessage",
        "update cases_casemessage set audience = 'holder'",
        "update cases_casemessage set sealed = 'x'",
        "update cases_casemessage set sealed = '', sent_at = sent_at + interval '1 day'",
        "truncate cases_casemessage",
    ],
)
def test_what_was_said_stays(exchange: Exchange, attack: str) -> None:
    say(exchange, "hello")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(attack)


def test_text_lies_sealed_and_goes_with_the_key(exchange: Exchange, keyring: str) -> None:
    """R-REC-3: what was said is forgotten with the person; that something was said stays."""
    assert keyring
    (case,) = exchange.cooling(exchange.accounts[0])
    say(exchange, "a secret wish", author=HOLDER)
    assert b"secret" not in bytes(CaseMessage.objects.get().sealed)
    for _ in range(4):
        exchange.work(days=2)
    exchange.work(days=180)
    assert exchange.events(case)[-1] == "confirm_erased"
    assert bytes(CaseMessage.objects.get().sealed) == b""
    (left,) = correspondence.read(exchange.accounts[0], venue="sandbox", audience="agents")
    assert left.erased
    assert left.text == ""


def test_ids_are_in_order_of_commits(exchange: Exchange) -> None:
    """A reader who goes on after the last id misses nothing, however many write at once."""
    seen: list[int] = []
    writers = [
        threading.Thread(target=lambda n=n: (say(exchange, f"m{n}", key=f"m{n}"), connection.close()))
        for n in range(8)
    ]
    for writer in writers:
        writer.start()
    while len(seen) < 8:
        after = seen[-1] if seen else 0
        rows = correspondence.read(exchange.accounts[0], venue="sandbox", audience="holder", after=after)
        seen += [one.id for one in rows]
    for writer in writers:
        writer.join()
    assert seen == sorted(CaseMessage.objects.values_list("id", flat=True))
