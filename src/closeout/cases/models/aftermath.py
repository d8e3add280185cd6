"""What comes after the end: rounds of proving that an account was one's own, and identifiers of others by now."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from closeout.cases.models.case import Case


class ClaimRound(models.Model):
    """One attempt to prove a claim by a code to the mailbox. Without a case nothing fits, and nobody is told.

    ``sealed`` holds address and code until the letter is sent; the code itself stays nowhere.
    """

    id = models.UUIDField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="claim_rounds", null=True)
    digest = models.BinaryField()
    sealed = models.BinaryField()
    language = models.CharField(max_length=8)
    attempts = models.PositiveSmallIntegerField(default=0)
    attempts_max = models.PositiveSmallIntegerField()
    begun_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        """Only what has a letter to send is looked for."""

        db_table = "cases_claimround"
        constraints = [
            models.CheckConstraint(condition=Q(attempts__lte=F("attempts_max")), name="claims_are_bounded")
        ]
        indexes = [models.Index(fields=["begun_at"], condition=~Q(sealed=b""), name="claims_to_send")]


class RecycledIdentifier(models.Model):
    """An e-mail address or phone number of a closed account that is somebody else's now; sealed until all are told."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="recycled")
    kind = models.CharField(max_length=8)  # email or phone
    sealed = models.BinaryField()
    noted_at = models.DateTimeField()

    class Meta:
        """Told twice is told once."""

        db_table = "cases_recycledidentifier"
        constraints = [models.UniqueConstraint(fields=["case", "kind"], name="one_recycling_of_a_kind")]
