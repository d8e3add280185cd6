"""The end of a cooling-off as one job or one durable workflow a case: the same verb, on a set of one.

Both peers get the easy half: cases are there, jobs are put into the queue in one batch before the clock starts, and
nothing waits for a date. What they do with a case is what the engine does with a thousand: lock, check every
condition, write case, history, effects and audit entry, in one transaction on the same durable server.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from benchmarks.meter import Meter

TOGETHER = 4  # jobs at the same time: what was fastest on two cores


def _close(case: int, now: datetime) -> int:
    from closeout.cases.operations import SYSTEM, advance
    from closeout.lifecycle import Event

    return len(advance([case], Event.CLOSE, actor=SYSTEM, now=now))


def procrastinate(cases: Sequence[int], now: datetime, *, work: bool = True) -> Meter:
    """Close ``cases`` with one job of Procrastinate each; without ``work`` the jobs do nothing."""
    import procrastinate as library

    url = os.environ["CLOSEOUT_DATABASE_URL"]
    app = library.App(connector=library.PsycopgConnector(conninfo=url))

    @app.task(name="close")
    def close(case: int, at: str) -> None:
        if work:
            _close(case, datetime.fromisoformat(at))

    direct = library.SyncPsycopgConnector(conninfo=url)
    with app.replace_connector(direct), app.open():
        with contextlib.suppress(library.exceptions.ConnectorException):
            app.schema_manager.apply_schema()  # it is there already the second time
        close.batch_defer(*({"case": case, "at": now.isoformat()} for case in cases))
    with Meter() as meter:
        app.run_worker(
            wait=False, concurrency=TOGETHER, install_signal_handlers=False, listen_notify=False,
            delete_jobs="never",
        )  # fmt: skip
    return meter


def dbos(cases: Sequence[int], now: datetime, *, work: bool = True) -> Meter:
    """Close ``cases`` with one durable workflow of DBOS each, of one step; without ``work`` the step does nothing."""
    import dbos as library

    logging.getLogger("dbos").setLevel(logging.ERROR)
    main = os.environ["CLOSEOUT_DATABASE_URL"]
    system = main.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "/closeout?", "/closeout_dbos?", 1
    )
    library.DBOS(config={
        "name": "bench", "system_database_url": system, "run_admin_server": False, "log_level": "ERROR",
        "application_version": "1",
    })  # fmt: skip

    @library.DBOS.step()
    def step(case: int, at: str) -> int:
        return _close(case, datetime.fromisoformat(at)) if work else 0

    @library.DBOS.workflow()
    def close(case: int, at: str) -> int:
        return step(case, at)

    library.DBOS.launch()
    library.DBOS.register_queue("close", worker_concurrency=TOGETHER, polling_interval_sec=0.1)
    try:
        with Meter() as meter:
            for handle in [
                library.DBOS.enqueue_workflow("close", close, case, now.isoformat()) for case in cases
            ]:
                handle.get_result()
    finally:
        library.DBOS.destroy(destroy_registry=True)
    return meter


def settled(deed: Callable[[], Meter]) -> Meter:
    """Do ``deed`` when the server has come to rest."""
    time.sleep(1)
    return deed()
