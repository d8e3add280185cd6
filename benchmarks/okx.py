"""What looking at an OKX account costs: calls, seconds, memory; each time beside the floor that the limits allow.

The server is ``closeout okx serve`` as a process of its own, with the documented limits. The floor of one look is the
moment at which the last call may leave if every operation calls as often as its limit allows and all operations run
side by side: for ``n`` calls at ``c`` per ``s`` seconds, ``(ceil(n / c) - 1) * s``; the slowest operation decides.
Nothing can be faster. The start of the program is compared with that of a bare ``import click``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from closeout.cluster import supervisor
from closeout.venues.okx import declared, history
from closeout.venues.okx.endpoints import Endpoint
from closeout.venues.okx.keys import Credentials
from closeout.venues.okx.looking import look
from closeout.venues.okx.pacing import Pace
from closeout.venues.okx.wire import CcxtWire
from closeout.venues.sandbox import world

CLOSEOUT = [sys.executable, "-m", "closeout.cli"]
MEGABYTE = 1024  # ru_maxrss is in kilobytes on Linux
GOOD = [f"--answer={question.code}={question.good}" for question in declared.QUESTIONS]


class Counting(Pace):
    """Counts the calls of each operation."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[Endpoint] = Counter()

    def wait(self, endpoint: Endpoint) -> None:
        """Count, then wait as ever."""
        self.calls[endpoint] += 1
        super().wait(endpoint)

    def floor(self) -> float:
        """Return the seconds that the documented limits ask for at the least."""
        return max((math.ceil(n / one.calls) - 1) * one.seconds for one, n in self.calls.items())


def wire(env: dict[str, str], pace: Pace) -> CcxtWire:
    """Open the line that ``env`` names."""
    parts = Credentials(*(env[f"CLOSEOUT_OKX_{name}"] for name in ("KEY", "SECRET", "PASSPHRASE")))
    return CcxtWire(parts, base_url=env["CLOSEOUT_OKX_URL"], pace=pace)


def measured(env: dict[str, str], work: Callable[[CcxtWire], Any]) -> dict[str, Any]:
    """Measure ``work`` over a line whose windows are empty; the client is imported before."""
    pace = Counting()
    line = wire(env, pace)
    try:
        begin, busy = time.perf_counter(), time.process_time()
        work(line)
        seconds, busy = time.perf_counter() - begin, time.process_time() - busy
    finally:
        line.close()
    floor = pace.floor()
    return {
        "calls": sum(pace.calls.values()), "operations": len(pace.calls), "seconds": round(seconds, 2),
        "floor_seconds": round(floor, 2), "ratio": round(seconds / floor, 2) if floor else None,
        "cpu_seconds": round(busy, 2),
    }  # fmt: skip


def one_look(line: CcxtWire) -> None:
    """Look once, whole."""
    seen = look(line, now=datetime.now(UTC).replace(tzinfo=None))
    assert not seen.failures, seen.failures


def records(line: CcxtWire) -> None:
    """Read every kind of record."""
    assert history.everything(line).keys() == history.SHELVES.keys()


