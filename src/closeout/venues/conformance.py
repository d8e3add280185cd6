"""The contract of a venue as promises that are tried on a throw-away account: ``closeout venue check``.

The account needs money in a wallet other than funding and in funding; more makes more promises possible to try. They
move money between its own wallets, freeze and unfreeze it, and send nothing out. A promise that needs
something the account does not have says so instead of passing, and so does one about what the venue does not offer
(a key cannot freeze an account at OKX).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from closeout.facts.engine import Engine, Row
from closeout.facts.schema import RELATIONS, Account, columns
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
from closeout.venues.conformance_words import CHINESE, NEEDED
from closeout.venues.paper import Paper
from closeout.venues.paper_book import Terms

MOVING = frozenset({"account", "loan", "earn"})  # the last posting; what accrues
FAR_TOO_MUCH = Decimal(10) ** 15
NOWHERE = Destination("USDT", "TRC20", "T" + "1" * 33)


ABSENT = ("app_", "key_permission", "okx_50038")  # done elsewhere, not with this key, not in demo trading
PRICED = {"balance": {"value"}, "position": {"unrealised"}}  # moves with the market, not by our doing
LEFT = ("balance", "open_order", "position", "loan", "earn", "p2p_order", "transfer", "sub_account")


class Missing(Exception):
    """The account does not have what the promise needs; a code of :data:`NEEDED`."""


class Absent(Exception):
    """The venue does not offer what the promise is about."""


@dataclass
class Bench:
    """A venue with a throw-away account. ``look_again`` drops what the venue remembers of its last look."""

    venue: Venue
    account_id: int
    look_again: Callable[[], object] = lambda: None

    def key(self) -> str:
        """Return a key that was never used."""
        return secrets.token_hex(16)

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
        self.look_again()
        engine = self.venue.engine([self.account_id])
        return {name: self.steady(name, engine) for name in RELATIONS if name not in MOVING}

    def steady(self, relation: str, engine: Engine) -> Sequence[Row]:
        """Return the account's rows of one relation without what the market moves."""
        kept = [
            number for number, column in enumerate(columns(RELATIONS[relation]))
            if column.name not in PRICED.get(relation, ())
        ]  # fmt: skip
        return [tuple(row[number] for number in kept) for row in self.rows(relation, engine)]

    def holdings(self) -> Mapping[str, int]:
        """Return how many things the account has of each kind, without those that it has none of."""
        engine = self.venue.engine([self.account_id])
        counts = {relation: len(self.rows(relation, engine)) for relation in LEFT}
        return {relation: count for relation, count in counts.items() if count}

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
        raise Missing("movable")

    def funded(self) -> tuple[str, Decimal]:
        """Return asset and amount of something in funding. Raises: Missing."""
        for _, wallet, asset, available, *_ in self.rows("balance"):
            if wallet == "funding" and available > 0:
                return asset, Decimal(available)
        raise Missing("funded")

    def saleable(self) -> tuple[str, Decimal]:
        """Return asset and amount of something in funding that can be sold for USDT. Raises: Missing."""
        for _, wallet, asset, available, *_ in self.rows("balance"):
            if wallet == "funding" and available > 0 and asset != "USDT":
                sale = commands.convert(
                    self.account_id, asset=asset, amount=Decimal(available), to_asset="USDT"
                )
                if self.venue.quote([sale])[0].possible:
                    return asset, Decimal(available)
        raise Missing("saleable")

    def submit(self, command: Command, key: str | None = None) -> Receipt:
        """Submit one command. Raises: Absent if the venue offers no such thing."""
        answer = self.venue.submit([(key or self.key(), command)])[0]
        if (answer.reason or "").startswith(ABSENT):
            raise Absent(command.kind)
        return answer

    def far_too_much(self, more: int = 0) -> Command:
        """Return a command that every venue knows and no account can pay for."""
        return commands.gather(self.account_id, asset="USDT", wallet="trading", amount=FAR_TOO_MUCH + more)

    def idle(self) -> Command:
        """Return a sweep that finds nothing. Raises: Missing if there is no asset to name."""
        assets = {row[2] for row in self.rows("balance")}
        for asset in sorted(assets):
            if self.balance("trading", asset) == 0:
                return commands.gather(self.account_id, asset=asset, wallet="trading")
        raise Missing("funded")


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
    bench.submit(bench.far_too_much(), key)
    before = bench.facts()
    try:
        bench.submit(bench.far_too_much(1), key)
    except Rejected as no:
        require(no.reason == "key_reused", f"refused with {no.reason}")
    else:
        raise AssertionError("a key was accepted for two commands")
    require(bench.facts() == before, "the refusal changed facts")


