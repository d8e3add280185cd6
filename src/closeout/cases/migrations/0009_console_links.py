"""How the tables of the console hang together, and what they refuse."""

import django.db.models.deletion
from django.db import migrations, models

import closeout.lifecycle


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0008_console"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="case",
            name="nothing_is_closed_unverified",
        ),
        migrations.RemoveConstraint(
            model_name="casemessage",
            name="a_holder_speaks_openly",
        ),
        migrations.RemoveConstraint(
            model_name="policychange",
            name="an_approval_is_whole",
        ),
        migrations.AddField(
            model_name="case",
            name="searchable",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("searchable", False)), fields=["id"], name="cases_not_searchable"
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("verified_at__isnull", False),
                    (
                        "state__in",
                        [
                            closeout.lifecycle.State["APPLICATION"],
                            closeout.lifecycle.State["LAPSE"],
                            closeout.lifecycle.State["REFUSAL"],
                            closeout.lifecycle.State["REVIEW"],
                            closeout.lifecycle.State["WITHDRAWAL"],
                        ],
                    ),
                    _connector="OR",
                ),
                name="nothing_is_closed_unverified",
            ),
        ),
        migrations.AddConstraint(
            model_name="casemessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("audience", "holder"), ("author", ""), ("author_kind", "holder")),
                    models.Q(("author_kind", "holder"), _negated=True),
                    _connector="OR",
                ),
                name="a_holder_speaks_openly",
            ),
        ),
        migrations.AddConstraint(
            model_name="policychange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved_at", None), ("approved_by", ""), ("number", None)),
                    models.Q(
                        models.Q(("approved_by", ""), _negated=True),
                        ("approved_at__isnull", False),
                        ("number__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="an_approval_is_whole",
            ),
        ),
        migrations.AddField(
            model_name="casehold",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="holds", to="cases.case"
            ),
        ),
        migrations.AddIndex(
            model_name="contacthash",
            index=models.Index(fields=["venue", "account_id"], name="contact_hashes_of_account"),
        ),
        migrations.AddConstraint(
            model_name="contacthash",
            constraint=models.UniqueConstraint(
                fields=("hash", "kind", "venue", "account_id"), name="one_hash_of_a_contact"
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="decisions", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="casehold",
            name="released_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.decision"
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="decision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="cases.decision"
            ),
        ),
        migrations.AddField(
            model_name="evidence",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="evidence", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="evidencerequest",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="evidence_requests", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="evidence",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="evidence",
                to="cases.evidencerequest",
            ),
        ),
        migrations.AddField(
            model_name="evidenceview",
            name="evidence",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="views", to="cases.evidence"
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="findings", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="recorded_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="resolved_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="evidenceview",
            name="staff",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="evidencerequest",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="evidence",
            name="judged_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="asked", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="casehold",
            name="placed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="staff",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="staffsession",
            name="staff",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="sessions", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="evidenceview",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staffsession"
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="asked_session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staffsession"
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staffsession"
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="assignee",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="cases.staff"
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="case",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="waiver",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="waivers", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="waiver",
            name="decision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="waivers", to="cases.decision"
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencerequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("case", "kind"),
                name="one_open_request_of_a_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="evidence",
            index=models.Index(
                condition=models.Q(("delete_at__isnull", False), ("deleted_at__isnull", True)),
                fields=["delete_at"],
                name="evidence_to_delete",
            ),
        ),
        migrations.AddIndex(
            model_name="casehold",
            index=models.Index(
                condition=models.Q(("released_at__isnull", True)), fields=["case"], name="standing_holds"
            ),
        ),
        migrations.AddConstraint(
            model_name="casehold",
            constraint=models.CheckConstraint(
                condition=models.Q(("sealed", b""), _negated=True), name="a_hold_has_an_authority"
            ),
        ),
        migrations.AddConstraint(
            model_name="casehold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("released_at__isnull", True), ("released_by__isnull", True)),
                    models.Q(("released_at__isnull", False), ("released_by__isnull", False)),
                    _connector="OR",
                ),
                name="a_hold_ends_by_a_decision",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("case", "action"),
                name="one_open_decision_of_a_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(fields=("decision", "staff"), name="one_approval_of_a_person"),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                fields=("decision", "session"), name="one_approval_of_a_session"
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["venue", "team", "due_at", "id"],
                name="queue_of_team",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True), ("escalated_at__isnull", True)),
                fields=["due_at"],
                name="tasks_to_escalate",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["case"], name="tasks_of_case"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("venue", "account_id", "team", "kind"),
                name="one_open_task_of_a_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="waiver",
            constraint=models.UniqueConstraint(
                fields=("case", "kind", "code", "item", "action_digest"), name="waived_once"
            ),
        ),
    ]
