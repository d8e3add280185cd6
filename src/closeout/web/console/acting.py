"""What agents do with a case: each is one form, one operation, and back to the case."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from closeout.cases import (
    correspondence,
    decisions,
    desk,
    evidence,
    findings,
    holds,
    inquiries,
    keeping,
    phrases,
    repair,
    staff,
    venues,
)
from closeout.cases.models import Case, EvidenceRequest, StaffSession, Task
from closeout.cases.permissions import Right
from closeout.reasons import refuse
from closeout.web.console import casing, guard

RIGHT_TO_WRITE = {
    "holder": Right.WRITE_HOLDER,
    "agents": Right.WRITE_NOTE,
    "compliance": Right.WRITE_COMPLIANCE,
}
Deed = Callable[[HttpRequest, StaffSession, Case], str]


def _form(anchor: str) -> Callable[[Deed], Callable[..., HttpResponseBase]]:
    """Make a view of a deed: signed in, own tenant, POST only, and back to ``anchor`` of the case page."""

    def wrap(deed: Deed) -> Callable[..., HttpResponseBase]:
        @require_POST
        @guard.required
        def view(request: HttpRequest, number: str) -> HttpResponse:
            session = guard.who(request)
            deed(request, session, staff.case_for(session.staff, number))
            return HttpResponseRedirect(casing.came_back(number, anchor))

        return view

    return wrap


@_form("thread")
def messages(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Say something to the holder, or write a note."""
    audience = request.POST.get("audience", "")
    right = RIGHT_TO_WRITE.get(audience)
    if right is None:
        raise staff.no_right()
    staff.demand(session.staff, right, case)
    text, kind = request.POST.get("text", ""), "message" if audience == "holder" else "note"
    if (phrase := request.POST.get("phrase", "")) in phrases.PHRASES:
        text, kind = dict(casing.phrases_of(case, request))[phrase], "template"
    said = correspondence.say(
        case.account_id, text, venue=case.venue, audience=audience, case=case,
        author=staff.actor(session.staff), kind=kind,
        key=request.POST.get("key", "")[:64], now=venues.now(),
    )  # fmt: skip
    if audience == "holder":
        desk.wait_for_holder(case, kind="message")
    return str(said.id)


