"""Whatever a command says, the answer is a receipt with a reason, and the ledger stays in order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.venues.sandbox.conftest import Exchange

from closeout.venues.base import Act, Command, ReceiptState, Remedy
from closeout.venues.commands import REJECTIONS

OWN_REASONS = {"restricted", "not_closed"}
WORDS = st.sampled_from([
    "", "USDT", "BTC", "funding", "trading", "TRC20", "bank", "0", "1", "-1", "NaN", "Infinity", "1e400", "1e-400",
    "９", "\0", "\ud800", "'; drop schema sandbox cascade; --", "9" * 40, "x" * 5000, "2" * 18,
])  # fmt: skip
NAMES = st.sampled_from([
    "wallet", "to_wallet", "to_account", "to_asset", "price_least", "price_most", "penalty_most", "network", "address",
    "memo", "fee_most", "reason", "other",
])  # fmt: skip
AMOUNTS = st.none() | st.decimals() | st.sampled_from(["1", "0.000001", "1e60", "-0"]).map(Decimal)
COMMANDS = st.builds(
    lambda kind, items, asset, amount, params: (kind, tuple(items), asset, amount, params),
    st.sampled_from([*Remedy, *Act]), st.lists(WORDS, max_size=3), st.none() | WORDS, AMOUNTS,
    st.dictionaries(NAMES, WORDS, max_size=4),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False)
@given(said=COMMANDS)
def test_any_command_gets_an_answer(exchange: Exchange, said: tuple[object, ...]) -> None:
    """Bad input: refused with a reason code, never with a fault, and nothing moved that should not."""
    kind, items, asset, amount, params = said
    room = exchange.room()
    room.put("USDT", "5")
    room.put("BTC", "0.1", "trading")
    command = Command(
        kind=kind, account_id=room.account_id, items=items, asset=asset, amount=amount, params=params  # type: ignore[arg-type]
    )  # fmt: skip
    quote = exchange.venue.quote([command])[0]
    receipt = exchange.do(command)
    assert (receipt.state is ReceiptState.REJECTED) == (receipt.reason is not None)
    for reason in (quote.reason, receipt.reason):
        assert reason is None or reason in OWN_REASONS or reason in REJECTIONS
