"""What waits for people: tasks of the teams, and how a case is found by its contacts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from closeout.cases.models.case import Case
from closeout.cases.models.staff import Staff

TEAMS = [(team, team) for team in ("support", "identity", "compliance", "approval")]


class Task(models.Model):
    """One thing that a team must do about an account; its legal clock is ``due_at``."""

    id = models.BigAutoField(primary_key=True)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField()
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks", null=True)
    team = models.CharField(max_length=12, choices=TEAMS)
    kind = models.CharField(max_length=16)  # review, message, evidence, decision, hold, compromise
    waits_for = models.CharField(max_length=8, default="us")  # us or holder
    assignee = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="tasks", null=True)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    escalated_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        """One open task of a kind for an account and team; queues are read by their clock."""

        constraints = [
            models.UniqueConstraint(
                fields=["venue", "account_id", "team", "kind"],
                condition=Q(closed_at__isnull=True),
                name="one_open_task_of_a_kind",
            ),
        ]
        indexes = [
            models.Index(
                fields=["venue", "team", "due_at", "id"],
                condition=Q(closed_at__isnull=True),
                name="queue_of_team",
            ),
            models.Index(
                fields=["due_at"],
                condition=Q(closed_at__isnull=True, escalated_at__isnull=True),
                name="tasks_to_escalate",
            ),
            models.Index(fields=["case"], name="tasks_of_case"),
        ]


class ContactHash(models.Model):
    """A keyed hash of an e-mail address or phone number: it finds the account and does not hold the contact."""

    id = models.BigAutoField(primary_key=True)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField()
    kind = models.CharField(max_length=8)  # email or phone
    hash = models.BinaryField()

    class Meta:
        """Found by the hash; removed by the account."""

        constraints = [
            models.UniqueConstraint(
                fields=["hash", "kind", "venue", "account_id"], name="one_hash_of_a_contact"
            ),
        ]
        indexes = [models.Index(fields=["venue", "account_id"], name="contact_hashes_of_account")]
