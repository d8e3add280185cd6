"""Questions to the case file, named by what they return."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import psycopg
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.base import ModelState
from psycopg.rows import tuple_row
from psycopg.types.datetime import TimestamptzLoader

from closeout.cases import corrections, ordered, policies
from closeout.cases.models import Case, CaseEvent, CaseHold, Challenge, Document, Mandate
from closeout.conditions import check
from closeout.facts.postgres import PostgresFacts, array
from closeout.lifecycle import CLOSED, FINAL, Event, State
from closeout.policy import Policy


def case_of(account_id: int, *, venue: str) -> Case | None:
    """Return the case of the account that is not in a final state, else its newest one, else None."""
    ended = ExpressionWrapper(Q(state__in=sorted(FINAL)), output_field=BooleanField())
    return Case.objects.filter(venue=venue, account_id=account_id).order_by(ended, "-id").first()


def closed_of(subjects: Collection[str]) -> Sequence[Case]:
    """Return the newest closed case of each of ``subjects`` (``venue:account``)."""
    pairs = [subject.rpartition(":") for subject in subjects]
    wanted = Q(pk__in=[])
    for venue, _, account in pairs:
        wanted |= Q(venue=venue, account_id=int(account))
    found = Case.objects.filter(wanted, state__in=sorted(CLOSED)).order_by("venue", "account_id", "-id")
    return list(found.distinct("venue", "account_id"))


def open_case_of(account_id: int, *, venue: str) -> Case | None:
    """Return the case of the account that is not in a final state."""
    return Case.objects.filter(venue=venue, account_id=account_id).exclude(state__in=FINAL).first()


def history(case: Case) -> Sequence[CaseEvent]:
    """Return the history of ``case``, oldest first."""
    return list(CaseEvent.objects.filter(case=case).order_by("revision"))


# One array instead of a thousand parameters: half of what a sweep spent in Python was writing them out.
COLUMNS = [str(field.column) for field in Case._meta.concrete_fields]  # noqa: SLF001 - Django's own name for it
NAMES = [str(field.attname) for field in Case._meta.concrete_fields]  # noqa: SLF001
READ = f"select {', '.join(COLUMNS)} from cases_case where id = any(%s::bigint[]) order by id"  # noqa: S608
LOCK = f"{READ} for no key update"


def lock(cases: Collection[int], *, wait: bool) -> list[Case]:
    """Lock ``cases`` for this transaction, in order of their ids.

    ``wait``: a person waits for whoever holds the row; a sweep leaves such rows for its next round.
    """
    return _read(LOCK if wait else f"{LOCK} skip locked", cases)


def _read(statement: str, idents: Collection[int]) -> list[Case]:
    """Return cases as the ORM would, at a tenth of its cost: a sweep reads a thousand at a time."""
    if not idents:
        return []
    connection.ensure_connection()
    with psycopg.Cursor(cast(Any, connection.connection), row_factory=tuple_row) as cursor:
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)  # Django's own is written in Python
        rows = cursor.execute(statement, [array(idents)], prepare=True).fetchall()
    alias, found = connection.alias, []
    for row in rows:
        case = Case.__new__(Case)
        case.__dict__.update(zip(NAMES, row, strict=True))
        case._state = ModelState()  # noqa: SLF001 - what the constructor does
        case._state.db, case._state.adding = alias, False  # noqa: SLF001
        found.append(case)
    return found


def due(state: State, *, now: datetime, most: int, campaign: int | None = None) -> list[int]:
    """Lock cases in ``state`` whose date has come, the longest waiting first; return their ids.

    Those that people applied for, or those of one campaign: neither waits behind the other. What another
    transaction holds, or a sweep broke over, is left out: two workers take different cases.
    """
    whose = Q(campaign__isnull=True) if campaign is None else Q(campaign=campaign)
    rows = Case.objects.filter(whose, state=state, due_at__lte=now).order_by("due_at")
    free = rows.filter(Q(aside_until=None) | Q(aside_until__lte=now))
    return list(free.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:most])


def set_aside(idents: Collection[int], *, until: datetime) -> None:
    """Let sweeps go on without these cases until then; their next step brings them back."""
    Case.objects.filter(pk__in=idents).update(aside_until=until)


def aside(*, now: datetime) -> list[Case]:
    """Return the cases that sweeps go on without: they broke, or their facts are unknown."""
    return list(Case.objects.filter(aside_until__gt=now).order_by("pk"))


WATCHED = """
update cases_case set looked_at = %(now)s
where id in (
    select id from cases_case
    where (state in ('cooling_off', 'pause') or held) and looked_at < %(before)s
    order by looked_at limit %(most)s for no key update skip locked
)
returning id
"""


def watched(*, before: datetime, now: datetime, most: int) -> list[int]:
    """Take frozen or held cases that were last looked at before ``before``, and note that it is done ``now``.

    What another transaction holds is left out: the watch waits for nobody.
    """
    with connection.cursor() as cursor:
        cursor.execute(WATCHED, {"before": before, "now": now, "most": most})
        return sorted(ident for (ident,) in cursor.fetchall())


def to_remind(*, now: datetime, most: int) -> list[int]:
    """Return ids of cases whose next reminder has come."""
    rows = Case.objects.filter(remind_at__lte=now).order_by("remind_at")
    return list(rows.values_list("pk", flat=True)[:most])


def engine() -> PostgresFacts:
    """Return an engine over the facts on Django's own connection, so that checks are part of its transaction."""
    connection.ensure_connection()
    return PostgresFacts(cast(Any, connection.connection))


