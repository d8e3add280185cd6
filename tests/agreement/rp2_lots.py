"""Our lots against the library rp2, lot by lot, on generated histories. R-REC-2.

Not part of ``make test``: rp2 is heavy and pins its own libraries. ``make tax-agreement`` runs this in an environment
of its own. Every disposal must use the same lots for the same amounts at the same basis.
"""

# ruff: noqa: T201 - a program that prints what it found

from __future__ import annotations

import os
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from prezzemolo.avl_tree import AVLTree
from rp2.accounting_engine import AccountingEngine
from rp2.configuration import Configuration
from rp2.in_transaction import InTransaction
from rp2.input_data import InputData
from rp2.out_transaction import OutTransaction
from rp2.plugin.country.generic import Generic
from rp2.rp2_decimal import RP2Decimal
from rp2.tax_engine import compute_tax
from rp2.transaction_set import TransactionSet

from closeout.records.tax.events import Event, Kind, Money
from closeout.records.tax.lots import Method, realise

HEADERS = {
    "in_header": "timestamp asset exchange holder transaction_type spot_price crypto_in crypto_fee fiat_in_no_fee "
    "fiat_in_with_fee fiat_fee unique_id notes",
    "out_header": "timestamp asset exchange holder transaction_type spot_price crypto_out_no_fee crypto_fee "
    "crypto_out_with_fee fiat_out_no_fee fiat_fee unique_id notes",
    "intra_header": "timestamp asset from_exchange from_holder to_exchange to_holder spot_price crypto_sent "
    "crypto_received unique_id notes",
}
NEAR = Decimal("0.0000000001")
HISTORIES, STEPS = 60, 60


def configuration(folder: Path, method: Method) -> Configuration:
    """Return rp2's configuration: one coin, one exchange, one holder."""
    lines = ["[general]", "assets = BTC", "exchanges = okx", "holders = me"]
    for section, columns in HEADERS.items():
        lines += [f"[{section}]", *(f"{name} = {place}" for place, name in enumerate(columns.split()))]
    lines += ["[accounting_methods]", f"1970 = {method}"]
    path = folder / f"{method}.ini"
    path.write_text("\n".join(lines) + "\n")
    return Configuration(str(path), Generic())


def history(seed: int) -> list[Event]:
    """Return buys and sales of one coin, never selling more than there is; prices that are never equal."""
    dice, at, held = random.Random(seed), datetime(2022, 1, 1), Decimal(0)
    events = []
    for number in range(STEPS):
        at += timedelta(minutes=dice.randint(1, 20_000))
        price = Decimal(dice.randint(100_000, 9_999_999)) / 100 + Decimal(number) / 1000
        buying = held == 0 or dice.random() < 0.55
        amount = Decimal(dice.randint(1, 10**8)) / 10**8
        amount = amount if buying else min(amount, held)
        coin, fiat = Money("BTC", amount), Money("USDT", amount * price)
        held += amount if buying else -amount
        received, sent = (coin, fiat) if buying else (fiat, coin)
        events.append(Event(at=at, kind=Kind.TRADE, reference=str(number), received=received, sent=sent))
    return events


def theirs(
    events: list[Event], method: Method, folder: Path
) -> list[tuple[str, str, Decimal, Decimal, Decimal]]:
    """Return disposal, lot, amount, basis and gain of each part as rp2 computes it."""
    settings = configuration(folder, method)
    sets = {kind: TransactionSet(settings, kind, "BTC") for kind in ("IN", "OUT", "INTRA")}
    for event in events:
        buying = event.received is not None and event.received.asset == "BTC"
        coin, fiat = (event.received, event.sent) if buying else (event.sent, event.received)
        assert coin is not None
        assert fiat is not None
        common: dict[str, Any] = {
            "configuration": settings, "timestamp": event.at.replace(tzinfo=UTC).isoformat(), "asset": "BTC",
            "exchange": "okx", "holder": "me", "spot_price": RP2Decimal(fiat.amount / coin.amount),
            "row": int(event.reference) + 1, "unique_id": event.reference,
        }  # fmt: skip
        if buying:
            sets["IN"].add_entry(
                InTransaction(transaction_type="BUY", crypto_in=RP2Decimal(coin.amount), **common)
            )
            continue
        sold = OutTransaction(
            transaction_type="SELL",
            crypto_out_no_fee=RP2Decimal(coin.amount),
            crypto_fee=RP2Decimal(0),
            **common,
        )
        sets["OUT"].add_entry(sold)
    years: AVLTree[int, Any] = AVLTree()
    years.insert_node(1970, import_module(f"rp2.plugin.accounting_method.{method}").AccountingMethod())
    data = InputData("BTC", sets["IN"], sets["OUT"], sets["INTRA"])
    computed = compute_tax(settings, AccountingEngine(years), data)
    return [
        (
            one.taxable_event.unique_id, one.acquired_lot.unique_id if one.acquired_lot else "",
            Decimal(one.crypto_amount), Decimal(one.fiat_cost_basis), Decimal(one.fiat_gain),
        )
        for one in computed.gain_loss_set
    ]  # fmt: skip


def ours(events: list[Event], method: Method) -> list[tuple[str, str, Decimal, Decimal, Decimal]]:
    """Return the same of our own computation."""
    gains = realise(events, currency="USDT", method=method)
    assert not gains.gaps
    return [
        (one.disposal, one.acquisition or "", one.amount, one.basis or Decimal(0), one.gain or Decimal(0))
        for one in gains.matches
    ]


def main() -> int:
    """Compare and print; exit status 1 at the first history that differs."""
    os.environ |= {"CURRENCY_CODE": "usd", "LONG_TERM_CAPITAL_GAINS": "365"}
    parts = 0
    with tempfile.TemporaryDirectory() as scratch:
        for method in (Method.FIFO, Method.LIFO, Method.HIFO):
            for seed in range(HISTORIES):
                events = history(seed)
                mine, other = sorted(ours(events, method)), sorted(theirs(events, method, Path(scratch)))
                same = len(mine) == len(other) and all(
                    one[:2] == two[:2]
                    and all(abs(a - b) < NEAR for a, b in zip(one[2:], two[2:], strict=True))
                    for one, two in zip(mine, other, strict=True)
                )
                if not same:
                    differing = [
                        pair for pair in zip(mine, other, strict=False) if pair[0][:2] != pair[1][:2]
                    ]
                    print(
                        f"{method}, history {seed}: differs from rp2, first at {differing[:1]}",
                        file=sys.stderr,
                    )
                    return 1
                parts += len(mine)
    print(f"rp2 agrees on {parts} parts of disposals in {3 * HISTORIES} histories (fifo, lifo, hifo).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
