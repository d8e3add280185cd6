"""The operator's people: who they are, their sessions. Names are names of roles; secrets lie sealed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

ROLES = [(role, role) for role in ("support", "identity", "compliance", "approver", "auditor", "operator")]


class Staff(models.Model):
    """One of the operator's people. ``venue`` is the tenant they work for; ``account_id`` their own account there."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=12, choices=ROLES)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField(null=True)  # decided by others, never by themselves
    authenticator = models.BinaryField(
        default=b""
    )  # secret of the authenticator app, sealed; none with a provider
    issuer = models.CharField(
        max_length=255, blank=True, default="", db_default=""
    )  # of the identity provider
    subject = models.CharField(max_length=255, blank=True, default="", db_default="")  # who they are there
    active = models.BooleanField(default=True)
    added_at = models.DateTimeField()

    class Meta:
        """Issuer and subject together name one person, whatever they are called today."""

        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"], condition=~Q(issuer=""), name="one_person_of_a_provider"
            ),
        ]


class StaffSession(models.Model):
    """One sign-in with both factors. An approval names it: four eyes are two people in two sessions."""

    id = models.UUIDField(primary_key=True)
    staff = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="sessions")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
