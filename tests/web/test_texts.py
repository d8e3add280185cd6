"""Every text of the portal in both languages: complete, equal in its placeholders, in the words of the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from closeout.web.portal import catalogue

PO = catalogue.LOCALE / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}|</?b>")
LATIN = re.compile(r"[A-Za-z][A-Za-z'’.-]{2,}")
NAMES = frozenset(
    {
        "API", "CSV", "JPEG", "JSON", "PDF", "PNG", "SMS", "USDT", "WebM", "WebP",
        "AES", "AES-", "JavaScript", "Keka", "UTC", "UID", "WinZip", "ZIP", "Zip",
        "closeout", "DeFi", "Jumpstart", "SHA",
    }
)  # fmt: skip
FORBIDDEN = {
    "您": "你", "亲，": "你", "！": "。", "销户": "注销", "删除账户": "注销账户", "帐": "账", "后悔期": "冷静期",
    "冷却期": "冷静期 or 安全等待期", "点击": "a plain verb",
}  # fmt: skip
GLOSSARY = {
    "cooling-off": "冷静期",
    "waiting period": "等待期",
    "observation period": "观察期",
    "dormant": "休眠",
    "passkey": "通行密钥",
    "withdraw the application": "撤销",
    "certificate": "注销证明",
    "small balances": "小额资产",
    "sub-account": "子账户",
    "authenticator": "验证器",
    "self-check": "自查",
    "funding account": "资金账户",
    "p2p": "C2C",
}


def entries() -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yield every message with its forms and its translations."""
    for entry in catalogue.read(PO):
        if entry.id:
            source = entry.id if isinstance(entry.id, tuple | list) else [entry.id]
            target = entry.string if isinstance(entry.string, tuple | list) else [entry.string]
            yield list(source), list(target)


def test_every_message_of_the_sources_is_in_the_catalogue_and_none_beside() -> None:
    """R-SUP-1, issue 5: every message id translated, no obsolete one kept."""
    wanted = {(entry.context, str(entry.id)) for entry in catalogue.gathered() if entry.id}
    there = {(entry.context, str(entry.id)) for entry in catalogue.read(PO) if entry.id}
    assert wanted - there == set(), "run: python -m closeout.web.portal.catalogue"
    assert there - wanted == set(), "run: python -m closeout.web.portal.catalogue"


def test_every_message_is_translated_and_none_is_fuzzy() -> None:
    untranslated = [source[0] for source, target in entries() if not all(target)]
    assert untranslated == []
    assert [entry.id for entry in catalogue.read(PO) if entry.fuzzy] == []


def test_placeholders_are_equal_in_both_languages() -> None:
    wrong = []
    for source, target in entries():
        known = sorted(PLACEHOLDER.findall(source[-1]))
        wrong += [(source[-1], text) for text in target if sorted(PLACEHOLDER.findall(text)) != known]
    assert wrong == []


def test_chinese_holds_no_latin_sentence_except_names() -> None:
    wrong = []
    for source, target in entries():
        for text in target:
            bare = PLACEHOLDER.sub("", text)
            words = [word for word in LATIN.findall(bare) if word.strip(".") not in NAMES]
            wrong += [(source[0], word) for word in words]
    assert wrong == []


@pytest.mark.parametrize(("bad", "good"), FORBIDDEN.items())
def test_words_that_the_house_does_not_say(bad: str, good: str) -> None:
    assert [text for _, target in entries() for text in target if bad in text] == [], f"say {good}"


@pytest.mark.parametrize(("english", "chinese"), GLOSSARY.items())
def test_the_glossary_decides(english: str, chinese: str) -> None:
    """A term of the glossary is translated by the glossary's word."""
    wrong = [
        (source[0], target[0])
        for source, target in entries()
        if re.search(rf"\b{re.escape(english)}", source[0].lower()) and chinese not in target[0]
    ]
    assert wrong == []


def test_one_space_between_chinese_and_latin_and_none_inside_dates() -> None:
    """House typography: ``3 笔挂单``; full-width marks stand without spaces."""
    joined = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]| [，。：（）]|[，。：（）] ")
    wrong = [text for _, target in entries() for text in target if joined.search(_filled(text))]
    assert wrong == []


def _filled(text: str) -> str:
    """Put something typical where values go: a date ends in a full-width mark, all else is Latin or a number."""
    dates = re.sub(r"%\((?:when|subject)\)s", "年", text)
    return PLACEHOLDER.sub("", re.sub(r"%\(\w+\)[sd]|\{\w+\}", "0", dates))


def test_catalogues_compile_themselves() -> None:
    mo = PO.with_suffix(".mo")
    mo.unlink(missing_ok=True)
    assert catalogue.compile_stale() == [mo]
    assert catalogue.compile_stale() == []
