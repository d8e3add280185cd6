"""What pages follow while it happens: nothing lost, nothing twice, and everything also without a stream."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect


class Stream:
    """One open stream of events, read line by line."""

    def __init__(self, visitor: Any, path: str, *, last: int | None = None) -> None:
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in visitor.context.cookies())
        self._line = http.client.HTTPConnection(urlsplit(visitor.site).netloc, timeout=30)
        headers = {"Cookie": cookies, "Accept": "text/event-stream", "Accept-Encoding": "gzip, zstd"}
        self._line.request(
            "GET", path, headers=headers | ({} if last is None else {"Last-Event-ID": str(last)})
        )
        self.answer = self._line.getresponse()

    def read(self, most: int = 10_000) -> list[tuple[int, dict[str, Any]]]:
        """Return the next events, at most ``most``, or all until the stream says that it is over."""
        found: list[tuple[int, dict[str, Any]]] = []
        number = 0
        while len(found) < most:
            line = self.answer.readline().decode()
            assert line, "the stream broke off"
            name, _, value = line.rstrip("\n").partition(": ")
            if (name, value) == ("event", "over"):
                break
            if name == "id":
                number = int(value)
            elif name == "data":
                found.append((number, json.loads(value)))
        return found

    def close(self) -> None:
        """Drop the connection."""
        self.answer.close()
        self._line.close()


def test_no_event_is_lost_or_doubled_over_a_dropped_connection(visit: Any, backstage: Any) -> None:
    """R-CLR-5, issue 5: event ids, resumable after the last one that was seen, wherever the line was cut."""
    account = backstage.person(handle="messy")
    visitor = visit()
    visitor.sign_in(account)
    run = backstage.opened(account=account)
    seen: list[tuple[int, dict[str, Any]]] = []
    for cut in (1, 4, 2, 9):
        backstage.stepped(account=account, most=cut + 1)
        stream = Stream(visitor, "/clearing/events", last=seen[-1][0] if seen else None)
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        assert "X-Accel-Buffering" in stream.answer.headers
        seen += stream.read(cut)
        stream.close()
    stream = Stream(visitor, f"/clearing/events?after={seen[-1][0]}")
    backstage.stepped(account=account)
    seen += stream.read()
    assert [number for number, _ in seen] == backstage.told(run=run)
    assert [body["id"] for _, body in seen] == [number for number, _ in seen]
    assert seen[-1][1]["schema"] == "closeout.clear/1"
    again = Stream(visitor, "/clearing/events", last=seen[-1][0])
    assert again.answer.status == 204, "nothing more will come"
    again.close()
    stream.close()


@pytest.mark.parametrize("path", ["/clearing/events", "/case/events", "/support/events"])
def test_nobody_listens_without_signing_in(visit: Any, path: str) -> None:
    visitor = visit()
    stream = Stream(visitor, path)
    assert stream.answer.status == 401
    stream.close()


def test_a_page_follows_a_clearing_item_by_item(visit: Any, backstage: Any) -> None:
    """R-CLR-5, issue 5: live by stream under the strict policy of the page; the browser has nothing to complain of."""
    account = backstage.person(handle="messy")
    visitor = visit(language="en")
    visitor.sign_in(account)
    backstage.opened(account=account)
    backstage.stepped(account=account, most=2)
    with visitor.page.expect_response(lambda answer: "/clearing/events?after=" in answer.url) as answered:
        visitor.open("/clearing")
    assert answered.value.status == 200
    page = visitor.page
    page.evaluate("document.title = 'never loaded again'")
    shown = page.locator("#progress .number").first
    assert shown.inner_text().startswith("0/")
    backstage.stepped(account=account, until="done")
    expect(shown).not_to_have_text(re.compile("^0/"))
    first = shown.inner_text()
    visitor.context.set_offline(True)
    backstage.stepped(account=account, until="round")
    backstage.stepped(account=account, until="done")  # while nothing is heard
    visitor.context.set_offline(False)
    expect(shown).not_to_have_text(first, timeout=15_000)
    backstage.stepped(account=account)
    page.get_by_role("link", name="Back to the self-check").wait_for()
    assert page.title() == "never loaded again"
    assert [text for text in visitor.complaints if "ERR_" not in text and "Failed to fetch" not in text] == []
    assert len([one for one in visitor.requests if one.url.endswith("/clearing")]) < 12


def test_without_scripts_the_page_refreshes_itself(visit: Any, backstage: Any) -> None:
    """Issue 5, live: everything also works with JavaScript off."""
    account = backstage.person(handle="keys")
    visitor = visit(scripts=False, language="en")
    visitor.sign_in(account)
    backstage.opened(account=account)
    visitor.open("/clearing")
    backstage.stepped(account=account)
    visitor.page.get_by_role("link", name="Back to the self-check").wait_for()


def test_the_case_goes_on_before_ones_eyes(visit: Any, backstage: Any) -> None:
    """R-CLO-6, issue 5: from the countdown over closing to closed without touching anything."""
    account = backstage.person(handle="clean")
    backstage.submitted(account=account)
    visitor = visit(language="en")
    visitor.sign_in(account)
    with visitor.page.expect_response(lambda answer: "/case/events?after=" in answer.url):
        visitor.open("/case")
    assert visitor.page.locator("[role=timer]").inner_text()
    backstage.deposited(account=account)
    assert backstage.reached(account=account, wanted="pause") == "pause"
    visitor.page.get_by_text("The clock is stopped").wait_for()
    assert visitor.page.locator("[role=timer]").count() == 0
    assert visitor.complaints == []


def test_an_answer_of_support_appears_while_one_types(visit: Any, backstage: Any) -> None:
    """R-SUP-2, R-SUP-9, issue 5: live, what is typed stays; the letter says that there is an answer, not what."""
    account = backstage.person(handle="clean")
    backstage.applied(account=account, language="en")
    visitor = visit(language="en")
    visitor.sign_in(account)
    with visitor.page.expect_response(lambda answer: "/support/events?after=0" in answer.url):
        visitor.open("/support")
    page = visitor.page
    page.fill("#id_text", "I am still typing")
    backstage.answered(account=account, text="It is settled, canary-5512.")
    page.get_by_text("canary-5512").wait_for()
    backstage.answered(account=account, text="And one thing more.")
    page.get_by_text("And one thing more.").wait_for()
    assert page.locator(".thread li").count() == 2
    assert page.input_value("#id_text") == "I am still typing"
    notices = [letter for letter in backstage.letters(account=account) if letter["template"] == "answer"]
    assert sorted(letter["channel"] for letter in notices) == ["email", "sms"]
    assert not any("canary" in letter["body"] + letter["subject"] for letter in notices)
    assert visitor.complaints == []
