"""The statement of account as a PDF (zh and en): a document that a bank or a tax office accepts as one.

It shows what was held, what moved by month and by kind, and that the ledger sums to zero; the newest entries are
listed one by one up to a limit, all of them are in the files beside it. Bounded memory for any history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from closeout.records.statement import Both

LISTED_MAX = 200
MONTHS_MAX = 120
LEDGER = (
    "with l as (select asset, cast(amount as decimal(38, 18)) as amount, kind, posted_at"
    " from read_parquet($file)) "
)

WORDS = {
    "title": Both(zh="账户对账单", en="Statement of Account"),
    "account": Both(zh="账户（已掩码）", en="Account (masked)"),
    "venue": Both(zh="交易平台", en="Venue"),
    "period": Both(zh="期间 (UTC)", en="Period (UTC)"),
    "made": Both(zh="出具时间", en="Made"),
    "entries": Both(zh="账本笔数", en="Ledger lines"),
    "sums": Both(zh="按币种合计", en="By asset"),
    "asset": Both(zh="币种", en="Asset"),
    "came": Both(zh="转入", en="In"),
    "went": Both(zh="转出", en="Out"),
    "left": Both(zh="余额（合计）", en="Balance (sum)"),
    "zero": Both(
        zh="账本按币种合计均为零：账户中没有任何余额。",
        en="The ledger sums to zero in every asset: nothing is left in the account.",
    ),
    "not_zero": Both(
        zh="出具时账户中仍有下列余额。",
        en="At the time of this statement the account still holds these balances.",
    ),
    "kinds": Both(zh="按业务类型", en="By kind"),
    "kind": Both(zh="类型", en="Kind"),
    "lines": Both(zh="笔数", en="Lines"),
    "months": Both(zh="按月份", en="By month"),
    "month": Both(zh="月份", en="Month"),
    "listed": Both(zh="最近的账本记录", en="Newest ledger lines"),
    "at": Both(zh="时间 (UTC)", en="Time (UTC)"),
    "amount": Both(zh="金额", en="Amount"),
    "all": Both(
        zh="全部记录见同一归档中的 csv/、json/、parquet/ 目录。",
        en="Every line is in the folders csv/, json/ and parquet/ of the same archive.",
    ),
    "none": Both(zh="没有账本记录。", en="There are no ledger lines."),
}


@dataclass(frozen=True)
class Figures:
    """What the statement shows, computed by the database engine from the ledger records."""

    lines: int
    first_at: datetime | None
    last_at: datetime | None
    assets: Sequence[tuple[str, Decimal, Decimal, Decimal]]  # asset, in, out, sum
    kinds: Sequence[tuple[str, str, int, Decimal]]  # kind, asset, lines, sum
    months: Sequence[tuple[str, str, Decimal, Decimal]]  # month, asset, in, out
    newest: Sequence[tuple[datetime, str, str, Decimal]]  # at, kind, asset, amount


def figures(ledger: Path) -> Figures:
    """Return the figures of the ``ledger`` records (Parquet with asset, amount, kind, posted_at)."""
    import duckdb
    import pyarrow.parquet as pq

    if not {"asset", "amount", "kind", "posted_at"} <= set(pq.read_schema(ledger).names):
        return Figures(0, None, None, (), (), (), ())
    with duckdb.connect(config={"memory_limit": "128MB", "threads": 2}) as engine:

        def rows(sql: str) -> list[Any]:
            return engine.execute(LEDGER + sql, {"file": str(ledger)}).fetchall()

        def part(sign: str) -> str:
            return f"coalesce(sum(amount) filter (where amount {sign} 0), 0)"

        count, first, last = rows("select count(*), min(posted_at), max(posted_at) from l")[0]
        return Figures(
            lines=count,
            first_at=first,
            last_at=last,
            assets=rows(f"select asset, {part('>')}, -{part('<')}, sum(amount) from l group by 1 order by 1"),  # noqa: S608
            kinds=rows("select kind, asset, count(*), sum(amount) from l group by 1, 2 order by 1, 2"),
            months=rows(
                f"select strftime(posted_at, '%Y-%m'), asset, {part('>')}, -{part('<')} from l"  # noqa: S608
                f" group by 1, 2 order by 1 desc, 2 limit {MONTHS_MAX}"
            ),
            newest=rows(
                "select posted_at, kind, asset, amount from l order by posted_at desc, kind, asset, amount"  # noqa: S608
                f" limit {LISTED_MAX}"
            ),
        )


def write(
    ledger: Path,
    target: Path,
    *,
    account: str,
    venue: str,
    made_at: datetime,
    languages: Sequence[str] = ("zh", "en"),
) -> None:
    """Write the statement to ``target``. Equal records give equal bytes. ``made_at``: naive UTC. Raises: OSError."""
    from reportlab.lib.units import mm
    from reportlab.platypus import Flowable, Spacer

    from closeout.records import sheets

    shown = figures(ledger)
    words = _Words(languages)
    first, *rest = words.each("title")
    story: list[Flowable] = [Spacer(1, 4 * mm), sheets.text(first, 24, lead=1.3)]
    story += [sheets.text(title, 12, colour=sheets.SOFT, lead=1.5) for title in rest]
    story += [
        Spacer(1, 3 * mm),
        sheets.pairs(_facts(shown, words, account=account, venue=venue, made_at=made_at)),
    ]
    story += [Spacer(1, 3 * mm), *(sheets.text(line, 10) for line in _verdict(shown, words))]
    for name, head, rows, widths in _tables(shown):
        if rows:
            story += sheets.heading(words.each(name))
            story.append(sheets.grid([words.join(word) for word in head], rows, widths))
    story += [Spacer(1, 4 * mm), *(sheets.text(line, 8.5, colour=sheets.SOFT) for line in words.each("all"))]
    title = words.join("title")
    footer = f"{account} · {venue}"
    sheets.build(story, str(target), title=title, author=venue, footer=footer, on_first=sheets.ribbon)


class _Words:
    def __init__(self, languages: Sequence[str]) -> None:
        self._languages = languages

    def each(self, name: str) -> list[str]:
        return [getattr(WORDS[name], language) for language in self._languages]

    def join(self, name: str) -> str:
        return " · ".join(self.each(name))


def _facts(
    shown: Figures, words: _Words, *, account: str, venue: str, made_at: datetime
) -> list[tuple[str, str]]:
    period = f"{shown.first_at:%Y-%m-%d} – {shown.last_at:%Y-%m-%d}" if shown.first_at else "–"
    return [
        (words.join("account"), account),
        (words.join("venue"), venue),
        (words.join("period"), period),
        (words.join("entries"), f"{shown.lines:,}"),
        (words.join("made"), f"{made_at:%Y-%m-%d %H:%M:%S} UTC"),
    ]


def _verdict(shown: Figures, words: _Words) -> list[str]:
    if not shown.lines:
        return words.each("none")
    return words.each("not_zero" if any(total for *_, total in shown.assets) else "zero")


def _plain(value: Decimal) -> str:
    shown = f"{value:f}"
    return (shown.rstrip("0").rstrip(".") or "0") if "." in shown else shown


def _tables(shown: Figures) -> list[tuple[str, Sequence[str], list[list[str]], Sequence[float]]]:
    """Return name, head, rows and widths of each table."""
    return [
        (
            "sums",
            ("asset", "came", "went", "left"),
            [[asset, _plain(came), _plain(went), _plain(left)] for asset, came, went, left in shown.assets],
            (0.16, 0.28, 0.28, 0.28),
        ),
        (
            "kinds",
            ("kind", "asset", "lines", "left"),
            [[kind, asset, f"{lines:,}", _plain(total)] for kind, asset, lines, total in shown.kinds],
            (0.34, 0.16, 0.16, 0.34),
        ),
        (
            "months",
            ("month", "asset", "came", "went"),
            [[month, asset, _plain(came), _plain(went)] for month, asset, came, went in shown.months],
            (0.18, 0.16, 0.33, 0.33),
        ),
        (
            "listed",
            ("at", "kind", "asset", "amount"),
            [
                [f"{at:%Y-%m-%d %H:%M:%S}", kind, asset, _plain(amount)]
                for at, kind, asset, amount in shown.newest
            ],
            (0.26, 0.26, 0.14, 0.34),
        ),
    ]
