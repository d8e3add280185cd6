"""Changes of the policy: who drafted, who approved, in which order they came into force."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from closeout.cases.models.case import PolicyVersion


class PolicyChange(models.Model):
    """One change of the policy. The newest ``number`` is in force; the database demands two different people.

    Names of people are kept in small letters without space around, so that one person cannot pass for two.
    """

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT)
    origin = models.CharField(max_length=8, default="draft")  # draft, or file: how the first policy came here
    drafted_by = models.CharField(max_length=64)
    drafted_at = models.DateTimeField()
    why = models.TextField()
    approved_by = models.CharField(max_length=64, blank=True)
    approved_at = models.DateTimeField(null=True)
    number = models.PositiveIntegerField(null=True, unique=True)
    applied_at = models.DateTimeField(null=True)  # when open cases had got what favours their holders

    class Meta:
        """Two people; one first policy from a file; what is approved has its place in the order."""

        constraints = [
            models.CheckConstraint(
                condition=~Q(approved_by=F("drafted_by")), name="two_people_change_the_policy"
            ),
            models.CheckConstraint(
                condition=Q(approved_by="", approved_at=None, number=None)
                | (~Q(approved_by="") & Q(approved_at__isnull=False, number__isnull=False)),
                name="an_approval_is_whole",
            ),
            models.UniqueConstraint(
                fields=["origin"], condition=Q(origin="file"), name="one_policy_from_a_file"
            ),
            models.UniqueConstraint(
                fields=["version"], condition=Q(number=None), name="one_open_draft_of_a_version"
            ),
        ]
