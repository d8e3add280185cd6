"""What waits for people: tasks with a legal clock, queues read by key, cases found by number or contact (R-SUP-6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from closeout.cases import audit, policies, queries, vaults, venues
from closeout.cases.models import Case, ContactHash, PolicyVersion, Staff, Task
from closeout.cases.operations import SYSTEM, Actor
from closeout.lifecycle import State
from closeout.policy import Policy, laws
from closeout.reasons import refuse
from closeout.records.vault import Vault
from closeout.venues.base import Holder

PAGE = 50
BATCH = 1000
ESCALATE = timedelta(days=2)  # before the clock runs out
FRIDAY = 4
CHANNELS = {"email": "email", "sms": "phone"}
CASE_NUMBER = re.compile(r"CL-\d{8}-\d{4,}", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a page of a queue ends; the next one begins after it."""

    due_at: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.due_at.isoformat()}~{self.id}"


def place(said: str) -> Place | None:
    """Read what :class:`Place` writes; None for anything else."""
    at, _, ident = said.partition("~")
    try:
        return Place(datetime.fromisoformat(at), int(ident))
    except ValueError:
        return None


def due_at(policy: Policy, begun: datetime) -> datetime:
    """Return when people must have answered: the policy's working days, or sooner where a law pack says so.

    Working days are Monday to Friday; holidays are not known here, so the clock never runs long for them.
    """
    ends = [_after_working_days(begun, policy.review_working_days)]
    if rule := laws.strictest(policy.law_packs, "handling_working_days_max", most=False):
        ends.append(_after_working_days(begun, rule.value))
    if rule := laws.strictest(policy.law_packs, "handling_days_max", most=False):
        ends.append(begun + timedelta(days=rule.value))
    return min(ends)


def _after_working_days(begun: datetime, count: int) -> datetime:
    at = begun
    while count:
        at += timedelta(days=1)
        count -= at.weekday() <= FRIDAY
    return at


def open_task(
    case: Case, team: str, kind: str, *, now: datetime, waits_for: str = "us", due: datetime | None = None
) -> Task:
    """Put ``case`` into the queue of ``team``; a task of that kind which stands is woken instead of doubled."""
    task, made = Task.objects.get_or_create(
        venue=case.venue, account_id=case.account_id, team=team, kind=kind, closed_at=None,
        defaults={
            "case": case, "opened_at": now, "waits_for": waits_for,
            "due_at": due or due_at(policies.of_version(case.policy_id), case.submitted_at or now),
        },
    )  # fmt: skip
    if not made and task.waits_for != waits_for:
        Task.objects.filter(pk=task.pk).update(waits_for=waits_for)
    return task


def close_tasks(case: Case, *, now: datetime, team: str | None = None, kind: str | None = None) -> None:
    """Take ``case`` out of the queues, or out of that of one team and kind."""
    rows = Task.objects.filter(venue=case.venue, account_id=case.account_id, closed_at=None)
    rows = rows.filter(team=team) if team else rows
    rows = rows.filter(kind=kind) if kind else rows
    rows.update(closed_at=now)


def answered(venue: str, account_id: int, *, by: Actor, now: datetime) -> bool:
    """Close the open message of an account: nothing is left to answer. Return whether one was open."""
    with transaction.atomic():
        rows = Task.objects.filter(venue=venue, account_id=account_id, kind="message", closed_at=None)
        if not rows.update(closed_at=now):
            return False
        subject = vaults.subject_of(venue, account_id)
        audit.append([audit.Line(subject, "task:close", str(by), {"kind": "message"})], now=now)
    return True


def wait_for_holder(case: Case, *, kind: str) -> None:
    """Note that the next step is the holder's; the legal clock goes on."""
    Task.objects.filter(venue=case.venue, account_id=case.account_id, kind=kind, closed_at=None).update(
        waits_for="holder"
    )


def assign(task: Task, to: Staff | None, *, by: Actor, now: datetime) -> None:
    """Give ``task`` to somebody of the same tenant, or back to the team. Raises: Refused (unknown_agent)."""
    if to is not None and (not to.active or to.venue != task.venue):
        raise refuse("unknown_agent")
    with transaction.atomic():
        Task.objects.filter(pk=task.pk, closed_at=None).update(assignee=to)
        subject = task.case.number if task.case else vaults.subject_of(task.venue, task.account_id)
        details = {"team": task.team, "to": to.name if to else "team"}
        audit.append([audit.Line(subject, "task:assign", str(by), details)], now=now)


@dataclass(frozen=True)
class Filters:
    """What a queue is narrowed down to; empty means all."""

    waits_for: str = ""
    law_pack: str = ""
    assignee: str = ""


def queue(
    venue: str, team: str, *, filters: Filters = Filters(), after: Place | None = None
) -> Sequence[Task]:
    """Return the next page of the open tasks of ``team``, those whose clock ends first at the top."""
    rows: QuerySet[Task] = Task.objects.filter(venue=venue, team=team, closed_at=None)
    if after is not None:
        rows = rows.filter(Q(due_at__gt=after.due_at) | Q(due_at=after.due_at, id__gt=after.id))
    if filters.waits_for:
        rows = rows.filter(waits_for=filters.waits_for)
    if filters.assignee:
        rows = rows.filter(assignee__name=filters.assignee)
    if filters.law_pack:
        rows = rows.filter(case__policy__in=_under(filters.law_pack))
    return list(rows.select_related("case", "assignee").order_by("due_at", "id")[: PAGE + 1])


