"""Clearings: what was shown, the runs, every command before it is sent, its receipt, and what pages follow."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from closeout.clearing.journal import OVER, RunState

STATES = [(state.value, state.value) for state in RunState]


class ClearingShown(models.Model):
    """One dry run as it was shown; a confirmation names its digest."""

    digest = models.CharField(primary_key=True, max_length=64)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField()
    confirmed = models.JSONField()
    shown_at = models.DateTimeField()

    class Meta:
        """Found by account when it is erased."""

        indexes = [models.Index(fields=["venue", "account_id"], name="clearing_shown_account")]


class ClearingRun(models.Model):
    """One clearing of one account; at most one of an account is not over."""

    run_id = models.CharField(primary_key=True, max_length=20)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField()
    shown = models.ForeignKey(ClearingShown, on_delete=models.PROTECT)
    state = models.CharField(max_length=16, choices=STATES)
    wakes_at = models.DateTimeField(null=True)
    rested_round = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()

    class Meta:
        """One open run of an account; the sweep finds what is due by an index."""

        constraints = [
            models.UniqueConstraint(
                fields=["venue", "account_id"],
                condition=~Q(state__in=sorted(state.value for state in OVER)),
                name="one_open_clearing_per_account",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "wakes_at"],
                name="clearing_due",
                condition=Q(state__in=[RunState.WORKING.value, RunState.WAITING.value]),
            ),
            models.Index(fields=["venue", "account_id"], name="clearing_account"),
        ]


class ClearingEntry(models.Model):
    """One command of a run, written before it is sent; the receipt completes it."""

    key = models.CharField(primary_key=True, max_length=32)
    run = models.ForeignKey(ClearingRun, on_delete=models.CASCADE, db_index=False)
    round = models.PositiveIntegerField()
    position = models.PositiveIntegerField()
    line = models.JSONField()
    receipt = models.JSONField(null=True)

    class Meta:
        """A place in a round is taken once, whoever writes it."""

        constraints = [
            models.UniqueConstraint(fields=["run", "round", "position"], name="one_entry_per_place"),
        ]


class ClearingEvent(models.Model):
    """One step that a page or a terminal shows."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ClearingRun, on_delete=models.CASCADE, db_index=False)
    body = models.JSONField()

    class Meta:
        """Streams are resumed after an id."""

        indexes = [models.Index(fields=["run", "id"], name="clearing_event_run")]
