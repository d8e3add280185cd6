"""The case, its history, the policy it was opened under, and what the holder agreed to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from closeout.lifecycle import FINAL, State

# A case in review may lack a factor that people replace by proof; nothing is frozen or closed before that.
UNVERIFIED = sorted({State.APPLICATION, State.REVIEW, State.REFUSAL, State.WITHDRAWAL, State.LAPSE})
STATES = [(state.value, state.value) for state in State]


class PolicyVersion(models.Model):
    """One version of the policy as it was in force; cases keep theirs (R-CLO-15)."""

    version = models.CharField(primary_key=True, max_length=12)
    toml = models.TextField()
    loaded_at = models.DateTimeField()


class Case(models.Model):
    """One application to close one account, from the first click to the erased end."""

    id = models.BigAutoField(primary_key=True)
    number = models.CharField(max_length=24, unique=True)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=STATES)
    due_at = models.DateTimeField(null=True)
    clock_left = models.DurationField(null=True)
    held = models.BooleanField(default=False)
    language = models.CharField(max_length=2, default="en")
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT)
    revision = models.PositiveIntegerField(default=1)
    opened_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    action_digest = models.CharField(max_length=64, blank=True)
    records_choice = models.CharField(max_length=16, blank=True)  # downloaded or declined
    looked_at = models.DateTimeField(null=True)  # last time the conditions were looked at while frozen
    remind_at = models.DateTimeField(null=True)
    aside_until = models.DateTimeField(null=True)  # a sweep broke over this case; the others go on without it
    searchable = models.BooleanField(default=False, db_default=False)  # hashes of the contacts are kept
    withdrawals = models.PositiveSmallIntegerField(default=0)  # earlier changes of mind for this account
    # Set where the operator closes by a campaign that two people started, instead of the holder.
    campaign = models.ForeignKey(
        "Campaign", null=True, on_delete=models.PROTECT, related_name="cases", db_index=False
    )

    class Meta:
        """Constraints and the indexes that sweeps use."""

        constraints = [
            models.UniqueConstraint(
                fields=["venue", "account_id"],
                condition=~Q(state__in=sorted(FINAL)),
                name="one_open_case_per_account",
            ),
            models.CheckConstraint(
                condition=~Q(held=True) | Q(due_at__isnull=True), name="a_hold_stops_the_clock"
            ),
            models.CheckConstraint(
                condition=~Q(state=State.PAUSE) | Q(due_at__isnull=True), name="a_pause_stops_the_clock"
            ),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=False) | Q(state__in=UNVERIFIED),
                name="nothing_is_closed_unverified",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "due_at"],
                condition=Q(due_at__isnull=False, campaign__isnull=True),
                name="due_cases",
            ),
            models.Index(
                fields=["campaign", "state", "due_at"],
                condition=Q(due_at__isnull=False, campaign__isnull=False),
                name="due_of_campaign",
            ),
            models.Index(
                fields=["looked_at"],
                condition=Q(state__in=[State.COOLING_OFF, State.PAUSE]) | Q(held=True),
                name="watched_cases",
            ),
            models.Index(fields=["remind_at"], condition=Q(remind_at__isnull=False), name="reminded_cases"),
            models.Index(fields=["account_id"], name="cases_of_account"),
            models.Index(fields=["id"], condition=Q(searchable=False), name="cases_not_searchable"),
            models.Index(
                fields=["state", "campaign", "id"],
                condition=Q(state__in=[State.REVIEW, State.CLOSING]),
                name="standing_cases",
            ),
        ]


class CaseEvent(models.Model):
    """One line of a case's history; the database refuses to change or delete it.

    The table is partitioned by ranges of cases (migration 0017): its key is case and revision, ``id`` only orders.
    """

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="events", db_index=False)
    revision = models.PositiveIntegerField()
    event = models.CharField(max_length=24)
    from_state = models.CharField(max_length=16)
    to_state = models.CharField(max_length=16)
    actor = models.CharField(max_length=64)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)  # codes and counts only, never personal data


class Consent(models.Model):
    """The risk list as it was shown, and each point that was ticked."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="consents")
    text_hash = models.CharField(max_length=64)
    language = models.CharField(max_length=2)
    points = models.JSONField()  # codes of the points that were ticked
    shown_at = models.DateTimeField()
    given_at = models.DateTimeField(null=True)


class StatedReason(models.Model):
    """Why the holder leaves, in their own words, sealed with their key; it decides nothing (R-SUP-5)."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, primary_key=True, related_name="reason")
    sealed = models.BinaryField()
    given_at = models.DateTimeField()
