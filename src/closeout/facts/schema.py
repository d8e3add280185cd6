"""The relations of facts. One frozen dataclass is one relation; its fields are the columns, in order.

``int`` is BIGINT, ``str`` VARCHAR, ``Decimal`` DECIMAL(36,18), ``datetime`` TIMESTAMP (naive UTC), ``bool``
BOOLEAN; ``| None`` makes a column nullable. DECIMAL(36,18), not (38,18): a sum of two stays exact on every
engine (docs/adr/0003).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

TYPES: dict[type, str] = {
    int: "BIGINT", str: "VARCHAR", Decimal: "DECIMAL(36,18)", datetime: "TIMESTAMP", bool: "BOOLEAN",
}  # fmt: skip


def column(meaning: str, *, key: bool = False, personal: bool = False) -> Any:
    """Declare a column: what it means, whether it is part of the key, whether it is personal data."""
    return field(metadata={"meaning": meaning, "key": key, "personal": personal})


@dataclass(frozen=True)
class Relation:
    """Base of all relations. ``retention`` and ``erasure`` say what becomes of the rows after closing."""

    name: ClassVar[str]
    retention: ClassVar[str] = "operational"
    erasure: ClassVar[str] = "delete"
    no_remedy: ClassVar[str | None] = None

    account_id: int = column("the account, as the operator numbers it", key=True)


@dataclass(frozen=True)
class Account(Relation):
    """The account itself; exactly one row per account."""

    name: ClassVar[str] = "account"
    no_remedy: ClassVar[str | None] = "what is being closed"

    parent_id: int | None = column("main account of a sub-account, else null")
    state: str = column("open, frozen or closed")
    jurisdiction: str = column("ISO 3166 code whose law applies, empty if not known")
    opened_at: datetime = column("when the account was opened")
    posted_at: datetime | None = column("last posting in any of its wallets")


@dataclass(frozen=True)
class Balance(Relation):
    """Money of one asset in one wallet, in ledger units; rows whose four amounts are zero may be left out."""

    name: ClassVar[str] = "balance"
    retention: ClassVar[str] = "transactions"

    wallet: str = column("funding, trading, earn, fiat, or another wallet kind", key=True)
    asset: str = column("code of the asset", key=True)
    available: Decimal = column("can be moved now; may be negative")
    locked: Decimal = column("belongs to the holder, held by an order, product or loan")
    withdraw_min: Decimal | None = column("smallest withdrawal of the asset; null if it cannot be withdrawn")
    value: Decimal | None = column("available + locked in USDT; null if nobody quotes a price")


@dataclass(frozen=True)
class OpenOrder(Relation):
    """An order that can still be executed."""

    name: ClassVar[str] = "open_order"
    retention: ClassVar[str] = "transactions"

    order_id: str = column("the venue's number", key=True)
    kind: str = column("limit, trigger, margin, swap, futures, option, spread or block")
    instrument: str = column("for example BTC-USDT")
    asset: str = column("asset that the order locks")
    locked: Decimal = column("amount that the order locks")
    placed_at: datetime = column("when it was placed")


@dataclass(frozen=True)
class Position(Relation):
    """A position of margin, swap, futures or options trading."""

    name: ClassVar[str] = "position"
    retention: ClassVar[str] = "transactions"

    position_id: str = column("the venue's number", key=True)
    kind: str = column("margin, swap, futures, option or copy")
    instrument: str = column("for example BTC-USDT-SWAP")
    quantity: Decimal = column("signed; zero when closed")
    settlement_pending: bool = column("closed, but profit or loss is not yet posted")
    settles_at: datetime | None = column("when a pending settlement posts")
    asset: str = column("asset of profit and loss")
    unrealised: Decimal = column("profit or loss that is not yet posted")


@dataclass(frozen=True)
class Loan(Relation):
    """Money borrowed, with its interest and its collateral."""

    name: ClassVar[str] = "loan"
    retention: ClassVar[str] = "transactions"

    loan_id: str = column("the venue's number", key=True)
    asset: str = column("asset that was borrowed")
    principal: Decimal = column("still owed without interest")
    interest: Decimal = column("accrued and unpaid")
    collateral_asset: str | None = column("asset of the collateral")
    collateral: Decimal = column("amount that is pledged and not yet free")


@dataclass(frozen=True)
class Earn(Relation):
    """A subscription to a product that earns."""

    name: ClassVar[str] = "earn"
    retention: ClassVar[str] = "transactions"

    earn_id: str = column("the venue's number", key=True)
    kind: str = column("flexible, fixed, staking, lending, defi, launchpool or structured")
    product: str = column("name of the product")
    asset: str = column("asset that is invested")
    amount: Decimal = column("amount that is invested, rewards included")
    redeemable: bool = column("can be redeemed now without waiting for the maturity")
    matures_at: datetime | None = column("when it is paid out; null if it runs until redeemed")
    redeeming: bool = column("redemption was asked for and is on its way")
    auto_renew: bool = column("starts again when it matures")


@dataclass(frozen=True)
class P2pOrder(Relation):
    """A C2C (P2P) order between two holders."""

    name: ClassVar[str] = "p2p_order"
    retention: ClassVar[str] = "transactions"

    p2p_id: str = column("the venue's number", key=True)
    state: str = column("open, paid, completed or cancelled")
    appeal: str = column("none, open or closed")
    asset: str = column("asset that is traded")
    amount: Decimal = column("amount that is traded")
    expires_at: datetime | None = column("when an unpaid order cancels itself")


@dataclass(frozen=True)
class SubAccount(Relation):
    """A sub-account seen from its main account."""

    name: ClassVar[str] = "sub_account"

    sub_account_id: str = column("number of the sub-account", key=True)
    label: str = column("name given by the holder", personal=True)
    state: str = column("open, frozen or closed")
    holdings: int = column("balances, orders, positions, loans and products left in it")
    closable_at: datetime | None = column("when the venue can close it, if it is queued; else null")


@dataclass(frozen=True)
class PaymentMethod(Relation):
    """A bank card, Alipay, WeChat Pay or bank account that is bound to the account."""

    name: ClassVar[str] = "payment_method"
    retention: ClassVar[str] = "identity"

    method_id: str = column("the venue's number", key=True)
    kind: str = column("bank_card, alipay, wechat_pay or bank_account")
    label: str = column("masked, for example **** 4821", personal=True)


@dataclass(frozen=True)
class ApiKey(Relation):
    """Somebody or something that can act for the holder: a key, a third-party grant, a bot."""

    name: ClassVar[str] = "api_key"

    key_id: str = column("the venue's number", key=True)
    kind: str = column("key, grant or bot")
    label: str = column("name given by the holder", personal=True)
    can_trade: bool = column("may place orders")


@dataclass(frozen=True)
class SecurityEvent(Relation):
    """A change of a security setting."""

    name: ClassVar[str] = "security_event"
    retention: ClassVar[str] = "security"
    no_remedy: ClassVar[str | None] = "passes by itself"

    event_id: str = column("the venue's number", key=True)
    kind: str = column(
        "password_changed, phone_changed, email_changed, authenticator_changed, authenticator_removed, "
        "factor_added, key_revoked or method_unbound"
    )
    happened_at: datetime | None = column("when; null is a fault of the data")


@dataclass(frozen=True)
class Identity(Relation):
    """The identity verification (KYC) of the account; exactly one row per main account."""

    name: ClassVar[str] = "identity"
    retention: ClassVar[str] = "identity"
    no_remedy: ClassVar[str | None] = "the holder proves who they are inside the case"

    state: str = column("verified, unverified, incomplete or rejected")
    valid_until: datetime | None = column("when the document expires; null if it does not")
    is_applicant: bool = column("the person signed in is the verified person")
    was_required: bool = column("the account ever did anything that needs verification")


@dataclass(frozen=True)
class Contact(Relation):
    """A way to reach the holder."""

    name: ClassVar[str] = "contact"
    retention: ClassVar[str] = "identity"
    no_remedy: ClassVar[str | None] = "the holder updates it inside the case"

    kind: str = column("email or phone", key=True)
    reachable: bool = column("the last message arrived and the holder confirmed it")


@dataclass(frozen=True)
class Dispute(Relation):
    """A dispute, appeal or complaint that names the account."""

    name: ClassVar[str] = "dispute"
    retention: ClassVar[str] = "claims"
    no_remedy: ClassVar[str | None] = "support ends it"

    dispute_id: str = column("the venue's number", key=True)
    kind: str = column("appeal, complaint, chargeback or claim")
    state: str = column("open or closed")


@dataclass(frozen=True)
class Hold(Relation):
    """A judicial freeze or compliance hold. What the holder reads about it is neutral."""

    name: ClassVar[str] = "hold"
    retention: ClassVar[str] = "claims"
    no_remedy: ClassVar[str | None] = "only the authority or compliance ends it"

    hold_id: str = column("the venue's number", key=True)
    kind: str = column("judicial, compliance or investigation")
    scope: str = column("closing, erasure or both")
    placed_at: datetime = column("when it was placed")
    released_at: datetime | None = column("when it ended; null while it stands")


@dataclass(frozen=True)
class Rebate(Relation):
    """Commission: unpaid money, an affiliate contract, or a finished referral."""

    name: ClassVar[str] = "rebate"
    retention: ClassVar[str] = "transactions"

    rebate_id: str = column("the venue's number", key=True)
    kind: str = column("balance, contract or referral")
    state: str = column("open or closed")
    asset: str | None = column("asset of the unpaid commission")
    amount: Decimal | None = column("unpaid commission")


@dataclass(frozen=True)
class Transfer(Relation):
    """A deposit, withdrawal, fiat transfer or card payment on its way."""

    name: ClassVar[str] = "transfer"
    retention: ClassVar[str] = "transactions"

    transfer_id: str = column("the venue's number", key=True)
    kind: str = column("deposit, withdrawal, fiat_in, fiat_out or card")
    asset: str = column("asset that moves")
    amount: Decimal = column("amount that moves")
    final: bool = column("chain-final, settled at the bank, or undone")
    disputed: bool = column("a card payment is in dispute")
    expected_at: datetime | None = column("when it should be final; null if nobody knows")


@dataclass(frozen=True)
class Source:
    """Freshness and completeness of what feeds one relation."""

    relation: str
    state: str  # complete, partial or failed
    as_of: datetime | None  # moment that the rows describe, naive UTC; None if there are none


RELATIONS: dict[str, type[Relation]] = {
    relation.name: relation
    for relation in (
        Account, Balance, OpenOrder, Position, Loan, Earn, P2pOrder, SubAccount, PaymentMethod, ApiKey,
        SecurityEvent, Identity, Contact, Dispute, Hold, Rebate, Transfer,
    )
}  # fmt: skip

POLICY_COLUMNS: tuple[tuple[str, str], ...] = (
    ("as_of", "TIMESTAMP"),
    ("password_cutoff_at", "TIMESTAMP"),
    ("factor_cutoff_at", "TIMESTAMP"),
    ("quiet_cutoff_at", "TIMESTAMP"),
    ("stale_cutoff_at", "TIMESTAMP"),
)
BLOCKER_COLUMNS: tuple[tuple[str, str], ...] = (
    ("account_id", "BIGINT"),
    ("subject", "VARCHAR"),
    ("item", "VARCHAR"),
    ("asset", "VARCHAR"),
    ("amount", "DECIMAL(36,18)"),
    ("clears_at", "TIMESTAMP"),
)


@dataclass(frozen=True)
class Column:
    """One column of a relation as engines and documentation need it."""

    name: str
    type: str
    nullable: bool
    key: bool
    personal: bool
    meaning: str


def columns(relation: type[Relation]) -> tuple[Column, ...]:
    """Return the columns of ``relation`` in order."""
    if relation.name not in _COLUMNS:
        _COLUMNS[relation.name] = _columns(relation)
    return _COLUMNS[relation.name]


_COLUMNS: dict[str, tuple[Column, ...]] = {}


def _columns(relation: type[Relation]) -> tuple[Column, ...]:
    hints = typing.get_type_hints(relation)
    found = []
    for spec in dataclasses.fields(relation):
        hint = hints[spec.name]
        nullable = isinstance(hint, types.UnionType)
        base = (
            next(part for part in typing.get_args(hint) if part is not types.NoneType) if nullable else hint
        )
        found.append(
            Column(
                spec.name, TYPES[base], nullable, spec.metadata["key"], spec.metadata["personal"],
                spec.metadata["meaning"],
            )
        )  # fmt: skip
    return tuple(found)
