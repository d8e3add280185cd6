"""The certificate of closure as a page: what it says, in one language or two."""

from __future__ import annotations

import io
from collections.abc import Sequence

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Spacer, Table

from closeout.records import sheets
from closeout.records.statement import Both, Fate, Statement

WORDS = {
    "title": Both(zh="注销证明", en="Certificate of Account Closure"),
    "closed_line": Both(
        zh="兹证明：下列账户已永久注销，不再可登录、交易或充值。",
        en="This certifies that the account below is closed for good: no login, no trading, no deposit.",
    ),
    "number": Both(zh="证明编号", en="Certificate number"),
    "venue": Both(zh="交易平台", en="Venue"),
    "account": Both(zh="账户（已掩码）", en="Account (masked)"),
    "applied": Both(zh="申请时间", en="Applied for"),
    "closed_at": Both(zh="注销时间", en="Closed"),
    "issued": Both(zh="出具时间", en="Issued"),
    "policy": Both(zh="适用规则版本", en="Policy version"),
    "consent": Both(zh="确认文本摘要", en="Consent text, SHA-256"),
    "closed": Both(zh="已关闭的内容", en="What was closed"),
    "item": Both(zh="项目", en="Item"),
    "count": Both(zh="数量", en="Count"),
    "amounts": Both(zh="金额", en="Amounts"),
    "ledger": Both(zh="账本合计", en="Ledger sum"),
    "ledger_none": Both(zh="各币种均为 0", en="zero in every asset"),
    "history": Both(zh="办理经过", en="History of the case"),
    "at": Both(zh="时间 (UTC)", en="Time (UTC)"),
    "event": Both(zh="事项", en="Event"),
    "files": Both(zh="已交付的记录", en="Records handed over"),
    "file": Both(zh="文件", en="File"),
    "size": Both(zh="字节", en="Bytes"),
    "fates": Both(zh="数据的去向", en="What becomes of the data"),
    "what": Both(zh="数据", en="Data"),
    "until": Both(zh="保存至", en="Kept until"),
    "why": Both(zh="原因", en="Reason"),
    "erased": Both(zh="已删除", en="erased for good"),
    "check": Both(zh="如何核验", en="How to verify"),
    "check_body": Both(
        zh="本文件已数字签名，改动任何一个字节都会使其失效。无需联网即可核验："
        "closeout certificate verify 文件。右侧二维码包含签名后的摘要。",
        en="This file is digitally signed: one changed byte makes it invalid. Verify offline with "
        "closeout certificate verify FILE. The QR code holds a signed digest.",
    ),
    "digest": Both(zh="声明摘要 (SHA-256)", en="Digest of the statement (SHA-256)"),
}


def draw(statement: Statement, *, digest: str, code: str, languages: Sequence[str]) -> bytes:
    """Return the unsigned PDF. ``code`` is the QR code's text, ``digest`` the hash of the statement."""
    story: list[Flowable] = [
        *_head(statement, languages),
        *_closed(statement, languages),
        *_history(statement, languages),
        *_files(statement, languages),
        *_fates(statement, languages),
        _check(statement, digest=digest, code=code, languages=languages),
    ]
    target = io.BytesIO()
    title = _join(WORDS["title"], languages)
    footer = f"{statement.number} · {statement.venue}"
    sheets.build(story, target, title=title, author=statement.venue, footer=footer, on_first=sheets.ribbon)
    return target.getvalue()


def _each(words: Both, languages: Sequence[str]) -> list[str]:
    return [getattr(words, language) for language in languages]


def _join(words: Both, languages: Sequence[str]) -> str:
    return " · ".join(_each(words, languages))


def _word(name: str, languages: Sequence[str]) -> str:
    return _join(WORDS[name], languages)


