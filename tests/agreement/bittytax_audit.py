"""BittyTax reads our import file and audits it to zero. R-REC-2.

Not part of ``make test``: BittyTax is under the AGPL and is only run as a program, in an environment of its own, by
``make tax-agreement``. Its audit needs no network.
"""

# ruff: noqa: T201 - a program that prints what it found

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from closeout.records.tax import events, formats
from closeout.records.tax.events import Leg

KINDS = {
    "deposit": 1,
    "redeem": 1,
    "airdrop": 1,
    "rebate": 1,
    "borrow": 1,
    "repay_loan": -1,
    "close_position": -1,
}


def ledger(seed: int, entries: int) -> list[Leg]:
    """Return a history of every kind that ends at zero in every asset."""
    dice, at, legs, held = random.Random(seed), datetime(2023, 1, 1), list[Leg](), dict[str, Decimal]()

    def book(number: str, kind: str, asset: str, house: str, amount: Decimal) -> None:
        legs.append(Leg(number, at, kind, asset, house, amount))
        held[asset] = held.get(asset, Decimal(0)) + amount

    for asset in ("BTC", "ETH", "USDT"):
        book(f"d{asset}", "deposit", asset, "", Decimal(1_000_000))
    for number in range(entries):
        at += timedelta(minutes=dice.randint(1, 900))
        amount = Decimal(dice.randint(1, 10**12)) / 10**9
        kind = dice.choice([*KINDS, "trade", "trade", "trade"])
        if kind == "trade":
            bought, sold = dice.sample(["BTC", "ETH", "USDT"], 2)
            book(str(number), kind, bought, "", amount)
            book(str(number), kind, sold, "", -amount * 2)
            book(str(number), kind, sold, "fees", -amount / 1000)
        else:
            book(str(number), kind, dice.choice(["BTC", "ETH", "USDT"]), "", KINDS[kind] * amount)
    at += timedelta(days=1)
    for asset, amount in sorted(held.items()):
        book(f"w{asset}", "withdraw", asset, "", -amount)
    return legs


def main() -> int:
    """Write the file, let BittyTax audit it, and read its balances."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "closeout.csv"
        with file.open("w", encoding="utf-8", newline="") as into:
            rows = formats.write("bittytax", events.from_legs(ledger(7, 400)), into, venue="okx")
        words = ["bittytax", str(file), "--audit", "--nopdf"]
        said = subprocess.run(words, cwd=scratch, capture_output=True, text=True, check=False)
    output = re.sub(r"\x1b\[[\d;]*m", "", said.stdout + said.stderr)
    balances = re.findall(r"^okx\s+(BTC|ETH|USDT)\s+(\S+)\s*$", output, re.MULTILINE)
    empty = len(balances) == 3 and all(Decimal(amount.replace(",", "")) == 0 for _, amount in balances)
    if said.returncode or f"success={rows}, failure=0" not in output or not empty:
        print(output, file=sys.stderr)
        return 1
    print(f"BittyTax read {rows} rows; what it holds afterwards: {balances}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
