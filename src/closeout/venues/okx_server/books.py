"""What the server reads from: one cursor, the account of the key, the sandbox's time; and the house's wallets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from closeout.venues.okx_server.keys import Key
from closeout.venues.okx_server.speaking import Refusal

Connection = psycopg.Connection[Any]
TRADING, EARN = "trading", "earn"
CURSOR_DIGITS = 18  # what a BIGINT surely holds


@dataclass(frozen=True)
class Books:
    """The sandbox as one key sees it, within one request."""

    connection: Connection
    key: Key
    now: datetime  # the sandbox's time
    clock: datetime  # what signatures go by: the sandbox's time if it runs, else this computer's
    address: str = ""

    @property
    def account_id(self) -> int:
        """Return the account of the key."""
        return self.key.account_id

    def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Run one query and return its rows by column name; ``args``: values in order, or one mapping of names."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(sql, args[0] if len(args) == 1 and isinstance(args[0], dict) else args)
            return cursor.fetchall()

    def sub(self, params: Mapping[str, str]) -> int:
        """Return the sub-account named by ``subAcct``. Raises: Refusal("50014", "51000")."""
        name = params.get("subAcct", "")
        if not name:
            raise Refusal("50014", "subAcct")
        found = self.rows(
            "select account_id from sandbox.account where parent_id = %s and 'sub' || account_id = %s "
            "and state <> 'closed'",
            self.account_id,
            name,
        )
        if not found:
            raise Refusal("51000", "subAcct")
        return int(found[0]["account_id"])

    def balances(self, account_id: int, *, trading: bool) -> list[dict[str, Any]]:
        """Return what the account holds by asset: in the trading wallet, or in all others except earn."""
        return self.rows(
            "select b.asset, sum(b.available) as available, sum(b.locked) as locked, sum(b.value) as value "
            "from facts.balance as b where b.account_id = %s and b.wallet <> 'earn' and (b.wallet = 'trading') = %s "
            "group by b.asset order by b.asset",
            account_id,
            trading,
        )


def window(params: Mapping[str, str]) -> dict[str, int | None]:
    """Return what a query needs to cut a page; what is no number is left to :func:`speaking.page`, which refuses it."""
    return {
        name: int(said) if (said := params.get(name, "")).isdigit() and len(said) <= CURSOR_DIGITS else None
        for name in ("after", "before", "limit")
    }


def wanted(rows: Sequence[Mapping[str, Any]], params: Mapping[str, str], name: str = "asset") -> list[Any]:
    """Keep the rows whose asset is among those of the parameter ``ccy``; all of them without it."""
    assets = {asset for asset in params.get("ccy", "").split(",") if asset}
    return [row for row in rows if not assets or row[name] in assets]


def total(rows: Sequence[Mapping[str, Any]], name: str = "value") -> Decimal:
    """Add up one column; what has no value counts nothing."""
    return sum((row[name] for row in rows if row[name] is not None), start=Decimal(0))
