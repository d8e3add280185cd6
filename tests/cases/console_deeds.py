"""Every form of the console: whose right it needs, what it says, and a case in which it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.urls import reverse
from tests.cases.exchange import Exchange
from tests.cases.people import People, proven

from closeout.cases import asking, decisions, desk, policies, retained
from closeout.cases.campaigns import starting
from closeout.cases.models import (
    Brake,
    Campaign,
    CampaignChange,
    Case,
    CaseHold,
    Decision,
    EffectRow,
    Evidence,
    EvidenceRequest,
    Finding,
    Mandate,
    Signer,
)
from closeout.policy import Policy

Form = Mapping[str, Any]


@dataclass
class World:
    """One case, its exchange and its people; what a form needs is made by the form's own ``given``."""

    exchange: Exchange
    people: People
    case: Case
    waived: int  # an account of its own: nobody applied for it, somebody wrote
    campaign: Campaign

    @property
    def now(self) -> Any:
        """The time of cases."""
        return self.exchange.now

    def asked(self, action: str, by: str, *, needed: int, detail: Form | None = None) -> int:
        """Return the number of a request for a decision on the case as it stands."""
        case, said = self.exchange.again(self.case), dict(detail or {})
        made = Decision.objects.create(
            case=case, action=action, detail=said, needed=needed, digest=decisions.digest(case, action, [], said),
            asked_by=self.people.by_name[by], asked_session=self.people.session(by), asked_at=self.now,
            expires_at=self.now + timedelta(hours=1),
        )  # fmt: skip
        return int(made.pk)

    def requested(self, kind: str, *, signer: Signer | None = None, state: str = "open") -> EvidenceRequest:
        """Return a request for evidence."""
        return EvidenceRequest.objects.create(
            case=self.case, kind=kind, signer=signer, asked_by=self.people.by_name["identity-1"], state=state,
            asked_at=self.now, expires_at=self.now + timedelta(days=1),
        )  # fmt: skip

    def shown(self, request: EvidenceRequest, verdict: str = "") -> Evidence:
        """Return evidence; no file lies behind it."""
        return Evidence.objects.create(
            case=self.case, request=request, kind=request.kind, media_type="image/jpeg", size=1, sha256="0" * 64,
            received_at=self.now, verdict=verdict,
        )  # fmt: skip


def _nothing(_world: World) -> Form:
    return {}


def _task(world: World) -> Form:
    task = desk.open_task(world.case, "identity", "evidence", now=world.now)
    return {"task": task.pk, "to": "identity-1"}


def _wrote(world: World) -> Form:
    desk.open_task(world.case, "support", "message", now=world.now)
    return {}


def _proven(world: World) -> Form:
    proven(world.case, world.people)
    return {}


def _held(world: World) -> Form:
    CaseHold.objects.create(
        case=world.case, kind="judicial", scope="erasure", ordered_on=world.now.date(), placed_at=world.now,
        placed_by=world.people.by_name["compliance-1"], sealed=b"x",
    )  # fmt: skip
    return {}


def _protected(world: World) -> Form:
    desk.open_task(world.case, "support", "compromise", now=world.now)
    return {}


def _signed(world: World) -> Form:
    mandate = Mandate.objects.create(
        venue="sandbox", account_id=world.case.account_id, case=world.case, kind="joint", state="open", needed=1,
        digest="d", opened_at=world.now, opened_by=world.people.by_name["support-1"],
    )  # fmt: skip
    signer = Signer.objects.create(
        mandate=mandate, language="en", sealed=b"x", signed_at=world.now, signed_digest="d"
    )
    for kind in ("agreement", "identity"):
        world.shown(world.requested(kind, signer=signer, state="received"), "matches")
    return {}


def _two_more(world: World) -> Form:
    return {"decision": world.asked("waive", "identity-1", needed=2, detail={"items": []})}


def _release(world: World) -> Form:
    return {"decision": world.asked("release", "compliance-2", needed=1, detail={"holds": []})}