def _head(statement: Statement, languages: Sequence[str]) -> list[Flowable]:
    first, *rest = _each(WORDS["title"], languages)
    story: list[Flowable] = [Spacer(1, 4 * mm), sheets.text(first, 26, lead=1.3)]
    story += [sheets.text(title, 13, colour=sheets.SOFT, lead=1.5) for title in rest]
    story.append(Spacer(1, 3 * mm))
    story += [sheets.text(line, 10) for line in _each(WORDS["closed_line"], languages)]
    story.append(Spacer(1, 4 * mm))
    said = [
        ("number", statement.number),
        ("venue", statement.venue),
        ("account", statement.account),
        ("applied", f"{statement.applied_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("closed_at", f"{statement.closed_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("issued", f"{statement.issued_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("policy", statement.policy_version),
        ("consent", statement.consent_sha256),
        ("ledger", _sums(statement, languages)),
    ]
    return [*story, sheets.pairs([(_word(name, languages), value) for name, value in said])]


def _sums(statement: Statement, languages: Sequence[str]) -> str:
    left = [f"{amount} {asset}" for asset, amount in statement.ledger_sums if amount.strip("0.") != ""]
    return "; ".join(left) or _word("ledger_none", languages)


def _closed(statement: Statement, languages: Sequence[str]) -> list[Flowable]:
    if not statement.closed:
        return []
    rows = [[_join(one.title, languages), str(one.count), "; ".join(one.amounts)] for one in statement.closed]
    head = [_word(name, languages) for name in ("item", "count", "amounts")]
    return [*sheets.heading(_each(WORDS["closed"], languages)), sheets.grid(head, rows, (0.5, 0.14, 0.36))]


def _history(statement: Statement, languages: Sequence[str]) -> list[Flowable]:
    if not statement.history:
        return []
    rows = [[f"{line.at:%Y-%m-%d %H:%M:%S}", _join(line.title, languages)] for line in statement.history]
    head = [_word(name, languages) for name in ("at", "event")]
    return [*sheets.heading(_each(WORDS["history"], languages)), sheets.grid(head, rows, (0.26, 0.74))]


def _files(statement: Statement, languages: Sequence[str]) -> list[Flowable]:
    if not statement.files:
        return []
    rows = [[file.name, f"{file.bytes:,}", file.sha256] for file in statement.files]
    head = [_word("file", languages), _word("size", languages), "SHA-256"]
    return [
        *sheets.heading(_each(WORDS["files"], languages)),
        sheets.grid(head, rows, (0.26, 0.14, 0.6), size=7),
    ]


def _fates(statement: Statement, languages: Sequence[str]) -> list[Flowable]:
    if not statement.fates:
        return []
    rows = [
        [_join(one.title, languages), _until(one, languages), _join(one.reason, languages)]
        for one in statement.fates
    ]
    head = [_word(name, languages) for name in ("what", "until", "why")]
    return [*sheets.heading(_each(WORDS["fates"], languages)), sheets.grid(head, rows, (0.34, 0.2, 0.46))]


def _until(fate: Fate, languages: Sequence[str]) -> str:
    return f"{fate.until:%Y-%m-%d}" if fate.until else _word("erased", languages)


def _check(statement: Statement, *, digest: str, code: str, languages: Sequence[str]) -> Flowable:
    side = 40 * mm
    words: list[Flowable] = [*sheets.heading(_each(WORDS["check"], languages))]
    words += [sheets.text(line, 9) for line in _each(WORDS["check_body"], languages)]
    words += [Spacer(1, 2 * mm), sheets.text(_word("digest", languages), 7.5, colour=sheets.SOFT)]
    words.append(sheets.text(digest, 7.5))
    if statement.verify_url:
        words.append(sheets.text(statement.verify_url, 9, colour=sheets.ACCENT))
    table = Table(
        [[words, sheets.QrCode(code, side)]], colWidths=[sheets.WIDTH - side - 6 * mm, side + 6 * mm]
    )
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), sheets.FONT, 8, 12),
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
            ("LEFTPADDING", (0, 0), (0, 0), 0),
        ]
    )
    return KeepTogether([Spacer(1, 2 * mm), table])
