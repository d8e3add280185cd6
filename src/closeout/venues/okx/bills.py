"""Bills as entries of the books: which bills belong together, and what each is called in the tax files.

OKX tells single lines. A trade is two of them under one number, a conversion two of the same moment; money that
moves between wallets, or into a product and back, cancels out over time. The tables are in ``bills.toml``.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from typing import Any

Row = Mapping[str, Any]
PAIRED = frozenset({"convert"})  # two lines of one moment, without a common number
CONTRACTS = frozenset({"SWAP", "FUTURES", "OPTION"})


@dataclass(frozen=True)
class Meaning:
    """What a bill is: a word of the tax files; and the place inside the account that money went to or came from."""

    kind: str
    place: str | None = None
    in_rounds: bool = False  # a product: when as much has come back as went in, a round is over


def _load() -> tuple[dict[tuple[str, str], Meaning], list[tuple[str, Meaning]]]:
    said = tomllib.loads(resources.files(__package__).joinpath("bills.toml").read_text(encoding="utf-8"))
    found: dict[tuple[str, str], Meaning] = {}
    for wallet in ("funding", "trading"):
        for kind, codes in said[wallet]["kind"].items():
            found |= {(wallet, code): Meaning(kind) for code in codes}
        for place, codes in said[wallet]["internal"].items():
            found |= {(wallet, code): Meaning("internal", place) for code in codes}
        for place, codes in said[wallet]["product"].items():
            found |= {(wallet, code): Meaning("product", place, in_rounds=True) for code in codes}
    words = [
        (one["word"], Meaning(one["kind"]) if "kind" in one else Meaning("internal", one["internal"]))
        for one in said["file"]
    ]
    return found, words


CODES, WORDS = _load()


def words(rows: Iterable[Row]) -> dict[str, str]:
    """Read ``account/subtypes``: OKX's own word for each type of a trading bill; what has none is left out."""
    return {str(row["type"]): str(row["typeDesc"]) for row in rows if row.get("type") and row.get("typeDesc")}


def meaning(one: Row, words: Mapping[str, str] | None = None) -> Meaning:
    """Say what one ledger record is; a code that nobody knows keeps its number, and OKX's own word for it."""
    raw: Row = one["raw"]
    if "type" in raw:
        code = str(raw["type"])
        word = (words or {}).get(code) if one["wallet"] == "trading" else None
        unknown = Meaning(f"{one['wallet']} bill {code}" + (f": {word}" if word else ""))
        known = CODES.get((str(one["wallet"]), code), unknown)
        contract = known.kind == "trade" and str(raw.get("instType", "")) in CONTRACTS
        return Meaning("position") if contract else known
    said = f"{raw.get('Trade Type', '')} {raw.get('Type', '')}".lower()
    for word, known in WORDS:
        if word in said:
            return known
    return Meaning("position" if raw.get("Instrument") else said.strip() or "bill")


def entries(ledger: Iterable[Row], words: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Yield the records with the columns that statement and tax files read; the order stays, nothing is left out.

    ``words``: what OKX calls the types of trading bills, for those that have no meaning here yet.
    """
    seen = _Seen()
    for one in ledger:
        means = meaning(one, words)
        yield {
            "transfer_id": f"{one['wallet']}-{one['id']}",
            "entry_id": _entry(one, means, seen),
            "kind": means.kind,
            "wallet": one["wallet"],
            "asset": one["asset"],
            "amount": one["amount"],
            "posted_at": one["at"],
            "code": one["code"],
            "source": one["source"],
            "raw": one["raw"],
        }


@dataclass
class _Seen:
    """What came before: lines of one moment, and what lies in each product."""

    moments: Counter[str] = field(default_factory=Counter)
    inside: dict[str, Decimal] = field(default_factory=dict)
    rounds: Counter[str] = field(default_factory=Counter)

    def round_of(self, place: str, amount: Decimal) -> str:
        """Return the round of a product to which a line belongs; it ends when nothing is inside any more."""
        name = f"{place} {self.rounds[place] + 1}"
        left = self.inside.get(place, Decimal(0)) - amount
        self.inside[place] = max(left, Decimal(0))
        self.rounds[place] += left <= 0
        return name


def _entry(one: Row, means: Meaning, seen: _Seen) -> str:
    raw: Row = one["raw"]
    if means.place is not None:
        place = f"{means.place} {one['asset']}"
        return seen.round_of(place, one["amount"]) if means.in_rounds else place
    if means.kind == "trade":
        number = raw.get("tradeId") or raw.get("ordId") or raw.get("Order id")
        if number:
            instrument = raw.get("instId") or raw.get("Instrument") or ""
            return f"trade {instrument} {number} {one['at']:%Y%m%d%H%M%S%f}"
    if means.kind in PAIRED:
        moment = f"{means.kind} {one['wallet']} {one['at']:%Y%m%d%H%M%S%f}"
        seen.moments[moment] += 1
        return f"{moment} {(seen.moments[moment] + 1) // 2}"
    return f"{one['wallet']} {one['id']}"
