"""How a seeded account is furnished: each function puts one thing into it, with its money in the ledger."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from closeout.venues.sandbox import trading, world
from closeout.venues.sandbox.ledger import Place, Work, one

ALPHABETS = {
    "hex": "0123456789abcdef",
    "base58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "bech32": "023456789acdefghjklmnpqrstuvwxyz",
    "base32": "abcdefghijklmnopqrstuvwxyz234567",
}
FORMS: dict[str, tuple[str, str, int]] = {
    "TRC20": ("T", "base58", 33), "ERC20": ("0x", "hex", 40), "Bitcoin": ("bc1q", "bech32", 38),
    "Solana": ("", "base58", 44), "Ripple": ("r", "base58", 33), "Dogecoin": ("D", "base58", 33),
    "Cardano": ("addr1", "bech32", 58), "Polkadot": ("1", "base58", 46), "Litecoin": ("ltc1q", "bech32", 38),
    "Avalanche": ("0x", "hex", 40), "Cosmos": ("cosmos1", "bech32", 38), "Filecoin": ("f1", "base32", 39),
}  # fmt: skip


def invented_address(network: str, seed: str) -> str:
    """Return an address of the network's form, made of nothing but ``seed``; nobody owns it."""
    prefix, alphabet, length = FORMS[network]
    letters, digest = ALPHABETS[alphabet], hashlib.sha512(f"{network}:{seed}".encode()).digest()
    return prefix + "".join(letters[byte % len(letters)] for byte in (digest * 2)[:length])


