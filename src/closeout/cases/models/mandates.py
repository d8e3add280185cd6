"""Who may act for an account besides its holder: mandates of heirs, guardians, co-holders and companies (R-SUP-11)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from closeout.cases.models.case import Case
from closeout.cases.models.decisions import Decision
from closeout.cases.models.staff import Staff

KINDS = [(kind, kind) for kind in ("estate", "guardian", "joint", "corporate")]


class Mandate(models.Model):
    """What others than the holder claim for an account: at first a notice, then one case with its signers."""

    id = models.BigAutoField(primary_key=True)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField(null=True)  # null while a notice names no account of ours
    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="mandate", null=True)
    kind = models.CharField(max_length=12, choices=KINDS)
    state = models.CharField(max_length=8, default="notice")  # notice, open, declined
    needed = models.PositiveSmallIntegerField(default=0)  # n of the signers
    digest = models.CharField(
        max_length=64, blank=True
    )  # of what is signed; another digest needs new signatures
    stops = models.BooleanField(default=False)  # the clock stands until the mandate is accepted
    froze = models.BooleanField(default=False)  # the account was frozen for it
    sealed = models.BinaryField(default=b"")  # what the notice said, in words
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+", null=True)
    accepted_by = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        """An open mandate has a case, an agent who opened it, and somebody who must sign."""

        constraints = [
            models.CheckConstraint(
                condition=~Q(state="open")
                | Q(case__isnull=False, opened_by__isnull=False, needed__gte=1) & ~Q(digest=""),
                name="an_open_mandate_has_a_case",
            ),
        ]
        indexes = [models.Index(fields=["venue", "state", "id"], name="mandates_of_venue")]


class Signer(models.Model):
    """Somebody who must or may sign for a mandate; one objection of any of them stops."""

    id = models.BigAutoField(primary_key=True)
    mandate = models.ForeignKey(Mandate, on_delete=models.PROTECT, related_name="signers")
    language = models.CharField(max_length=2)
    sealed = models.BinaryField()  # name and e-mail address
    signed_at = models.DateTimeField(null=True)
    signed_digest = models.CharField(max_length=64, blank=True)
    objected_at = models.DateTimeField(null=True)

    class Meta:
        """Nobody signs and objects; a signature is one to a text."""

        constraints = [
            models.CheckConstraint(
                condition=Q(signed_at__isnull=True) | Q(objected_at__isnull=True), name="signs_or_objects"
            ),
            models.CheckConstraint(
                condition=Q(signed_at__isnull=True) | ~Q(signed_digest=""), name="a_signature_has_a_text"
            ),
        ]
