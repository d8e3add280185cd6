"""What one application asks of the database, counted on the pages; and codes that are checked together."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from benchmarks import application
from tests.cases.exchange import Exchange, parallel

from closeout.cases import codes, limits, verification
from closeout.cases.models import Case, Challenge, RateLimit
from closeout.reasons import Refused

MOST = 12  # writing transactions of one interactive application, sessions included


def test_an_application_is_at_most_twelve_transactions(exchange: Exchange) -> None:
    """Issue 8: from the risk list to "received", on the pages, with three factors."""
    cost = application.apply(exchange.accounts[0])
    assert 0 < cost.writing <= MOST, cost
    assert cost.writing <= cost.transactions <= cost.statements
    assert exchange.effects(Case.objects.get(account_id=exchange.accounts[0])), "it is received"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["BEGIN", "select 1", "COMMIT"], (0, 1, 1)),
        (["select 1", "update t set a = 1"], (1, 2, 2)),
        (["BEGIN", "SAVEPOINT s", "insert into t values (1)", "RELEASE SAVEPOINT s", "COMMIT"], (1, 1, 1)),
        (["BEGIN", "delete from t", "ROLLBACK"], (0, 1, 1)),
    ],
)
def test_the_counter_counts(said: list[str], expected: tuple[int, int, int]) -> None:
    """Issue 8: what is printed is what was written."""
    cost = application.Cost()
    cost.add(said)
    assert (cost.writing, cost.transactions, cost.statements) == expected


def typed(case: Case, exchange: Exchange) -> dict[str, str]:
    """Send all codes and return them."""
    codes.send(case, "email", "sms", "totp", now=exchange.now)
    exchange.work()
    return {factor.removeprefix("code_"): code for factor, code in application.received(case).items()}


def told(refused: dict[str, Refused]) -> dict[str, str]:
    return {factor: why.reasons[0].code for factor, why in refused.items()}


def test_one_wrong_code_spoils_no_right_one(exchange: Exchange) -> None:
    """R-CLO-3: each code is judged alone although all are counted at once; only the wrong one costs a try."""
    case = exchange.open(exchange.accounts[0])
    right = typed(case, exchange)
    wrong = f"{(int(right['sms']) + 1) % 10**8:08d}"
    refused = codes.confirm_all(case, {**right, "sms": wrong}, now=exchange.now)
    assert told(dict(refused)) == {"sms": "wrong_code"}
    assert verification.missing(case, now=exchange.now) == ["sms"]
    attempts = dict(Challenge.objects.filter(case=case).values_list("factor", "attempts"))
    assert attempts == {"email": 1, "sms": 1, "totp": 1}
    again = codes.confirm_all(case, right, now=exchange.now)
    assert told(dict(again)) == {"email": "code_replayed", "totp": "code_replayed"}
    assert verification.missing(case, now=exchange.now) == []
    held = RateLimit.objects.get(key="wrong:everybody").arrives_at
    everybody = 3600 / verification.policies.in_force().wrong_codes_hourly
    assert (held - exchange.now).total_seconds() == pytest.approx(everybody, rel=0.01), (
        "one wrong guess, not six"
    )


def test_codes_in_parallel_wait_for_each_other_in_no_ring(exchange: Exchange) -> None:
    """R-CLO-3: two tabs, one with all codes and one with a single one; each code is good once, nobody is thrown out."""
    for account in exchange.accounts[:4]:
        case = exchange.open(account)
        right = typed(case, exchange)
        tabs = [right, {"totp": right["totp"]}, {"sms": right["sms"]}, right, {"email": right["email"]}]
        now = exchange.now

        def tab(given: dict[str, str], case: Case = case, now: Any = now) -> Any:
            return lambda: codes.confirm_all(case, given, now=now, network="203.0.113.0/24")

        answers = parallel(*map(tab, tabs))
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        accepted = Counter(
            factor
            for given, answer in zip(tabs, answers, strict=True)
            for factor in given
            if factor not in answer
        )
        assert accepted == {"email": 1, "sms": 1, "totp": 1}
        assert verification.missing(case, now=now) == []


def test_what_is_refused_together_is_sent_alone(exchange: Exchange) -> None:
    """R-CLO-3: a code of a moment ago keeps the others not back; what is refused takes no part of a limit."""
    case = exchange.open(exchange.accounts[0])
    codes.send(case, "email", now=exchange.now)
    before = RateLimit.objects.count()
    with pytest.raises(Refused):
        codes.send(case, "email", "sms", now=exchange.now)
    assert RateLimit.objects.count() == before, "nothing was taken"
    codes.send_what_may(case, ["email", "sms", "totp"], now=exchange.now)
    sent = Challenge.objects.filter(case=case).order_by("factor").values_list("factor", flat=True)
    assert list(sent) == ["email", "sms", "totp"]


def test_limits_of_one_key_are_taken_as_one(exchange: Exchange) -> None:
    """R-CLO-3: two of one limit cost two, in one statement."""
    hour = limits.timedelta(hours=1)
    pair = limits.together(
        [limits.Limit("k", 3, hour), limits.Limit("k", 3, hour), limits.Limit("l", 9, hour)]
    )
    assert [(limit.key, limit.times) for limit in pair] == [("k", 2), ("l", 1)]
    assert limits.take(pair, now=exchange.now) == {}
    assert set(limits.take(pair, now=exchange.now)) == {"k"}
    limits.give_back(pair)
    assert limits.take(pair, now=exchange.now) == {}
