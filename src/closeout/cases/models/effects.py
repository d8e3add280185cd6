"""The outbox: what must happen outside, written in the transaction that decided it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from closeout.cases.models.case import Case


class EffectRow(models.Model):
    """One effect. ``id`` makes its idempotency key; a lease says who works on it until when."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="effects")
    kind = models.CharField(max_length=32)
    data = models.JSONField(default=dict)
    state = models.CharField(max_length=8, default="ready")  # ready, running, done, failed
    lane = models.PositiveSmallIntegerField(default=1, db_default=1)  # 0: a person waits for it; 1: a sweep
    run_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    fault = models.CharField(max_length=64, blank=True)  # code of the last failure
    receipt = models.JSONField(null=True)

    class Meta:
        """Only what is not finished is indexed for the worker."""

        db_table = "cases_effect"
        indexes = [
            models.Index(fields=["lane", "run_at", "id"], condition=Q(state="ready"), name="ready_effects"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="leased_effects"),
            models.Index(fields=["case"], condition=Q(state__in=["ready", "running"]), name="open_effects"),
        ]

    @property
    def key(self) -> str:
        """Return the idempotency key that every attempt sends."""
        return f"closeout-effect-{self.pk}"