def _kept(world: World) -> Form:
    retained.keep(world.case, now=world.now)
    until = retained.items(world.case)["identity"].until + timedelta(days=90)
    return {"until": f"{until:%Y-%m-%d}"}


def _extension(world: World) -> Form:
    retained.keep(world.case, now=world.now)
    until = retained.items(world.case)["identity"].until.replace(tzinfo=world.now.tzinfo)
    return {
        "extension": retained.ask_extension(
            world.case, "identity", until=until + timedelta(days=90), reason="court_order", by="agent:compliance-2",
            now=world.now,
        )
    }  # fmt: skip


def _questions(world: World) -> Form:
    world.requested("questions")
    return {}


def _under_chinese_law(world: World) -> Form:
    kept = policies.keep(Policy(law_packs=("CN",), review_working_days=5, retention_years=10), now=world.now)
    Case.objects.filter(pk=world.case.pk).update(policy=kept)
    return {}


def _seen(world: World) -> Form:
    return {"evidence": world.shown(world.requested("photo", state="received")).pk}


def _found(world: World) -> Form:
    found = Finding.objects.create(
        case=world.case, kind="open_business", recorded_by=world.people.by_name["support-2"], sealed=b"",
        recorded_at=world.now,
    )  # fmt: skip
    return {"resolved": found.pk}


def _given_up(world: World) -> Form:
    EffectRow.objects.create(case=world.case, kind="notify", state="failed", run_at=world.now, fault="x")
    return {}


def _notice(world: World) -> Form:
    notice = Mandate.objects.create(venue="sandbox", kind="joint", opened_at=world.now)
    return {"declined": notice.pk}


def _opening(world: World) -> Form:
    return {"account": world.exchange.accounts[5]}


def _spoke(world: World) -> Form:
    asking.ask(world.waived, "It does not close.", venue="sandbox", key="k", now=world.now)
    return {}


def _pulled(_world: World) -> Form:
    Brake.objects.filter(pk=1).update(engaged=True, why="person", by="somebody")
    return {}


def _planning(world: World) -> Form:
    return {"accounts": str(world.exchange.accounts[7])}


def _running(world: World) -> Form:
    for person in ("one", "two"):
        starting.start(world.campaign.name, by=person, now=world.now)
    return {"account": world.exchange.accounts[8]}


def _paused(world: World) -> Form:
    said = _running(world)
    starting.pause(world.campaign.name, by="one", now=world.now)
    return said


def _appealed(world: World) -> Form:
    said = _running(world)
    CampaignChange.objects.create(
        campaign=world.campaign, account_id=said["account"], kind="appeal", why="x", asked_by="somebody",
        asked_at=world.now,
    )  # fmt: skip
    return said


@dataclass(frozen=True)
class Deed:
    """One form. ``right``: its row in the table of rights; ``home``: the state in which it works."""

    right: str
    home: str = ""  # of the case; empty where the form is not about one case in one state
    said: Form = field(default_factory=dict)
    given: Callable[[World], Form] = _nothing
    about: str = "case"  # or account, campaign, nothing: what the address names
    answer: int = 302
    elsewhere: int = 404  # what a colleague of another tenant is told


