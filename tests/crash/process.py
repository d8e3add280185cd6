"""The process that is killed: forked from one that has imported everything and holds no connection."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import django

BEGINS = datetime(2026, 1, 5, 8)  # naive UTC


def prepare() -> None:
    """Import everything once, in the parent."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "closeout.web.settings"
    os.environ.setdefault("CLOSEOUT_SECRET_KEY", "only for tests " + "x" * 40)
    django.setup()
    from closeout.cases import worker  # noqa: F401


def live(
    name: str,
    environment: Mapping[str, str],
    *,
    at: int = 0,
    furnish: bool = False,
    mutant: str = "",
    point: str = "",
) -> None:
    """Live through a closing in the database called ``name``; die at the ``at``-th point, 0 for never.

    ``mutant``: the bug that is planted in this process. ``point``: where to die instead, as ``name:pass``.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(environment)
    from django.core.management import call_command
    from django.db import connection
    from tests.cases import exchange
    from tests.crash import holder, mutants

    from closeout.cases import venues
    from closeout.cluster import databases
    from closeout.web.settings import database

    connection.settings_dict.update(
        database(databases.with_name(environment["CLOSEOUT_DATABASE_URL"], name), pool=0)
    )
    with venues.sandbox().connection() as opened:
        if furnish:
            call_command("migrate", verbosity=0, interactive=False)
            exchange.furnish(opened, BEGINS, 1)
            os._exit(0)
        row = opened.execute("select min(account_id) from sandbox.account").fetchone()
    assert row is not None
    if mutant:
        mutants.MUTANTS[mutant]()
    light, count = bool(environment["CRASH_LIGHT"]), Path(environment["CRASH_COUNT"])
    holder.live(row[0], at=at, light=light, count=count, point=point)
    os._exit(0)  # what else the parent has imported need not be wound up
