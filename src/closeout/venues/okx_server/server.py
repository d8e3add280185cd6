"""The v5 server: a request in, an envelope out; and a small HTTP server that lends it a port."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from closeout.venues.base import Unreachable
from closeout.venues.okx.endpoints import ENDPOINTS, Endpoint
from closeout.venues.okx_server import files, keys
from closeout.venues.okx_server.admission import Limits, Request, admit
from closeout.venues.okx_server.books import Books
from closeout.venues.okx_server.files import Shelf
from closeout.venues.okx_server.keys import Key
from closeout.venues.okx_server.routes import ARCHIVE, LOOKS, WRITES
from closeout.venues.okx_server.speaking import (
    Answer,
    Refusal,
    Row,
    nothing_there,
    page,
    refused,
    success,
    wall_clock,
)
from closeout.venues.okx_server.writes import Desk
from closeout.venues.sandbox.venue import SandboxVenue

BODY_MAX = 1 << 20
READERS_MAX = 8
POLL_SECONDS = 0.02  # how soon a server in a thread notices that it shall stop
NOBODY = Key("", "", "", 0, 0, (), (), simulated=False, label="", revoked=False)


class OkxServer:
    """Answers v5 requests over one sandbox. ``limits``: the documented rates; ``None`` lets everything pass.

    It reads over connections of its own, so that a write, which takes one of the venue's, never waits for a
    request that waits for it.
    """

    def __init__(self, venue: SandboxVenue, database_url: str, *, limits: Limits | None = None) -> None:
        self._desk = Desk(venue)
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            database_url,
            min_size=0,
            max_size=READERS_MAX,
            kwargs={"autocommit": True, "options": "-c timezone=UTC"},
            open=True,
            name="okx-v5",
        )
        self._limits = limits
        self._shelf = Shelf()
        self.base_url = ""

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()

    def respond(self, request: Request) -> Answer:
        """Answer one request; whatever is wrong with it is said in v5's own words."""
        if request.method == "GET" and request.target.startswith(files.FOLDER):
            return self._shelf.get(request.target) or nothing_there()
        endpoint = ENDPOINTS.get(f"{request.method} {request.path}")
        if endpoint is None or not self._served(endpoint):
            return nothing_there()
        try:
            with self._books(request, endpoint) as books:
                return success(self._rows(request, endpoint, books))
        except Refusal as no:
            return refused(no)
        except (Unreachable, psycopg.OperationalError, PoolTimeout):
            return refused(Refusal("50001", message="Service temporarily unavailable."))

    @staticmethod
    def _served(endpoint: Endpoint) -> bool:
        return endpoint.path == ARCHIVE or endpoint.path in (LOOKS if endpoint.method == "GET" else WRITES)

    @contextmanager
    def _books(self, request: Request, endpoint: Endpoint) -> Iterator[Books]:
        with self._pool.connection() as connection:
            row = connection.execute(
                "select sandbox.now(), runs_since is not null from sandbox.clock"
            ).fetchone()
            assert row is not None
            now, runs = row
            clock = now if runs else wall_clock()  # nobody can sign by a clock that stands still
            key = NOBODY
            if not endpoint.public:
                key = admit(request, endpoint, lambda name: keys.find(connection, name), now=clock)
            if self._limits is not None:
                self._limits.count(str(key.account_id or request.address), endpoint)
            yield Books(connection, key, now, clock, request.address)

    def _rows(self, request: Request, endpoint: Endpoint, books: Books) -> list[Row]:
        if endpoint.method == "GET":
            if endpoint.path == ARCHIVE:
                return files.fetch(self._desk, self._shelf, books, request.params, self.base_url)
            rows = LOOKS[endpoint.path](books, request.params)
            return page(rows, request.params, endpoint.cursor_field, endpoint.cursor_parameter)
        try:
            body: Any = json.loads(request.body or b"{}")
        except ValueError:
            raise Refusal("50002") from None
        if not isinstance(body, dict | list):
            raise Refusal("50002")
        if endpoint.path == ARCHIVE:
            return files.apply(self._desk, books, body)
        return WRITES[endpoint.path](self._desk, books, body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave in one packet: two would wait 40 ms for an acknowledgement
    disable_nagle_algorithm = True
    server: Listening

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = self.headers.get("content-length") or "0"
        if not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True
            self._write(refused(Refusal("50002")))
            return
        request = Request(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(length)),
            self.client_address[0],
        )
        self._write(self.server.okx.respond(request))

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.kind)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Log nothing: headers carry keys."""


class Listening(ThreadingHTTPServer):
    """The server on a port; use it in ``with``, or :meth:`serve_forever`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, okx: OkxServer, *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Handler)
        self.okx = okx
        self.okx.base_url = self.url

    @property
    def url(self) -> str:
        """Return the base URL to give to a client."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self.serve_forever, args=(POLL_SECONDS,), name="okx-v5", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        wrong: BaseException | None = None,
        where: TracebackType | None = None,
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        self.okx.close()
