"""The other side of the browser tests: a process on the site's own database that prepares people and cases.

It reads one JSON request a line from stdin and answers one line: ``{"do": "person", "handle": "clean"}``.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from closeout.cases import start

start.begin()

from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import transaction  # noqa: E402
from tests.web import afterwards  # noqa: E402

from closeout.cases import (  # noqa: E402
    applications,
    asking,
    clearings,
    codes,
    consent,
    correspondence,
    evidence,
    holds,
    messages,
    operations,
    policies,
    proving,
    queries,
    sandbox,
    staff,
    vaults,
    venues,
    worker,
)  # fmt: skip
from closeout.cases.models import Case, ClearingRun, StaffSession  # noqa: E402
from closeout.policy import Policy  # noqa: E402
from closeout.venues.sandbox import people, seed, world  # noqa: E402


def seeded() -> dict[str, int]:
    """Return the seeded people by handle."""
    return {person.handle: person.account_id for person in venues.sandbox().people()}


def person(handle: str) -> int:
    """Make one more person like ``handle`` and return the account."""
    with venues.sandbox().connection() as connection, connection.transaction():
        moment = venues.sandbox().now()
        connection.execute(
            "update sandbox.account set handle = handle || '-' || account_id where handle = %s", (handle,)
        )
        account = seed._person(connection, vaults.vault(), handle, moment)
        _reached_alone(connection, account)
    return account


def _reached_alone(connection: Any, account: int) -> None:
    """Give the person a mailbox and a phone of their own: what many share is limited together."""
    with connection.cursor() as cursor:
        found = people.load(cursor, vaults.vault(), account)
        assert found is not None
        language, private = found
        own = replace(private, email=f"holder.{account}@example.org", phone=f"+49 000 {account:07d}")
        people.save(cursor, vaults.vault(), account, language, own)


def _case(account: int) -> Case:
    case = queries.case_of(account, venue="sandbox")
    assert case is not None
    return case


def applied(account: int, language: str = "zh") -> str:
    """Bring ``account`` to the codes: read, ticked, records declined, codes sent."""
    now = venues.now()
    case = applications.open_case(account, venue="sandbox", language=language, now=now)
    applications.show_consent(case, language=language, now=now)
    policy = policies.of_version(case.policy_id)
    later = now + timedelta(seconds=policy.consent_reading_seconds)
    points = [code for code, _ in consent.points(policy, language)]
    applications.give_consent(case, points, language=language, now=later)
    applications.choose_records(case, "declined", now=later)
    for factor in policy.verification:
        codes.send(case, factor, now=later)
    worker.run_until_idle(now=venues.now())
    return case.number


def under(account: int, factors: list[str]) -> str:
    """Open an application that has to be verified by ``factors``."""
    now = venues.now()
    case = applications.open_case(account, venue="sandbox", language="zh", now=now)
    chosen = Policy(verification=tuple(factors), consent_reading_seconds=0)
    Case.objects.filter(pk=case.pk).update(policy=policies.keep(chosen, now=now))
    return case.number


def submitted(account: int, language: str = "zh") -> str:
    """Bring ``account`` into cooling-off (or scheduled, if only dates stand in the way)."""
    applied(account, language)
    case = _case(account)
    for factor in policies.of_version(case.policy_id).verification:
        codes.confirm(case, factor, code(account, factor), now=venues.now())
    applications.submit(case, now=venues.now())
    worker.run_until_idle(now=venues.now())
    return _case(account).state


def code(account: int, factor: str) -> str:
    """Return the newest code that was sent by ``factor``, or what the authenticator shows."""
    if factor == "totp":
        return sandbox.authenticator(account)
    letters = [letter for letter in messages.inbox(_case(account)) if letter["channel"] == factor]
    body = [letter["body"] for letter in letters if letter["template"] == "code"][-1]
    return next(word for word in body.replace("：", " ").split() if word.isdigit() and len(word) == 8)


def session(account: int) -> str:
    """Return the session cookie of the holder of ``account``."""
    store = SessionStore()
    known = {"venue": "sandbox", "account": account, "masked": "138****5678"}
    store.update(known | {"signed_in_at": datetime.now(UTC).isoformat()})
    store.create()
    return str(store.session_key)


def due(account: int) -> None:
    """Let the cooling-off of this account end now, and of no other."""
    Case.objects.filter(pk=_case(account).pk).update(due_at=venues.now())


def nearing(account: int, hours: float) -> None:
    """Let the cooling-off of this account end in so many hours."""
    Case.objects.filter(pk=_case(account).pk).update(due_at=venues.now() + timedelta(hours=hours))


def stood(account: int, state: str) -> None:
    """Let the case show itself in ``state``; for what a page looks like only."""
    dated = {} if state == "scheduled" else {"due_at": None}
    Case.objects.filter(pk=_case(account).pk).update(state=state, **dated)


def requested(account: int) -> None:
    """Let the identity team ask for a photo and a video."""
    person = next(one for one in staff.seed(venue="sandbox", now=venues.now()) if one.name == "identity-1")
    seat = StaffSession.objects.create(id=uuid.uuid4(), staff=person, started_at=venues.now())
    for kind in ("photo", "video"):
        evidence.ask(seat, _case(account), kind, now=venues.now())


def letters(account: int) -> list[dict[str, str]]:
    """Return every message about the case, oldest first."""
    worker.run_until_idle(now=venues.now())
    return [dict(letter) for letter in messages.inbox(_case(account))]


def withdrawn(account: int) -> str:
    """Take the application back."""
    operations.withdraw(_case(account), actor=operations.HOLDER, now=venues.now())
    worker.run_until_idle(now=venues.now())
    return _case(account).state


def wavered(account: int, times: int = 2) -> None:
    """Let it be known that the holder took so many applications back before."""
    Case.objects.filter(pk=_case(account).pk).update(withdrawals=times)


def passed(days: float) -> str:
    """Let time pass and everything that is due happen."""
    sandbox.pass_time(timedelta(days=days))
    worker.run_until_idle(now=venues.now())
    return venues.now().isoformat()


def deposited(account: int, asset: str = "USDT", amount: str = "5") -> None:
    """Let value arrive."""
    with venues.sandbox().connection() as connection:
        world.deposit(connection, account, asset=asset, amount=Decimal(amount))
    sandbox.pass_time(timedelta(minutes=2))
    worker.run_until_idle(now=venues.now())


def cleared(account: int) -> int:
    """Clear ``account`` by its plan as suggested; return it."""
    shown = clearings.show(account)
    opened = clearings.start(account, digest=shown.digest)
    for _ in clearings.proceed(opened):
        pass
    return account


WALKS: dict[int, Iterator[Any]] = {}


def opened(account: int) -> str:
    """Confirm a clearing of ``account`` that nobody but :func:`stepped` drives; return the run."""
    shown = clearings.show(account)
    with transaction.atomic():
        run = clearings.start(account, digest=shown.digest)
        lease = datetime.now(UTC) + timedelta(minutes=5)
        ClearingRun.objects.filter(pk=run.run_id).update(worker="backstage", lease_until=lease)
    WALKS[account] = clearings.proceed(run, worker="backstage")
    return run.run_id


def stepped(account: int, most: int = 1000, until: str = "") -> int:
    """Let the clearing of ``account`` go on for at most so many steps, or to one called ``until``."""
    taken = 0
    for event in itertools.islice(WALKS[account], most):
        taken += 1
        if event.kind == until:
            break
    return taken


def told(run: str) -> list[int]:
    """Return the numbers of the events of a clearing."""
    return [event.id for event in clearings.events(run)]


def state(account: int) -> str:
    """Return where the case stands."""
    case = queries.case_of(account, venue="sandbox")
    return "none" if case is None else case.state


def reached(account: int, wanted: str) -> str:
    """Work until the case stands at ``wanted``; the site's own worker may hold the effects meanwhile."""
    for _ in range(400):
        worker.turn(now=venues.now())
        if state(account) == wanted:
            break
        threading.Event().wait(0.05)
    return state(account)


