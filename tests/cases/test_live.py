"""The machinery of live streams without a site: bounds, and what one question serves."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from closeout.web import live


def test_too_many_streams_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 5, load: pages go on without a stream, programs are told when to come back."""
    monkeypatch.setattr(live, "STREAMS_MAX", 0)
    fresh = live.stream(RequestFactory().get("/clearing/events"), lambda _: [], "k")
    again = live.stream(
        RequestFactory().get("/clearing/events", headers={"Last-Event-ID": "7"}), lambda _: [], "k"
    )
    assert (fresh.status_code, again.status_code) == (204, 503)
    assert again.headers["Retry-After"]


def test_one_question_serves_everybody_from_where_they_are() -> None:
    """One question a tick for all listeners of a key; each hears what it has not heard, in order, once."""
    asked: list[dict[str, int]] = []

    def feed(afters: Any) -> list[tuple[str, live.News]]:
        asked.append(dict(afters))
        return [("k", live.News(number, "step", {})) for number in range(1, 6) if number > afters["k"]]

    follower = live.Follower()
    listeners = [live._Listener(feed, "k", after) for after in (0, 3, 10**18)]
    follower._listeners.update(listeners)
    follower.ask()
    follower.ask()
    heard = [[one.news.get_nowait().id for _ in range(one.news.qsize())] for one in listeners]
    assert heard == [[1, 2, 3, 4, 5], [4, 5], []]
    assert asked == [{"k": 0}, {"k": 5}]


@pytest.mark.parametrize("said", ["", "-1", "x", "٣", "9" * 400, "1.5"])
def test_a_last_id_that_is_none_begins_at_the_beginning(said: str) -> None:
    """Issue 5, bad input: nonsense in the address is no error and no gap."""
    assert live._after(RequestFactory().get("/", {"after": said})) == 0
