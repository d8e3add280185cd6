"""A database that is older than the ledger of erasures forgets again before it serves. R-REC-5."""

from __future__ import annotations

import pytest
from django.db import connection
from tests.cases.exchange import Exchange

from closeout.cases import erasures, vaults, venues
from closeout.cases.models import EffectRow, Message
from closeout.records import erasure


def test_erasure_is_marked_where_it_happened(exchange: Exchange, keyring: str) -> None:
    assert keyring
    (case,) = exchange.cooling(exchange.accounts[0])
    for _ in range(4):
        exchange.work(days=2)
    exchange.work(days=180)
    assert exchange.events(case)[-1] == "confirm_erased"
    assert erasures.reapply(now=exchange.now.replace(tzinfo=None)) == []


def test_a_restored_backup_forgets_again(exchange: Exchange, keyring: str) -> None:
    """The backup still holds the letters of somebody whose key is gone; afterwards it holds nothing of them."""
    assert keyring
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.work(days=1)
    assert Message.objects.filter(case=case).exclude(sealed=b"").exists()
    subject = vaults.subject_of(case.venue, case.account_id)
    now = exchange.now.replace(tzinfo=None)
    vaults.vault().destroy(subject, "operational", now)
    with pytest.raises(erasure.Behind, match="run `closeout erasure reapply` before it serves"):
        erasures.demand_seen()
    assert [one.subject for one in erasures.reapply(now=now)] == [subject]
    assert not Message.objects.filter(case=case).exclude(sealed=b"").exists()
    assert venues.sandbox().holder(case.account_id) is None
    connection.ensure_connection()
    assert connection.connection is not None
    erasures.demand_seen()
    erasure.guard(connection.connection, vaults.vault())
    assert erasures.reapply(now=now) == []


def test_an_erasure_that_a_worker_died_in_is_no_backup(exchange: Exchange, keyring: str) -> None:
    """Killed between the keyring's commit and our own: the service starts, and the effect ends what was begun."""
    assert keyring
    (case,) = exchange.cooling(exchange.accounts[0])
    subject = vaults.subject_of(case.venue, case.account_id)
    vaults.vault().destroy(subject, "operational", exchange.now.replace(tzinfo=None))
    effect = EffectRow.objects.create(case=case, kind="vault.destroy", run_at=exchange.now)
    erasures.demand_seen()
    EffectRow.objects.filter(pk=effect.pk).update(state="done")
    with pytest.raises(erasure.Behind):
        erasures.demand_seen()
