from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.clearing import people, sandbox_people
from tests.venues.contract import VenueContract

from closeout.venues.base import Receipt
from closeout.venues.conformance import CHECKS, Bench, examine
from closeout.venues.paper import Paper
from closeout.venues.sandbox.venue import SandboxVenue


class TestPaper(VenueContract):
    """The venue in memory."""

    @pytest.fixture
    def bench(self) -> Bench:
        """The messy person on paper."""
        return Bench(people.messy(), people.MESSY)


class TestSandbox(VenueContract):
    """The sandbox exchange."""

    @pytest.fixture
    def bench(self, database: str) -> Iterator[Bench]:
        """A furnished person in a database of one's own."""
        with SandboxVenue(database) as venue:
            yield Bench(venue, sandbox_people.furnished(venue))


def forgetful(venue: Paper) -> None:
    """Let the venue forget keys: every submission is done."""
    once = venue._once

    def again(key: str, command: object) -> Receipt:
        venue.done.pop(key, None)
        return once(key, command)  # type: ignore[arg-type]

    venue._once = again  # type: ignore[method-assign]


def careless(venue: Paper) -> None:
    """Let the venue move money when it quotes."""
    quote = venue.quote

    def paid(commands: object) -> object:
        venue.deposit(people.MESSY, "funding", "USDT", Decimal(1))
        return quote(commands)  # type: ignore[arg-type]

    venue.quote = paid  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        (forgetful, {"a_command_is_done_once_per_key", "a_key_belongs_to_one_command"}),
        (careless, {"a_quote_moves_nothing"}),
    ],
)
def test_a_venue_that_breaks_the_contract_is_caught(fault: object, caught: set[str]) -> None:
    """The checks have teeth: planted faults are found by the checks that are about them."""
    venue = people.messy()
    fault(venue)  # type: ignore[operator]
    broken = {finding.check for finding in examine(Bench(venue, people.MESSY)) if finding.state == "broken"}
    assert caught <= broken
    assert broken != {check.__name__ for check in CHECKS}
