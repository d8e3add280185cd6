"""What this database has forgotten, against the keyring's ledger of erasures: a restored backup forgets again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, cast

import psycopg
from django.db import connection, transaction

from closeout import cluster
from closeout.cases import schedule, vaults, venues
from closeout.lifecycle import Effect
from closeout.records import erasure
from closeout.records.vault import Destroyed


def forget(cursor: psycopg.Cursor[Any], subjects: Sequence[str]) -> None:
    """Remove what the tables of cases still hold of ``subjects``; its keys are gone already. Idempotent."""
    for statement in schedule.erasures():
        cursor.execute(statement, {"subjects": list(subjects)})


def complete(receipts: Sequence[Destroyed], *, now: datetime) -> None:
    """Forget whom ``receipts`` name and note that it was done, in one transaction. ``now``: naive UTC."""
    with transaction.atomic(), connection.cursor() as cursor:
        forget(cast(Any, cursor), [one.subject for one in receipts])
        erasure.mark_applied(cast(Any, cursor), receipts, now)


UNDER_WAY = (
    "select c.venue || ':' || c.account_id from cases_effect as e inner join cases_case as c on e.case_id = c.id"
    " where e.kind = %s and e.state <> 'done'"
)

ENDING = (
    "select subject || '/' || category from retention.item where ending_at is not null and erased_at is null"
)


def demand_seen() -> None:
    """Refuse to serve on a database that is older than the ledger of erasures (R-REC-5).

    An erasure whose effect is still in the outbox is no backup: a worker died in it, and another goes on.
    Raises: Behind, ClusterError.
    """
    with closing(cluster.connect(vaults.url(), autocommit=True)) as own:
        missing = erasure.behind(own, vaults.vault())
        if missing:
            under_way = {subject for (subject,) in own.execute(UNDER_WAY, (Effect.ERASE_KEYS.value,))}
            under_way |= {key for (key,) in own.execute(ENDING)}
            missing = [one for one in missing if one.subject not in under_way]
    if missing:
        raise erasure.Behind(len(missing))


def reapply(*, now: datetime) -> list[Destroyed]:
    """Apply every erasure that this database has not seen; return them. Idempotent. ``now``: naive UTC.

    Raises: ClusterError, Unreachable.
    """
    with closing(cluster.connect(vaults.url(), autocommit=True)) as own:
        missing = erasure.behind(own, vaults.vault())
        prefix = f"{venues.SANDBOX}:"
        venues.sandbox().forget(
            [
                int(one.subject.removeprefix(prefix))
                for one in missing
                if one.cls == "operational" and one.subject.startswith(prefix)
            ]
        )
        return erasure.reapply(own, vaults.vault(), forget, now)
