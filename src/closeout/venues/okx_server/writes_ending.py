"""POST operations that take something back: orders after a while, a withdrawal, a stake; and keys of sub-accounts."""

from __future__ import annotations

from closeout.venues import commands
from closeout.venues.base import Rejected
from closeout.venues.okx_server import keys
from closeout.venues.okx_server.books import Books
from closeout.venues.okx_server.speaking import Refusal, Row, said
from closeout.venues.okx_server.writes import Body, Desk, one
from closeout.venues.sandbox import world

BOOK = ("limit", "margin", "swap", "futures", "option")


def cancel_all_after(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``trade/cancel-all-after``: every order in the book except spreads; the sandbox does not wait.

    Raises: Refusal("51000") for a time that is neither 0 nor 10 to 120 seconds.
    """
    seconds = one(body, "timeOut")
    if not seconds.isdigit() or not (int(seconds) == 0 or 10 <= int(seconds) <= 120):
        raise Refusal("51000", "timeOut")
    if int(seconds) == 0:
        return [said(triggerTime="0", tag="", ts=books.now)]
    rows = books.rows(
        "select order_id from sandbox.trade_order where account_id = %s and kind = any(%s) and state = 'open'",
        books.account_id,
        list(BOOK),
    )
    numbers = [str(row["order_id"]) for row in rows]
    for first in range(0, len(numbers), commands.ORDERS_MAX):
        some = numbers[first : first + commands.ORDERS_MAX]
        desk.do(books, "", commands.cancel_orders(books.account_id, some))
    return [said(triggerTime=books.now, tag="", ts=books.now)]


def cancel_withdrawal(_: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``asset/cancel-withdrawal``: what is on its way comes back. Raises: Refusal("51000")."""
    number = one(body, "wdId")
    rows = books.rows(
        "select movement_id from sandbox.movement where account_id = %s and movement_id::text = %s "
        "and kind = 'withdrawal'",
        books.account_id,
        number,
    )
    over = Refusal("51000", message="The withdrawal cannot be canceled")
    if not rows:
        raise over
    try:
        world.drop_withdrawal(books.connection, rows[0]["movement_id"])
    except Rejected:
        raise over from None
    return [{"wdId": number}]


def cancel_staking(_: Desk, __: Books, body: Body) -> list[Row]:
    """Refuse ``finance/staking-defi/cancel``: here no order waits to begin. Raises: Refusal("51000")."""
    raise Refusal("51000", message=f"Order {one(body, 'ordId')} is not pending")


def bound(books: Books) -> None:
    """Demand that the asking key is bound to an address. Raises: Refusal("50035")."""
    if not books.key.addresses:
        raise Refusal("50035", message="This endpoint requires that APIKey must be bound to IP")


def create_sub_key(_: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``POST users/subaccount/apikey``: a key of a sub-account. Raises: Refusal("50035", "50014", "51000")."""
    bound(books)
    key = keys.issue(
        books.connection, books.sub({"subAcct": one(body, "subAcct")}), label=one(body, "label"),
        permissions=str(body.get("perm") or "read_only"), addresses=str(body.get("ip") or ""),
        passphrase=one(body, "passphrase"),
    )  # fmt: skip
    return [
        said(
            subAcct=body["subAcct"], label=key.label, apiKey=key.api_key, secretKey=key.secret,
            passphrase=key.passphrase, perm=",".join(key.permissions), ip=",".join(key.addresses), ts=books.now,
        )
    ]  # fmt: skip


def delete_sub_key(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``users/subaccount/delete-apikey``. Raises: Refusal("50035", "50014", "51000", "51400")."""
    bound(books)
    sub, name = books.sub({"subAcct": one(body, "subAcct")}), one(body, "apiKey")
    known = keys.find(books.connection, name)
    desk.do(books, "", commands.revoke_key(sub, str(known.key_id) if known else name))
    return [{"subAcct": body["subAcct"]}]