def process(words: Sequence[str], env: dict[str, str]) -> dict[str, Any]:
    """Run a command and return its seconds and the most memory that it held."""
    begin = time.perf_counter()
    with subprocess.Popen(
        [*CLOSEOUT, *words], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return {
        "seconds": round(time.perf_counter() - begin, 2), "memory_mb": round(used.ru_maxrss / MEGABYTE),
        "exit_code": child.returncode,
    }  # fmt: skip


def start_up(rounds: int) -> dict[str, Any]:
    """Compare ``closeout --help`` with a bare ``import click``, taking turns; the best of each."""
    bare: list[float] = []
    ours: list[float] = []
    words = (
        [sys.executable, "-c", "import click"],
        [str(Path(sys.executable).with_name("closeout")), "--help"],
    )
    for _ in range(rounds):
        for command, found in zip(words, (bare, ours), strict=True):
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found.append(time.perf_counter() - begin)
    return {
        "click_ms": round(min(bare) * 1000), "help_ms": round(min(ours) * 1000),
        "ratio": round(min(ours) / min(bare), 2),
    }  # fmt: skip


@contextmanager
def served(env: dict[str, str], person: str) -> Iterator[dict[str, str]]:
    """Run ``closeout okx serve`` for a person; yields the environment with the key."""
    serve = [*CLOSEOUT, "okx", "serve", "--port", "0", "--person", person]
    with subprocess.Popen(serve, env=env, stdout=subprocess.PIPE, text=True) as server:
        found: dict[str, str] = {}
        assert server.stdout is not None
        for line in server.stdout:
            if said := re.search(r"export (CLOSEOUT_OKX_\w+)=(\S+)", line):
                found[said[1]] = said[2]
            if "CLOSEOUT_OKX_PASSPHRASE" in found:
                break
        try:
            yield env | found
        finally:
            server.send_signal(signal.SIGTERM)


# Copies of one deposit, one a minute, back in time: the movement, its entry and its transfer.
COPIES = """
with one as (
    select e.*, t.debit_id, t.credit_id, t.asset, t.amount from sandbox.entry as e join sandbox.transfer as t
    using (entry_id) where e.account_id = %(account)s order by entry_id desc limit 1
), entries as (
    insert into sandbox.entry (kind, origin, account_id, posted_at)
    select kind, origin, account_id, posted_at - n * interval '1 minute' from one, generate_series(1, %(bills)s) as n
    returning entry_id
), movements as (
    insert into sandbox.movement (account_id, kind, asset, amount, state, started_at)
    select account_id, 'deposit', asset, amount, 'final', posted_at - n * interval '1 minute'
    from one, generate_series(1, %(bills)s) as n
)
insert into sandbox.transfer (entry_id, debit_id, credit_id, asset, amount)
select entries.entry_id, debit_id, credit_id, asset, amount from entries, one
"""


def lengthen(url: str, person: str, bills: int) -> None:
    """Give a person a history: that many deposits, each a bill."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "select account_id from sandbox.account where handle = %s", (person,)
        ).fetchone()
        assert row is not None
        world.deposit(connection, row[0], asset="USDT", amount=Decimal(1), minutes=0)
        connection.execute(COPIES, {"account": row[0], "bills": bills - 1})


def all_figures(url: str, scratch: Path, said: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    env = os.environ | {
        "CLOSEOUT_DATABASE_URL": url, "CLOSEOUT_DATA_DIR": str(scratch / "data"),
        "XDG_STATE_HOME": str(scratch / "state"), "CLOSEOUT_LANG": "en",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }  # fmt: skip
    figures: dict[str, Any] = {"start_up": start_up(said.rounds)}
    for person in ("messy", "clean"):
        with served(dict(env), person) as known:
            if person == "clean":
                lengthen(url, person, said.bills)
            address = ["--venue", "okx", "--base-url", known["CLOSEOUT_OKX_URL"]]
            measured(known, one_look)  # imports, connections and plans of the server are warm afterwards
            time.sleep(said.pause)  # the server's windows are empty again
            figures[f"look_{person}"] = measured(known, one_look)
            time.sleep(said.pause)
            figures[f"records_{person}"] = measured(known, records)
            time.sleep(said.pause)
            figures[f"check_{person}"] = process(["check", *address, "--no-input", *GOOD], known)
    figures["memory_of_this_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bills", type=int, default=3000, help="length of the history")
    parser.add_argument("--rounds", type=int, default=10, help="starts of the program")
    parser.add_argument("--pause", type=float, default=5.5, help="seconds between two measurements")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="closeout-bench-") as scratch:
        Path(scratch).chmod(0o755)
        server = supervisor.Cluster(Path(scratch) / "postgres", durable=False)
        url = server.hold()
        try:
            figures = all_figures(url, Path(scratch), said)
        finally:
            server.release()
    json.dump(figures, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
