"""What each command does to the paper venue's book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from closeout.facts.schema import Account, ApiKey, Earn, Loan, OpenOrder, PaymentMethod, Position, Transfer
from closeout.venues.base import Act, Command, Moved, Rejected, Remedy
from closeout.venues.commands import ORDERS_MAX
from closeout.venues.paper_book import EXACT, ZERO, Book, floor, holdings


@dataclass
class Doing:
    """One command while it is done: what it moved and whether it ends later."""

    book: Book
    command: Command
    now: datetime
    moved: list[Moved] = field(default_factory=list)
    pending: bool = False

    def move(self, wallet: str, asset: str, amount: Decimal, *, account_id: int | None = None) -> None:
        """Post to the account and remember it for the receipt."""
        account = self.command.account_id if account_id is None else account_id
        self.book.post(account, wallet, asset, amount)
        if account == self.command.account_id:
            self.moved.append(Moved(wallet, asset, amount))

    def taken(self, wallet: str = "funding") -> tuple[str, Decimal]:
        """Return the asset and the amount that the command takes; None takes all. Raises: Rejected."""
        asset = self.command.asset or ""
        if asset not in self.book.terms:
            raise Rejected("not_found")
        held = self.book.available(self.command.account_id, wallet, asset)
        amount = max(held, ZERO) if self.command.amount is None else self.command.amount
        if amount < 0 or (amount == 0 and self.command.amount is not None):
            raise Rejected("minimum")
        if amount != floor(amount, self.book.terms[asset].scale):
            raise Rejected("too_precise")
        return asset, amount

    def param(self, name: str) -> Decimal | None:
        """Return a limit of the command."""
        value = self.command.params.get(name)
        return None if value is None else Decimal(value)

    def later(self) -> datetime | None:
        """Return when a movement ends, None for at once."""
        self.pending = self.book.settle_after is not None
        return None if self.book.settle_after is None else self.now + self.book.settle_after


def revoke_key(doing: Doing) -> None:
    """Revoke keys."""
    for item in doing.command.items:
        doing.book.drop(doing.book.find(ApiKey, doing.command.account_id, "key_id", item))


def cancel_orders(doing: Doing) -> None:
    """Cancel orders and free what they lock; one that is gone is no error."""
    if len(doing.command.items) > ORDERS_MAX:
        raise Rejected("limit")
    for item in doing.command.items:
        try:
            order = doing.book.find(OpenOrder, doing.command.account_id, "order_id", item)
        except Rejected:
            continue
        doing.book.drop(order)
        doing.book.post(order.account_id, "trading", order.asset, order.locked, locked=-order.locked)
        doing.moved.append(Moved("trading", order.asset, order.locked))


def price_of(doing: Doing, asset: str, quantity: Decimal) -> tuple[Decimal, Decimal]:
    """Return mark and price for selling (or buying back) ``asset``. Raises: Rejected."""
    terms = doing.book.terms.get(asset)
    if terms is None:
        raise Rejected("not_found")
    if terms.delisted:
        raise Rejected("delisted")
    if terms.price is None:
        raise Rejected("no_price")
    worse = terms.slippage if quantity > 0 else -terms.slippage
    return terms.price, terms.price * (1 - worse)


def guard(doing: Doing, price: Decimal) -> None:
    """Hold the command's own limits against ``price``. Raises: Rejected("slippage")."""
    least, most = doing.param("price_least"), doing.param("price_most")
    if (least is not None and price < least) or (most is not None and price > most):
        raise Rejected("slippage")


def close_position(doing: Doing) -> None:
    """Close a position; its profit or loss posts to trading."""
    position = doing.book.find(Position, doing.command.account_id, "position_id", _only(doing.command))
    if position.quantity == 0:
        raise Rejected("not_found")
    _, price = price_of(doing, position.instrument.split("-", 1)[0], position.quantity)
    guard(doing, price)
    at = doing.later()
    if at is not None:
        doing.book.swap(position, quantity=ZERO, settlement_pending=True, settles_at=at)
        return
    doing.book.drop(position)
    held = doing.book.available(position.account_id, "trading", position.asset)
    doing.move("trading", position.asset, max(position.unrealised, -held))