def receipts_are_found_by_key(bench: Bench) -> None:
    """A lost answer is looked up: known keys have their receipt, unknown keys have none."""
    key, unknown = bench.key(), bench.key()
    answer = bench.submit(bench.far_too_much(), key)
    found = bench.venue.receipts([key, unknown])
    require(found == {key: answer}, f"the look-up found {sorted(found)}")


def a_rejected_command_leaves_nothing(bench: Bench) -> None:
    """A rejection has a reason, moves nothing, and stays a rejection."""
    before, key = bench.facts(), bench.key()
    answer = bench.submit(bench.far_too_much(), key)
    require(answer.state is ReceiptState.REJECTED, f"the answer was {answer.state}")
    require(answer.reason == "insufficient", f"the reason was {answer.reason}")
    require(not answer.moved, "a rejection moved money")
    require(bench.facts() == before, "a rejection changed facts")
    require(bench.submit(bench.far_too_much(), key) == answer, "the rejection did not stay")


def what_is_given_up_is_there(bench: Bench) -> None:
    """Nobody gives away more than there is: a donation beyond the balance is insufficient and moves nothing."""
    asset, amount = bench.funded()
    answer = bench.submit(commands.donate(bench.account_id, asset=asset, amount=FAR_TOO_MUCH))
    require(answer.reason == "insufficient", f"the answer was {answer.state} {answer.reason}")
    require(bench.balance("funding", asset) == amount, "money moved")


def one_failure_leaves_the_rest_standing(bench: Bench) -> None:
    """A batch answers in order; what fails in the middle does not stop what comes after."""
    before, right = bench.facts(), bench.idle()
    batch = (right, bench.far_too_much(), right)
    answers = bench.venue.submit([(bench.key(), command) for command in batch])
    states = [answer.state for answer in answers]
    require(states == [ReceiptState.DONE, ReceiptState.REJECTED, ReceiptState.DONE], f"states were {states}")
    require(bench.facts() == before, "money moved")


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
        try:
            answer = bench.submit(command)
        except Absent:
            continue
        gone = not answer.moved and answer.notes.get("detail", "").startswith("already")
        require(
            gone or answer.reason == "not_found",
            f"{command.kind} was answered {answer.state} {answer.reason}",
        )


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
    what_is_given_up_is_there,
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
    """How one promise ended: kept, broken (with what was found), untried (with what was missing), or absent."""

    check: str
    meaning: str
    state: str
    detail: str = ""
    zh: str = ""

    def sentence(self, language: str) -> str:
        """Return the promise, and what was found, in ``language`` (zh or en)."""
        said = self.zh if language == "zh" else self.meaning
        told = NEEDED[self.detail][language] if self.detail in NEEDED else self.detail
        return f"{said} {told}".rstrip()


def examine(bench: Bench) -> Iterator[Finding]:
    """Try every promise and yield what was found. Raises: Unreachable."""
    for check in CHECKS:
        state, detail = "kept", ""
        try:
            check(bench)
        except AssertionError as broken:
            state, detail = "broken", str(broken)
        except Missing as missing:
            state, detail = "untried", str(missing)
        except Absent:
            state, detail = "absent", "absent"
        meaning = (check.__doc__ or "").strip().splitlines()[0]
        yield Finding(check.__name__, meaning, state, detail, CHINESE[check.__name__])


def on_paper() -> Bench:
    """Return a bench on the venue in memory, with an account that has enough for every promise."""
    at = datetime(2026, 1, 1)
    rows = [Account(1, None, "open", "", at, at)]
    venue = Paper.of(rows, at=at, terms={"BTC": Terms(price=Decimal(60000))})
    for wallet, asset, amount in (("funding", "USDT", 900), ("funding", "BTC", 1), ("trading", "BTC", 2)):
        venue.deposit(1, wallet, asset, Decimal(amount))
    return Bench(venue, 1)
