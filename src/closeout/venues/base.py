"""What closeout asks of a venue: facts to judge by, quotes, commands exactly once, receipts, records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from closeout.facts.engine import Engine


class Remedy(StrEnum):
    """What can be done about a blocker at a venue. The names are the codes in receipts and JSON."""

    REVOKE_KEY = "revoke_key"
    CANCEL_ORDERS = "cancel_orders"
    CLOSE_POSITION = "close_position"
    REPAY_LOAN = "repay_loan"
    STOP_RENEWAL = "stop_renewal"
    REDEEM = "redeem"
    CLOSE_SUB_ACCOUNT = "close_sub_account"
    GATHER = "gather"
    CONVERT = "convert"
    WITHDRAW = "withdraw"
    SEND = "send"
    DONATE = "donate"
    FORFEIT = "forfeit"
    UNBIND = "unbind"


class Act(StrEnum):
    """What only the engine asks of a venue, never the holder directly."""

    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    CLOSE = "close"
    ERASE = "erase"
    WRITE_OFF = "write_off"  # the operator takes over a negative fraction; booked, never silent


def plain(amount: Decimal) -> str:
    """Return ``amount`` in plain digits without needless zeros, all of them: normalize() would round to 28."""
    said = f"{amount:f}"
    return (said.rstrip("0").rstrip(".") or "0") if "." in said else said


@dataclass(frozen=True, kw_only=True)
class Command:
    """One thing to do at a venue. ``items`` are the venue's numbers; an amount has its asset beside it.

    What each kind carries is written once, in the constructors of :mod:`closeout.venues.commands`.
    """

    kind: Remedy | Act
    account_id: int
    items: tuple[str, ...] = ()
    asset: str | None = None
    amount: Decimal | None = None
    params: Mapping[str, str] = field(
        default_factory=dict
    )  # to_asset, address, network, memo, price_least, …

    def digest(self) -> str:
        """Return SHA-256 over everything that the command says; equal commands have equal digests."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        said = [
            self.kind, self.account_id, list(self.items), self.asset,
            None if self.amount is None else plain(self.amount), sorted(self.params.items()),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


class ReceiptState(StrEnum):
    """How a command stands at the venue."""

    DONE = "done"
    PENDING = "pending"  # accepted, finishes by itself; facts show it in flight
    REJECTED = "rejected"


@dataclass(frozen=True)
class Moved:
    """Money that a command moved: signed from the holder's view."""

    wallet: str
    asset: str
    amount: Decimal


@dataclass(frozen=True)
class Receipt:
    """The venue's answer to one key, the same however often it is asked."""

    key: str
    state: ReceiptState
    at: datetime
    reason: str | None = None  # code of a rejection: slippage, minimum, not_found, …
    moved: tuple[Moved, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Quote:
    """What a command would do now."""

    command: Command
    possible: bool
    reason: str | None = None  # why not: minimum, no_price, delisted, no_early_redemption, …
    price: Decimal | None = None  # of one unit of command.asset in proceeds_asset
    price_at: datetime | None = None
    proceeds: Decimal | None = None  # expected, after fee and penalty
    proceeds_asset: str | None = None
    fee: Decimal | None = None
    fee_asset: str | None = None
    penalty: Decimal | None = None  # in command.asset
    done_at: datetime | None = None  # when it should be final; None is at once
    mark: Decimal | None = None  # the price before this command's own impact; None: the same as price
    most: Decimal | None = None  # the most that is possible now, when a limit (daily_limit) says less
    more_at: datetime | None = None  # when the rest of a limited amount becomes possible
    proceeds_wallet: str | None = None  # where the proceeds arrive; None: where the kind says
    quantity: Decimal | None = None  # of a position, signed: a long one is sold, a short one bought back
    daily_max: Decimal | None = None  # the whole limit of one day, beside ``most``


@dataclass(frozen=True)
class Destination:
    """One verified entry of the holder's address book, or a bank account that is bound to the account.

    ``network`` is ``bank`` for fiat; then ``address`` is the number of the payment method.
    """

    asset: str
    network: str
    address: str
    memo: str | None = None
    label: str = ""
    usable_at: datetime | None = None  # naive UTC; a fresh entry may have to wait


@dataclass(frozen=True)
class Passkey:
    """A passkey that the venue knows of an account: its number and its public key (COSE), as WebAuthn gives them."""

    credential: bytes
    public_key: bytes


@dataclass(frozen=True)
class Holder:
    """The person behind an account, as the venue knows them: personal data, opened only to write to them."""

    account_id: int
    name: str
    email: str | None
    phone: str | None
    totp_secret: bytes | None  # of the authenticator app; None if there is none
    language: str  # zh or en
    phrase: str = ""  # anti-phishing word chosen by the holder, shown in every message
    replaced: tuple[tuple[str, str], ...] = ()  # (email or sms, address) replaced in the last 90 days
    passkeys: tuple[Passkey, ...] = ()
    document: str = ""  # number of the identity document, where the venue knows one


class Rejected(Exception):
    """The venue said no and will say no again; a person looks. ``reason`` is its code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class Unreachable(Exception):
    """The venue did not answer; the outcome is unknown. Look up the key before sending it again."""


class Venue(Protocol):
    """A place that holds accounts. Implementations: ``paper`` (in memory), ``sandbox``, ``okx``, ``http``."""

    name: str

    def now(self) -> datetime:
        """Return the venue's time, naive UTC."""

    def engine(self, accounts: Sequence[int]) -> Engine:
        """Return an engine over the current facts of ``accounts``. Raises: Unreachable."""

    def quote(self, commands: Sequence[Command]) -> Sequence[Quote]:
        """Say what each command would do now; moves nothing. Raises: Unreachable."""

    def submit(self, commands: Sequence[tuple[str, Command]]) -> Sequence[Receipt]:
        """Do each command once per key and answer with its receipt, in order.

        Idempotent: a known key returns its receipt and does nothing; a known key with another digest raises
        Rejected("key_reused"). A command that fails leaves nothing behind. Raises: Unreachable.
        """

    def receipts(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Return the receipts that exist for ``keys``: how an unknown outcome is looked up. Raises: Unreachable."""

    def holder(self, account_id: int) -> Holder | None:
        """Return the person behind the account; None if there is none (any more). Raises: Unreachable."""

    def destinations(self, account_id: int) -> Sequence[Destination]:
        """Return the verified address book and bank accounts of the account. Raises: Unreachable."""

    def records(self, account_id: int, kind: str) -> Iterator[Mapping[str, Any]]:
        """Stream one kind of record of the account, oldest first; see :data:`RECORD_KINDS`. Raises: Unreachable."""


@runtime_checkable
class Stepwise(Protocol):
    """A venue that answers while it works, so that progress is seen inside a large batch."""

    def steps(self, commands: Sequence[tuple[str, Command]]) -> Iterator[Sequence[Receipt]]:
        """Do what :meth:`Venue.submit` does and yield a few receipts at a time, in order. Raises: Unreachable."""


@runtime_checkable
class Columnar(Protocol):
    """A venue that can also hand over records in columns; nobody has to, an archive is only built faster by it."""

    def columns(self, account_id: int, kind: str) -> Iterator[Any]:
        """Stream one kind as Arrow batches: the rows of ``Venue.records``, in that order. Raises: Unreachable."""


RECORD_KINDS = (
    "trades", "orders", "transfers", "deposits", "withdrawals", "earn", "loans", "fees", "conversions",
    "ledger", "balances", "logins", "security_events", "identity", "messages",
)  # fmt: skip
