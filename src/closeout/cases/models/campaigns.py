"""Campaigns: market exits and dormancy. Who is in them, who started them, what was sent, what stops them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

CAMPAIGN_STATES = ("draft", "running", "paused", "stopped", "finished")


class Campaign(models.Model):
    """One campaign. The transaction that closes an account leases from it; a pause is one change of this row."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=48, unique=True)
    kind = models.CharField(max_length=8)  # exit or dormancy
    venue = models.CharField(max_length=32)
    state = models.CharField(max_length=8, default="draft")
    plan = models.JSONField()
    digest = models.CharField(max_length=64)  # of plan and population: what people approve
    population = models.PositiveIntegerField()
    planned_by = models.CharField(max_length=64)
    planned_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=32, blank=True)  # code of the last pause or stop
    paused_at = models.DateTimeField(null=True)
    resumed_at = models.DateTimeField(null=True)  # the failsafe counts from here
    allowance = models.PositiveIntegerField(default=0)  # accounts that may be closed in this wave and before
    opened = models.PositiveIntegerField(default=0)
    leased = models.PositiveIntegerField(default=0)
    wave_at = models.DateTimeField(null=True)
    told = models.JSONField(default=list)  # notices of the calendar that were written for everybody

    class Meta:
        """Nothing is closed beyond the allowance, whoever asks."""

        constraints = [
            models.CheckConstraint(condition=Q(leased__lte=F("allowance")), name="no_more_than_allowed"),
            models.CheckConstraint(condition=Q(opened__lte=F("population")), name="no_more_than_planned"),
            models.CheckConstraint(condition=Q(state__in=CAMPAIGN_STATES), name="a_campaign_has_a_state"),
        ]


class CampaignApproval(models.Model):
    """One person's start of exactly this plan and population; the database counts them."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="approvals")
    person = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        """A person counts once."""

        constraints = [models.UniqueConstraint(fields=["campaign", "person"], name="a_person_counts_once")]


class CampaignMember(models.Model):
    """One account of the population. ``stage`` is the number of stages it has gone through."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="members", db_index=False)
    venue = models.CharField(max_length=32)
    account_id = models.BigIntegerField()
    active = models.BooleanField(default=False)  # from start to the end of the campaign
    suspended = models.BooleanField(default=False)  # an appeal is open: nothing happens to it
    stage = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=16, blank=True)
    detail = models.CharField(max_length=255, blank=True)  # codes of conditions; never personal data
    value = models.DecimalField(max_digits=36, decimal_places=18, null=True)  # USDT when frozen
    escheat_at = models.DateTimeField(null=True)
    case = models.ForeignKey("Case", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        """An account belongs to one active campaign at the most."""

        constraints = [
            models.UniqueConstraint(fields=["campaign", "account_id"], name="a_member_once"),
            models.UniqueConstraint(
                fields=["venue", "account_id"], condition=Q(active=True), name="one_campaign_per_account"
            ),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "stage", "id"], condition=Q(active=True, outcome=""), name="members_to_do"
            ),
            models.Index(fields=["case"], condition=Q(case__isnull=False), name="member_of_case"),
        ]


class CampaignNotice(models.Model):
    """One notice to one account on one channel: when it left, the hash of its text, what the way answered."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="notices", db_index=False)
    account_id = models.BigIntegerField()
    letter = models.CharField(max_length=32)
    channel = models.CharField(
        max_length=8, blank=True
    )  # empty: to be written on every channel of the person
    state = models.CharField(max_length=8, default="ready")  # ready, sent, failed, spread
    attempts = models.PositiveSmallIntegerField(default=0)
    run_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    text_hash = models.CharField(max_length=64, blank=True)
    answer = models.CharField(max_length=96, blank=True)

    class Meta:
        """The same notice is written once."""

        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "account_id", "letter", "channel"], name="a_notice_once"
            )
        ]
        indexes = [models.Index(fields=["run_at", "id"], condition=Q(state="ready"), name="notices_to_send")]


class CampaignChange(models.Model):
    """An account that joins later, or leaves by appeal: asked by one person, decided by another."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="changes")
    account_id = models.BigIntegerField()
    kind = models.CharField(max_length=8)  # add or appeal
    why = models.TextField()
    asked_by = models.CharField(max_length=64)
    asked_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True)
    granted = models.BooleanField(null=True)

    class Meta:
        """Two people."""

        constraints = [
            models.CheckConstraint(condition=~Q(decided_by=F("asked_by")), name="two_people_decide"),
            models.UniqueConstraint(
                fields=["campaign", "account_id"], condition=Q(granted=None), name="one_open_change"
            ),
        ]


class Brake(models.Model):
    """The kill switch: one row, read by every transaction that does what cannot be undone."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    engaged = models.BooleanField(default=False)
    why = models.CharField(max_length=32, blank=True)
    by = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(null=True)
    release_by = models.CharField(max_length=64, blank=True)  # the first of the two who release it
    seen_at = models.DateTimeField(null=True)  # the clock of cases, when a worker last looked at it