def working() -> None:
    """Do everything that is due now."""
    worker.run_until_idle(now=venues.now())


def unreadable(relation: str, how: str = "failed") -> None:
    """Let a source of facts fail, or work again (``complete``)."""
    with venues.sandbox().connection() as connection:
        world.set_source(connection, relation, state=how)


def referred(account: int) -> str:
    """Bring ``account`` from its codes into review: everything is confirmed but the lost authenticator."""
    case = _case(account)
    for factor in ("email", "sms"):
        codes.confirm(case, factor, code(account, factor), now=venues.now())
    proving.refer(case, lost=["totp"], now=venues.now())
    worker.run_until_idle(now=venues.now())
    return _case(account).state


def number(account: int) -> str:
    """Return the number of the account's case."""
    return _case(account).number


def staffed(name: str) -> str:
    """Return the session cookie of somebody of the staff who has signed in."""
    staff.seed(venue="sandbox", now=venues.now())
    person = staff.named(name)
    assert person is not None
    session = StaffSession.objects.create(id=uuid.uuid4(), staff=person, started_at=datetime.now(UTC))
    store = SessionStore()
    store["staff_session"] = session.pk.hex
    store.create()
    return str(store.session_key)


def wrote(account: int, text: str) -> None:
    """Let the holder write to support."""
    key = uuid.uuid4().hex
    asking.ask(account, text, venue="sandbox", case=_case(account), key=key, now=venues.now())