def repay_loan(doing: Doing) -> None:
    """Repay what is owed from funding, then trading; free the collateral."""
    loan = doing.book.find(Loan, doing.command.account_id, "loan_id", _only(doing.command))
    owed = loan.principal + loan.interest
    if doing.command.amount is not None and owed > doing.command.amount:
        raise Rejected("over_limit")
    for wallet in ("funding", "trading"):
        part = min(owed, max(doing.book.available(loan.account_id, wallet, loan.asset), ZERO))
        if part:
            doing.move(wallet, loan.asset, -part)
            owed -= part
    if owed:
        raise Rejected("insufficient")
    doing.book.drop(loan)
    if loan.collateral_asset is not None:
        doing.book.post(
            loan.account_id, "funding", loan.collateral_asset, loan.collateral, locked=-loan.collateral
        )


def stop_renewal(doing: Doing) -> None:
    """Switch renewal off."""
    for item in doing.command.items:
        doing.book.swap(doing.book.find(Earn, doing.command.account_id, "earn_id", item), auto_renew=False)


def redeem(doing: Doing) -> None:
    """Redeem a product to funding."""
    earn = doing.book.find(Earn, doing.command.account_id, "earn_id", _only(doing.command))
    if earn.redeeming:
        raise Rejected("not_found")
    penalty = penalty_of(doing, earn)
    if penalty > (doing.param("penalty_most") or ZERO):
        raise Rejected("penalty")
    at = doing.later()
    if at is not None:
        doing.book.swap(earn, redeeming=True, matures_at=at, amount=earn.amount - penalty)
        return
    doing.book.drop(earn)
    doing.move("funding", earn.asset, earn.amount - penalty)


def penalty_of(doing: Doing, earn: Earn) -> Decimal:
    """Return what an early redemption costs. Raises: Rejected("no_early_redemption")."""
    if earn.matures_at is None or earn.matures_at <= doing.now:
        return ZERO
    penalty = doing.book.early_penalty.get(earn.earn_id)
    if penalty is None:
        raise Rejected("no_early_redemption")
    return penalty


def gather(doing: Doing) -> None:
    """Move to funding, of the account or of its main account."""
    wallet = doing.command.params.get("wallet", "funding")
    target = int(doing.command.params.get("to_account", doing.command.account_id))
    owner = doing.book.account(doing.command.account_id)
    if target not in (owner.account_id, owner.parent_id) or (
        target == owner.account_id and wallet == "funding"
    ):
        raise Rejected("not_found")
    asset, amount = doing.taken(wallet)
    doing.move(wallet, asset, amount.copy_negate())
    doing.move("funding", asset, amount, account_id=target)


def rate_of(doing: Doing, asset: str, amount: Decimal, to_asset: str) -> tuple[Decimal, Decimal]:
    """Return mark and price of ``asset`` in ``to_asset``, cut to 18 decimals. Raises: Rejected."""
    mark, price = price_of(doing, asset, amount)
    per = doing.book.terms[to_asset]
    if per.delisted or per.price is None:
        raise Rejected("delisted" if per.delisted else "no_price")
    return floor(EXACT.divide(mark, per.price), 18), floor(EXACT.divide(price, per.price), 18)


def convert(doing: Doing) -> None:
    """Sell for another asset."""
    asset, amount = doing.taken()
    to_asset = doing.command.params.get("to_asset", "USDT")
    _, price = rate_of(doing, asset, amount, to_asset)
    guard(doing, price)
    proceeds = floor(amount * price, doing.book.terms[to_asset].scale)
    if amount < doing.book.terms[asset].convert_min or proceeds == 0:
        raise Rejected("minimum")
    doing.move("funding", asset, amount.copy_negate())
    doing.move("funding", to_asset, proceeds)


