"""What people decide about a case: asked for, approved by others, and then done. Holds, and what was waived."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from closeout.cases.models.case import Case
from closeout.cases.models.staff import Staff, StaffSession


class Decision(models.Model):
    """One decision that was asked for. The database lets it be done only with ``needed`` approvals of others."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    action = models.CharField(max_length=16)
    reasons = models.JSONField(default=list)  # codes
    detail = models.JSONField(default=dict)  # codes and numbers only, never personal data
    digest = models.CharField(max_length=64)  # of everything that was decided on
    needed = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, default="open")  # open, done, denied, expired, changed
    asked_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="asked")
    asked_session = models.ForeignKey(StaffSession, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """One open decision of a kind per case."""

        constraints = [
            models.UniqueConstraint(
                fields=["case", "action"], condition=Q(state="open"), name="one_open_decision_of_a_kind"
            ),
        ]


class Approval(models.Model):
    """One person's yes or no to a decision, in one session; append-only, and checked by the database."""

    id = models.BigAutoField(primary_key=True)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="approvals")
    staff = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="approvals")
    session = models.ForeignKey(StaffSession, on_delete=models.PROTECT, related_name="+")
    agrees = models.BooleanField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        """A person and a session count once."""

        constraints = [
            models.UniqueConstraint(fields=["decision", "staff"], name="one_approval_of_a_person"),
            models.UniqueConstraint(fields=["decision", "session"], name="one_approval_of_a_session"),
        ]


class CaseHold(models.Model):
    """A hold that compliance placed. Authority and reference lie sealed under the retention key."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="holds")
    kind = models.CharField(max_length=16)  # judicial, investigation, dispute, check
    scope = models.CharField(max_length=8)  # closing, erasure, both
    sealed = models.BinaryField()  # authority and reference
    ordered_on = models.DateField()
    placed_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        """A hold has an authority, and ends by a decision only."""

        constraints = [
            models.CheckConstraint(condition=~Q(sealed=b""), name="a_hold_has_an_authority"),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True, released_by__isnull=True)
                | Q(released_at__isnull=False, released_by__isnull=False),
                name="a_hold_ends_by_a_decision",
            ),
        ]
        indexes = [
            models.Index(fields=["case"], condition=Q(released_at__isnull=True), name="standing_holds")
        ]


class Waiver(models.Model):
    """What a decision took out of the way of one case: a factor, or one blocker of one condition."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="waivers")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="waivers")
    kind = models.CharField(max_length=8)  # factor or blocker
    code = models.CharField(max_length=64)  # the factor, or the condition
    item = models.CharField(max_length=128, blank=True)  # the blocker's item
    action_digest = models.CharField(max_length=64, blank=True)  # of the application a factor was waived for
    at = models.DateTimeField()

    class Meta:
        """Once per case and thing."""

        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind", "code", "item", "action_digest"], name="waived_once"
            ),
        ]