ORDER = {
    "kind": "judicial",
    "authority": "court",
    "reference": "7",
    "scope": "both",
    "ordered_on": "2026-01-01",
}
ADA = {
    "kind": "joint",
    "needed": "1",
    "language": "en",
    "name": ["ada", ""],
    "email": ["ada@example.org", ""],
}
PLAN = {
    "name": "second", "template": "market-exit", "day": "2026-05-01T00:00:00", "zone": "UTC", "law_packs": ["EU"],
    "waves": "1",
}  # fmt: skip
CAMPAIGN = {"about": "campaign", "elsewhere": 409}
DEEDS: Mapping[str, Deed] = {
    "messages/holder": Deed("write_holder", "cooling_off", {"audience": "holder", "text": "x"}),
    "messages/agents": Deed("write_note", "refusal", {"audience": "agents", "text": "x"}),
    "messages/compliance": Deed("write_compliance", "review", {"audience": "compliance", "text": "x"}),
    "assignment": Deed("assign", "review", given=_task),
    "settled": Deed("assign", "observation", given=_wrote),
    "decisions/approve": Deed("ask_approve", "review", {"action": "approve"}),
    "decisions/refuse": Deed(
        "ask_refuse", "review", {"action": "refuse", "reasons": ["identity_not_proven"]}
    ),
    "decisions/proof": Deed("ask_proof", "review", {"action": "proof"}, _proven),
    "decisions/waive": Deed("ask_waive", "application", {"action": "waive"}, _proven),
    "decisions/release": Deed("ask_release", "cooling_off", {"action": "release"}, _held),
    "decisions/recover": Deed("ask_recover", "pause", {"action": "recover"}, _protected),
    "decisions/erase": Deed("ask_erase", "observation", {"action": "erase"}),
    "decisions/mandate": Deed("ask_mandate", "review", {"action": "mandate"}, _signed),
    "answers/yes": Deed("decide", "review", {"answer": "yes"}, _two_more),
    "answers/no": Deed("decide", "review", {"answer": "no"}, _two_more),
    "answers/release": Deed("decide_release", "cooling_off", {"answer": "no"}, _release),
    "holds": Deed("place_hold", "cooling_off", ORDER),
    "extensions": Deed(
        "extend_kept", "observation", {"category": "identity", "reason": "court_order"}, _kept
    ),
    "extended": Deed("extend_kept", "observation", given=_extension),
    "evidence_requests": Deed("ask_evidence", "review", {"kind": "photo"}),
    "evidence_answers": Deed("ask_evidence", "review", {"question": ["a"], "answer": ["b"]}, _questions),
    "comparisons": Deed("judge_evidence", "review", {"verdict": "matches"}, _under_chinese_law),
    "verdicts": Deed("judge_evidence", "cooling_off", {"verdict": "differs"}, _seen),
    "findings/record": Deed("record_finding", "cooling_off", {"kind": "open_business", "text": "x"}),
    "findings/resolve": Deed("record_finding", "cooling_off", given=_found),
    "inquiries": Deed("record_finding", "review", {"asset": "USDT"}),
    "contacts": Deed("unmask", "review", {"reason": "call_back"}, answer=200),
    "repairs": Deed("retry", "closing", given=_given_up),
    "mandates/open": Deed("open_mandate", said=ADA, given=_opening, about="nothing", elsewhere=0),
    "mandates/decline": Deed("open_mandate", given=_notice, about="nothing", elsewhere=409),
    "account/holder": Deed("write_holder", "", {"audience": "holder", "text": "x"}, _spoke, "account"),
    "account/agents": Deed("write_note", "", {"audience": "agents", "text": "x"}, _spoke, "account"),
    "account/settled": Deed("assign", "", {"settled": "1"}, _spoke, "account"),
    "brake/pull": Deed("pull_brake", "", {"order": "pull"}, about="nothing", elsewhere=0),
    "brake/release": Deed("order", "", {"order": "release"}, _pulled, "nothing", elsewhere=0),
    "plans": Deed("order", "", PLAN, _planning, "nothing", elsewhere=0),
    "orders/start": Deed("order", said={"order": "start"}, **CAMPAIGN),
    "orders/pause": Deed("order", said={"order": "pause"}, given=_running, **CAMPAIGN),
    "orders/resume": Deed("order", said={"order": "resume"}, given=_paused, **CAMPAIGN),
    "orders/stop": Deed("order", said={"order": "stop"}, **CAMPAIGN),
    "changes/ask": Deed("order", said={"kind": "appeal", "why": "x"}, given=_running, **CAMPAIGN),
    "changes/answer": Deed("order", said={"answer": "yes"}, given=_appealed, **CAMPAIGN),
}  # fmt: skip


def address(name: str, world: World) -> str:
    """Return where the form ``name`` of :data:`DEEDS` goes."""
    named = {
        "case": [world.case.number],
        "account": [world.waived],
        "campaign": [world.campaign.name],
        "nothing": [],
    }
    return reverse(f"console:{name.partition('/')[0]}", args=named[DEEDS[name].about])
