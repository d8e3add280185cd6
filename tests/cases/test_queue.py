"""What agents see beside a case: queue, filters, pages, templates, numbers with plots. R-SUP-2, R-SUP-6."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from tests.cases.exchange import Exchange
from tests.cases.people import People, seeded
from tests.cases.test_holds import signed_in

from closeout.cases import applications, correspondence, desk, phrases
from closeout.cases.models import Case
from closeout.cases.operations import HOLDER, withdraw
from closeout.policy import Policy

NUMBER = re.compile(r'/console/cases/(CL-\d+-\d+)"')


@pytest.fixture
def people(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> People:
    """Everybody who is seeded."""
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])
    return seeded()


def page(client: Client, query: str) -> tuple[list[str], str]:
    """Return the cases of one page of the queue in their order, and where the next begins."""
    text = html.unescape(client.get(f"/console/{query}").content.decode())
    following = re.search(r'href="(\?[^"]*after=[^"]+)"', text)
    return NUMBER.findall(text[text.index("<table") :] if "<table" in text else ""), (
        following[1] if following else ""
    )


def test_the_queue_is_narrowed_and_read_page_by_page(
    exchange: Exchange, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oldest clock first; blocked by, value, law pack, waiting, mine; no case twice or left out while others come."""
    cases = [exchange.open(account) for account in exchange.accounts[:6]]
    cases[1] = exchange.open(exchange.accounts[6], policy=Policy(law_packs=("EU",)))
    exchange.deposit(cases[2].account_id, "30")
    tasks = [
        desk.open_task(case, "support", "message", now=exchange.now, due=exchange.now + timedelta(days=9 - place))
        for place, case in enumerate(cases)
    ]  # fmt: skip
    desk.wait_for_holder(cases[3], kind="message")
    desk.assign(tasks[4], people.by_name["support-1"], by=HOLDER, now=exchange.now)
    client, number = signed_in(people, "support-1"), [case.number for case in cases]
    assert page(client, "?team=support") == (number[::-1], "")
    for query, wanted in (
        ("&blocked=balances_zero", [2]),
        ("&value=30", [2]),
        ("&value=31", []),
        ("&pack=EU", [1]),
        ("&waits=holder", [3]),
        ("&mine=1", [4]),
        ("&mine=1&waits=holder", []),
    ):
        assert page(client, f"?team=support{query}") == ([number[place] for place in wanted], ""), query
    monkeypatch.setattr(desk, "PAGE", 2)
    first, following = page(client, "?team=support&waits=us")
    late = exchange.open(exchange.accounts[7])
    desk.open_task(late, "support", "message", now=exchange.now, due=exchange.now)  # before what was read
    second, following = page(client, following)
    third, end = page(client, following)
    assert (first + second + third, end) == ([number[place] for place in (5, 4, 2, 1, 0)], "")
    assert page(client, "?team=support&after=nonsense")[0][0] == late.number


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_template_is_sent_in_the_language_of_the_holder(
    exchange: Exchange, people: People, language: str
) -> None:
    """Whatever the agent reads; each of them passes what stops messages about codes."""
    case = applications.open_case(exchange.accounts[0], venue="sandbox", language=language, now=exchange.now)
    client = signed_in(people, "support-1", language="en" if language == "zh" else "zh")
    for code in phrases.PHRASES:
        said = {"audience": "holder", "phrase": code, "key": code}
        assert client.post(f"/console/cases/{case.number}/messages", said).status_code == 302, code
    heard = [one.text for one in correspondence.read(case.account_id, venue="sandbox", audience="holder")]
    assert len(heard) == len(phrases.PHRASES)
    for text in heard:
        assert bool(re.search(r"[\u4e00-\u9fff]", text)) == (language == "zh")
        assert "{" not in text


def test_numbers_tell_what_became_of_applications(exchange: Exchange, people: People) -> None:
    """R-SUP-2: applications, cooling-off, changed mind, closed, median time by stage, blockers; drawn here."""
    closing, leaving, staying, paused = exchange.cooling(*exchange.accounts[:4])
    withdraw(leaving, actor=HOLDER, now=exchange.now)
    exchange.deposit(paused.account_id)
    exchange.work(days=1)
    Case.objects.filter(pk=staying.pk).update(due_at=exchange.now + timedelta(days=60))
    for _ in range(3):
        exchange.work(days=3)
    states = [exchange.again(case).state for case in (closing, leaving, staying, paused)]
    assert states == ["observation", "withdrawal", "cooling_off", "pause"]
    text = signed_in(people, "approver-1").get("/console/numbers").content.decode()
    told = dict(re.findall(r'<dt>([^<]+)</dt><dd class="number">(\d+)</dd>', text))
    wanted: dict[str, Any] = {
        "Applications": "4",
        "Cooling-off": "1",
        "Changed their mind": "1",
        "Closed": "1",
    }
    assert told == wanted | {"In manual review": "0"}
    drawn = {
        kind: len(re.findall(rf'<rect class="{kind}" x=', text)) for kind in ("opened", "closed", "withdrawn")
    }
    assert drawn == {"opened": 1, "closed": 1, "withdrawn": 1}
    ranked = text[text.index("What paused cases most") : text.index("Median time")]
    assert "Every wallet is empty" in ranked
    assert re.search(r"Cooling-off</td><td class=\"amount\">\d+ (days|hours)", text)