@dataclass
class Room:
    """One account being furnished. ``now`` is the moment that the seed describes, naive UTC."""

    connection: psycopg.Connection[Any]
    account_id: int
    now: datetime

    def ago(self, **span: float) -> datetime:
        """Return the moment so long before ``now``."""
        return self.now - timedelta(**span)

    def later(self, **span: float) -> datetime:
        """Return the moment so long after ``now``."""
        return self.now + timedelta(**span)

    def put(self, asset: str, amount: str, wallet: str = "funding") -> None:
        """Deposit money and move it to ``wallet``."""
        world.deposit(self.connection, self.account_id, asset=asset, amount=Decimal(amount))
        if wallet != "funding":
            world.move(
                self.connection,
                self.account_id,
                asset=asset,
                amount=Decimal(amount),
                wallet="funding",
                to_wallet=wallet,
            )

    def order(self, instrument: str, side: str, quantity: str, price: str, **more: Any) -> int:
        """Place an order; its money must be in trading."""
        wanted = trading.Order(instrument, side, Decimal(quantity), Decimal(price), **more)
        return world.place_order(self.connection, self.account_id, wanted)

    def traded(self, instrument: str, side: str, quantity: str, price: str) -> None:
        """Place an order and let the market execute it."""
        number = self.order(instrument, side, quantity, price)
        world.fill(self.connection, self.account_id, number, Decimal(quantity))

    def position(self, kind: str, instrument: str, quantity: str, entry_price: str, margin: str) -> None:
        """Open a position with its margin in USDT, taken from trading."""
        with world.work_on(self.connection, self.account_id, "position") as work:
            trading_wallet = Place(self.account_id, "trading", "USDT")
            work.move(trading_wallet, Place(self.account_id, "trading", "USDT", "locked"), Decimal(margin))
            work.cursor.execute(
                "insert into sandbox.position (account_id, kind, instrument, quantity, entry_price, asset, margin, "
                "opened_at) values (%s, %s, %s, %s, %s, 'USDT', %s, %s)",
                (
                    self.account_id,
                    kind,
                    instrument,
                    Decimal(quantity),
                    Decimal(entry_price),
                    Decimal(margin),
                    work.now,
                ),
            )

    def loan(
        self, asset: str, principal: str, collateral_asset: str, collateral: str, *, days: int = 10
    ) -> None:
        """Borrow to funding against collateral from funding."""
        with world.work_on(self.connection, self.account_id, "loan") as work:
            pledge = Place(self.account_id, "funding", collateral_asset)
            work.move(
                pledge, Place(self.account_id, "funding", collateral_asset, "collateral"), Decimal(collateral)
            )
            lent = Place(self.account_id, "funding", asset)
            work.move(lent.house("lending"), lent, Decimal(principal))
            work.cursor.execute(
                "insert into sandbox.loan (account_id, asset, principal, hourly_rate, borrowed_at, collateral_asset, "
                "collateral) values (%s, %s, %s, 0.00001, %s, %s, %s)",
                (self.account_id, asset, principal, self.ago(days=days), collateral_asset, collateral),
            )

    def earn(
        self, product: str, amount: str, *, matures_in: float | None = None, auto_renew: bool = False
    ) -> None:
        """Subscribe to a product from funding; ``matures_in`` days from now where it has a term."""
        with world.work_on(self.connection, self.account_id, "subscribe") as work:
            work.cursor.execute("select asset from sandbox.product where product = %s", (product,))
            asset = one(work.cursor)[0]
            locked = Place(self.account_id, "earn", asset, "locked")
            work.move(Place(self.account_id, "funding", asset), locked, Decimal(amount))
            work.cursor.execute(
                "insert into sandbox.earn (account_id, product, asset, amount, auto_renew, subscribed_at, rewarded_at, "
                "matures_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (self.account_id, product, asset, amount, auto_renew, self.ago(days=20), self.ago(hours=5),
                 None if matures_in is None else self.later(days=matures_in)),
            )  # fmt: skip

    def p2p(
        self, side: str, amount: str, *, state: str = "open", appeal: str = "none", minutes: int = 20
    ) -> None:
        """Open a C2C order in USDT; a sale locks its amount in funding."""
        with world.work_on(self.connection, self.account_id, "p2p") as work:
            if side == "sell":
                funding = Place(self.account_id, "funding", "USDT")
                work.move(funding, Place(self.account_id, "funding", "USDT", "locked"), Decimal(amount))
            work.cursor.execute(
                "insert into sandbox.p2p_order (account_id, side, state, appeal, asset, amount, expires_at, placed_at) "
                "values (%s, %s, %s, %s, 'USDT', %s, %s, %s)",
                (self.account_id, side, state, appeal, amount,
                 self.later(minutes=minutes) if state == "open" else None, self.ago(minutes=10)),
            )  # fmt: skip

    def row(self, table: str, **columns: Any) -> int:
        """Insert one row of ``table`` for this account; return its number, the first column."""
        names, values = ["account_id", *columns], [self.account_id, *columns.values()]
        text = f"insert into sandbox.{table} ({', '.join(names)}) values ({', '.join(['%s'] * len(names))}) returning *"
        row = self.connection.execute(text, values).fetchone()
        return int(row[0]) if row else 0

    def methods(self, *kinds: str) -> None:
        """Bind payment methods; a bank account is in EUR."""
        for number, kind in enumerate(kinds):
            label = f"**** {4821 + 37 * number + self.account_id % 1000:04d}"
            self.row("payment_method", kind=kind, label=label, asset="EUR" if kind == "bank_account" else None,
                     bound_at=self.ago(days=300))  # fmt: skip

    def key(self, kind: str, label: str, **bot: Any) -> int:
        """Create an API key, a grant, or a bot that keeps an order in the book."""
        return self.row(
            "api_key", kind=kind, label=label, can_trade=kind != "grant", created_at=self.ago(days=200), **bot
        )

    def bot(self, label: str, instrument: str, side: str, quantity: str, price: str) -> None:
        """Create a bot and let it place its order."""
        number = self.key(
            "bot", label, instrument=instrument, side=side, quantity=Decimal(quantity), price=Decimal(price)
        )
        self.order(instrument, side, quantity, price, key_id=number)

    def security(self, kind: str, *, days: float) -> None:
        """Record a security change so many days ago."""
        world.change_security(self.connection, self.account_id, kind, happened_at=self.ago(days=days))

    def addresses(self) -> None:
        """Fill the address book: one verified address for every asset, on its first network."""
        rows = self.connection.execute(
            "select distinct on (asset) asset, network, memo_required from sandbox.network "
            "where network <> 'bank' order by asset, network desc"
        ).fetchall()
        for asset, network, memo_required in rows:
            memo = str(100000 + self.account_id % 900000) if memo_required else ""
            address = invented_address(network, str(self.account_id))
            self.row("address", asset=asset, network=network, memo=memo, label=f"Own wallet {network}",
                     address=address, verified_at=self.ago(days=120))  # fmt: skip

    def sub(self, label: str) -> Room:
        """Open a sub-account and return it."""
        row = self.connection.execute(
            "insert into sandbox.account (parent_id, label, jurisdiction, opened_at) "
            "select account_id, %s, jurisdiction, %s from sandbox.account where account_id = %s returning account_id",
            (label, self.ago(days=150), self.account_id),
        ).fetchone()
        return Room(self.connection, int(row[0]) if row else 0, self.now)

    def negative(self, asset: str, amount: str) -> None:
        """Leave the trading wallet a fraction below zero, as fees of margin trading do."""
        with world.work_on(self.connection, self.account_id, "funding_fee", origin="venue") as work:
            overdrawn(work, Place(self.account_id, "trading", asset), Decimal(amount))


def overdrawn(work: Work, place: Place, amount: Decimal) -> None:
    """Charge ``amount`` to a ledger of margin trading, which may go below zero."""
    work.cursor.execute("select sandbox.ledger_of(%s, %s, %s, %s, %s)", place.key())
    work.cursor.execute("update sandbox.ledger set overdraft = true where ledger_id = %s", one(work.cursor))
    work.move(place, place.house("fees"), amount)
