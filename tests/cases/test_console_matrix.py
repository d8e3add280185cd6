"""Every POST of the console: what is not allowed is refused and changes nothing, what is allowed stands in the log.

Issue 7: role × action × state over HTTP, as everybody in the state where a form works, and as somebody who has the
right there in every state where it ends. Who may is said in test_permissions.py, by hand and for every cell; a form of
the console that is not in ``console_deeds.DEEDS`` fails here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, reverse
from tests.cases.console_deeds import DEEDS, Deed, World, address
from tests.cases.exchange import Exchange
from tests.cases.people import referred, seeded
from tests.cases.test_doors import SAMPLES
from tests.cases.test_doors import signed_in as holder_of
from tests.cases.test_holds import signed_in
from tests.cases.test_permissions import STATES, wanted

from closeout.cases import decisions, staff, venues
from closeout.cases.campaigns import planning
from closeout.cases.models import Case
from closeout.cases.permissions import Role
from closeout.lifecycle import State
from closeout.venues.sandbox import world as exchange_world
from closeout.web.console import acting, campaigning, urls

OPEN = {"signin", "signout"}  # who stands before the door; everything else is behind it
NAMES = {role: f"{role}-1" for role in Role}
BEYOND = {  # what the table of rights does not name, for it is about no case, or is two rights at once
    "decide_release": {"compliance"},
    "pull_brake": {"operator", "approver", "compliance"},
    "order": {"operator", "approver"},
}
TOO_LATE = {("holds", "erased"): 409}  # compliance is told that nothing is left; hard case 41
CHANGED = """
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0),
    coalesce(sum(n_tup_ins) filter (where schemaname = 'audit'), 0)
from pg_stat_xact_user_tables where relname <> 'django_session'
"""


@contextmanager
def undone() -> Iterator[str]:
    """Take back whatever happens inside; gives the savepoint."""
    point = transaction.savepoint()
    yield point
    transaction.savepoint_rollback(point)


def changes() -> tuple[int, int]:
    """Count the rows written in this transaction, also those that were taken back; and how many are of the log."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED)
        count, logged = cursor.fetchone()
    return int(count), int(logged)


@pytest.fixture
def world(exchange: Exchange, keyring: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """A case with a lost authenticator, a password that was changed today, and a planned campaign."""
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])
    assert keyring
    people = seeded()
    case = referred(exchange, exchange.accounts[0])
    with venues.sandbox().connection() as opened:
        exchange_world.change_security(
            opened, case.account_id, "password_changed", happened_at=venues.sandbox().now()
        )
    campaign, _ = planning.plan("\n".join([
        'name = "first"', "day = 2026-05-01T00:00:00", 'zone = "UTC"', 'law_packs = ["EU"]',
        f"population = {{accounts = [{exchange.accounts[8]}]}}",
    ]), by="planner", now=exchange.now)  # fmt: skip
    return World(exchange, people, case, exchange.accounts[3], campaign)


def allowed(right: str, role: str, state: str) -> bool:
    """Read the cell of the tables; ``state`` is empty for what is about no case: then an application counts."""
    if right in BEYOND:
        return role in BEYOND[right] and (not state or allowed("decide", role, state))
    cells = wanted().get((right, role))
    return cells is not None and cells[STATES.index(State(state or "application"))]


@dataclass
class Sweep:
    """Sends the forms, and collects the cells that are wrong."""

    world: World
    clients: Mapping[str, Client]
    cells: int = 0

    def cell(self, name: str, who: str, point: str, form: Mapping[str, Any], want: int) -> Iterator[str]:
        """Send one form as one person; yield what is wrong with the answer or with what is stored."""
        before, before_logged = changes()
        response = self.clients[who].post(address(name, self.world), {**DEEDS[name].said, **form})
        after, after_logged = changes()
        written, logged, said = after - before, after_logged - before_logged, response.status_code
        if written:
            transaction.savepoint_rollback(point)
        if said == 302 and response.headers["Location"].startswith(reverse("console:signin")):
            said = 401
        self.cells += 1
        works = said in (200, 302)
        if said != want or works != bool(written) or works != bool(logged):
            yield f"{name} as {who}: {said}, wanted {want}; {written} rows written, {logged} of them in the log"

    def state(self, name: str, deed: Deed, state: str) -> Iterator[str]:
        """Send the form while the case is in ``state``."""
        with undone():
            Case.objects.filter(pk=self.world.case.pk).update(
                state=state or "review", verified_at=self.world.now, closed_at=self.world.now, due_at=None
            )
            form = deed.given(self.world)
            with undone() as point:
                for who, told in people_of(deed, state):
                    want = TOO_LATE.get((name, state), told)
                    for said in self.cell(name, who, point, form, want):
                        yield f"{said}; the case in {state or 'review'}"


def people_of(deed: Deed, state: str) -> Iterator[tuple[str, int]]:
    """Yield who sends a form, and what they are told: where it works everybody, else one who has the right there."""
    having = [role for role in Role if allowed(deed.right, role, deed.home)]
    if state != deed.home:
        yield from ((NAMES[role], 403) for role in having[:1] if not allowed(deed.right, role, state))
        return
    yield from ((NAMES[role], deed.answer if role in having else 403) for role in Role)
    if deed.about in ("case", "account"):
        yield f"own-{having[0]}", 403
    if deed.elsewhere:
        yield f"far-{having[0]}", deed.elsewhere
    yield from (("nobody", 401), ("holder", 401))


def everybody(world: World) -> dict[str, Client]:
    """Return a browser for everybody who may try: the roles, the same at their own account or of another tenant."""
    for role in Role:
        for name, venue, own in (("own", "sandbox", world.case.account_id), ("far", "elsewhere", None)):
            person = staff.add(f"{name}-{role}", role, venue=venue, now=world.now)
            person.account_id = own
            person.save(update_fields=["account_id"])
            world.people.by_name[person.name] = person
    names = [*NAMES.values(), *(f"{name}-{role}" for name in ("own", "far") for role in Role)]
    clients = {name: signed_in(world.people, name) for name in names}
    return {**clients, "nobody": Client(), "holder": holder_of(world.case.account_id)}


def test_every_form_as_everybody_in_every_state(world: World) -> None:
    """Default is no. A no writes nothing, not even what is taken back; a yes writes, and stands in the audit log."""
    sweep = Sweep(world, everybody(world))
    with transaction.atomic():
        wrong = [
            said
            for name, deed in DEEDS.items()
            for state in (STATES if deed.home else [""])
            for said in sweep.state(name, deed, str(state))
        ]
        transaction.set_rollback(True)
    assert not wrong, "\n".join(wrong)
    assert sweep.cells > 500


def test_every_form_of_the_console_has_its_cells(world: World) -> None:
    """A POST that nobody wrote a row for fails the build, and so does a new decision, audience or order."""
    nobody, known = Client(), {name.partition("/")[0] for name in DEEDS}
    takes = set()
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        samples = {"form": SAMPLES["form"], "ident": 1, "account_id": 1}
        named = {name: samples.get(name, "x") for name in pattern.pattern.regex.groupindex}
        if nobody.post(reverse(f"console:{pattern.name}", kwargs=named)).status_code != 405:
            takes.add(pattern.name)
    assert takes - OPEN == known
    for page, choices in (
        ("decisions", decisions.RULES),
        ("messages", acting.RIGHT_TO_WRITE),
        ("orders", campaigning.ORDERS),
    ):
        assert {name.partition("/")[2] for name in DEEDS if name.startswith(f"{page}/")} == set(choices)
