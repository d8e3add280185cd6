"""Step-up verification under attack: real parallel connections, the published vectors, pyotp as the oracle."""

from __future__ import annotations

import base64
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from django.db import DatabaseError
from hypothesis import given
from hypothesis import strategies as st
from tests.cases.exchange import Exchange, parallel

from closeout.cases import codes, verification
from closeout.cases.models import Case, Challenge, TotpStep
from closeout.reasons import Refused

PEPPER = b"pepper of a test" * 2
SECRET = b"12345678901234567890"  # of the vectors in RFC 6238, appendix B

# Source: RFC 6238, appendix B, SHA-1: Unix time and the eight digits.
VECTORS = (
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
)


@pytest.fixture
def case(exchange: Exchange) -> Case:
    return exchange.open(exchange.accounts[0])


def code_of(answer: Any) -> str:
    """Return the code of a refusal, or ``accepted``."""
    if isinstance(answer, Refused):
        return answer.reasons[0].code
    assert answer is None, answer
    return "accepted"


def confirm(case: Case, factor: str, code: str, exchange: Exchange) -> str:
    return code_of(answered(case, factor, code, exchange.now))


def answered(case: Case, factor: str, code: str, now: datetime) -> Refused | None:
    """Return why ``code`` is refused, None if it is accepted."""
    told = verification.confirm(case, {factor: code}, pepper=PEPPER, totp_secret=SECRET, now=now)
    return told.get(factor)


def asked(case: Case, now: datetime) -> int:
    """Ask for a code by e-mail; return the seconds to wait, 0 if it was sent."""
    try:
        verification.issue(case, {"email": ""}, pepper=PEPPER, now=now)
    except Refused as refused:
        (reason,) = refused.reasons
        return int(str(reason.values["seconds"])) if reason.code == "too_many_codes" else -1
    return 0


def issue(case: Case, factor: str, exchange: Exchange) -> str:
    (issued,) = verification.issue(case, {factor: ""}, pepper=PEPPER, now=exchange.now)
    return issued.code or ""


def typed(exchange: Exchange, steps: int = 0) -> str:
    """Return what an authenticator shows whose clock is off by ``steps``, by pyotp."""
    oracle = pyotp.TOTP(base64.b32encode(SECRET).decode())
    return oracle.at(exchange.now, counter_offset=steps)