def heard(account: int) -> list[str]:
    """Return what the holder reads of the conversation."""
    return [one.text for one in correspondence.read(account, venue="sandbox", audience="holder")]


def asked(account: int, text: str) -> None:
    """Let the holder ask support."""
    asking.ask(account, text, venue="sandbox", now=venues.now(), key="asked")


def answered(account: int, text: str) -> None:
    """Let support say something to the holder."""
    correspondence.say(
        account, text, venue="sandbox", audience="holder", author=operations.Actor("agent", "lin"),
        now=venues.now(),
    )  # fmt: skip


def held(account: int, kind: str = "judicial") -> None:
    """Let compliance place a hold."""
    person = staff.named("compliance-1") or staff.seed(venue="sandbox", now=venues.now())[3]
    session = StaffSession.objects.create(id=uuid.uuid4(), staff=person, started_at=venues.now())
    now = venues.now()
    holds.place(
        session, _case(account), kind=kind, authority="Court", reference="1/26", scope="both",
        ordered_on=now.date(), now=now,
    )  # fmt: skip


def campaigned(name: str, account: int) -> str:
    """Let two people start an exit of one account, announced in the next moment; return its name."""
    from datetime import timedelta

    from closeout.cases.campaigns import planning, starting

    day = (venues.now() + timedelta(days=91)).replace(tzinfo=None, microsecond=0)
    text = (
        f'name = "{name}"\nday = {day.isoformat()}\nzone = "UTC"\nlaw_packs = ["HK"]\n'
        f"population = {{accounts = [{account}]}}\n"
    )
    planning.plan(text, by="ada", now=venues.now())
    for person in ("ben", "cleo"):
        starting.start(name, by=person, now=venues.now())
    return name


DEEDS = {
    deed.__name__: deed
    for deed in (
        seeded,
        person,
        applied,
        under,
        submitted,
        code,
        letters,
        campaigned,
        withdrawn,
        wavered,
        session,
        due,
        nearing,
        stood,
        requested,
        passed,
        deposited,
        cleared,
        opened,
        stepped,
        told,
        state,
        reached,
        working,
        unreadable,
        asked,
        answered,
        number,
        staffed,
        referred,
        wrote,
        heard,
        held,
        afterwards.certified,
        afterwards.claim_code,
    )
}


def main() -> None:
    """Answer requests until stdin ends."""
    sandbox.prepare()
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        deed = DEEDS[request.pop("do")]
        try:
            answer = {"answer": deed(**request)}
        except Exception as wrong:  # noqa: BLE001 - the test reads it
            answer = {"wrong": f"{type(wrong).__name__}: {wrong}"}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
