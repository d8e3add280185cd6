"""The contract of every venue: the checks of ``closeout venue check``, each of them really tried."""

from __future__ import annotations

import pytest

from closeout.venues.conformance import CHECKS, Bench, examine


class VenueContract:
    """A subclass provides the fixture ``bench``: a venue and a throw-away account with enough in it."""

    @pytest.mark.parametrize("number", range(len(CHECKS)), ids=[check.__name__ for check in CHECKS])
    def test_contract(self, bench: Bench, number: int) -> None:
        """R-CLR-4, hard cases 15 and 16: a broken or an untried check fails, nothing is skipped."""
        CHECKS[number](bench)

    def test_all_at_once(self, bench: Bench) -> None:
        """The checks do not stand in each other's way: one account is enough for all of them."""
        assert [
            (finding.check, finding.detail) for finding in examine(bench) if finding.state != "kept"
        ] == []