def report(account_id: int, policy: Policy, *, now: datetime) -> check.Report | None:
    """Return the self-check of one account, or None if there is no such account. ``now``: aware UTC."""
    naive = now.replace(tzinfo=None)
    found = check.check(engine(), policy, as_of=naive, accounts=[account_id])
    return corrections.applied(found, accounts=[account_id]).get(account_id)


def reports(cases: Collection[Case], *, now: datetime) -> Mapping[int, check.Report]:
    """Return the self-check of each case by account, each under the policy of its case; one query a policy."""
    naive = now.replace(tzinfo=None)
    by_policy: dict[str, list[int]] = {}
    for case in cases:
        by_policy.setdefault(case.policy_id, []).append(case.account_id)
    found: dict[int, check.Report] = {}
    for version, accounts in by_policy.items():
        policy = policies.of_version(version)
        found.update(check.check(engine(), policy, as_of=naive, accounts=accounts))
    return ordered.waived(cases, corrections.applied(found, accounts=found))


def cases(idents: Collection[int]) -> list[Case]:
    """Return the cases with these ids, in order of their ids."""
    return _read(READ, idents)


def note_searchable(idents: Collection[int]) -> None:
    """Note that the contacts of these cases can be searched for."""
    with connection.cursor() as cursor:
        cursor.execute("update cases_case set searchable = true where id = any(%s)", [list(idents)])


def note_reminders(coming: Mapping[int, datetime | None]) -> None:
    """Set when each case is reminded next."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update cases_case as c set remind_at = s.remind_at "
            "from unnest(%s::bigint[], %s::timestamptz[]) as s (id, remind_at) where c.id = s.id",
            [list(coming), list(coming.values())],
        )


MATURITIES = "select e.account_id, e.earn_id, e.matures_at from earn as e where e.matures_at is not null"


def maturities(account_id: int, *, now: datetime) -> Mapping[str, datetime]:
    """Return when each product of the account that has a date pays out by itself (naive UTC), by its number."""
    row = policies.in_force().row(now.replace(tzinfo=None))
    return {str(item): at for _, item, at in engine().rows(MATURITIES, policy=row, accounts=[account_id])}


ERASURE_HOLDS = """
select h.account_id
from hold as h
cross join policy as p
where h.scope <> 'closing' and (h.released_at is null or h.released_at > p.as_of)
"""


def erasure_stopped(cases: Collection[Case], *, now: datetime) -> frozenset[int]:
    """Return the ids of those of ``cases`` whose account is under a hold that stops erasure (R-SUP-8)."""
    if not cases:
        return frozenset()
    row = policies.in_force().row(now.replace(tzinfo=None))
    accounts = sorted({case.account_id for case in cases})
    under_hold = {account for (account,) in engine().rows(ERASURE_HOLDS, policy=row, accounts=accounts)}
    ours = standing_holds([case.pk for case in cases], stops="erasure")
    return ours | {case.pk for case in cases if case.account_id in under_hold}


def standing_holds(idents: Collection[int], *, stops: str = "") -> frozenset[int]:
    """Return those cases on which a hold of compliance stands; ``stops``: one that stops closing or erasure."""
    holds = CaseHold.objects.filter(case__in=idents, released_at=None)
    holds = holds.filter(scope__in=[stops, "both"]) if stops else holds
    return frozenset(holds.values_list("case_id", flat=True))


def stopped_by_mandates(idents: Collection[int]) -> frozenset[int]:
    """Return those cases that stand still for a mandate: nobody accepted it yet, or somebody objects (R-SUP-11)."""
    waits = Q(stops=True, accepted_by=None) | Q(signers__objected_at__isnull=False)
    rows = Mandate.objects.filter(waits, case__in=idents, state="open")
    return frozenset(rows.values_list("case_id", flat=True))


def told_last(idents: Collection[int]) -> Mapping[int, Mapping[str, Any]]:
    """Return the detail of the newest line of history of each case."""
    lines = CaseEvent.objects.filter(case__in=idents).order_by("case_id", "-revision").distinct("case_id")
    return {line.case_id: line.detail for line in lines}


def held_by_facts(idents: Collection[int]) -> list[int]:
    """Return those of the held cases whose hold came from the venue's facts, not from an agent."""
    held = CaseEvent.objects.filter(case__in=idents, event=Event.HOLD).order_by("case_id", "-revision")
    return [line.case_id for line in held.distinct("case_id") if line.actor == "system"]


def live_factors(case: Case, *, now: datetime) -> frozenset[str]:
    """Return the factors whose newest code can still be used: sent for this very action, not used or expired."""
    newest = {}
    for challenge in Challenge.objects.filter(case=case).order_by("issued_at"):
        newest[challenge.factor] = challenge
    return frozenset(
        factor
        for factor, challenge in newest.items()
        if challenge.used_at is None
        and challenge.expires_at > now
        and challenge.attempts < challenge.attempts_max
        and challenge.action_digest == case.action_digest
    )


def documents(case: Case) -> Mapping[str, Document]:
    """Return what the holder of ``case`` can download, by kind; contents are read when they are asked for."""
    return {found.kind: found for found in Document.objects.filter(case=case).defer("content")}


def lost_factors(case: Case) -> list[str]:
    """Return the factors that the holder of a case in review said are lost."""
    line = CaseEvent.objects.filter(case=case, event=Event.REFER).order_by("-revision").first()
    return [str(factor) for factor in line.detail.get("lost", [])] if line else []
