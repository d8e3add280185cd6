"""Limits on sending and guessing: per account, address and network, over all accounts, and over a restart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from tests.cases.exchange import Exchange, parallel
from tests.cases.test_verification import PEPPER, code_of, confirm, issue

from closeout.cases import guesses, limits, verification
from closeout.cases.limits import Limit
from closeout.cases.models import Case, Challenge
from closeout.policy import Policy
from closeout.reasons import Refused

HOUR = timedelta(hours=1)


@pytest.fixture
def case(exchange: Exchange) -> Case:
    return exchange.open(exchange.accounts[0])


def guess(case: Case, exchange: Exchange, code: str, network: str = "") -> str:
    told = verification.confirm(
        case, {"email": code}, pepper=PEPPER, totp_secret=None, now=exchange.now, network=network
    )
    return code_of(told.get("email"))


def test_all_limits_give_or_none_does(exchange: Exchange) -> None:
    """R-CLO-3: what one limit refuses costs the others nothing."""
    wide, narrow = Limit("wide", 2, HOUR), Limit("narrow", 1, HOUR)
    now = exchange.now
    assert limits.take([wide, narrow], now=now) == {}
    assert set(limits.take([wide, narrow], now=now)) == {"narrow"}
    assert limits.take([wide], now=now) == {}
    assert set(limits.take([wide, narrow], now=now)) == {"wide", "narrow"}


def test_what_is_given_back_can_be_taken_again(exchange: Exchange) -> None:
    """R-CLO-3: right codes do not use up what is meant for wrong ones, in any number, at once."""
    asked = [Limit("a", 3, HOUR), Limit("b", 100, HOUR)]
    now = exchange.now

    def right() -> str:
        waits = limits.take(asked, now=now)
        if waits:
            return "refused"
        limits.give_back(asked)
        return "right"

    told = [answer for _ in range(5) for answer in parallel(*[right] * 3)]
    assert told == ["right"] * 15
    assert [bool(limits.take(asked, now=now)) for _ in range(4)] == [False, False, False, True]


def test_limits_hold_after_a_restart(exchange: Exchange) -> None:
    """R-CLO-3: they lie in the database; a new process begins where the old one stood."""
    one = [Limit("kept", 1, HOUR)]
    assert limits.take(one, now=exchange.now) == {}
    connections.close_all()
    assert set(limits.take(one, now=exchange.now)) == {"kept"}
    assert limits.forget(before=exchange.now) == 0
    assert limits.forget(before=exchange.now + HOUR + timedelta(seconds=1)) >= 1
    assert limits.take(one, now=exchange.now) == {}


def test_one_mark_is_taken_once_by_one_of_many(exchange: Exchange) -> None:
    """Issue 5: a hand-over link opens once, also in eight hands at once."""
    now = exchange.now
    told = parallel(*[lambda: limits.once("link", within=HOUR, now=now)] * 8)
    assert sorted(map(str, told)) == ["False"] * 7 + ["True"]


def test_no_address_and_no_network_lies_in_the_table(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: limits know neither mailbox nor phone nor where somebody was."""
    network = "203.0.113.0/24"
    verification.issue(case, {"sms": "+4915112345678"}, pepper=PEPPER, now=exchange.now, network=network)
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(key, ' ') from cases_ratelimit")
        (keys,) = cursor.fetchone()
    assert "15112345678" not in keys
    assert "203.0.113" not in keys
    assert keys.count(":") >= 5


def test_one_address_gets_five_codes_an_hour_whatever_the_account(exchange: Exchange) -> None:
    """R-CLO-3: many accounts with one mailbox are one mailbox."""
    cases = [exchange.open(account) for account in exchange.accounts[:8]]

    def ask(case: Case) -> str:
        try:
            verification.issue(case, {"email": "One@Mail.example "}, pepper=PEPPER, now=exchange.now)
        except Refused as refused:
            return code_of(refused)
        return "sent"

    assert [ask(case) for case in cases] == ["sent"] * 5 + ["too_many_codes"] * 3


def test_two_hundred_requests_from_one_network_send_sixty_codes(exchange: Exchange, case: Case) -> None:
    """R-CLO-3, threat 46: pumping SMS over many accounts ends at the network."""
    counted = 0
    for number in range(200):
        asked = guesses.sending(10**9 + number, "sms", address=f"+49151{number:08d}", network="n")
        counted += not limits.take(asked, now=exchange.now)
    assert counted == 60


def test_wrong_codes_of_all_accounts_trip_the_breaker_and_passkeys_stay_open(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-CLO-3, threats 4 and 47: guesses spread over accounts stop for everybody; right codes never trip it."""
    monkeypatch.setattr(
        verification.policies, "of_version", lambda _: Policy(wrong_codes_hourly=20, code_tries=5)
    )
    cases = [exchange.open(account) for account in exchange.accounts[:6]]
    rights = [issue(case, "email", exchange) for case in cases]
    assert [guess(cases[0], exchange, rights[0])] == ["accepted"]
    told = [guess(case, exchange, "0") for case in cases[1:5] for _ in range(5)]
    assert told.count("codes_paused") == 0
    assert guess(cases[5], exchange, rights[5]) == "codes_paused"
    challenge = Challenge.objects.get(case=cases[5], factor="email")
    assert challenge.attempts == 0, "what was not compared was not counted"
    assert guesses.sending(cases[5].account_id, "passkey", address="", network="")
    exchange.later(minutes=4)
    assert guess(cases[5], exchange, rights[5]) == "accepted"


def test_the_breaker_is_exact_in_parallel(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-CLO-3, bar B12: twelve accounts guess at once, and exactly as many are compared as the breaker allows."""
    monkeypatch.setattr(verification.policies, "of_version", lambda _: Policy(wrong_codes_hourly=20))
    cases = [exchange.open(account) for account in exchange.accounts[:12]]
    for case in cases:
        issue(case, "email", exchange)

    def guesser(case: Case) -> Any:
        return lambda: [guess(case, exchange, "0") for _ in range(4)]

    told = [code for answers in parallel(*map(guesser, cases)) for code in answers]
    assert told.count("wrong_code") == 20
    assert told.count("codes_paused") == 28


def test_one_network_is_stopped_after_a_hundred_wrong_codes(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: another network goes on, so that nobody can lock a holder out from afar."""
    asked = guesses.guessing(case.account_id, "email", network="bad", policy=Policy())
    from_there = [limit for limit in asked if limit.key.startswith("wrong-from")]
    told = [not limits.take(from_there, now=exchange.now) for _ in range(120)]
    assert told.count(True) == 100
    right = issue(case, "email", exchange)
    assert guess(case, exchange, right, network="bad") == "too_many_guesses"
    assert guess(case, exchange, right, network="good") == "accepted"


@pytest.mark.parametrize("field", ["venue", "account_id", "policy_id", "pk", "text"])
def test_every_code_for_one_action_is_refused_for_another(exchange: Exchange, case: Case, field: str) -> None:
    """R-CLO-3, threat 6: each part of what was agreed to, changed, voids what was sent for it."""
    right = issue(case, "email", exchange)
    changed = exchange.again(case)
    text = "1" * 64 if field == "text" else "0" * 64
    if field != "text":
        value = {"venue": "other", "account_id": 1, "policy_id": "0" * 12, "pk": 10**9}[field]
        setattr(changed, field, value)
    digest = verification.action_digest(changed, text)
    assert digest != case.action_digest
    case.action_digest = digest
    assert confirm(case, "email", right, exchange) == "code_not_sent"
