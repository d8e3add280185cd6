"""Messages to the holder, sealed; the sender takes them from here."""

from __future__ import annotations

from django.db import models

from closeout.cases.models.case import Case


class Message(models.Model):
    """One message on one channel. Recipient and text are sealed with the holder's key."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="messages")
    key = models.CharField(max_length=96, unique=True)
    channel = models.CharField(max_length=8)  # email or sms
    template = models.CharField(max_length=32)
    language = models.CharField(max_length=2)
    sealed = models.BinaryField()
    text_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    fault = models.CharField(max_length=32, blank=True, default="", db_default="")  # why it never can be sent
