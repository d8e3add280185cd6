"""The manual page of the conditions, written from the catalogue; a test keeps ``docs`` current.

``python -m closeout.conditions.manual`` writes ``docs/en/conditions.md`` and ``docs/zh/conditions.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from closeout.conditions.catalog import LANGUAGES, Condition, Who, catalog, data_faults

GROUPS: Mapping[str, tuple[str, str]] = {
    "assets": ("Assets", "资产"),
    "trading": ("Trading", "交易"),
    "products": ("Loans and Earn", "借贷与赚币"),
    "links": ("Sub-accounts and links", "子账户与绑定"),
    "security": ("Security", "安全"),
    "people": ("Identity, reviews and contacts", "身份、审核与联系方式"),
    "data": ("Faults of the operator's records", "平台记录错误"),
}
ACTORS: Mapping[Who, tuple[str, str]] = {
    Who.HOLDER: ("the holder, with one button", "账户持有人，一键完成"),
    Who.HOLDER_ELSEWHERE: ("the holder, elsewhere", "账户持有人，另行处理"),
    Who.SUPPORT: ("support", "客服"),
    Who.OPERATOR: ("the operator", "平台"),
    Who.NOBODY: ("nobody: it passes by itself", "无需操作，自动满足"),
}
LABELS: Mapping[str, tuple[str, str]] = {
    "title": ("Closure conditions", "注销条件"),
    "unmet": ("When not met", "未满足时"),
    "who": ("Who ends it", "由谁处理"),
    "remedy": ("Remedy", "处置"),
    "longest": ("Longest", "最长"),
    "reason": ("Why", "原因"),
    "legal": ("Legal basis", "法律依据"),
    "rows": ("Requirements", "需求编号"),
    "source": ("Source", "来源"),
    "reads": ("Reads", "读取"),
    "faults": ("Makes unknown", "使其无法判断"),
}
INTRO: Mapping[str, str] = {
    "en": (
        "Written from `src/closeout/conditions/*.sql` by `python -m closeout.conditions.manual`; do not edit.\n\n"
        "Every condition has one of three results: *met*, *not met*, or *unknown*. Unknown means that the "
        "operator's own facts are missing, late or contradict themselves; it is never the holder's fault and "
        "never lets a closing through."
    ),
    "zh": (
        "本页由 `python -m closeout.conditions.manual` 根据 `src/closeout/conditions/*.sql` 生成，请勿手工修改。\n\n"
        "每个注销条件只有三种结果：*已满足*、*未满足*、*无法判断*。无法判断表示平台自身的数据缺失、过期或自相矛盾，"
        "这不是账户持有人的责任，也绝不会因此放行注销。"
    ),
}


def page(lang: str) -> str:
    """Return the page in ``lang`` (en or zh) as Markdown."""
    lines = [f"# {_in(LABELS['title'], lang)}", "", INTRO[lang], ""]
    for group, conditions in groupby((*catalog(), *data_faults()), key=lambda one: one.group):
        lines += [f"## {_in(GROUPS[group], lang)}", ""]
        for condition in conditions:
            lines += [*_entry(condition, lang), ""]
    return "\n".join(lines).rstrip() + "\n"


def _entry(condition: Condition, lang: str) -> Iterator[str]:
    yield f"### {condition.met[lang]}"
    yield ""
    yield f"`{condition.code}`"
    yield ""
    remedy = f"`{condition.remedy}`" if condition.remedy else (condition.no_remedy or {}).get(lang, "")
    told = {
        "unmet": condition.unmet[lang],
        "who": _in(ACTORS[condition.who], lang),
        "remedy": remedy,
        "longest": condition.longest,
        "reason": condition.reason[lang],
        "legal": condition.legal_basis,
        "faults": ", ".join(f"`{name}`" for name in condition.faults),
        "reads": ", ".join(f"`{name}`" for name in sorted(condition.reads)),
        "rows": ", ".join(condition.rows),
        "source": condition.source,
    }
    colon = ": " if lang == "en" else "："
    yield from (f"- {_in(LABELS[key], lang)}{colon}{text}" for key, text in told.items() if text)
    yield ""
    yield "```sql"
    yield condition.sql
    yield "```"


def _in(pair: tuple[str, str], lang: str) -> str:
    return pair[0 if lang == "en" else 1]


def main() -> None:
    """Write the pages of both languages."""
    docs = Path(__file__).parents[3] / "docs"
    for lang in LANGUAGES:
        (docs / lang / "conditions.md").write_text(page(lang), encoding="utf-8")


if __name__ == "__main__":
    main()
