"""Proof that people look at: what was asked for, what came, who saw it, what an investigation found."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from closeout.cases.models.case import Case
from closeout.cases.models.mandates import Signer
from closeout.cases.models.staff import Staff, StaffSession


class EvidenceRequest(models.Model):
    """Something that the holder was asked to show; it stands in their portal."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence_requests")
    signer = models.ForeignKey(
        Signer, on_delete=models.PROTECT, related_name="+", null=True
    )  # else the holder
    kind = models.CharField(max_length=12)  # photo, video, questions, or a document of a mandate
    asked_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    challenge = models.BinaryField(default=b"")  # the words to speak, sealed
    challenged_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, default="open")  # open, received, lapsed

    class Meta:
        """One open request of a kind per case."""

        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind", "signer"],
                condition=Q(state="open"),
                nulls_distinct=False,
                name="one_open_request_of_a_kind",
            ),
        ]


class Evidence(models.Model):
    """One piece of evidence: a file sealed under the person's key, or answers. Gone after its retention."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence")
    request = models.ForeignKey(EvidenceRequest, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=12)
    media_type = models.CharField(max_length=32)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    path = models.CharField(max_length=255, blank=True)  # relative to the directory of evidence
    parts = models.JSONField(
        default=list, db_default=[]
    )  # bytes of each page's picture, where there are several
    sealed = models.BinaryField(default=b"")  # the words that were to be spoken, or questions and answers
    received_at = models.DateTimeField()
    verdict = models.CharField(max_length=8, blank=True)  # matches, differs, unclear
    judged_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+", null=True)
    judged_at = models.DateTimeField(null=True)
    delete_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        """What is due to be deleted is found by its date."""

        indexes = [
            models.Index(
                fields=["delete_at"],
                condition=Q(delete_at__isnull=False, deleted_at__isnull=True),
                name="evidence_to_delete",
            ),
        ]


class EvidenceView(models.Model):
    """Somebody looked at a piece of evidence; append-only."""

    id = models.BigAutoField(primary_key=True)
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="views")
    staff = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(StaffSession, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class VenueInquiry(models.Model):
    """What the venue was asked about one asset of an account, and what its own ledger answered (R-SUP-3)."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="inquiries")
    asset = models.CharField(max_length=32)
    asked_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    sealed = models.BinaryField(default=b"")  # the answer
    sha256 = models.CharField(max_length=64, blank=True)  # of the answer

    class Meta:
        """One question about an asset at a time."""

        constraints = [
            models.UniqueConstraint(
                fields=["case", "asset"], condition=Q(answered_at__isnull=True), name="one_open_inquiry"
            ),
        ]


class Finding(models.Model):
    """What an investigation of hidden assets or unfinished business found (R-SUP-3). It blocks until resolved."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="findings")
    kind = models.CharField(max_length=16)  # hidden_asset, open_business, nothing
    asset = models.CharField(max_length=32, blank=True)
    amount = models.DecimalField(max_digits=36, decimal_places=18, null=True)
    sealed = models.BinaryField()  # what was found, in words
    recorded_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+", null=True)
    inquiry = models.ForeignKey(VenueInquiry, on_delete=models.PROTECT, related_name="+", null=True)
    cleared_by = models.ForeignKey(VenueInquiry, on_delete=models.PROTECT, related_name="+", null=True)
