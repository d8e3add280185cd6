"""End what acts for the holder: bots of every kind, copied traders, keys of sub-accounts."""

from __future__ import annotations

from closeout.venues.base import Command, Rejected
from closeout.venues.okx.desk import Desk, Done
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.links import key_name
from closeout.venues.okx.looking import Looked
from closeout.venues.okx.values import text

GRIDS = frozenset({"grid", "contract_grid"})
DCAS = frozenset({"spot_dca", "contract_dca"})
PLAIN = frozenset({"recurring", "signal"})
LEFT_OPEN = "grid_position"  # a contract grid that was stopped and kept its position
BOTS = GRIDS | DCAS | PLAIN | {LEFT_OPEN, "copying"}
SELL_AND_CLOSE = "1"  # sell the coin of a spot bot, close the position of a contract bot


def revoke_key(desk: Desk, command: Command) -> Done:
    """Stop bots and copied traders, delete keys of sub-accounts. Raises: Rejected("app_keys") for other keys."""
    labels = {getattr(row, "key_id", ""): getattr(row, "label", "") for row in desk.looked.facts["api_key"]}
    for item in command.items:
        kind, _, number = item.partition("-")
        if kind in BOTS:
            _stop(desk, kind, number, instrument=labels.get(item, "").rpartition(" ")[2])
        elif command.account_id != desk.looked.holder.account_id:
            _delete_key(desk, sub_name(desk.looked, command.account_id), item)
        else:
            raise Rejected("app_keys")
    return Done()


def _stop(desk: Desk, kind: str, number: str, *, instrument: str) -> None:
    """Stop one bot; one that has stopped is stopped. Raises: Rejected, Failure."""
    if kind in GRIDS:
        said = {"algoId": number, "algoOrdType": kind, "stopType": SELL_AND_CLOSE, "instId": instrument}
        desk.items("tradingBot/grid/stop-order-algo", [said])
    elif kind in DCAS:
        said = {"algoId": number, "algoOrdType": kind, "stopType": SELL_AND_CLOSE}
        desk.items("tradingBot/dca/stop", said)
    elif kind in PLAIN:
        desk.items(f"tradingBot/{kind}/stop-order-algo", [{"algoId": number}])
    elif kind == LEFT_OPEN:
        desk.items("tradingBot/grid/close-position", {"algoId": number, "mktClose": True})
    else:
        said = {"uniqueCode": number, "instType": "SWAP", "subPosCloseType": "market_close"}
        try:
            desk.post("copytrading/stop-copy-trading", said)
        except Failure as failed:
            if failed.kind is not Kind.ABSENT:  # nobody is copied any more
                raise


def _delete_key(desk: Desk, sub: str, name: str) -> None:
    """Delete the key of a sub-account that the facts call ``name``; one that is gone is deleted. Raises: Failure."""
    for row in desk.get("users/subaccount/apikey", subAcct=sub):
        if key_name(text(row, "apiKey")) == name:
            desk.post("users/subaccount/delete-apikey", {"subAcct": sub, "apiKey": text(row, "apiKey")})


def sub_name(looked: Looked, account_id: int) -> str:
    """Return the name of a sub-account. Raises: Rejected("not_found")."""
    for row in looked.facts["sub_account"]:
        if getattr(row, "sub_account_id", "") == str(account_id):
            return str(getattr(row, "label", ""))
    raise Rejected("not_found")
