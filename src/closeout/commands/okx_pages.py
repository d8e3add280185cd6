"""How a look at an OKX account is shown: what was declared, what could not be read, what is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from closeout.conditions.document import instant, plain
from closeout.venues.okx import declared
from closeout.venues.okx.looking import Looked

TEXTS: Mapping[str, Mapping[str, str]] = {
    "declared": {"en": "Declared by you, not read from {venue}", "zh": "由你声明，并非从 {venue} 读取"},
    "asked": {
        "en": "No API of {venue} tells; not answered yet, so unknown. Answer with --answer NAME=yes, no or a day",
        "zh": "{venue} 的 API 无法告知，尚未回答（视为未知）。可用 --answer 名称=yes、no 或日期 来回答",
    },
    "failed": {"en": "Could not be read", "zh": "未能读取"},
    "hidden": {"en": "Assets and hints that no list shows", "zh": "列表中看不到的资产和线索"},
    "trade": {
        "en": "This key can trade or withdraw. For looking, make a read-only one: {where}.",
        "zh": "此密钥可以交易或提币。仅查询时请新建只读密钥：{where}。",
    },
    "last": {
        "en": "Only the key used here ({label}) is left: delete it last, on the web, then close in the app{steps}.",
        "zh": "只剩本次使用的密钥（{label}）：最后在网页端删除，然后到 App 注销{steps}。",
    },
    "own": {
        "en": "The key used here ({label}) is not counted above: delete this one last, on the web.",
        "zh": "本次使用的密钥（{label}）未计入以上结果：请最后在网页端删除它。",
    },
}  # fmt: skip


KEY_PAGE: Mapping[str, Mapping[str, str]] = {
    "OKX": {"en": "okx.com, Profile, API", "zh": "okx.com → 个人中心 → API → 创建"},
    "Binance": {"en": "binance.com, Account, API Management", "zh": "binance.com → 账户 → API 管理"},
}


ANSWERS: Mapping[str, Mapping[str, str]] = {"en": {}, "zh": {declared.YES: "是", declared.NO: "否"}}


def say(name: str, language: str, **values: object) -> str:
    """Return one of the fixed sentences."""
    return TEXTS[name][language].format(**values)


def details(looked: Looked, language: str) -> None:
    """Print what stands behind the report."""
    _answers(looked, language)
    if looked.failures:
        click.echo(f"\n{say('failed', language)}")
        for name, failed in looked.failures.items():
            click.echo(f"  ? {name}: {failed.sentence(language)}")
    if looked.residuals:
        click.echo(f"\n{say('hidden', language)}")
        for one in looked.residuals:
            money = "" if one.amount is None else f"{plain(one.amount)} {one.asset or ''}: "
            click.echo(f"  {'?' if one.leaves_open else '○'} {money}{one.zh if language == 'zh' else one.en}")
            for row in one.rows:
                click.echo(f"      {' '.join(f'{name}={row[name]}' for name in list(row)[:6])}")


def _answers(looked: Looked, language: str) -> None:
    """Print what the holder declared, and what is still to answer."""
    if looked.declared:
        click.echo(f"\n{say('declared', language, venue=looked.venue)}")
    for question in looked.questions:
        answer = looked.declared.get(question.code)
        if answer is not None:
            mark = "✓" if answer.value == question.good else "○"
            value = ANSWERS[language].get(answer.value, answer.value)
            click.echo(f"  {mark} {_text(question, language)} {value} ({answer.at:%Y-%m-%d})")
    unanswered = declared.unanswered(looked.declared, questions=looked.questions)
    if unanswered:
        click.echo(f"\n{say('asked', language, venue=looked.venue)}")
    for question in unanswered:
        click.echo(f"  ? {question.code}: {_text(question, language)}")


def last(looked: Looked, *, clear: bool, language: str) -> str:
    """Return what becomes of the key that looks: it must exist to look, so it goes last."""
    steps = ""
    if looked.venue == "OKX":
        steps = "（closeout okx steps）" if language == "zh" else " (closeout okx steps)"
    label = looked.holder.key_label or "-"
    return say("last", language, label=label, steps=steps) if clear else say("own", language, label=label)


def warn(looked: Looked, language: str) -> None:
    """Say on stderr that the key may do more than looking."""
    if looked.holder.can_trade or looked.holder.can_withdraw:
        click.echo(say("trade", language, where=KEY_PAGE[looked.venue][language]), err=True)


def _text(question: declared.Question, language: str) -> str:
    return question.zh if language == "zh" else question.en


def document(looked: Looked) -> dict[str, Any]:
    """Return what stands behind the report as JSON values, beside ``closeout.check/1``."""
    return {
        "schema": f"closeout.{looked.venue.lower()}/1",
        "as_of": instant(looked.as_of),
        "key": {
            "label": looked.holder.key_label,
            "permissions": list(looked.holder.permissions),
            "ip_bound": looked.holder.ip_bound,
            "delete_last": True,
        },
        "sources": {name: source.state for name, source in sorted(looked.sources.items())},
        "declared": {
            code: {"value": one.value, "at": instant(one.at)} for code, one in looked.declared.items()
        },
        "unanswered": [
            question.code for question in declared.unanswered(looked.declared, questions=looked.questions)
        ],
        "failures": {
            name: {
                "kind": str(failed.kind),
                "code": failed.code,
                "en": failed.sentence("en"),
                "zh": failed.sentence("zh"),
            }
            for name, failed in looked.failures.items()
        },
        "hidden": [
            {
                "relation": one.relation,
                "asset": one.asset,
                "amount": None if one.amount is None else plain(one.amount),
                "en": one.en,
                "zh": one.zh,
                "unexplained": one.leaves_open,
                "rows": [dict(row) for row in one.rows],
            }
            for one in looked.residuals
        ],
    }
