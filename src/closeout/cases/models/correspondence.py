"""What is said on a case: append-only messages between the holder and the people who work on it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from closeout.cases.models.case import Case

AUDIENCES = [("holder", "holder"), ("agents", "agents"), ("compliance", "compliance")]
AUTHORS = [("holder", "holder"), ("agent", "agent"), ("system", "system")]


class CaseMessage(models.Model):
    """One message. ``sealed`` is the text under the person's key; the database lets nobody change or delete it.

    ``audience`` is the widest circle that may read it: the holder and everyone, agents, or compliance only.
    """

    id = models.BigAutoField(primary_key=True)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField()
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="correspondence", null=True)
    audience = models.CharField(max_length=12, choices=AUDIENCES)
    kind = models.CharField(
        max_length=24, default="message"
    )  # message, note, request, answer, handover, event
    author_kind = models.CharField(max_length=8, choices=AUTHORS)
    author = models.CharField(max_length=64, blank=True)  # the agent's name; empty for the holder
    key = models.CharField(max_length=64)  # the sender's own: what is sent twice is said once
    sealed = models.BinaryField()
    sent_at = models.DateTimeField()

    class Meta:
        """A key is good for one message of an account; threads are read from an id on."""

        constraints = [
            models.UniqueConstraint(fields=["venue", "account_id", "key"], name="one_message_per_key"),
            models.CheckConstraint(
                condition=Q(author_kind="holder", audience="holder", author="") | ~Q(author_kind="holder"),
                name="a_holder_speaks_openly",
            ),
        ]
        indexes = [models.Index(fields=["venue", "account_id", "id"], name="thread_of_account")]