def withdraw(doing: Doing) -> None:
    """Send out to a verified address."""
    asset, amount = doing.taken()
    terms, params = doing.book.terms[asset], doing.command.params
    if terms.memo and not params.get("memo"):
        raise Rejected("memo_missing")
    if not any(
        (way.asset, way.network, way.address, way.memo or "") ==
        (asset, params.get("network"), params.get("address"), params.get("memo", ""))
        for way in doing.book.addresses.get(doing.command.account_id, [])
    ):  # fmt: skip
        raise Rejected("address_not_verified")
    if terms.fee > (doing.param("fee_most") or terms.fee):
        raise Rejected("fee")
    if terms.withdraw_min is None or amount < terms.withdraw_min or amount <= terms.fee:
        raise Rejected("minimum")
    if terms.daily_max is not None and amount > terms.daily_max:
        raise Rejected("daily_limit")
    at = doing.later()
    doing.move("funding", asset, amount.copy_negate())
    doing.book.sent.append((doing.command.account_id, asset, str(params.get("address")), amount))
    if at is not None:
        number = f"w{len(doing.book.sent)}"
        doing.book.rows["transfer"].append(
            Transfer(
                doing.command.account_id, number, "withdrawal", asset, amount - terms.fee, False, False, at
            )
        )


def give(doing: Doing) -> None:
    """Send, donate or forfeit."""
    asset, amount = doing.taken()
    if doing.command.kind is Remedy.SEND:
        receiver = doing.book.account(int(doing.command.params["to_account"]))
        doing.move("funding", asset, amount, account_id=receiver.account_id)
    doing.move("funding", asset, amount.copy_negate())
    if doing.command.kind is Remedy.FORFEIT:
        doing.book.unclaimed[asset] += amount


def unbind(doing: Doing) -> None:
    """Unbind payment methods."""
    for item in doing.command.items:
        doing.book.drop(doing.book.find(PaymentMethod, doing.command.account_id, "method_id", item))


def close_sub_account(doing: Doing) -> None:
    """Close an empty sub-account."""
    sub = doing.book.account(int(_only(doing.command)))
    if sub.parent_id != doing.command.account_id:
        raise Rejected("not_found")
    _shut(doing.book, sub)


def close(doing: Doing) -> None:
    """Close an empty account."""
    _shut(doing.book, doing.book.account(doing.command.account_id))


def _shut(book: Book, account: Account) -> None:
    if holdings(book, account.account_id):
        raise Rejected("not_empty")
    book.swap(account, state="closed")


def freeze(doing: Doing) -> None:
    """Freeze or unfreeze; again changes nothing."""
    state = "frozen" if doing.command.kind is Act.FREEZE else "open"
    doing.book.swap(doing.book.account(doing.command.account_id), state=state)


def write_off(doing: Doing) -> None:
    """Let the operator take over a negative amount, never more than is negative."""
    wallet, asset, amount = (
        doing.command.params["wallet"],
        doing.command.asset or "",
        doing.command.amount or ZERO,
    )
    if not 0 < amount <= -doing.book.available(doing.command.account_id, wallet, asset):
        raise Rejected("over_limit")
    doing.move(wallet, asset, amount)


def erase(doing: Doing) -> None:
    """Erase a closed account's contacts and address book."""
    if doing.book.account(doing.command.account_id).state != "closed":
        raise Rejected("not_closed")
    doing.book.addresses.pop(doing.command.account_id, None)


def _only(command: Command) -> str:
    if len(command.items) != 1:
        raise Rejected("not_found")
    return command.items[0]


DO: Mapping[Remedy | Act, Callable[[Doing], None]] = {
    Remedy.REVOKE_KEY: revoke_key, Remedy.CANCEL_ORDERS: cancel_orders, Remedy.CLOSE_POSITION: close_position,
    Remedy.REPAY_LOAN: repay_loan, Remedy.STOP_RENEWAL: stop_renewal, Remedy.REDEEM: redeem,
    Remedy.GATHER: gather, Remedy.CONVERT: convert, Remedy.WITHDRAW: withdraw, Remedy.SEND: give,
    Remedy.DONATE: give, Remedy.FORFEIT: give, Remedy.UNBIND: unbind,
    Remedy.CLOSE_SUB_ACCOUNT: close_sub_account,
    Act.CLOSE: close, Act.FREEZE: freeze, Act.UNFREEZE: freeze, Act.WRITE_OFF: write_off, Act.ERASE: erase,
}  # fmt: skip
