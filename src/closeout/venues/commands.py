"""How each command is written: one constructor per kind, so that callers and venues mean the same.

Common rules. ``amount`` None means *all that is available when the venue does it* (a balancing sweep; never
below zero). A wallet is named in ``params``; where it is missing, the wallet is ``funding``. A quote looks at
price, fee, minimum, limits and items, not at whether the money is there yet: earlier commands may bring it.
Prices of a sale are guarded by ``price_least`` and those of a purchase by ``price_most``, both in the asset
of the proceeds per one unit; a venue that would do worse rejects with ``slippage`` and moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from closeout.venues.base import Act, Command, Destination, Remedy

ORDERS_MAX = 20  # orders in one cancel command

REJECTIONS: tuple[str, ...] = (
    "not_found",  # an item that the account does not have, or an unknown account
    "frozen",  # the holder's own doing on a frozen account; what the engine sends is done
    "restricted",  # a hold of an authority: nothing leaves
    "closed",  # the account is closed
    "insufficient",  # not enough available
    "slippage",  # the price is worse than the command allows
    "minimum",  # below the smallest amount
    "too_precise",  # more decimals than the asset has
    "no_price",  # nobody quotes the asset
    "delisted",  # the asset is not traded any more
    "no_early_redemption",  # the product pays at its maturity only
    "penalty",  # early redemption would cost more than the command allows
    "fee",  # the fee is higher than the command allows
    "address_not_verified",  # not in the address book, or not usable yet
    "wrong_network",  # the asset does not exist on that network, or the address has another form
    "memo_missing",  # the network needs a memo or tag
    "daily_limit",  # more than can leave today
    "not_empty",  # an account or sub-account that still holds something
    "limit",  # a limit of the venue, for example sub-accounts closed in one day; try later
    "over_limit",  # more than policy or consent allows
    "key_reused",  # the idempotency key came with another command
)


def revoke_key(account_id: int, key_id: str) -> Command:
    """Revoke one API key, third-party grant or bot; what it could do stops in the same moment."""
    return Command(kind=Remedy.REVOKE_KEY, account_id=account_id, items=(key_id,))


def cancel_orders(account_id: int, order_ids: Sequence[str]) -> Command:
    """Cancel up to 20 orders and free what they lock; an order that is gone already is not an error.

    Raises: ValueError for more than 20 orders.
    """
    if not 0 < len(order_ids) <= ORDERS_MAX:
        raise ValueError(f"one command cancels 1 to {ORDERS_MAX} orders, not {len(order_ids)}")
    return Command(kind=Remedy.CANCEL_ORDERS, account_id=account_id, items=tuple(order_ids))


def close_position(
    account_id: int,
    position_id: str,
    *,
    price_least: Decimal | None = None,
    price_most: Decimal | None = None,
) -> Command:
    """Close one position whole at the market; its result posts to the trading wallet, perhaps later.

    A long position is sold (``price_least``), a short one bought back (``price_most``).
    """
    params = {name: f"{value:f}" for name, value in
              (("price_least", price_least), ("price_most", price_most)) if value is not None}  # fmt: skip
    return Command(kind=Remedy.CLOSE_POSITION, account_id=account_id, items=(position_id,), params=params)


def repay_loan(account_id: int, loan_id: str, *, asset: str, most: Decimal) -> Command:
    """Repay what is owed at the moment of the repayment, at most ``most``, and free the collateral.

    Paid from funding first, then from trading; only what is owed is taken. Freed collateral goes to funding.
    """
    return Command(kind=Remedy.REPAY_LOAN, account_id=account_id, items=(loan_id,), asset=asset, amount=most)


def stop_renewal(account_id: int, earn_id: str) -> Command:
    """Switch the automatic renewal of one product off."""
    return Command(kind=Remedy.STOP_RENEWAL, account_id=account_id, items=(earn_id,))


def redeem(account_id: int, earn_id: str, *, asset: str, penalty_most: Decimal | None = None) -> Command:
    """Redeem one product whole, rewards included; it is paid to funding, perhaps later.

    ``penalty_most``, in ``asset``, allows an early redemption that costs at most so much; without it a
    product that has not matured is rejected with ``penalty`` or ``no_early_redemption``.
    """
    params = {} if penalty_most is None else {"penalty_most": f"{penalty_most:f}"}
    return Command(kind=Remedy.REDEEM, account_id=account_id, items=(earn_id,), asset=asset, params=params)


def close_sub_account(account_id: int, sub_account_id: str) -> Command:
    """Close one empty sub-account of the main account ``account_id``; PENDING where the venue queues it."""
    return Command(kind=Remedy.CLOSE_SUB_ACCOUNT, account_id=account_id, items=(sub_account_id,))


def gather(
    account_id: int, *, asset: str, wallet: str, to_account: int | None = None, amount: Decimal | None = None
) -> Command:
    """Move one asset from ``wallet`` to funding, of the same account or of its main account ``to_account``."""
    params = {"wallet": wallet} | ({} if to_account is None else {"to_account": str(to_account)})
    return Command(kind=Remedy.GATHER, account_id=account_id, asset=asset, amount=amount, params=params)


def convert(
    account_id: int, *, asset: str, amount: Decimal | None, to_asset: str, price_least: Decimal | None = None
) -> Command:
    """Sell ``asset`` of the funding wallet for ``to_asset``, dust included."""
    params = {"to_asset": to_asset} | ({} if price_least is None else {"price_least": f"{price_least:f}"})
    return Command(kind=Remedy.CONVERT, account_id=account_id, asset=asset, amount=amount, params=params)


def withdraw(
    account_id: int, *, to: Destination, amount: Decimal, fee_most: Decimal | None = None
) -> Command:
    """Send ``amount``, fee included, from funding to ``to``: what arrives is the amount less the fee."""
    params = {"network": to.network, "address": to.address}
    params |= {} if to.memo is None else {"memo": to.memo}
    params |= {} if fee_most is None else {"fee_most": f"{fee_most:f}"}
    return Command(kind=Remedy.WITHDRAW, account_id=account_id, asset=to.asset, amount=amount, params=params)


def send(account_id: int, *, asset: str, amount: Decimal, to_account: int) -> Command:
    """Give ``amount`` of the funding wallet to another holder at the same venue, free of charge."""
    params = {"to_account": str(to_account)}
    return Command(kind=Remedy.SEND, account_id=account_id, asset=asset, amount=amount, params=params)


def donate(account_id: int, *, asset: str, amount: Decimal) -> Command:
    """Give ``amount`` of the funding wallet to the charity that the operator names."""
    return Command(kind=Remedy.DONATE, account_id=account_id, asset=asset, amount=amount)


def forfeit(account_id: int, *, asset: str, amount: Decimal) -> Command:
    """Book ``amount`` of the funding wallet to the unclaimed-property ledger, where it can be claimed."""
    return Command(kind=Remedy.FORFEIT, account_id=account_id, asset=asset, amount=amount)


def unbind(account_id: int, method_id: str) -> Command:
    """Unbind one bank card, Alipay, WeChat Pay or bank account."""
    return Command(kind=Remedy.UNBIND, account_id=account_id, items=(method_id,))


def write_off(account_id: int, *, asset: str, amount: Decimal, wallet: str, reason: str) -> Command:
    """Let the operator take over a negative ``amount`` (given as a positive number) by a booked entry."""
    params = {"wallet": wallet, "reason": reason}
    return Command(kind=Act.WRITE_OFF, account_id=account_id, asset=asset, amount=amount, params=params)
