"""What open streams of events cost: memory of the site, and every event counted over dropped connections.

A site with its database is started, one clearing is opened for each of a few holders, and many streams follow them.
Events are written while streams are cut and come back with the last id they saw. Nothing is lost if every stream has
seen every event of its clearing, once and in order.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import clearing

from closeout.cluster import supervisor

HOLDERS = 10
ROUNDS = 12
EVENTS = 25  # of each clearing in each round
CUT = 0.2  # share of the streams that is cut in each round
QUIET = 20.0  # seconds without news after which the count is taken


@dataclass
class Follower:
    """One stream, cut and resumed; ``seen`` holds the ids in the order in which they came."""

    port: int
    cookie: str
    run: str
    seen: list[int] = field(default_factory=list)
    line: socket.socket | None = None
    rest: bytes = b""

    def open(self) -> socket.socket:
        """Ask for what comes after the last id that was seen."""
        last = f"Last-Event-ID: {self.seen[-1]}\r\n" if self.seen else ""
        self.line, self.rest = socket.create_connection(("127.0.0.1", self.port)), b""
        self.line.sendall(
            f"GET /clearing/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sid={self.cookie}\r\n{last}\r\n".encode()
        )
        return self.line

    def hear(self) -> bool:
        """Read what is there; return whether the line still stands."""
        assert self.line is not None
        try:
            said = self.line.recv(65536)
        except OSError:
            return False
        self.rest += said
        *lines, self.rest = self.rest.split(b"\n")
        self.seen += [int(one[4:]) for one in lines if one.startswith(b"id: ")]
        return bool(said)


def memory(pid: int) -> int:
    """Return the resident memory of a process and its children, in KiB."""
    total = 0
    for path in [Path(f"/proc/{pid}"), *_children(pid)]:
        with contextlib.suppress(OSError):
            total += int(
                next(
                    row for row in (path / "smaps_rollup").read_text().splitlines() if "Pss:" in row
                ).split()[1]
            )
    return total


def _children(pid: int) -> Iterator[Path]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if "worker" not in Path(f"/proc/{child}/cmdline").read_text().replace("\0", " "):
                yield Path(f"/proc/{child}")


def prepare() -> dict[str, str]:
    """Open a clearing and a session for each holder; return session by run."""
    from closeout.cases import start

    start.begin()
    from importlib import import_module

    from django.conf import settings
    from django.db import transaction

    from closeout.cases import clearings, sandbox, venues
    from closeout.cases.models import ClearingRun

    sandbox.prepare()
    engine = import_module(settings.SESSION_ENGINE)
    found = {}
    for _ in range(HOLDERS):
        with venues.sandbox().connection() as connection, connection.transaction():
            account = clearing.account(connection, lambda room: room.put("USDT", "100"))
        with transaction.atomic():
            run = clearings.start(account, digest=clearings.show(account).digest)
            held = {"worker": "bench", "lease_until": datetime.now(UTC) + timedelta(hours=1)}
            ClearingRun.objects.filter(pk=run.run_id).update(**held)
        session = engine.SessionStore()
        session.update({"venue": "sandbox", "account": account, "masked": "***",
                        "signed_in_at": datetime.now(UTC).isoformat()})  # fmt: skip
        session.create()
        found[run.run_id] = session.session_key
    return found


def tell(runs: list[str]) -> None:
    """Write events of every clearing, as a worker does, and one that ends nothing."""
    from closeout.cases.clearing_journal import DatabaseJournal
    from closeout.clearing.journal import Event

    journal = DatabaseJournal("sandbox")
    said = [Event(at=datetime(2026, 1, 1), kind="done", command=str(n)) for n in range(EVENTS)]
    for run in runs:
        journal.record(run, {}, said)


@contextlib.contextmanager
def site(log: Path) -> Iterator[tuple[int, int]]:
    """Run the site; yield port and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "closeout.cli", "serve", "--port", str(port)], stdout=out, stderr=out
        )
        try:
            for _ in range(600):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/robots.txt", timeout=10).close()
                    break
                time.sleep(0.1)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


def hear(selector: selectors.BaseSelector, *, seconds: float) -> None:
    """Read every stream for so long, or until nothing comes; open those again that ended."""
    ends = quiet = time.monotonic() + seconds
    while time.monotonic() < min(ends, quiet):
        for key, _ in selector.select(timeout=0.5):
            follower: Follower = key.data
            if not follower.hear():
                selector.unregister(key.fileobj)
                selector.register(follower.open(), selectors.EVENT_READ, follower)


def follow(port: int, pid: int, sessions: dict[str, str], *, streams: int, seed: int) -> dict[str, Any]:
    """Open the streams, cut and resume them while events come; return what was counted."""
    from closeout.cases import news

    chance, selector, runs = random.Random(seed), selectors.DefaultSelector(), list(sessions)
    empty = memory(pid)
    followers = [Follower(port, sessions[runs[n % len(runs)]], runs[n % len(runs)]) for n in range(streams)]
    for one in followers:
        selector.register(one.open(), selectors.EVENT_READ, one)
    hear(selector, seconds=5)
    full, cuts = memory(pid), 0
    begin = time.monotonic()
    for _ in range(ROUNDS):
        tell(runs)
        for one in chance.sample(followers, int(CUT * streams)):
            assert one.line is not None
            selector.unregister(one.line)
            one.line.close()
            selector.register(one.open(), selectors.EVENT_READ, one)
            cuts += 1
        hear(selector, seconds=1)
    expected = {run: [event.id for _, event in news.steps({run: 0}, most=10_000)] for run in runs}
    while any(len(one.seen) < len(expected[one.run]) for one in followers) and time.monotonic() - begin < 120:
        hear(selector, seconds=1)
    seconds = time.monotonic() - begin
    lost = sum(len(set(expected[one.run]) - set(one.seen)) for one in followers)
    doubled = sum(len(one.seen) - len(set(one.seen)) for one in followers)
    for one in followers:
        assert one.line is not None
        one.line.close()
    return {
        "streams": streams, "cut_and_resumed": cuts, "events_told": sum(len(expected[one.run]) for one in followers),
        "lost": lost, "doubled": doubled, "out_of_order": sum(one.seen != sorted(one.seen) for one in followers),
        "seconds": round(seconds, 1), "site_mib_without_streams": round(empty / 1024, 1),
        "site_mib_with_streams": round(full / 1024, 1), "kib_per_stream": round((full - empty) / streams, 1),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="closeout-live-") as scratch:
        Path(scratch).chmod(0o755)
        os.environ["CLOSEOUT_DATA_DIR"] = str(Path(scratch) / "data")
        server = supervisor.Cluster(Path(scratch) / "postgres")
        os.environ["CLOSEOUT_DATABASE_URL"] = server.hold()
        try:
            sessions = prepare()
            with site(Path(scratch) / "serve.log") as (port, pid):
                figures = follow(port, pid, sessions, streams=said.streams, seed=said.seed)
        finally:
            server.release()
        print(json.dumps(figures, indent=2))
        if figures["lost"] or figures["doubled"] or figures["out_of_order"]:
            raise SystemExit("events were lost, doubled or out of order")


if __name__ == "__main__":
    main()
