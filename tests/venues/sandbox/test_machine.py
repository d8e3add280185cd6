"""Anything in any order: random people, orders, rewards, faults and closings; the invariants hold at every step.

Bounded here; ``SOAK_EXAMPLES`` and ``SOAK_STEPS`` make it as long as one likes (``make soak`` does).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.venues.sandbox.conftest import START, Exchange

from closeout.venues.base import Act, Command, Receipt, ReceiptState, Rejected, Remedy, Unreachable
from closeout.venues.sandbox import invariants, world
from closeout.venues.sandbox.building import Room, invented_address
from closeout.venues.sandbox.faults import Fault, Faulty
from closeout.venues.sandbox.venue import SandboxVenue

EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "12"))
STEPS = int(os.environ.get("SOAK_STEPS", "25"))
PEOPLE = 3
ASSETS = st.sampled_from(["USDT", "BTC", "DOGE", "GHOST"])
AMOUNTS = st.sampled_from(["0.000001", "0.5", "3", "40", "1000", "0.0000001", "0", "-1"]).map(Decimal)
WALLETS = st.sampled_from(["funding", "trading", "earn"])
WHO = st.integers(0, PEOPLE - 1)
MAYBE = st.none() | AMOUNTS
run_number = itertools.count(1)


class Ledger(RuleBasedStateMachine):
    """Some accounts of one exchange, and what anybody may do to them."""

    exchange: ClassVar[Exchange]

    def __init__(self) -> None:
        super().__init__()
        self.run = f"machine-{os.getpid()}-{next(run_number)}"
        self.number = itertools.count(1)
        self.sent: dict[str, tuple[Command, Receipt | None]] = {}
        self.fault: Fault | None = None
        world.set_clock(self.exchange.connection, START)
        self.rooms = [self.exchange.room() for _ in range(PEOPLE)]
        for room in self.rooms:
            room.addresses()
            room.put("USDT", "1500")
            room.put("DOGE", "40")
        self.line = Faulty(self.exchange.venue, self._next_fault)

    def _next_fault(self, call: str) -> Fault | None:
        fault, self.fault = self.fault, None if call == "submit" else self.fault
        return fault if call == "submit" else None

    def _outside(self, doing: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        """Do what the world does; the exchange may refuse it with a reason, but nothing else may happen."""
        try:
            doing(*arguments, **named)
        except Rejected as rejected:
            assert rejected.reason  # noqa: PT017
        except psycopg.errors.CheckViolation as violated:
            assert "amount" in str(violated.diag.constraint_name)  # noqa: PT017 - zero or less

    def _send(self, command: Command, key: str | None = None) -> None:
        key = key or f"{self.run}-{next(self.number)}"
        try:
            receipt = self.line.submit([(key, command)])[0]
        except Unreachable:
            self.sent[key] = (command, None)
        else:
            earlier = self.sent.get(key, (command, None))[1]
            assert earlier is None or earlier == receipt
            self.sent[key] = (command, receipt)
            assert (receipt.state is ReceiptState.REJECTED) == (receipt.reason is not None)

    def _newest(self, who: int, table: str, column: str) -> tuple[str, ...]:
        text = f"select coalesce(max({column}), 0)::varchar from sandbox.{table} where account_id = %s"
        return (self.exchange.one(text, self.rooms[who].account_id),)

    def _command(self, who: int, kind: Remedy | Act, **more: Any) -> Command:
        return Command(kind=kind, account_id=self.rooms[who].account_id, **more)

    @rule(fault=st.sampled_from(list(Fault)))
    def the_line_is_bad(self, fault: Fault) -> None:
        """The next command meets a fault."""
        self.fault = fault

    @rule(who=WHO, asset=ASSETS, amount=AMOUNTS, minutes=st.sampled_from([0, 30]))
    def a_deposit_arrives(self, who: int, asset: str, amount: Decimal, minutes: int) -> None:
        """From a chain, now or later."""
        self._outside(
            world.deposit, self.exchange.connection, self.rooms[who].account_id, asset=asset, amount=amount,
            minutes=minutes, key=f"{self.run}-{next(self.number)}",
        )  # fmt: skip

    @rule(who=WHO, quantity=st.sampled_from(["0.001", "0.01"]), side=st.sampled_from(["buy", "sell"]))
    def the_holder_trades(self, who: int, quantity: str, side: str) -> None:
        """Money goes to trading, an order is placed."""
        room = self.rooms[who]
        self._outside(
            world.move, self.exchange.connection, room.account_id, asset="USDT", amount=Decimal(700),
            wallet="funding", to_wallet="trading",
        )  # fmt: skip
        self._outside(room.order, "BTC-USDT", side, quantity, "60000")

    @rule(who=WHO, share=st.sampled_from(["0.0003", "0.001"]))
    def the_market_fills(self, who: int, share: str) -> None:
        """An order is executed in part."""
        order = int(self._newest(who, "trade_order", "order_id")[0])
        self._outside(world.fill, self.exchange.connection, self.rooms[who].account_id, order, Decimal(share))

    @rule(who=WHO, what=st.integers(0, 4))
    def the_holder_takes_a_product(self, who: int, what: int) -> None:
        """A position, a loan, an earn product, a C2C order, or a bot."""
        room = self.rooms[who]
        room.now = self.exchange.venue.now()
        choices: list[Callable[[Room], object]] = [
            lambda room: room.position("swap", "BTC-USDT-SWAP", "0.01", "59000", "100"),
            lambda room: room.loan("USDT", "200", "DOGE", "5"),
            lambda room: room.earn("Simple Earn USDT", "50"),
            lambda room: room.p2p("sell", "20"),
            lambda room: room.bot("bot", "BTC-USDT", "buy", "0.0001", "40000"),
        ]
        self._outside(choices[what], room)

    @rule(minutes=st.sampled_from([1, 25, 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        """Whatever is due happens; at once a second time nothing does."""
        world.pass_time(self.exchange.connection, timedelta(minutes=minutes))
        self.exchange.venue.settle()
        assert self.exchange.venue.settle() == 0

    @rule(who=WHO, kind=st.sampled_from(["order", "position", "loan", "earn", "key"]))
    def something_is_ended(self, who: int, kind: str) -> None:
        """By a command of the engine, whether it exists or not."""
        remedy, table, column, params = {
            "order": (Remedy.CANCEL_ORDERS, "trade_order", "order_id", {}),
            "position": (Remedy.CLOSE_POSITION, "position", "position_id", {}),
            "loan": (Remedy.REPAY_LOAN, "loan", "loan_id", {}),
            "earn": (Remedy.REDEEM, "earn", "earn_id", {"penalty_most": "1"}),
            "key": (Remedy.REVOKE_KEY, "api_key", "key_id", {}),
        }[kind]
        self._send(self._command(who, remedy, items=self._newest(who, table, column), params=params))

    @rule(who=WHO, wallet=WALLETS)
    def a_wallet_is_gathered(self, who: int, wallet: str) -> None:
        """Everything in it."""
        self._send(self._command(who, Remedy.GATHER, params={"wallet": wallet}))

    @rule(
        who=WHO,
        to=WHO,
        asset=ASSETS,
        amount=MAYBE,
        kind=st.sampled_from(["send", "donate", "forfeit", "convert"]),
    )
    def money_leaves(self, *, who: int, to: int, asset: str, amount: Decimal | None, kind: str) -> None:
        """To somebody, to charity, to nobody, or into another coin."""
        params = {"to_account": str(self.rooms[to].account_id)} if kind == "send" else {"to_asset": "USDT"}
        self._send(self._command(who, Remedy(kind), asset=asset, amount=amount, params=params))

    @rule(who=WHO, amount=MAYBE, own=st.booleans(), drops=st.booleans())
    def money_is_withdrawn(self, *, who: int, amount: Decimal | None, own: bool, drops: bool) -> None:
        """To the holder's address or to another; it may be dropped on its way."""
        seed = str(self.rooms[who].account_id) if own else "a stranger"
        params = {"network": "TRC20", "address": invented_address("TRC20", seed)}
        self._send(self._command(who, Remedy.WITHDRAW, asset="USDT", amount=amount, params=params))
        if drops:
            number = int(self._newest(who, "movement", "movement_id")[0])
            self._outside(world.drop_withdrawal, self.exchange.connection, number)

    @rule(who=WHO, kind=st.sampled_from([Act.FREEZE, Act.UNFREEZE, Act.CLOSE]))
    def the_engine_acts(self, who: int, kind: Act) -> None:
        """Freezes, gives back, closes."""
        self._send(self._command(who, kind))

    @rule(pick=st.integers(0, 50))
    def a_command_is_repeated(self, pick: int) -> None:
        """An old key comes again, or for the first time."""
        if self.sent:
            key = sorted(self.sent)[pick % len(self.sent)]
            self._send(self.sent[key][0], key)

    @rule(who=WHO)
    def a_hold_comes_and_goes(self, who: int) -> None:
        """A judicial freeze, for a moment."""
        hold = world.place_hold(self.exchange.connection, self.rooms[who].account_id)
        self._send(self._command(who, Remedy.DONATE, asset="DOGE", amount=Decimal(1)))
        world.release_hold(self.exchange.connection, hold)

    @invariant()
    def the_ledger_is_in_order(self) -> None:
        """Every rule of the ledger, and nothing sent to an address that is not the holder's."""
        assert invariants.broken(self.exchange.connection) == []
        strangers = "select count(*) from sandbox.movement where address = %s"
        assert self.exchange.one(strangers, invented_address("TRC20", "a stranger")) == 0

    def teardown(self) -> None:
        """What is late arrives; every key has one answer; nothing was done twice."""
        self.fault = None
        self.line.deliver()
        for key, receipt in self.exchange.venue.receipts(list(self.sent)).items():
            earlier = self.sent[key][1]
            assert earlier is None or earlier == receipt
        assert invariants.broken(self.exchange.connection) == []


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_the_invariants_survive_anything(database: str) -> None:
    """Issue 4: random accounts, faults, fills, rewards and closings in any order."""
    with SandboxVenue(database) as venue, psycopg.connect(database, autocommit=True) as connection:
        Ledger.exchange = Exchange(database, venue, connection)
        run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