def _under(pack: str) -> Sequence[str]:
    versions = PolicyVersion.objects.values_list("version", flat=True)
    return [version for version in versions if pack in policies.of_version(version).law_packs]


def counts(venue: str) -> Mapping[str, int]:
    """Return how many open tasks each team has, up to a thousand."""
    found = {}
    for team in ("support", "identity", "compliance", "approval"):
        rows = Task.objects.filter(venue=venue, team=team, closed_at=None)
        found[team] = rows.order_by("due_at", "id")[:1000].count()
    return found


def tasks_of(case: Case) -> Sequence[Task]:
    """Return the open tasks about ``case``, the most urgent first."""
    rows = Task.objects.filter(venue=case.venue, account_id=case.account_id, closed_at=None)
    return list(rows.select_related("assignee").order_by("due_at", "id"))


def search(venue: str, said: str) -> Sequence[Case]:
    """Return the cases of a case number, account number, e-mail address or phone number; exact, newest first."""
    wanted = said.strip()
    rows = Case.objects.filter(venue=venue)
    if CASE_NUMBER.fullmatch(wanted):
        return list(rows.filter(number=wanted.upper()))
    digits = re.sub(r"[\s-]", "", wanted)
    accounts = set(reached_by(venue, wanted))
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        accounts.add(int(digits))
    if not accounts:
        return []
    return list(rows.filter(account_id__in=accounts).order_by("-id")[:PAGE])


def reached_by(venue: str, contact: str) -> Sequence[int]:
    """Return the accounts of an e-mail address or phone number that had a case; exact, by its keyed hash."""
    digits = re.sub(r"[\s-]", "", contact)
    if "@" in contact:
        return _accounts(venue, "email", contact)
    return _accounts(venue, "phone", digits) if re.fullmatch(r"\+?\d{6,19}", digits) else ()


def _accounts(venue: str, kind: str, contact: str) -> Sequence[int]:
    rows = ContactHash.objects.filter(hash=hash_of(kind, contact), kind=kind, venue=venue)
    return list(rows.values_list("account_id", flat=True)[:PAGE])


def hash_of(kind: str, contact: str) -> bytes:
    """Return the keyed hash of a contact in its normal form: no case in addresses, digits only in numbers."""
    return _hashed(vaults.vault(), kind, contact)


def _hashed(vault: Vault, kind: str, contact: str) -> bytes:
    normal = contact.strip().lower() if kind == "email" else re.sub(r"\D", "", contact)
    return vault.tombstone(normal, field=kind)


def _hashes(case: Case, holder: Holder | None, vault: Vault) -> list[ContactHash]:
    known = [("email", holder.email), ("phone", holder.phone)] if holder else []
    known += [(CHANNELS[channel], address) for channel, address in (holder.replaced if holder else ())]
    return [
        ContactHash(
            venue=case.venue, account_id=case.account_id, kind=kind, hash=_hashed(vault, kind, contact)
        )
        for kind, contact in known
        if contact
    ]


def _note(rows: Sequence[ContactHash], cases: Sequence[int]) -> None:
    with transaction.atomic():
        ContactHash.objects.bulk_create(rows, ignore_conflicts=True)
        queries.note_searchable(cases)


def collect(*, now: datetime, most: int = BATCH) -> int:
    """Do what the desk needs by itself: find new cases, put reviews into their queue, escalate what runs out."""
    fresh = list(Case.objects.filter(searchable=False).order_by("id")[:most])
    holders = venues.sandbox().holders([case.account_id for case in fresh]) if fresh else {}
    if fresh:
        vault = vaults.vault()
        hashes = [row for case in fresh for row in _hashes(case, holders.get(case.account_id), vault)]
        _note(hashes, [case.pk for case in fresh])
    return len(fresh) + _reviews(now=now, most=most) + _escalate(now=now, most=most)


def _reviews(*, now: datetime, most: int) -> int:
    queued = Task.objects.filter(case=OuterRef("pk"), kind="review", closed_at=None)
    waiting = Case.objects.filter(~Exists(queued), state=State.REVIEW)
    found = list(waiting.order_by("id")[:most])
    for case in found:
        open_task(case, "support", "review", now=now)
    return len(found)


def _escalate(*, now: datetime, most: int) -> int:
    """Raise what is about to miss its legal clock, once: it goes to compliance, and the log says so."""
    late = Task.objects.filter(closed_at=None, escalated_at=None, due_at__lte=now + ESCALATE)
    found = list(late.select_related("case").order_by("due_at")[:most])
    with transaction.atomic():
        Task.objects.filter(pk__in=[task.pk for task in found]).update(escalated_at=now)
        lines = [
            audit.Line(task.case.number, "task:escalate", str(SYSTEM), {"team": task.team, "kind": task.kind})
            for task in found
            if task.case
        ]
        audit.append(lines, now=now)
    return len(found)
