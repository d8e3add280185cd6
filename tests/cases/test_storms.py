"""Storms on one code from real parallel connections: at most five looked at, and a right one used once (bar B11).

``make test`` runs a few; STORMS=10000 (``make storms``) runs as many as the bar asks for, and says so at the end.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from tests.cases.exchange import Exchange
from tests.cases.test_verification import PEPPER, code_of

from closeout.cases import verification
from closeout.cases.models import Case, Challenge
from closeout.policy import Policy

STORMS = int(os.environ.get("STORMS", "25"))
HANDS = 8
GUESSES = 2  # of each hand in one storm
DAY = timedelta(days=1)  # between storms, so that no limit over accounts or days ends them


class Weather:
    """Lets ``HANDS`` threads, each with a connection of its own, do the same at the same moment, storm after storm."""

    def __init__(self, exchange: Exchange, cases: Sequence[Case]) -> None:
        self.begins, self.cases = exchange.now, itertools.cycle(cases)
        self.number, self.right = 0, ""
        self.case, self.now = next(self.cases), self.begins
        self.told: list[Counter[str]] = []

    def prepare(self) -> None:
        """Send the next code; done by one of the hands while the others wait."""
        self.number += 1
        self.case, self.now = next(self.cases), self.begins + self.number * DAY
        (issued,) = verification.issue(self.case, {"email": ""}, pepper=PEPPER, now=self.now)
        self.right = issued.code or ""
        self.told.append(Counter())

    def confirm(self, code: str) -> str:
        """Try ``code``; return what became of it."""
        told = verification.confirm(self.case, {"email": code}, pepper=PEPPER, totp_secret=None, now=self.now)
        return code_of(told.get("email"))

    def rage(self, count: int, deed: Callable[[int], list[str]]) -> None:
        """Let ``count`` storms pass; ``deed`` gets the number of the hand and returns what it was told."""
        barrier, guard = threading.Barrier(HANDS, action=self.prepare), threading.Lock()

        def hand(which: int) -> None:
            try:
                connection.ensure_connection()
                for number in range(count):
                    barrier.wait(120)  # everybody is back from the storm before, and the next code is sent
                    said = deed(which)
                    with guard:
                        self.told[number].update(said)
            except BaseException:
                barrier.abort()
                raise
            finally:
                connections.close_all()

        with ThreadPoolExecutor(HANDS) as pool:
            for done in [pool.submit(hand, which) for which in range(HANDS)]:
                done.result()


@pytest.fixture
def weather(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Weather:
    cases = [exchange.open(account) for account in exchange.accounts[:4]]
    monkeypatch.setattr(verification.policies, "of_version", lambda _: Policy(wrong_codes_hourly=100_000))
    return Weather(exchange, cases)


def test_storms_of_guesses(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-CLO-3, threat 3: sixteen guesses at once in each storm; five are compared, every time."""
    compared = itertools.count()
    genuine = verification._digest

    def counted(*said: Any) -> bytes:
        next(compared)
        return genuine(*said)

    monkeypatch.setattr(verification, "_digest", counted)

    def guess(which: int) -> list[str]:
        wrong = [(int(weather.right) + 1 + which * GUESSES + number) % 10**8 for number in range(GUESSES)]
        return [weather.confirm(f"{code:08d}") for code in wrong]

    weather.rage(STORMS, guess)
    opened = STORMS  # each code is hashed once when it is sent
    assert next(compared) == opened + 5 * STORMS
    assert [told.total() for told in weather.told] == [HANDS * GUESSES] * STORMS
    assert all(told["wrong_code"] <= 5 for told in weather.told)
    assert not any(told["accepted"] for told in weather.told)
    assert set(Challenge.objects.values_list("attempts", flat=True)) == {5}
    print(f"{STORMS} storms of {HANDS * GUESSES} guesses: 5 compared in each")  # noqa: T201


def test_storms_of_double_use(weather: Weather) -> None:
    """R-CLO-3, threat 5: the same right code in eight hands at once opens the door once, every time."""
    weather.rage(STORMS, lambda _: [weather.confirm(weather.right)])
    assert [told["accepted"] for told in weather.told] == [1] * STORMS
    assert [told.total() for told in weather.told] == [HANDS] * STORMS
    assert Challenge.objects.filter(used_at__isnull=False).count() == STORMS
    print(f"{STORMS} double uses by {HANDS} hands: exactly one accepted in each")  # noqa: T201
