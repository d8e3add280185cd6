"""Server-sent events for every door: one thread asks the database for all who listen, streams wait for it.

A stream is an ordinary answer of a threaded WSGI server (docs/adr/0031): it holds a thread, no connection and no
transaction. Its event ids are the numbers of rows, so a client that was cut off says the last id it saw and gets
what came after it: nothing twice, nothing left out. Streams end by themselves after :data:`LIFE`, so that whoever
signed out, or whose session ended, stops hearing soon.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from closeout.cases.news import STREAMS_MAX

log = logging.getLogger(__name__)

TICK = timedelta(milliseconds=500)  # between two questions to the database while anybody listens
HEARTBEAT = timedelta(seconds=15)  # a connection that is gone is noticed by the next write
LIFE = timedelta(minutes=2)  # of one stream; the client comes back with the last id it saw
WAITING_MAX = 1000  # events that a client may be behind before its stream ends and it has to come back
LAST_EVENT_ID = 2**63 - 1


@dataclass(frozen=True)
class News:
    """One event of a feed: a number that grows, a name, and JSON values. ``last``: nothing comes after it."""

    id: int
    name: str
    body: Mapping[str, object]
    last: bool = False


Feed = Callable[[Mapping[str, int]], Iterable[tuple[str, News]]]
"""Answers with (key, news) of everything after the number beside each key, numbers of one key in order.

One question for any number of keys. Numbers of one key must be committed in their order: a row that everybody who
writes locks first sees to that.
"""


@dataclass(eq=False)
class _Listener:
    """One stream: where it stands, and what it was not told yet."""

    feed: Feed
    key: str
    after: int
    news: queue.SimpleQueue[News] = field(default_factory=queue.SimpleQueue)


class Follower:
    """Asks each feed once per tick for everybody who listens to it, and rests while nobody does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._listeners: set[_Listener] = set()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Return how many listen."""
        return len(self._listeners)

    def join(self, feed: Feed, key: str, *, after: int) -> _Listener | None:
        """Begin to listen after ``after``; None if too many listen already."""
        with self._lock:
            if len(self._listeners) >= STREAMS_MAX:
                return None
            listener = _Listener(feed, key, after)
            self._listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        self._wake.set()
        return listener

    def leave(self, listener: _Listener) -> None:
        """Stop listening; again is once."""
        with self._lock:
            self._listeners.discard(listener)

    def _run(self) -> None:
        while True:
            if not self._listeners:
                connection.close()
                self._wake.wait()
            self._wake.clear()
            try:
                self.ask()
            except Error:
                log.warning("the streams wait for the database", exc_info=True)
                connection.close()
            self._wake.wait(TICK.total_seconds())

    def ask(self) -> None:
        """Ask every feed once and hand out what is new to each listener."""
        with self._lock:
            listening = list(self._listeners)
        wanted: dict[Feed, dict[str, int]] = {}
        for one in listening:
            keys = wanted.setdefault(one.feed, {})
            keys[one.key] = min(keys.get(one.key, one.after), one.after)
        for feed, keys in wanted.items():
            found: dict[str, list[News]] = {}
            for key, news in feed(keys):
                found.setdefault(key, []).append(news)
            for one in listening:
                if one.feed is feed:
                    _hand(one, found.get(one.key, ()))


def _hand(listener: _Listener, found: Sequence[News]) -> None:
    for news in found:
        if news.id > listener.after:
            listener.after = news.id
            listener.news.put(news)


follower = Follower()


def stream(request: HttpRequest, feed: Feed, key: str, *, over: bool = False) -> HttpResponseBase:
    """Answer with the events of ``feed`` about ``key``, from after the client's Last-Event-ID or ``?after=`` on.

    ``over``: nothing more will come; a client that has seen everything is told so (204), and a browser's
    EventSource then stops asking. Who may listen to ``key`` is the caller's business. The session is left alone:
    a stream that comes back by itself is no sign of a person, and must not keep a session alive.
    """
    after = _after(request)
    if hasattr(request, "session"):
        del request.session
    if over and not any(news.id > after for _, news in feed({key: after})):
        return _plain(204)
    listener = follower.join(feed, key, after=after)
    if not connection.in_atomic_block:
        connection.close()  # nothing is asked in this thread any more
    if listener is None:  # pages fall back to asking now and then; programs come back later
        return _plain(503 if "Last-Event-ID" in request.headers else 204)
    response = StreamingHttpResponse(_lines(listener), content_type="text/event-stream")
    response.headers["Content-Encoding"] = "identity"  # compressing would hold events back
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["Cache-Control"] = "no-store"
    return response


def _after(request: HttpRequest) -> int:
    said = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    return min(int(said), LAST_EVENT_ID) if said.isascii() and said.isdigit() and len(said) < 20 else 0


def _plain(status: int) -> HttpResponse:
    return HttpResponse(status=status, headers={"Retry-After": "15", "Cache-Control": "no-store"})


def _lines(listener: _Listener) -> Iterator[bytes]:
    """Write what the listener hears as lines of text/event-stream, with a comment where nothing happens."""
    try:
        yield b": open\n\n"
        ends = time.monotonic() + LIFE.total_seconds()
        while (left := ends - time.monotonic()) > 0 and listener.news.qsize() < WAITING_MAX:
            try:
                news = listener.news.get(timeout=min(left, HEARTBEAT.total_seconds()))
            except queue.Empty:
                yield b":\n\n"
                continue
            yield message(news)
            if news.last and listener.news.empty():
                yield b"event: over\ndata: {}\n\n"
                return
    finally:
        follower.leave(listener)


def message(news: News) -> bytes:
    """Return one event as text/event-stream."""
    body = json.dumps(news.body, ensure_ascii=False, separators=(",", ":"))
    return f"id: {news.id}\nevent: {news.name}\ndata: {body}\n\n".encode()
