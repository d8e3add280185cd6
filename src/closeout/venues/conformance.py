"""The contract of a venue as checks that run on a throw-away account: ``closeout venue check``.

The account needs money in a wallet other than funding and in funding; more makes more checks possible. The
checks move money between its own wallets, freeze and unfreeze it, and send nothing out. A check that
needs something the account does not have says so instead of passing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from closeout.facts.engine import Engine, Row
from closeout.facts.schema import RELATIONS, columns
from closeout.policy import Policy
from closeout.venues import commands
from closeout.venues.base import (
    RECORD_KINDS,
    Act,
    Command,
    Destination,
    Receipt,
    ReceiptState,
    Rejected,
    Venue,
)

MOVING = frozenset({"account", "loan", "earn"})  # the last posting; what accrues
FAR_TOO_MUCH = Decimal(10) ** 15
NOWHERE = Destination("USDT", "TRC20", "T" + "1" * 33)


class Missing(Exception):
    """The account does not have what the check needs."""


@dataclass
class Bench:
    """A venue with a throw-away account. Keys begin with ``prefix``, so that no run meets another's."""

    venue: Venue
    account_id: int
    prefix: str = field(default_factory=lambda: "check-" + secrets.token_hex(6))
    used: int = 0

    def key(self) -> str:
        """Return a key that was never used."""
        self.used += 1
        return f"{self.prefix}-{self.used}"

    def rows(self, relation: str, engine: Engine | None = None) -> Sequence[Row]:
        """Return the account's rows of one relation, sorted."""
        names = ", ".join(column.name for column in columns(RELATIONS[relation]))
        engine = self.venue.engine([self.account_id]) if engine is None else engine
        row = Policy().row(self.venue.now())
        select = f"select {names} from {relation}"  # noqa: S608 - names of our own schema
        found = engine.rows(select, policy=row, accounts=[self.account_id])
        return sorted((tuple(row) for row in found if row[0] == self.account_id), key=repr)

    def facts(self) -> Mapping[str, Sequence[Row]]:
        """Return everything that is true of the account, except when it last moved money and what accrues."""
        engine = self.venue.engine([self.account_id])
        return {name: self.rows(name, engine) for name in RELATIONS if name not in MOVING}

    def balance(self, wallet: str, asset: str) -> Decimal:
        """Return what is available."""
        for row in self.rows("balance"):
            if row[1:3] == (wallet, asset):
                return Decimal(row[3])
        return Decimal(0)

    def movable(self) -> tuple[str, str, Decimal]:
        """Return wallet, asset and amount of something outside funding. Raises: Missing."""
        for _, wallet, asset, available, *_ in self.rows("balance"):
            if wallet not in ("funding", "earn") and available > 0:
                return wallet, asset, Decimal(available)
        raise Missing("money in a wallet other than funding")

    def funded(self) -> tuple[str, Decimal]:
        """Return asset and amount of something in funding. Raises: Missing."""
        for _, wallet, asset, available, *_ in self.rows("balance"):
            if wallet == "funding" and available > 0:
                return asset, Decimal(available)
        raise Missing("money in funding")

    def saleable(self) -> tuple[str, Decimal]:
        """Return asset and amount of something in funding that can be sold for USDT. Raises: Missing."""
        for _, wallet, asset, available, *_ in self.rows("balance"):
            if wallet == "funding" and available > 0 and asset != "USDT":
                sale = commands.convert(
                    self.account_id, asset=asset, amount=Decimal(available), to_asset="USDT"
                )
                if self.venue.quote([sale])[0].possible:
                    return asset, Decimal(available)
        raise Missing("a coin in funding that can be sold")

    def submit(self, command: Command, key: str | None = None) -> Receipt:
        """Submit one command."""
        return self.venue.submit([(key or self.key(), command)])[0]


def require(held: object, told: str) -> None:
    """Go on only if ``held``. Raises: AssertionError with what was found."""
    if not held:
        raise AssertionError(told)


def time_is_naive_and_goes_forward(bench: Bench) -> None:
    """Times are naive UTC and never go back."""
    first, second = bench.venue.now(), bench.venue.now()
    require(first.tzinfo is None, "now() carries a time zone")
    require(second >= first, "now() went back")


