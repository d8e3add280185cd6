from decimal import Decimal

import pytest
from tests.clearing.people import MESSY

from closeout.clearing.write_off import write_off
from closeout.policy import Policy
from closeout.reasons import Refused
from closeout.venues.base import ReceiptState
from closeout.venues.paper import Paper


def test_a_negative_fraction_is_booked_once(venue: Paper) -> None:
    """Hard case 4: the exact figure is taken over by a booked entry, and only that figure."""
    venue.deposit(MESSY, "fiat", "USDT", Decimal("-0.00004"))
    receipt = write_off(venue, Policy(), MESSY, wallet="fiat", asset="USDT", reason="fee rounding")
    assert receipt.state is ReceiptState.DONE
    assert venue.book.available(MESSY, "fiat", "USDT") == 0
    with pytest.raises(Refused, match="unknown_item"):
        write_off(venue, Policy(), MESSY, wallet="fiat", asset="USDT", reason="again")


@pytest.mark.parametrize(("asset", "much"), [("USDT", "-1.01"), ("GHOST", "-0.1")])
def test_a_debt_is_not_a_fraction(venue: Paper, asset: str, much: str) -> None:
    """More than the limit, or something nobody prices, is not written off."""
    venue.deposit(MESSY, "fiat", asset, Decimal(much))
    with pytest.raises(Refused, match="over_limit"):
        write_off(venue, Policy(), MESSY, wallet="fiat", asset=asset, reason="no")
    assert venue.book.available(MESSY, "fiat", asset) == Decimal(much)
