"""R-CLR-1..5 over the v5 server: look, clear, look again, with one key and nothing else."""

from decimal import Decimal

import pytest

from closeout.clearing import run
from closeout.clearing.choices import Choices
from closeout.clearing.journal import MemoryJournal
from closeout.conditions.check import Result, check
from closeout.policy import Policy
from closeout.venues.base import Destination
from closeout.venues.okx.venue import OkxVenue
from closeout.venues.sandbox import world
from tests.venues.okx_server.conftest import NoPace, Place, declared_good
from datetime import timedelta

def test_clear(place: Place) -> None:
    account = place.people["messy"]
    venue = OkxVenue(place.wire(place.key("messy"), pace=NoPace()), answers=declared_good())
    found = {d.asset: d for d in place.venue.destinations(account)}
    choices = Choices(destinations=tuple(found.values()), sell_rest=True)
    journal = MemoryJournal()
    for attempt in range(4):
        shown = run.show(venue, journal, Policy(), account, choices=choices)
        if not shown.offers: break
        started = run.start(venue, journal, Policy(), account_id=account, digest=shown.digest)
        for event in run.proceed(venue, journal, Policy(), started, worker="test"):
            print(event.kind, event.command, event.asset, event.amount, event.reason)
        place.venue.settle()
        world.pass_time(place.connection, timedelta(days=13))
        place.venue.settle()
        print("-----")
    looked = venue.look(again=True)
    report = check(venue.engine([account]), Policy(), as_of=venue.now(), accounts=[account])[account]
    for finding in report.findings:
        print(finding.condition.code, finding.result, finding.fault, finding.blockers)
    assert 0