def facts_say_how_fresh_they_are(bench: Bench) -> None:
    """Every relation that is delivered has a source that says how complete and how old it is."""
    sources = bench.venue.engine([bench.account_id]).sources()
    require(sources, "no relation has a source")
    for relation, source in sources.items():
        require(relation in RELATIONS, f"unknown relation {relation}")
        require(source.state in ("complete", "partial", "failed"), f"{relation} is {source.state}")
        require(source.as_of is None or source.as_of.tzinfo is None, f"{relation}: as_of carries a time zone")
    require(len(bench.rows("account")) == 1, "the account does not have exactly one row")


def a_quote_moves_nothing(bench: Bench) -> None:
    """Quotes come in order, one for each command, and change no fact."""
    wallet, asset, _ = bench.movable()
    wanted = [
        commands.gather(bench.account_id, asset=asset, wallet=wallet),
        commands.withdraw(bench.account_id, to=NOWHERE, amount=Decimal(1)),
        commands.convert(bench.account_id, asset=asset, amount=Decimal(1), to_asset="USDT"),
    ]
    before = bench.facts()
    quotes = bench.venue.quote(wanted)
    require([quote.command for quote in quotes] == wanted, "quotes are not in the order of the commands")
    require(all(quote.possible or quote.reason for quote in quotes), "an impossible quote has no reason")
    require(bench.facts() == before, "a quote changed facts")


def a_command_is_done_once_per_key(bench: Bench) -> None:
    """The same key again returns the same receipt and does nothing; a sweep takes all there is."""
    wallet, asset, amount = bench.movable()
    key, funding = bench.key(), bench.balance("funding", asset)
    sweep = commands.gather(bench.account_id, asset=asset, wallet=wallet)
    first = bench.submit(sweep, key)
    require(first.state is ReceiptState.DONE, f"the first answer was {first.state} {first.reason}")
    require(bench.balance(wallet, asset) == 0, "a sweep left something")
    require(bench.balance("funding", asset) == funding + amount, "a sweep lost something")
    after = bench.facts()
    require(bench.submit(sweep, key) == first, "the second answer differs")
    require(bench.facts() == after, "the second submission changed facts")


def a_key_belongs_to_one_command(bench: Bench) -> None:
    """A known key with another command is refused with key_reused and changes nothing."""
    key = bench.key()
    bench.submit(commands.donate(bench.account_id, asset="USDT", amount=FAR_TOO_MUCH), key)
    before = bench.facts()
    try:
        bench.submit(commands.donate(bench.account_id, asset="USDT", amount=FAR_TOO_MUCH + 1), key)
    except Rejected as no:
        require(no.reason == "key_reused", f"refused with {no.reason}")
    else:
        raise AssertionError("a key was accepted for two commands")
    require(bench.facts() == before, "the refusal changed facts")


def receipts_are_found_by_key(bench: Bench) -> None:
    """A lost answer is looked up: known keys have their receipt, unknown keys have none."""
    key, unknown = bench.key(), bench.key()
    answer = bench.submit(commands.donate(bench.account_id, asset="USDT", amount=FAR_TOO_MUCH), key)
    found = bench.venue.receipts([key, unknown])
    require(found == {key: answer}, f"the look-up found {sorted(found)}")


def a_rejected_command_leaves_nothing(bench: Bench) -> None:
    """A rejection has a reason, moves nothing, and stays a rejection."""
    asset, _ = bench.funded()
    before, key = bench.facts(), bench.key()
    command = commands.donate(bench.account_id, asset=asset, amount=FAR_TOO_MUCH)
    answer = bench.submit(command, key)
    require(answer.state is ReceiptState.REJECTED, f"the answer was {answer.state}")
    require(answer.reason == "insufficient", f"the reason was {answer.reason}")
    require(not answer.moved, "a rejection moved money")
    require(bench.facts() == before, "a rejection changed facts")
    require(bench.submit(command, key) == answer, "the rejection did not stay")


def one_failure_leaves_the_rest_standing(bench: Bench) -> None:
    """A batch answers in order; what fails in the middle does not stop what comes after."""
    asset, amount = bench.funded()
    wrong = commands.donate(bench.account_id, asset=asset, amount=FAR_TOO_MUCH)
    right = Command(kind=Act.UNFREEZE, account_id=bench.account_id)
    answers = bench.venue.submit([(bench.key(), command) for command in (wrong, right, wrong)])
    states = [answer.state for answer in answers]
    require(
        states == [ReceiptState.REJECTED, ReceiptState.DONE, ReceiptState.REJECTED], f"states were {states}"
    )
    require(bench.balance("funding", asset) == amount, "money moved")


