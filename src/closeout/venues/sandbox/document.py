"""The tables of the sandbox's documentation, written from the database: prices, networks, products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg

TABLES: Mapping[str, tuple[str, Mapping[str, Sequence[str]]]] = {
    "prices": (
        """select asset, price, scale, case when convertible and price is not null then convert_min end,
        withdrawn_daily_max, delisted from sandbox.asset order by kind, price desc nulls last, asset""",
        {
            "en": ("asset", "price in USDT", "decimals", "smallest conversion", "a day at most", "delisted"),
            "zh": ("资产", "价格（USDT）", "小数位数", "最小兑换数量", "每日提币上限", "已下架"),
        },
    ),
    "networks": (
        "select asset, network, withdraw_min, fee, minutes, memo_required from sandbox.network order by asset, network",
        {
            "en": ("asset", "network", "smallest withdrawal", "fee", "minutes until final", "memo needed"),
            "zh": ("资产", "网络", "最小提币数量", "手续费", "到账分钟数", "需填备注"),
        },
    ),
    "instruments": (
        """select instrument, kind, mark, spread, depth, settlement_minutes
        from sandbox.instrument order by kind, instrument""",
        {
            "en": ("instrument", "kind", "mark", "spread", "depth", "minutes until settled"),
            "zh": ("产品", "类型", "标记价格", "价差", "深度", "结算分钟数"),
        },
    ),
    "products": (
        """select product, kind, asset, daily_rate, term_days, early, penalty_rate, unbonding_minutes
        from sandbox.product order by kind, product""",
        {
            "en": ("product", "kind", "asset", "a day", "days", "early", "penalty", "minutes until paid"),
            "zh": ("产品", "类型", "资产", "日收益率", "期限（天）", "可提前赎回", "违约比例", "到账分钟数"),
        },
    ),
}
YES_NO = {"en": ("yes", "no"), "zh": ("是", "否")}


def table(connection: psycopg.Connection[Any], name: str, language: str) -> str:
    """Return one table as Markdown. Raises: KeyError for an unknown table or language."""
    query, heads = TABLES[name]
    rows = connection.execute(query).fetchall()
    lines = [heads[language], ["---"] * len(heads[language])]
    lines += [[shown(value, language) for value in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(value: object, language: str) -> str:
    """Write one value exactly: a dash for none, no trailing zeros, no exponent."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return YES_NO[language][0 if value else 1]
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def filled(connection: psycopg.Connection[Any], text: str, language: str) -> str:
    """Return ``text`` with every table between ``<!-- name -->`` and ``<!-- /name -->`` written anew.

    Raises: ValueError if the text lacks the place of a table.
    """
    for name in TABLES:
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if begin not in text or end not in text:
            raise ValueError(f"the page has no place for the table {name}: {begin} … {end}")
        before, rest = text.split(begin, 1)
        after = rest.split(end, 1)[1]
        text = f"{before}{begin}\n{table(connection, name, language)}\n{end}{after}"
    return text
