"""The policy in force, its changes, and the policy of a case: a case keeps the version it was opened under (R-CLO-15).

A change is drafted by one person and approved by another. Only what favours the holder reaches open cases.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from closeout import policy
from closeout.cases import audit
from closeout.cases.models import Case, PolicyChange, PolicyVersion
from closeout.lifecycle import State
from closeout.policy import PolicyError
from closeout.reasons import refuse

LOCK = 0x706F6C69  # "poli"
BATCH = 1000
BETTER = """
with chosen as (
    select id, number from cases_case
    where policy_id = %(old)s and state = any(%(states)s) and (state <> 'application' or action_digest = '')
    limit %(most)s for no key update skip locked
)
update cases_case as c set policy_id = %(new)s from chosen where c.id = chosen.id returning c.number
"""
REACHED = (
    State.APPLICATION, State.SCHEDULED, State.REVIEW, State.COOLING_OFF, State.PAUSE, State.OBSERVATION,
)  # fmt: skip


def in_force() -> policy.Policy:
    """Return the policy that new cases are opened under: the newest approved one.

    Before the first approval it is the file named by ``CLOSEOUT_POLICY``, or the defaults. Raises: PolicyError.
    """
    newest = _newest()
    return _of_file() if newest is None else of_version(newest)


def _newest() -> str | None:
    found = PolicyChange.objects.exclude(number=None).order_by("-number").values_list("version_id", flat=True)
    return found.first()


@functools.lru_cache(maxsize=1)
def _of_file() -> policy.Policy:
    named = os.environ.get("CLOSEOUT_POLICY")
    return policy.load(Path(named)) if named else policy.Policy()


def keep(chosen: policy.Policy, *, now: datetime) -> PolicyVersion:
    """Store ``chosen`` under its version and return the row; idempotent."""
    row, _ = PolicyVersion.objects.get_or_create(
        version=chosen.version, defaults={"toml": policy.dumps(chosen), "loaded_at": now}
    )
    return row


@functools.lru_cache(maxsize=64)
def of_version(version: str) -> policy.Policy:
    """Return the stored policy called ``version``. Raises: PolicyVersion.DoesNotExist."""
    return policy.loads(PolicyVersion.objects.get(pk=version).toml, name=f"policy {version}")


def agree(*, now: datetime) -> None:
    """Demand that a file named by ``CLOSEOUT_POLICY`` says what is in force; the first file becomes that.

    Two workers with different policies cannot both run. Raises: PolicyError.
    """
    if not os.environ.get("CLOSEOUT_POLICY"):
        return
    ours = _of_file()
    if _newest() is None:
        try:
            with transaction.atomic():
                PolicyChange.objects.create(
                    version=keep(ours, now=now), origin="file", drafted_by="file", drafted_at=now,
                    why="first policy of this installation", approved_by="start", approved_at=now, number=1,
                    applied_at=now,
                )  # fmt: skip
        except IntegrityError:
            pass  # another process was faster; what it wrote is compared below
    theirs = in_force()
    if theirs.version != ours.version:
        found = [f"{name} is {mine} in the file and {standing} in force" for name, standing, mine in
                 policy.differences(theirs, ours)]  # fmt: skip
        raise PolicyError(
            [
                f"CLOSEOUT_POLICY is {ours.version}, but {theirs.version} is in force; approve it, or leave it out",
                *found,
            ]
        )


def person(name: str) -> str:
    """Return ``name`` as people are kept: small letters, no space around. Raises: Refused (person_missing)."""
    plain = name.strip().lower()
    if not plain:
        raise refuse("person_missing")
    return plain


def draft(chosen: policy.Policy, *, by: str, why: str, now: datetime) -> PolicyChange:
    """Propose ``chosen``; it changes nothing until another person approves it.

    Raises: Refused (person_missing, why_missing, policy_unchanged, already_drafted).
    """
    who = person(by)
    if not why.strip():
        raise refuse("why_missing")
    if chosen.version == in_force().version:
        raise refuse("policy_unchanged")
    try:
        with transaction.atomic():
            change = PolicyChange.objects.create(
                version=keep(chosen, now=now), drafted_by=who, drafted_at=now, why=why.strip()
            )
            audit.append([audit.Line(f"policy-{chosen.version}", "policy:draft", f"agent:{who}")], now=now)
    except IntegrityError as twice:
        raise refuse("already_drafted", version=chosen.version) from twice
    return change


def approve(version: str, *, by: str, now: datetime) -> PolicyChange:
    """Let the draft of ``version`` come into force. Raises: Refused (person_missing, no_draft, same_person)."""
    who = person(by)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        change = PolicyChange.objects.select_for_update().filter(version=version, number=None).first()
        if change is None:
            raise refuse("no_draft", version=version)
        if change.drafted_by == who:
            raise refuse("same_person")
        last = PolicyChange.objects.aggregate(last=Max("number"))["last"]
        change.approved_by, change.approved_at, change.number = who, now, (last or 0) + 1
        change.save(update_fields=["approved_by", "approved_at", "number"])
        details = {"number": change.number, "drafted_by": change.drafted_by}
        audit.append([audit.Line(f"policy-{version}", "policy:approve", f"agent:{who}", details)], now=now)
    return change


def changes() -> Sequence[PolicyChange]:
    """Return every change of the policy, newest first."""
    return list(PolicyChange.objects.select_related("version").order_by("-id"))


def favour(*, now: datetime) -> int:
    """Give open cases what the newest policy has better for their holders, a batch at a time; return how many.

    Idempotent and resumable; cases that somebody holds are left for the next turn.
    """
    change = PolicyChange.objects.exclude(number=None).filter(applied_at=None).order_by("-number").first()
    if change is None:
        return 0
    new = of_version(change.version_id)
    for version in PolicyVersion.objects.values_list("version", flat=True):
        old = of_version(version)
        better = policy.in_favour(old, new)
        if better != old and (done := _move(version, better, now=now)):
            return done
    if not _some_left(new):
        PolicyChange.objects.filter(number__lte=change.number, applied_at=None).update(applied_at=now)
    return 0


def _some_left(new: policy.Policy) -> bool:
    """Return whether a case that was locked still has a policy that could be better."""
    worse = [
        version
        for version in PolicyVersion.objects.values_list("version", flat=True)
        if policy.in_favour(of_version(version), new) != of_version(version)
    ]
    cases = Case.objects.filter(policy__in=worse, state__in=REACHED)
    return cases.exclude(state=State.APPLICATION, action_digest__gt="").exists()


def _move(old: str, better: policy.Policy, *, now: datetime) -> int:
    with transaction.atomic():
        row = keep(better, now=now)
        with connection.cursor() as cursor:
            cursor.execute(
                BETTER,
                {"old": old, "new": row.pk, "states": [state.value for state in REACHED], "most": BATCH},
            )
            numbers = sorted(number for (number,) in cursor.fetchall())
        details = {"from": old, "to": row.pk}
        audit.append([audit.Line(number, "case:policy", "system", details) for number in numbers], now=now)
    return len(numbers)
