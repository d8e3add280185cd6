"""State of step-up verification: challenges, the authenticator's high-water mark, limits."""

from __future__ import annotations

from django.db import models

from closeout.cases.models.case import Case


class Challenge(models.Model):
    """One code that was sent, or one round of authenticator codes. The code itself is never stored."""

    id = models.UUIDField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="challenges")
    factor = models.CharField(max_length=8)
    action_digest = models.CharField(max_length=64)
    digest = models.BinaryField(null=True)  # HMAC over id, action and code; null for an authenticator
    attempts = models.PositiveSmallIntegerField(default=0)
    attempts_max = models.PositiveSmallIntegerField()
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        """The newest challenge of a factor is the one that counts."""

        indexes = [models.Index(fields=["case", "factor", "-issued_at"], name="newest_challenge")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(attempts__lte=models.F("attempts_max")), name="attempts_are_bounded"
            )
        ]


class TotpStep(models.Model):
    """A mark that never goes back: the last 30-second step of an authenticator, or the counter of a passkey."""

    subject = models.CharField(primary_key=True, max_length=64)
    last_step = models.BigIntegerField()


class RateLimit(models.Model):
    """One exact limiter (generic cell rate algorithm): the theoretical arrival time of the next grain."""

    key = models.CharField(primary_key=True, max_length=160)
    arrives_at = models.DateTimeField()
