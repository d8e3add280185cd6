"""The summary of a screening as one readable page: HTML and SVG, no script, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from closeout.conditions.catalog import LANGUAGES

COLON = {"en": ": ", "zh": "："}
ROOM = 78  # percent of the width that the longest bar takes; its number stands behind it
STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5b6470; --bar: #3568b8; --line: #d9dde3; --page: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --soft: #a7afba; --bar: #7aa5e6; --line: #3a4048; --page: #16181c } }
body { font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; color: var(--ink); background: var(--page);
  max-width: 800px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1rem }
dt { color: var(--soft) } dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums }
ul { list-style: none; padding: 0; display: grid; gap: .6rem }
.what { color: var(--soft); font-size: .9rem; line-height: 1.4 }
svg { display: block; width: 100%; height: 18px }
text { fill: var(--ink); font-size: 13px; font-variant-numeric: tabular-nums }
.bar { fill: var(--bar) } .axis { fill: var(--line) }
"""
WORDS = {
    "accounts": "accounts · 账户", "clear": "can be closed · 可注销", "blocked": "blocked · 待处理",
    "unknown": "unknown · 无法判断", "holder": "holder, one button · 本人一键",
    "holder_elsewhere": "holder, elsewhere · 本人另行处理", "support": "support · 客服",
    "operator": "operator · 平台", "nobody": "nobody, passes by itself · 自动满足",
    "at_once": "at once · 立即", "7_days": "within 7 days · 7 天内", "30_days": "8–30 days · 8–30 天",
    "60_days": "31–60 days · 31–60 天", "90_days": "61–90 days · 61–90 天", "later": "later · 90 天以后",
    "cancel_orders": "cancel orders · 撤销挂单", "close_position": "close positions · 平仓",
    "close_sub_account": "close sub-accounts · 注销子账户", "convert": "convert · 兑换", "redeem": "redeem · 赎回",
    "repay_loan": "repay loans · 还款", "revoke_key": "revoke access · 撤销授权",
    "stop_renewal": "stop renewals · 关闭自动续期", "unbind": "unbind · 解绑", "withdraw": "withdraw · 提币",
    "open": "nobody knows yet · 尚无日期", "none": "no command · 无对应操作",
}  # fmt: skip


def page(found: Mapping[str, Any]) -> str:
    """Return the page for the document ``closeout.screen/1``."""
    figures = "".join(
        f"<div><dt>{escape(WORDS[key])}</dt><dd>{found[key]:,}</dd></div>"
        for key in ("accounts", "clear", "blocked", "unknown")
    )
    conditions = [
        (f"{one['title']['en']} · {one['title']['zh']}", one["accounts"])
        for one in sorted(found["conditions"], key=lambda one: -one["accounts"])
    ]
    faults = [
        (" · ".join(one["title"][lang].partition(COLON[lang])[2] for lang in LANGUAGES), one["accounts"])
        for one in found["data_faults"]
        if one["accounts"]
    ]
    parts = [
        ("Accounts that do not meet a condition · 未满足条件的账户", conditions),
        ("Who must act · 由谁处理", _named(found["who"])),
        ("What can be done · 可执行的处置", _named(found["remedies"])),
        (
            "Earliest closing · 最早可注销",
            [(WORDS[one["within"]], one["accounts"]) for one in found["earliest"]],
        ),
        ("Faults of the operator's records · 平台记录错误", faults),
    ]
    charts = "".join(f"<h2>{escape(title)}</h2>{bars(rows)}" for title, rows in parts if rows)
    missing = ", ".join(found["missing"])
    note = f"<p>Not fetched, therefore unknown · 未读取，无法判断: {escape(missing)}</p>" if missing else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Screening · 筛查</title><style>{STYLE}</style>"
        f"<h1>Screening · 筛查</h1><p>{escape(str(found['as_of']))} · policy {escape(found['policy_version'])}</p>"
        f"<dl>{figures}</dl>{note}{charts}{_what_if(found.get('what_if'))}</html>\n"
    )


def _named(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(WORDS.get(key, key), n) for key, n in sorted(counted.items(), key=lambda one: -one[1])]


def bars(rows: Sequence[tuple[str, int]]) -> str:
    """Return one bar chart: a line of text and a bar in SVG for each row, with its number behind the bar.

    Lengths are percentages, so that text keeps its size and wraps on a narrow screen.
    """
    most = max((count for _, count in rows), default=0) or 1
    drawn = []
    for label, count in rows:
        length = round(ROOM * count / most, 2)
        drawn.append(
            f'<li><span class="what">{escape(label)}</span>'
            f'<svg role="img" aria-label="{count:,}"><rect class="axis" width="1" height="18"/>'
            f'<rect class="bar" y="2" width="{length}%" height="14" rx="2"/>'
            f'<text x="{length}%" dx="6" y="14" aria-hidden="true">{count:,}</text></svg></li>'
        )
    return f"<ul>{''.join(drawn)}</ul>"


def _what_if(change: Mapping[str, Any] | None) -> str:
    if change is None:
        return ""
    rows = "".join(
        f"<li>{escape(one['code'])}: {one['accounts']:+,} accounts · 账户, {one['blockers']:+,}</li>"
        for one in change["conditions"]
    )
    return (
        f"<h2>What if: policy {escape(change['policy_version'])} · 若改用草案</h2>"
        f"<p>can be closed · 可注销 {change['clear']:+,}; blocked · 待处理 {change['blocked']:+,}; "
        f"unknown · 无法判断 {change['unknown']:+,}</p><ul>{rows or '<li>0</li>'}</ul>"
    )
