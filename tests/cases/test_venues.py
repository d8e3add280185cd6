"""Which account a word in the terminal or on a page means."""

from __future__ import annotations

from tests.cases.exchange import Exchange

from closeout.cases import venues


def test_a_handle_means_the_newest_account_that_has_it(exchange: Exchange) -> None:
    """Hard case 48: after closing, the handle is free; who registers again is meant from then on."""
    before = exchange.accounts[0]
    exchange.cooling(before)
    exchange.work(days=8)
    assert exchange.standing(before) == "closed"
    assert venues.account_of("holder0") == before
    with venues.sandbox().connection() as opened:
        row = opened.execute(
            "insert into sandbox.account (handle, jurisdiction, opened_at) values ('holder0', 'DE', %s) "
            "returning account_id",
            (exchange.now.replace(tzinfo=None),),
        ).fetchone()
        assert row is not None
    assert venues.account_of("holder0") == row[0] != before
    assert venues.account_of(str(before)) == before
    assert venues.account_of("nobody") is None


def test_a_number_is_an_account_before_it_is_a_handle(exchange: Exchange) -> None:
    first, second = exchange.accounts[:2]
    with venues.sandbox().connection() as opened:
        opened.execute("update sandbox.account set handle = %s where account_id = %s", (str(first), second))
    assert venues.account_of(str(first)) == first
