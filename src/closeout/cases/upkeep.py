"""What the house does at intervals by itself: seal the log, check the ledger, renew the key of the keyring.

Intervals go by the real time: they are about the installation, not about a case. Several workers share one list of
duties; each duty is begun by whoever comes first and by nobody else until it is due again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection

from closeout import cluster
from closeout.cases import (
    audit,
    claiming,
    claims,
    documents,
    limits,
    mandates,
    retained,
    signals,
    vaults,
    venues,
)
from closeout.cases.clearing_journal import present
from closeout.records import epochs
from closeout.venues.base import Unreachable
from closeout.venues.sandbox import invariants

log = logging.getLogger(__name__)

BEGIN = """
insert into audit.duty as d (name, begun_at) values (%(name)s, %(now)s)
on conflict (name) do update set begun_at = excluded.begun_at, ended_at = null, found = ''
where d.begun_at <= %(before)s
returning name
"""
END = "update audit.duty set ended_at = %s, found = %s where name = %s"
FOUND_MAX = 2000


@dataclass(frozen=True)
class Duty:
    """One duty. ``work`` gets the time of the cases (aware UTC) and returns what it found, empty if all is well."""

    every: timedelta
    work: Callable[[datetime], str]


def _seal(now: datetime) -> str:
    """Seal the audit log, so that no more than a minute of it is without a checkpoint."""
    audit.seal(now=now)
    return ""


def _ledger(now: datetime) -> str:  # noqa: ARG001 - every duty is called alike
    """Check the rules of the sandbox's ledger; a broken one needs a person at once."""
    with venues.sandbox().connection() as opened:
        broken = invariants.broken(opened)
    for rule in broken:
        log.critical("the ledger breaks a rule: %s", rule)
    return "\n".join(broken)


def _rotate(present: datetime) -> str:
    """Once a week open the next epoch of keys; wrap living keys again, destroy what wraps none (R-REC-3)."""
    with cluster.connect(cluster.keyring_url(vaults.url()), autocommit=True) as keyring:
        return rotate(keyring, now=present.replace(tzinfo=None))


def rotate(keyring: epochs.Connection, *, now: datetime) -> str:
    """Renew the key-encryption key over an open connection, in small transactions; return which keys died.

    Killed at any moment it goes on where it stopped. ``now``: naive UTC. Raises: KeyGone.
    """
    kek = vaults.keys()
    with keyring.transaction():
        epochs.date(keyring, now)
        if epochs.due(keyring, now):
            epochs.open_next(keyring, kek, now)
    while True:
        with keyring.transaction():
            if not epochs.rewrap(keyring, kek):
                break
    with keyring.transaction():
        gone = epochs.destroy_closed(keyring, kek, now)
    return "destroyed epochs " + ", ".join(map(str, gone)) if gone else ""


def _retention(now: datetime) -> str:
    """Erase what the law has kept and whose date has come (R-REC-4)."""
    mandates.forget(now=now)
    ended, purged = retained.end_due(now=now), claims.purge(now=now)
    signals.forget()
    claiming.forget(now=now)
    return f"ended {ended}, purged {purged}" if ended or purged else ""


def _files(now: datetime) -> str:  # noqa: ARG001 - every duty is called alike
    """Remove sealed files that nothing names, and what a killed build has left behind."""
    gone = documents.sweep_files()
    return f"removed {gone}" if gone else ""


def _limits(now: datetime) -> str:
    """Forget limits that have been full again for a day, whichever of the two clocks they went by."""
    limits.forget(before=min(now, present()) - timedelta(days=1))
    return ""


def _partitions(now: datetime) -> str:  # noqa: ARG001 - every duty is called alike
    """Keep room for history and the audit log far ahead of what is written."""
    with connection.cursor() as cursor:
        cursor.execute("select audit.add_partitions() + history.add_partitions()")
        made = int(cursor.fetchone()[0])
    return f"made {made}" if made else ""


DUTIES: Mapping[str, Duty] = {
    "seal": Duty(timedelta(minutes=1), _seal),
    "ledger": Duty(timedelta(hours=1), _ledger),
    "rotate": Duty(timedelta(hours=1), _rotate),
    "retention": Duty(timedelta(hours=1), _retention),
    "files": Duty(timedelta(hours=6), _files),
    "partitions": Duty(timedelta(hours=1), _partitions),
    "limits": Duty(timedelta(hours=6), _limits),
}


def turn(*, now: datetime, present: datetime, duties: Mapping[str, Duty] = DUTIES) -> list[str]:
    """Do the duties that are due at ``present``; return their names. What breaks stops its own duty alone.

    ``now``: time of the cases; ``present``: the real time; both aware UTC.
    """
    done = []
    for name, duty in duties.items():
        if _begun(name, duty, present=present.replace(tzinfo=None)):
            _end(name, _found(name, duty, now=now), present=present.replace(tzinfo=None))
            done.append(name)
    return done


def _begun(name: str, duty: Duty, *, present: datetime) -> bool:
    """Take the duty if it is due and nobody else has it."""
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, {"name": name, "now": present, "before": present - duty.every})
        return cursor.fetchone() is not None


def _found(name: str, duty: Duty, *, now: datetime) -> str:
    try:
        return duty.work(now)
    except (OperationalError, InterfaceError):
        raise
    except Unreachable as gone:
        return f"the venue did not answer: {gone}"
    except Exception as wrong:
        log.exception("the duty %s failed", name)
        return f"failed: {type(wrong).__name__}"


def _end(name: str, found: str, *, present: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(END, (present, found[:FOUND_MAX], name))
