"""The tax files of one account: imports for tools, gains by lot, income, a summary per year."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from closeout.records.tax import events, formats, lots
from closeout.records.tax.lots import Finding, Gains, Gap, Income, Match, Method, Prices

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
INCOME = ("at", "kind", "asset", "amount")
GAPS = ("what", "at", "asset", "amount", "reference")


def write(
    ledger: Path,
    fees: Path | None,
    folder: Path,
    *,
    venue: str,
    currency: str = "USDT",
    prices: Prices | None = None,
) -> None:
    """Write all tax files into ``folder`` from the ledger and fee records (Parquet), in one pass. Deterministic.

    Gains are valued in ``currency``; without ``prices`` only what was traded against it has a value.
    Raises: KeyError (records that lack columns), OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.txt").write_text(NOTICE, encoding="utf-8")
    with contextlib.ExitStack() as files:

        def table(name: str, header: Sequence[str]) -> Any:
            file = files.enter_context((folder / f"{name}.csv").open("w", encoding="utf-8", newline=""))
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(header)
            return writer

        imports = [(form, table(name, form.header)) for name, form in formats.FORMATS.items()]
        sheets = [_Sheet(method, table, currency, prices or (lambda _asset, _at: None)) for method in Method]
        for event in events.from_legs(events.legs(ledger, fees)):
            for form, writer in imports:
                writer.writerows(formats.cells(form, event, venue))
            for sheet in sheets:
                sheet.books.book(event)
    methods = {sheet.method.value: sheet.years.plain() for sheet in sheets}
    summary = {"schema": "closeout.tax/1", "currency": currency, "methods": methods}
    text = json.dumps(summary, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")


class _Sheet:
    """The files of one method. Income and gaps do not depend on it: FIFO writes them for all."""

    def __init__(self, method: Method, table: Any, currency: str, prices: Prices) -> None:
        self.method = method
        self.years = Years()
        self.books = lots.Books(Gains(currency, method), emit=self._add, prices=prices)
        self._gains = table(f"gains_{method}", GAINS)
        first = method is Method.FIFO
        self._income = table("income", (*INCOME, f"value_{currency}", "reference")) if first else None
        self._gaps = table("gaps", GAPS) if first else None

    def _add(self, finding: Finding) -> None:
        self.years.add(finding)
        if isinstance(finding, Match):
            self._gains.writerow(_match_row(finding))
        elif isinstance(finding, Income):
            if self._income:
                self._income.writerow(_income_row(finding))
        elif self._gaps:
            self._gaps.writerow(_gap_row(finding))


class Years:
    """The figures of each year: proceeds, basis and gain per asset, income per kind, the number of gaps.

    A figure covers only what is known; ``unknown`` counts what has no figure.
    """

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}

    def add(self, finding: Finding) -> None:
        """Count one finding."""
        if isinstance(finding, Match):
            if finding.taxable:
                self._gain(finding)
        elif isinstance(finding, Income):
            kinds = self._of(finding.at.year)["income"]
            row = kinds.setdefault(finding.kind.value, {"value": ZERO, "unknown": 0})
            if finding.value is None:
                row["unknown"] += 1
            else:
                row["value"] += finding.value
        else:
            self._of(finding.at.year)["gaps"] += 1

    def _gain(self, match: Match) -> None:
        row = self._of(match.disposed_at.year)["gains"].setdefault(
            match.asset, {"amount": ZERO, "proceeds": ZERO, "basis": ZERO, "gain": ZERO, "unknown": 0}
        )
        row["amount"] += match.amount
        if match.gain is None:
            row["unknown"] += 1
            return
        for name in ("proceeds", "basis", "gain"):
            row[name] += getattr(match, name)

    def _of(self, year: int) -> dict[str, Any]:
        row: dict[str, Any] = self._found.setdefault(str(year), {"gains": {}, "income": {}, "gaps": 0})
        return row

    def plain(self) -> dict[str, Any]:
        """Return the figures as JSON values; amounts are decimal text."""
        plain: dict[str, Any] = _plain(self._found)
        return plain


def years(gains: Gains) -> dict[str, Any]:
    """Return the figures of each year of ``gains``."""
    found = Years()
    kept: list[Finding] = [*gains.matches, *gains.incomes, *gains.gaps]
    for finding in kept:
        found.add(finding)
    return found.plain()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return formats.number(value) if isinstance(value, Decimal) else value


def _known(value: Decimal | None) -> str:
    return "" if value is None else formats.number(value)


def _match_row(match: Match) -> Sequence[str]:
    return (
        match.disposed_at.isoformat(), match.asset, formats.number(match.amount),
        match.acquired_at.isoformat() if match.acquired_at else "", _known(match.proceeds),
        _known(match.basis), _known(match.gain), "yes" if match.taxable else "no", match.disposal,
        match.acquisition or "",
    )  # fmt: skip


def _income_row(one: Income) -> Sequence[str]:
    value, worth = formats.number(one.money.amount), _known(one.value)
    return (one.at.isoformat(), one.kind.value, one.money.asset, value, worth, one.reference)


def _gap_row(gap: Gap) -> Sequence[str]:
    return (gap.what, gap.at.isoformat(), gap.asset, formats.number(gap.amount), gap.reference)
