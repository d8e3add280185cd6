"""The tax files of one account: imports for tools, gains by lot, income, a summary per year."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from closeout.records.tax import events, formats, lots
from closeout.records.tax.lots import Gains, Match, Method, Prices

ZERO = Decimal(0)
NOTICE = """\
These files are records, not tax advice. 以下文件是交易记录，不构成税务建议。

Every amount comes from the account's own ledger; per asset the rows of each import file sum to what the ledger
sums to. A row marked "review" is one that needs a person: the venue's own word for it stands in the comment.
每一笔金额都来自账户自身的账本；每个导入文件按币种求和与账本一致。标有 "review" 的行需要人工判断。

gains_*.csv: realised gains by lot, one file per method (fifo, lifo, hifo, average). An empty gain means that a
price or a cost is not known; gaps.csv lists each of them. Nothing was guessed.
gains_*.csv：按批次计算的已实现损益；空白表示缺少价格或成本，gaps.csv 逐项列出，绝不猜测。
"""
GAINS = (
    "disposed_at", "asset", "amount", "acquired_at", "proceeds", "basis", "gain", "taxable", "disposal",
    "acquisition",
)  # fmt: skip


def write(
    ledger: Path,
    fees: Path | None,
    folder: Path,
    *,
    venue: str,
    currency: str = "USDT",
    prices: Prices | None = None,
) -> None:
    """Write all tax files into ``folder`` from the ledger and fee records (Parquet). Deterministic.

    Gains are valued in ``currency``; without ``prices`` only what was traded against it has a value.
    Raises: KeyError (records that lack columns), OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.txt").write_text(NOTICE, encoding="utf-8")

    def history() -> Iterator[events.Event]:
        return events.from_legs(events.legs(ledger, fees))

    for name in formats.FORMATS:
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            formats.write(name, history(), file, venue=venue)
    summary: dict[str, Any] = {"schema": "closeout.tax/1", "currency": currency, "methods": {}}
    last: Gains | None = None
    for method in Method:
        last = lots.realise(
            history(), currency=currency, method=method, prices=prices or (lambda _asset, _at: None)
        )
        _write_gains(folder / f"gains_{method}.csv", last.matches)
        summary["methods"][method.value] = years(last)
    if last is not None:
        _write_incomes(folder / "income.csv", last)
        _write_gaps(folder / "gaps.csv", last)
    text = json.dumps(summary, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def years(gains: Gains) -> dict[str, Any]:
    """Return the figures of each year: proceeds, basis and gain per asset, income per kind, open gaps.

    A figure covers only what is known; ``unknown`` counts the disposals without a gain.
    """
    found: dict[str, Any] = {}

    def of(year: int) -> dict[str, Any]:
        row: dict[str, Any] = found.setdefault(str(year), {"gains": {}, "income": {}, "gaps": 0})
        return row

    for match in gains.matches:
        if not match.taxable:
            continue
        row = of(match.disposed_at.year)["gains"].setdefault(
            match.asset, {"amount": ZERO, "proceeds": ZERO, "basis": ZERO, "gain": ZERO, "unknown": 0}
        )
        row["amount"] += match.amount
        if match.gain is None:
            row["unknown"] += 1
            continue
        for name in ("proceeds", "basis", "gain"):
            row[name] += getattr(match, name)
    for income in gains.incomes:
        kinds = of(income.at.year)["income"].setdefault(income.kind.value, {"value": ZERO, "unknown": 0})
        if income.value is None:
            kinds["unknown"] += 1
        else:
            kinds["value"] += income.value
    for gap in gains.gaps:
        of(gap.at.year)["gaps"] += 1
    plain: dict[str, Any] = _plain(found)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return formats.number(value) if isinstance(value, Decimal) else value


def _rows(path: Path, header: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)


def _known(value: Decimal | None) -> str:
    return "" if value is None else formats.number(value)


def _write_gains(path: Path, matches: Sequence[Match]) -> None:
    _rows(
        path,
        GAINS,
        (
            (
                match.disposed_at.isoformat(), match.asset, formats.number(match.amount),
                match.acquired_at.isoformat() if match.acquired_at else "", _known(match.proceeds),
                _known(match.basis), _known(match.gain), "yes" if match.taxable else "no", match.disposal,
                match.acquisition or "",
            )
            for match in matches
        ),
    )  # fmt: skip


def _write_incomes(path: Path, gains: Gains) -> None:
    _rows(
        path,
        ("at", "kind", "asset", "amount", f"value_{gains.currency}", "reference"),
        (
            (
                one.at.isoformat(), one.kind.value, one.money.asset, formats.number(one.money.amount),
                _known(one.value), one.reference,
            )
            for one in gains.incomes
        ),
    )  # fmt: skip


def _write_gaps(path: Path, gains: Gains) -> None:
    _rows(
        path,
        ("what", "at", "asset", "amount", "reference"),
        (
            (gap.what, gap.at.isoformat(), gap.asset, formats.number(gap.amount), gap.reference)
            for gap in gains.gaps
        ),
    )
