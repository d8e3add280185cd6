"""The self-check page with twenty holders at once, against a page of one trivial question in the same run.

The bar is a ratio of 95th percentiles, so that it means the same on any machine: at most 4. All holders ask for one
page at once and then for the other, so that whatever else the machine does falls on both, and neither waits for
the other.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import live
from benchmarks.engine import bench

PAGES = ("/domains", "/check")  # the first reads the policy in force, and that is all


def sessions(count: int) -> list[str]:
    """Seed the people of the sandbox; return sessions of ``count`` holders, the messy ones among them."""
    from datetime import UTC, datetime

    from django.conf import settings

    from closeout.cases import sandbox, venues

    sandbox.prepare()
    accounts = [person.account_id for person in venues.sandbox().people()]
    engine: Any = import_module(settings.SESSION_ENGINE)
    found = []
    for number in range(count):
        session = engine.SessionStore()
        session.update({"venue": "sandbox", "account": accounts[number % len(accounts)], "masked": "***",
                        "signed_in_at": datetime.now(UTC).isoformat()})  # fmt: skip
        session.create()
        found.append(session.session_key)
    return found


def visit(port: int, cookie: str, rounds: int, barrier: threading.Barrier) -> dict[str, list[float]]:
    """Ask for both pages in turn, together with everybody else; return milliseconds by page."""
    line = http.client.HTTPConnection("127.0.0.1", port)
    times: dict[str, list[float]] = {page: [] for page in PAGES}
    for number in range(rounds + 1):
        for page in PAGES:
            barrier.wait()  # everybody asks for the same page at once: neither waits behind the other
            began = time.perf_counter()
            line.request("GET", page, headers={"Cookie": f"sid={cookie}"})
            answer = line.getresponse()
            answer.read()
            assert answer.status in (200, 302), answer.status
            if number:  # the first round warms up
                times[page].append((time.perf_counter() - began) * 1000)
    line.close()
    return times


def main() -> None:
    """Start, ask, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--holders", type=int, default=20)
    options.add_argument("--rounds", type=int, default=50)
    asked = options.parse_args()
    with bench(), tempfile.TemporaryDirectory() as place:
        cookies = sessions(asked.holders)
        with live.site(Path(place) / "serve.log") as (port, _pid):
            barrier = threading.Barrier(asked.holders)
            with ThreadPoolExecutor(asked.holders) as pool:
                told = list(pool.map(lambda cookie: visit(port, cookie, asked.rounds, barrier), cookies))
    ends = {}
    for page in PAGES:
        times = [one for holder in told for one in holder[page]]
        ends[page] = statistics.quantiles(times, n=20)[-1]
        middle = statistics.median(times)
        print(f"{page:10} {len(times)} requests: median {middle:.0f} ms, 95th percentile {ends[page]:.0f} ms")
    trivial, check = (ends[page] for page in PAGES)
    print(f"ratio of the 95th percentiles: {check / trivial:.1f} (bar: 4), load {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main()
