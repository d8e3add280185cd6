"""Addresses of the console: nouns; the verb is the method. Case numbers are names, not secrets."""

from __future__ import annotations

from django.urls import path, re_path

from closeout.web.console import (
    accounts,
    acting,
    campaigning,
    casing,
    entrance,
    exiting,
    following,
    mandating,
    numbering,
    overseeing,
    queueing,
    reconciling,
)

app_name = "console"
urlpatterns = [
    path("", queueing.queue, name="queue"),
    path("signin", entrance.signin, name="signin"),
    path("signin/provider", entrance.provider, name="provider"),
    path("signin/provider/callback", entrance.callback, name="callback"),
    path("signout", entrance.signout, name="signout"),
    path("search", queueing.search, name="search"),
    path("numbers", numbering.numbers, name="numbers"),
    path("campaigns", campaigning.campaigns, name="campaigns"),
    path("brake", exiting.brake, name="brake"),
    path("plans", exiting.planned, name="plans"),
    path("campaigns/<str:name>", campaigning.campaign, name="campaign"),
    path("campaigns/<str:name>/orders", campaigning.orders, name="orders"),
    path("campaigns/<str:name>/rehearsal", exiting.rehearsal, name="rehearsal"),
    path("campaigns/<str:name>/changes", exiting.changes, name="changes"),
    re_path(r"^campaigns/(?P<name>[^/]+)/report\.(?P<form>pdf|csv|json)$", exiting.report, name="report"),
    path("evidence/<int:ident>", acting.evidence_file, name="evidence"),
    path("accounts/<int:account_id>", accounts.account_page, name="account"),
    path("mandates", mandating.mandates_page, name="mandates"),
    path("cases/<str:number>", casing.case_page, name="case"),
    path("cases/<str:number>/events", following.events, name="events"),
    path("cases/<str:number>/thread", following.thread, name="thread"),
    path("cases/<str:number>/messages", acting.messages, name="messages"),
    path("cases/<str:number>/assignment", acting.assignment, name="assignment"),
    path("cases/<str:number>/settled", acting.settled, name="settled"),
    path("cases/<str:number>/decisions", acting.ask, name="decisions"),
    path("cases/<str:number>/answers", acting.answers, name="answers"),
    path("cases/<str:number>/holds", acting.hold, name="holds"),
    path("cases/<str:number>/extensions", acting.extension, name="extensions"),
    path("cases/<str:number>/extended", acting.extended, name="extended"),
    path("cases/<str:number>/evidence-requests", acting.evidence_requests, name="evidence_requests"),
    path("cases/<str:number>/evidence-answers", acting.answered, name="evidence_answers"),
    path("cases/<str:number>/comparisons", acting.compared, name="comparisons"),
    path("cases/<str:number>/verdicts", acting.verdicts, name="verdicts"),
    path("cases/<str:number>/findings", acting.found, name="findings"),
    path("cases/<str:number>/contacts", overseeing.contacts_page, name="contacts"),
    path("cases/<str:number>/audit", overseeing.audit_page, name="audit"),
    path("cases/<str:number>/repairs", acting.repairs, name="repairs"),
    path("cases/<str:number>/inquiries", acting.inquire, name="inquiries"),
    path("cases/<str:number>/reconciliation", reconciling.reconciliation, name="reconciliation"),
]
