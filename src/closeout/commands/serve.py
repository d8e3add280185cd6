"""``closeout serve``: database, site and worker in one command; ``closeout worker``: another worker."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from closeout.commands import door

PAGE_THREADS = 32  # beside those that streams hold; pages are made by a few at once, the others wait


class PortTaken(click.ClickException):
    """Somebody else listens there."""

    exit_code = door.UNREACHABLE


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def serve(host: str, port: int) -> None:
    """Run the site, the worker and the database until interrupted."""
    _demand_free(host, port)
    from closeout.cases import start

    start.begin()
    from django.db import connections

    from closeout.cases import policies, sandbox, vaults, venues

    policies.agree(now=venues.now())
    if sandbox.prepare():
        door.progress("closeout: seeded the people of the sandbox (closeout people lists them)")
    _demand_ways_out(port)
    venues.forget()  # the site is forked from this process: no connection and no pool may be shared with it
    vaults.forget()
    connections.close_all()
    os.environ["CLOSEOUT_POOL"] = "8"
    with _worker():
        door.progress(f"closeout: http://{host}:{port}  (Ctrl-C stops it)")
        _site(host, port)


def _demand_ways_out(port: int) -> None:
    """Make sure that letters can be written and can leave before anybody waits for one."""
    from closeout.cases import policies, senders, way_back

    os.environ.setdefault("CLOSEOUT_URL", f"http://127.0.0.1:{port}")
    try:
        way_back.address(policies.in_force().own_domains)
        senders.sender()
    except (ValueError, OSError) as wrong:
        raise click.ClickException(str(wrong)) from wrong


def _demand_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as wrong:
            raise PortTaken(
                f"Port {port} on {host} cannot be used ({wrong.strerror}); stop what runs there or choose another "
                "with --port."
            ) from wrong


@contextmanager
def _worker() -> Iterator[None]:
    """Run the worker beside the site, and end it with it."""
    process = subprocess.Popen([sys.executable, "-m", "closeout.cli", "worker"])
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _site(host: str, port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    from closeout.cases.news import STREAMS_MAX

    logging.getLogger("_granian").addFilter(lambda said: "Python threads" not in said.getMessage())
    Granian(
        "closeout.web.wsgi:application", address=host, port=port, interface=Interfaces.WSGI,
        blocking_threads=STREAMS_MAX + PAGE_THREADS, log_access=False, websockets=False, workers_kill_timeout=3,
    ).serve()  # fmt: skip


@click.command()
def worker() -> None:
    """Move cases on: sweeps over dates, and effects, until told to stop. Any number of workers may run."""
    from closeout.cases import start

    start.begin()
    from closeout.cases import policies, venues
    from closeout.cases.worker import run

    policies.agree(now=venues.now())
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    run(over)