def nothing_leaves_to_an_unverified_address(bench: Bench) -> None:
    """A withdrawal to an address that is not in the address book is rejected and moves nothing."""
    before = bench.facts()
    answer = bench.submit(commands.withdraw(bench.account_id, to=NOWHERE, amount=Decimal(50)))
    require(answer.reason in ("address_not_verified", "wrong_network"), f"the reason was {answer.reason}")
    require(bench.facts() == before, "money left")


def a_price_limit_is_kept(bench: Bench) -> None:
    """A sale below its price limit is rejected with slippage and moves nothing (R-CLR-7)."""
    asset, amount = bench.saleable()
    before = bench.facts()
    sale = commands.convert(
        bench.account_id, asset=asset, amount=amount, to_asset="USDT", price_least=FAR_TOO_MUCH
    )
    answer = bench.submit(sale)
    require(answer.reason == "slippage", f"the reason was {answer.reason}")
    require(bench.facts() == before, "something was sold")


def an_unknown_item_or_account_is_not_found(bench: Bench) -> None:
    """Items and accounts that do not exist are rejected with not_found."""
    for command in (
        commands.revoke_key(bench.account_id, "999999999999"),
        commands.close_position(bench.account_id, "999999999999"),
        commands.gather(999_999_999_999, asset="USDT", wallet="trading"),
    ):
        answer = bench.submit(command)
        require(answer.reason == "not_found", f"{command.kind} was answered {answer.state} {answer.reason}")


def a_full_account_does_not_close(bench: Bench) -> None:
    """Closing re-checks everything: an account with money in it is not_empty."""
    bench.funded()
    answer = bench.submit(Command(kind=Act.CLOSE, account_id=bench.account_id))
    require(answer.reason == "not_empty", f"the answer was {answer.state} {answer.reason}")


def freezing_is_once_and_can_be_undone(bench: Bench) -> None:
    """Freezing twice is once; unfreezing restores (R-CLO-4, R-CLO-5)."""
    for kind, state in (
        (Act.FREEZE, "frozen"),
        (Act.FREEZE, "frozen"),
        (Act.UNFREEZE, "open"),
        (Act.UNFREEZE, "open"),
    ):
        answer = bench.submit(Command(kind=kind, account_id=bench.account_id))
        require(answer.state is ReceiptState.DONE, f"{kind} was answered {answer.state}")
        require(bench.rows("account")[0][2] == state, f"after {kind} the account is not {state}")


def records_stream(bench: Bench) -> None:
    """Every kind of record can be streamed; an unknown kind is an error."""
    for kind in RECORD_KINDS:
        for record in bench.venue.records(bench.account_id, kind):
            require(isinstance(record, Mapping), f"{kind} streams {type(record).__name__}")
    try:
        list(bench.venue.records(bench.account_id, "secrets"))
    except ValueError:
        return
    raise AssertionError("an unknown kind of record was accepted")


def destinations_are_verified_ways(bench: Bench) -> None:
    """Every destination names asset, network and address."""
    for way in bench.venue.destinations(bench.account_id):
        require(way.asset and way.network and way.address, f"incomplete destination {way}")


CHECKS: Sequence[Callable[[Bench], None]] = (
    time_is_naive_and_goes_forward,
    facts_say_how_fresh_they_are,
    destinations_are_verified_ways,
    a_quote_moves_nothing,
    receipts_are_found_by_key,
    a_key_belongs_to_one_command,
    a_rejected_command_leaves_nothing,
    one_failure_leaves_the_rest_standing,
    nothing_leaves_to_an_unverified_address,
    a_price_limit_is_kept,
    an_unknown_item_or_account_is_not_found,
    a_full_account_does_not_close,
    freezing_is_once_and_can_be_undone,
    a_command_is_done_once_per_key,
    records_stream,
)


@dataclass(frozen=True)
class Finding:
    """How one check ended: kept, broken (with what was found) or untried (with what was missing)."""

    check: str
    meaning: str
    state: str
    detail: str = ""


def examine(bench: Bench) -> Iterator[Finding]:
    """Run every check and yield what was found. Raises: Unreachable."""
    for check in CHECKS:
        meaning = (check.__doc__ or "").strip().splitlines()[0]
        try:
            check(bench)
        except AssertionError as broken:
            yield Finding(check.__name__, meaning, "broken", str(broken))
        except Missing as missing:
            yield Finding(check.__name__, meaning, "untried", str(missing))
        else:
            yield Finding(check.__name__, meaning, "kept")
