"""What the holder can download: the archive of records and the certificate."""

from __future__ import annotations

from django.db import models

from closeout.cases.models.case import Case


class Document(models.Model):
    """One document of a case. Archives lie sealed in a file; certificates lie here."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=24)  # archive, certificate_pdf, certificate_json
    name = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    content = models.BinaryField(null=True)
    path = models.CharField(max_length=255, blank=True)  # relative to the data directory
    manifest = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        """One document of a kind per case."""

        constraints = [models.UniqueConstraint(fields=["case", "kind"], name="one_document_of_a_kind")]