@_form("tasks")
def assignment(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Take a task, give it to a colleague with a word on it, or back to the team."""
    staff.demand(session.staff, Right.ASSIGN, case)
    task = Task.objects.filter(
        pk=_number(request, "task"), venue=case.venue, account_id=case.account_id
    ).first()
    if task is None:
        raise refuse("unknown_case")
    to = request.POST.get("to", "")
    colleague = staff.named(to) if to else None
    if to and colleague is None:
        raise refuse("unknown_agent")
    desk.assign(task, colleague, by=staff.actor(session.staff), now=venues.now())
    note = request.POST.get("note", "").strip()
    if note:
        correspondence.say(
            case.account_id, note, venue=case.venue, audience="agents", case=case, kind="handover",
            author=staff.actor(session.staff), now=venues.now(),
        )  # fmt: skip
    return to


@_form("tasks")
def settled(_request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Note that a message needs no further answer."""
    staff.demand(session.staff, Right.ASSIGN, case)
    if not desk.answered(case.venue, case.account_id, by=staff.actor(session.staff), now=venues.now()):
        raise refuse("nothing_to_decide")
    return "settled"


@_form("decisions")
def ask(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Ask for a decision; others answer."""
    action = request.POST.get("action", "")
    if action not in decisions.RULES:
        raise refuse("nothing_to_decide")
    reasons = request.POST.getlist("reasons") if action == "refuse" else []
    return str(decisions.ask(session, case, action, reasons=reasons, now=venues.now()).pk)


@_form("decisions")
def answers(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Say yes or no to what a colleague asked for."""
    agrees = request.POST.get("answer") == "yes"
    decision = _number(request, "decision")
    if not case.decisions.filter(pk=decision).exists():
        raise refuse("unknown_case")
    return decisions.answer(session, decision, agrees=agrees, now=venues.now()).state


@_form("holds")
def hold(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Place a hold; it stops the clock at once."""
    said = request.POST
    ordered = casing.moment_of(said.get("ordered_on", ""))
    placed = holds.place(
        session, case, kind=said.get("kind", ""), authority=said.get("authority", ""),
        reference=said.get("reference", ""), scope=said.get("scope", ""),
        ordered_on=ordered.date() if ordered else None, now=venues.now(),
    )  # fmt: skip
    return str(placed.pk)


@_form("kept")
def extension(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Ask to keep longer what the law keeps."""
    day = casing.moment_of(request.POST.get("until", ""))
    category, reason = request.POST.get("category", ""), request.POST.get("reason", "")
    until = day.date() if day else None
    return str(keeping.ask(session.staff, case, category, until=until, reason=reason, now=venues.now()))


@_form("kept")
def extended(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Agree to that as the second person."""
    return keeping.agree(session.staff, case, _number(request, "extension"), now=venues.now()).category


@_form("evidence")
def evidence_requests(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Ask the holder for evidence, in the open."""
    return str(evidence.ask(session, case, request.POST.get("kind", ""), now=venues.now()).pk)


@_form("evidence")
def answered(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Record what the holder answered to questions about the account; it decides nothing by itself."""
    asked = EvidenceRequest.objects.filter(case=case, kind="questions", state="open").first()
    if asked is None:
        raise refuse("evidence_closed")
    pairs = zip(request.POST.getlist("question"), request.POST.getlist("answer"), strict=False)
    kept = [(question.strip()[:300], answer.strip()[:300]) for question, answer in pairs if question.strip()]
    return str(evidence.answer(session, asked, kept, now=venues.now()).pk)


@_form("evidence")
def verdicts(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Note what is seen in a piece of evidence."""
    ident = _number(request, "evidence")
    if not case.evidence.filter(pk=ident).exists():
        raise refuse("unknown_case")
    return evidence.judge(session, ident, request.POST.get("verdict", ""), now=venues.now()).verdict


@_form("evidence")
def compared(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Note how the applicant compares with the documents on file, where the law allows no more proof."""
    return str(evidence.compare(session, case, request.POST.get("verdict", ""), now=venues.now()).pk)


@_form("findings")
def found(request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Record what the investigation found, or that it is resolved."""
    resolved = _number(request, "resolved")
    if resolved:
        findings.resolve(session, case, resolved, now=venues.now())
        return "resolved"
    said = request.POST
    kept = findings.record(
        session, case, kind=said.get("kind", ""), text=said.get("text", ""), asset=said.get("asset", ""),
        amount=said.get("amount", ""), inquiry=_number(request, "inquiry"), now=venues.now(),
    )  # fmt: skip
    return str(kept.pk)


@_form("repairs")
def repairs(_request: HttpRequest, session: StaffSession, case: Case) -> str:
    """Try again what was given up."""
    return str(repair.retry(session, case, now=venues.now()))


@require_POST
@guard.required
def inquire(request: HttpRequest, number: str) -> HttpResponse:
    """Ask the venue about an asset; its answer stands on the page of the reconciliation."""
    session = guard.who(request)
    case = staff.case_for(session.staff, number)
    inquiries.ask(session, case, request.POST.get("asset", ""), now=venues.now())
    return HttpResponseRedirect(reverse("console:reconciliation", args=[number]))


def _number(request: HttpRequest, name: str) -> int:
    said = request.POST.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 18 else 0


@require_GET
@guard.required
def evidence_file(request: HttpRequest, ident: int) -> HttpResponse:
    """Show one piece of evidence; who looks is written down first. It cannot become a page of its own."""
    said = request.GET.get("page", "1")
    page = int(said) if said.isascii() and said.isdigit() and len(said) < 4 else 0
    found_, content = evidence.look(guard.who(request), ident, page=page, now=venues.now())
    response = HttpResponse(content, content_type=found_.media_type)
    response.headers["Content-Disposition"] = "attachment"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
