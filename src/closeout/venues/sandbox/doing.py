"""What does each kind of command: one function to do it, one to quote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from closeout.venues.base import Act, Command, Quote, Rejected, Remedy
from closeout.venues.sandbox import ending, leaving, products, trading, wallets
from closeout.venues.sandbox.ledger import Cursor, Work, one

DO: Mapping[Remedy | Act, Callable[[Work, Command], None]] = {
    Remedy.REVOKE_KEY: ending.revoke_keys,
    Remedy.CANCEL_ORDERS: trading.cancel,
    Remedy.CLOSE_POSITION: trading.close_position,
    Remedy.REPAY_LOAN: products.repay,
    Remedy.STOP_RENEWAL: products.stop_renewal,
    Remedy.REDEEM: products.redeem,
    Remedy.CLOSE_SUB_ACCOUNT: ending.close_sub_account,
    Remedy.GATHER: wallets.gather,
    Remedy.CONVERT: wallets.convert,
    Remedy.WITHDRAW: leaving.withdraw,
    Remedy.SEND: leaving.send,
    Remedy.DONATE: leaving.donate,
    Remedy.FORFEIT: leaving.forfeit,
    Remedy.UNBIND: ending.unbind,
    Act.FREEZE: ending.freeze,
    Act.UNFREEZE: ending.unfreeze,
    Act.CLOSE: ending.close,
    Act.ERASE: ending.erase,
    Act.WRITE_OFF: leaving.write_off,
}
FAMILY = (Remedy.CLOSE_SUB_ACCOUNT, Act.FREEZE, Act.UNFREEZE, Act.CLOSE, Act.ERASE)


def lock(cursor: Cursor, commands: Sequence[Command]) -> dict[int, str]:
    """Lock the accounts that ``commands`` touch, in the order of their numbers; return their states."""
    others = [command.params.get("to_account", "") for command in commands]
    wanted = {command.account_id for command in commands} | {
        int(other) for other in others if other.isascii() and other.isdigit() and len(other) < 19
    }
    families = {command.account_id for command in commands if command.kind in FAMILY}
    cursor.execute(
        "select account_id, state from sandbox.account where account_id = any(%s) or parent_id = any(%s) "
        "order by account_id for no key update",
        (sorted(wanted), sorted(families)),
    )
    return dict(cursor.fetchall())


def legible(key: str, command: Command) -> bool:
    """Return whether the database can store what ``command`` says: text without NUL, numbers that are some."""
    said = [key, *command.items, command.asset or "", *command.params.keys(), *command.params.values()]
    try:
        stored = "".join(said).encode()
    except UnicodeEncodeError:
        return False
    return b"\0" not in stored and (command.amount is None or command.amount.is_finite())


def admit(states: Mapping[int, str], command: Command) -> None:
    """Refuse what no account can do. Raises: Rejected("not_found" for an unknown account, "closed")."""
    if command.account_id not in states:
        raise Rejected("not_found", "no such account")
    if states[command.account_id] == "closed" and command.kind is not Act.ERASE:
        raise Rejected("closed")


def ended(states: dict[int, str], command: Command) -> None:
    """Note that ``command`` was done, for what follows in the same transaction."""
    if command.kind is Act.CLOSE:
        states[command.account_id] = "closed"


def standing(cursor: Cursor, commands: Sequence[Command]) -> tuple[datetime, dict[int, str]]:
    """Return the venue's time and the states of the accounts that ``commands`` are for, without a lock."""
    cursor.execute(
        "select sandbox.now(), coalesce(array_agg(account_id), '{}'), coalesce(array_agg(state), '{}') "
        "from sandbox.account where account_id = any(%s)",
        ([command.account_id for command in commands],),
    )
    now, accounts, states = one(cursor)
    return now, dict(zip(accounts, states, strict=True))


def quote(cursor: Cursor, states: Mapping[int, str], command: Command, now: datetime) -> Quote:
    """Say what ``command`` would do now. Raises: Rejected."""
    if not legible("", command):
        raise Rejected("not_found")
    admit(states, command)
    match command.kind:
        case Remedy.CLOSE_POSITION:
            return trading.quote_close(cursor, command, now)
        case Remedy.REPAY_LOAN:
            return products.quote_repay(cursor, command)
        case Remedy.REDEEM:
            return products.quote_redeem(cursor, command, now)
        case Remedy.CLOSE_SUB_ACCOUNT:
            return ending.quote_sub_account(cursor, command, now)
        case Remedy.CONVERT:
            return wallets.quote_convert(cursor, command)
        case Remedy.WITHDRAW:
            return leaving.quote_withdraw(cursor, command, now)
        case Remedy.SEND | Remedy.DONATE | Remedy.FORFEIT:
            return leaving.quote_gift(cursor, command)
        case _:
            return Quote(command, True)
