"""Addresses of the portal: nouns, without ids; the verb is the method."""

from __future__ import annotations

from django.urls import path, re_path
from django.views.generic import RedirectView

from closeout.web.portal import (
    afterwards,
    applying,
    arriving,
    checking,
    conversing,
    emptying,
    enrolling,
    entrance,
    errors,
    helping,
    live,
    noticing,
    papers,
    protecting,
    proving,
    signing,
    standing,
    stopping,
    verifying,
    withdrawing,
)

app_name = "portal"
urlpatterns = [
    path("", entrance.home, name="home"),
    path("signin", entrance.signin, name="signin"),
    path("signin/exchange", arriving.exchange, name="oidc"),
    path("signin/exchange/callback", arriving.callback, name="oidc_callback"),
    path("signin/link", arriving.link, name="handover"),
    path("signout", entrance.signout, name="signout"),
    path("language", entrance.language, name="language"),
    path("preferences", entrance.preferences, name="preferences"),
    path("domains", entrance.domains, name="domains"),
    path("robots.txt", entrance.robots, name="robots"),
    path("check", checking.check, name="check"),
    path("plan", emptying.plan, name="plan"),
    path("clearing", emptying.clearing, name="clearing"),
    path("clearing/events", live.clearing, name="clearing_events"),
    path("records", papers.records, name="records"),
    path("records.zip", papers.archive, name="archive"),
    path("receipt.pdf", papers.receipt, name="receipt"),
    path("application", applying.application, name="application"),
    path("verification", verifying.page, name="verification"),
    path("passkey", enrolling.enrolment, name="enrolment"),
    path("proof", proving.proof, name="proof"),
    re_path(r"^proof/(?P<kind>photo|video)$", proving.sent, name="sent"),
    path("case", standing.case_page, name="case"),
    path("case/events", live.case, name="case_events"),
    path("stop", stopping.stop, name="stop"),
    re_path(r"^stop/(?P<token>.*)$", stopping.link, name="stop_link"),
    path("mandate", noticing.mandate, name="mandate"),
    path("signature", signing.signature, name="signature"),
    path("signature/documents", signing.documents, {"kind": "document"}, name="signature_documents"),
    re_path(
        r"^signature/certificate\.(?P<form>pdf|json)$", signing.certificate, name="signature_certificate"
    ),
    re_path(r"^signature/(?P<token>.*)$", signing.link, name="signature_link"),
    path("withdrawal", withdrawing.withdrawal, name="withdrawal"),
    re_path(r"^certificate\.(?P<form>pdf|json)$", papers.certificate, name="certificate"),
    path("closed", afterwards.entrance, name="closed"),
    path("closed/code", afterwards.code, name="closed_code"),
    path("closed/account", afterwards.account, name="closed_account"),
    path("closed/payout", afterwards.payout, name="closed_payout"),
    path("closed/exit", afterwards.leave, name="closed_exit"),
    path("closed/statements.zip", afterwards.statements, name="closed_statements"),
    path("dormant", helping.dormant, name="dormant"),
    path("help", helping.help_centre, name="help"),
    path("help/<slug:slug>", helping.help_page, name="help_page"),
    path("support", conversing.support, name="support"),
    path("support/events", live.support, name="support_events"),
    path("protection", protecting.protection, name="protection"),
    path("mailbox", helping.mailbox, name="mailbox"),
    path("close-account", RedirectView.as_view(pattern_name="portal:check"), name="deep_link"),
]
for pattern in urlpatterns:
    pattern.callback = errors.in_words(pattern.callback)
