"""The summary of a screening as one readable page: HTML and SVG, no script, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, ROW, LABEL = 760, 26, 330
STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5b6470; --bar: #3568b8; --line: #d9dde3; --page: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --soft: #a7afba; --bar: #7aa5e6; --line: #3a4048; --page: #16181c } }
body { font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; color: var(--ink); background: var(--page);
  max-width: 800px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1rem }
dt { color: var(--soft) } dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto } text { fill: var(--ink); font-size: 13px }
.bar { fill: var(--bar) } .axis { stroke: var(--line) } .soft { fill: var(--soft) }
"""
WORDS = {
    "accounts": "accounts · 账户", "clear": "can be closed · 可注销", "blocked": "blocked · 待处理",
    "unknown": "unknown · 无法判断", "holder": "holder, one button · 本人一键",
    "holder_elsewhere": "holder, elsewhere · 本人另行处理", "support": "support · 客服",
    "operator": "operator · 平台", "nobody": "nobody, passes by itself · 自动满足",
    "at_once": "at once · 立即", "7_days": "within 7 days · 7 天内", "30_days": "8–30 days · 8–30 天",
    "60_days": "31–60 days · 31–60 天", "90_days": "61–90 days · 61–90 天", "later": "later · 90 天以后",
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
    faults = [(f"{one['title']['zh']}", one["accounts"]) for one in found["data_faults"] if one["accounts"]]
    parts = [
        ("Accounts that do not meet a condition · 未满足条件的账户", conditions),
        ("Who must act · 由谁处理", [(WORDS.get(key, key), n) for key, n in found["who"].items()]),
        (
            "What can be done · 可执行的处置",
            [(WORDS.get(key, key), n) for key, n in found["remedies"].items()],
        ),
        (
            "Earliest closing · 最早可注销",
            [(WORDS[one["within"]], one["accounts"]) for one in found["earliest"]],
        ),
        ("Faults of the operator's records · 平台记录错误", faults),
    ]
    charts = "".join(f"<h2>{escape(title)}</h2>{bars(title, rows)}" for title, rows in parts if rows)
    missing = ", ".join(found["missing"])
    note = f"<p>Not fetched, therefore unknown · 未读取，无法判断: {escape(missing)}</p>" if missing else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Screening · 筛查</title><style>{STYLE}</style>"
        f"<h1>Screening · 筛查</h1><p>{escape(str(found['as_of']))} · policy {escape(found['policy_version'])}</p>"
        f"<dl>{figures}</dl>{note}{charts}{_what_if(found.get('what_if'))}</html>\n"
    )


def bars(title: str, rows: Sequence[tuple[str, int]]) -> str:
    """Return one bar chart as SVG; every bar has its number beside it."""
    most = max((count for _, count in rows), default=0) or 1
    room = WIDTH - LABEL - 90
    drawn = []
    for place, (label, count) in enumerate(rows):
        y = place * ROW
        length = round(room * count / most, 1)
        short = label if len(label) <= 44 else label[:43] + "…"
        drawn.append(
            f'<text class="soft" x="{LABEL - 8}" y="{y + 17}" text-anchor="end">{escape(short)}'
            f"<title>{escape(label)}</title></text>"
            f'<rect class="bar" x="{LABEL}" y="{y + 5}" width="{length}" height="16" rx="2"/>'
            f'<text x="{LABEL + length + 6}" y="{y + 17}">{count:,}</text>'
        )
    height = len(rows) * ROW
    axis = f'<line class="axis" x1="{LABEL}" y1="0" x2="{LABEL}" y2="{height}"/>'
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{axis}{"".join(drawn)}</svg>'


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