@pytest.mark.parametrize(("at", "code"), VECTORS)
def test_the_vectors_of_rfc_6238(at: int, code: str) -> None:
    """R-CLO-3."""
    assert verification.totp(SECRET, at // 30, 8) == code


@given(st.binary(min_size=16, max_size=40), st.integers(0, 2**37))
def test_every_code_equals_that_of_pyotp(secret: bytes, at: int) -> None:
    """R-CLO-3: a second implementation shows the same six digits."""
    assert verification.totp(secret, at // 30) == pyotp.TOTP(base64.b32encode(secret).decode()).at(at)


def test_forty_guesses_at_once_are_compared_five_times(exchange: Exchange, case: Case) -> None:
    """R-CLO-3, R-DIA-5: parallel guesses get no more tries than one after the other."""
    right = issue(case, "email", exchange)
    now = exchange.now
    guesses = [f"{(int(right) + 1 + number) % 10**8:08d}" for number in range(40)]

    def guess(code: str) -> Any:
        return lambda: answered(case, "email", code, now)

    told = Counter(code_of(answer) for answer in parallel(*map(guess, guesses)))
    challenge = Challenge.objects.get(case=case)
    assert challenge.attempts == challenge.attempts_max == 5
    assert told["wrong_code"] <= 5
    assert told["wrong_code"] + told["code_used_up"] == 40
    assert confirm(case, "email", right, exchange) == "code_used_up"


@pytest.mark.parametrize("factor", ["sms", "totp"])
def test_the_right_code_is_used_once_in_every_race(exchange: Exchange, case: Case, factor: str) -> None:
    """R-CLO-3: the same right code in eight hands at once opens the door once."""
    right = issue(case, factor, exchange) or typed(exchange)
    now = exchange.now

    told = Counter(code_of(answer) for answer in parallel(*[lambda: answered(case, factor, right, now)] * 8))
    assert told["accepted"] == 1
    assert told["code_replayed"] + told["code_used_up"] == 7
    assert confirm(case, factor, right, exchange) in {"code_replayed", "code_used_up"}


def test_a_totp_code_is_good_for_one_round_only(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: a code that was used is refused in a new round, also half a minute later."""
    issue(case, "totp", exchange)
    shown = typed(exchange)
    assert confirm(case, "totp", shown, exchange) == "accepted"
    exchange.later(seconds=61)
    issue(case, "totp", exchange)
    late = typed(exchange, -1)
    assert confirm(case, "totp", late, exchange) == "accepted"
    exchange.later(seconds=61)
    issue(case, "totp", exchange)
    assert confirm(case, "totp", typed(exchange, -2), exchange) == "clock_off"


def test_a_wrong_clock_is_told_and_never_accepted(exchange: Exchange, case: Case) -> None:
    """R-DIA-5, R-DIA-6: how far off the clock is, and the mark is raised so that no later code is confirmed."""
    issue(case, "totp", exchange)
    ahead = typed(exchange, 3)
    refused = answered(case, "totp", ahead, exchange.now)
    assert refused is not None
    (reason,) = refused.reasons
    assert (reason.code, reason.values) == ("clock_off", {"seconds": 90, "direction": "fast"})
    assert Challenge.objects.get(case=case).used_at is None
    step = int(exchange.now.timestamp()) // 30
    assert TotpStep.objects.get().last_step == step + 3
    exchange.later(seconds=90)
    assert confirm(case, "totp", ahead, exchange) == "code_replayed"
    exchange.later(seconds=30)
    assert confirm(case, "totp", typed(exchange), exchange) == "accepted"


def test_a_clock_ten_minutes_off_is_only_a_wrong_code(exchange: Exchange, case: Case) -> None:
    """R-DIA-5: what lies outside the window tells nothing."""
    issue(case, "totp", exchange)
    assert confirm(case, "totp", typed(exchange, 20), exchange) == "wrong_code"


def test_a_code_is_bound_to_what_was_shown(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: another accepted text, and the code that was sent before is void; so is one of another case."""
    right = issue(case, "email", exchange)
    changed = exchange.again(case)
    changed.action_digest = verification.action_digest(case, "1" * 64)
    changed.save(update_fields=["action_digest"])
    assert confirm(changed, "email", right, exchange) == "code_not_sent"
    other = exchange.open(exchange.accounts[1])
    assert confirm(other, "email", right, exchange) == "code_not_sent"
    assert verification.missing(changed, now=exchange.now) == ["email", "sms", "totp"]


def test_a_verified_case_whose_text_changes_is_not_verified(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: confirmed codes count for the very action only, and for minutes only."""
    for factor in ("email", "sms", "totp"):
        right = issue(case, factor, exchange) or typed(exchange)
        assert confirm(case, factor, right, exchange) == "accepted"
    assert verification.missing(case, now=exchange.now) == []
    assert verification.missing(case, now=exchange.now + timedelta(minutes=11)) == ["email", "sms", "totp"]
    case.action_digest = verification.action_digest(case, "2" * 64)
    assert verification.missing(case, now=exchange.now) == ["email", "sms", "totp"]


def test_a_newer_code_voids_the_older_and_time_voids_both(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: one code of a factor is alive at a time, for ten minutes."""
    first = issue(case, "email", exchange)
    exchange.later(seconds=61)
    second = issue(case, "email", exchange)
    assert confirm(case, "email", first, exchange) == "wrong_code"
    exchange.later(minutes=10)
    assert confirm(case, "email", second, exchange) == "code_expired"


def test_codes_are_sent_once_a_minute_five_times_an_hour_ten_a_day(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: a flood of codes to somebody's mailbox is refused, with the seconds to wait."""
    minutes = [exchange.now + timedelta(seconds=61 * number) for number in range(8)]
    told = [asked(case, moment) for moment in minutes]
    assert [seconds > 0 for seconds in told] == [False] * 5 + [True] * 3
    quarters = [minutes[-1] + timedelta(minutes=15 * number) for number in range(1, 96)]
    told += [asked(case, moment) for moment in quarters]
    assert told.count(0) <= 20
    assert min(told) == 0


def test_eight_requests_at_once_send_one_code(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: a double click sends one message."""
    now = exchange.now
    answers = parallel(*[lambda: verification.issue(case, {"sms": ""}, pepper=PEPPER, now=now)] * 8)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert Challenge.objects.filter(case=case, factor="sms").count() == 1


def test_the_code_lies_nowhere_in_the_clear(exchange: Exchange, case: Case) -> None:
    """R-CLO-3: neither challenge nor message nor effect holds the digits; the mailbox does."""
    codes.send(case, "email", now=exchange.now)
    from django.db import connection

    from closeout.cases.messages import inbox

    (letter,) = inbox(case)
    code = next(word for word in letter["body"].split() if word.isdigit() and len(word) == 8)
    for table in ("cases_challenge", "cases_message", "cases_effect", "audit.entry"):
        with connection.cursor() as cursor:
            cursor.execute(f"select string_agg(t::text, ' ') from {table} as t")
            (text,) = cursor.fetchone()
        assert code not in text
    codes.confirm(case, "email", code, now=exchange.now)
    assert "email" not in verification.missing(case, now=exchange.now)


def test_a_crash_between_the_two_marks_burns_no_code(
    exchange: Exchange, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-CLO-3: found by the crash matrix; step and challenge are marked in one commit, or neither is."""
    issue(case, "totp", exchange)
    genuine = verification.USE_ONCE
    monkeypatch.setattr(verification, "USE_ONCE", "select 1 / 0 where %s is not null and %s is not null")
    with pytest.raises(DatabaseError):
        confirm(case, "totp", typed(exchange), exchange)
    monkeypatch.setattr(verification, "USE_ONCE", genuine)
    assert confirm(case, "totp", typed(exchange), exchange) == "accepted"
