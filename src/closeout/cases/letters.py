"""The letters of a case: what the holder is told at each event, in both languages, by e-mail and SMS."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

FOOT = {
    "en": "\n\nYour anti-phishing word: {phrase}\nOur only domains: {domains}\nNobody of us will ever ask you for a code.",
    "zh": "\n\n你的防钓鱼码：{phrase}\n我们仅使用以下域名：{domains}\n我们的任何人都不会向你索要验证码。",
}


@dataclass(frozen=True)
class Letter:
    """One letter before it is filled in; ``sms`` is short enough for a phone."""

    subject: Mapping[str, str]
    body: Mapping[str, str]
    sms: Mapping[str, str]


def _letter(en: tuple[str, str, str], zh: tuple[str, str, str]) -> Letter:
    return Letter(*({"en": left, "zh": right} for left, right in zip(en, zh, strict=True)))


LETTERS: Mapping[str, Letter] = {
    "code": _letter(
        (
            "Your code for closing the account",
            "Code: {code}\nIt confirms the application {number} to close your account for good, and nothing else. "
            "It is valid for {minutes} minutes. If you did not apply, do not pass it on and secure your account.",
            "{code} confirms closing your account for good ({number}). Valid {minutes} min. Never pass it on.",
        ),
        (
            "注销账户验证码",
            "验证码：{code}\n仅用于确认永久注销账户的申请 {number}，{minutes} 分钟内有效。"
            "如果不是你本人操作，请勿转告他人，并立即检查账户安全。",
            "{code} 用于确认永久注销账户（{number}），{minutes} 分钟内有效，请勿转告他人。",
        ),
    ),
    "submit": _letter(
        (
            "We received your application to close the account",
            "Application {number} is received and the account is frozen. It will be closed for good at {due_at} (UTC). "
            "Until then you can take it back: open the closing pages and choose “Withdraw the application”.",
            "Closing of your account ({number}) received. It closes at {due_at} UTC unless you withdraw it.",
        ),
        (
            "已收到你的注销申请",
            "申请 {number} 已收到，账户已冻结，将于 {due_at}（UTC）永久注销。"
            "在此之前你可以随时在注销页面选择“撤销申请”。",
            "已收到注销申请（{number}），账户将于 {due_at} UTC 注销，可随时撤销。",
        ),
    ),
    "schedule": _letter(
        (
            "Your application is scheduled",
            "Application {number} is received. What still stands in the way passes by itself; the cooling-off period "
            "begins at {due_at} (UTC) without further action. The account works as usual until then.",
            "Closing of your account ({number}) is scheduled to begin at {due_at} UTC.",
        ),
        (
            "注销申请已排期",
            "申请 {number} 已收到。剩余条件会自动满足，冷静期将于 {due_at}（UTC）自动开始，"
            "在此之前账户可正常使用。",
            "注销申请（{number}）已排期，将于 {due_at} UTC 开始。",
        ),
    ),
    "refer": _letter(
        (
            "Your application is in manual review",
            "Application {number} is being reviewed by a person. We will write to you; there is nothing to do now.",
            "Closing of your account ({number}) is in manual review.",
        ),
        (
            "注销申请进入人工审核",
            "申请 {number} 正在人工审核，有结果会通知你，目前无需操作。",
            "注销申请（{number}）正在人工审核。",
        ),
    ),
    "interrupt": _letter(
        (
            "The closing of your account is paused",
            "Something new stands in the way of application {number}, for example value that arrived. Nothing is lost: "
            "the clock is stopped and runs on when it is cleared. The self-check shows what it is.",
            "Closing of your account ({number}) is paused. The self-check shows why.",
        ),
        (
            "注销已暂停",
            "申请 {number} 出现了新的未满足条件，例如有资产到账。资产不会丢失，计时已暂停，处理后会继续。"
            "详情请看自查页面。",
            "注销申请（{number}）已暂停，原因见自查页面。",
        ),
    ),
    "resume": _letter(
        (
            "The closing of your account goes on",
            "Nothing stands in the way of application {number} any more. The account will be closed for good at "
            "{due_at} (UTC). You can still take it back.",
            "Closing of your account ({number}) goes on and ends at {due_at} UTC.",
        ),
        (
            "注销已继续",
            "申请 {number} 的条件已全部满足，账户将于 {due_at}（UTC）永久注销，在此之前仍可撤销。",
            "注销申请（{number}）已继续，将于 {due_at} UTC 注销。",
        ),
    ),
    "remind": _letter(
        (
            "Reminder: your account will be closed",
            "Application {number}: the account will be closed for good at {due_at} (UTC). If you changed your mind or "
            "did not apply, withdraw the application now.",
            "Your account ({number}) will be closed at {due_at} UTC. Not you? Withdraw it now.",
        ),
        (
            "提醒：账户即将注销",
            "申请 {number}：账户将于 {due_at}（UTC）永久注销。如果你改变了主意，或不是你本人申请，请立即撤销。",
            "账户（{number}）将于 {due_at} UTC 注销。非本人操作请立即撤销。",
        ),
    ),
    "withdraw": _letter(
        (
            "The application is withdrawn",
            "Application {number} is withdrawn. The account works as before.",
            "Application {number} is withdrawn. The account works as before.",
        ),
        (
            "注销申请已撤销",
            "申请 {number} 已撤销，账户已恢复正常使用。",
            "注销申请（{number}）已撤销，账户已恢复。",
        ),
    ),
    "refuse": _letter(
        (
            "The application is refused",
            "Application {number} is refused. The reasons and how to appeal are on the closing pages.",
            "Application {number} is refused. See the closing pages for the reasons.",
        ),
        (
            "注销申请未通过",
            "申请 {number} 未通过，原因和申诉方式见注销页面。",
            "注销申请（{number}）未通过，原因见注销页面。",
        ),
    ),
    "confirm_closed": _letter(
        (
            "Your account is closed",
            "Application {number}: the account is closed for good. Your certificate can be downloaded on the "
            "closed-account page. Value that arrives until {due_at} (UTC) can be claimed with it; then your personal "
            "data is erased.",
            "Your account ({number}) is closed. The certificate is on the closed-account page.",
        ),
        (
            "账户已注销",
            "申请 {number}：账户已永久注销，可在注销后页面下载注销证明。{due_at}（UTC）之前到账的资产可凭证明申领，"
            "之后你的个人信息将被删除。",
            "账户（{number}）已注销，可在注销后页面下载注销证明。",
        ),
    ),
    "erase": _letter(
        (
            "Your personal data is being erased",
            "Application {number}: the observation period is over and your personal data is being erased. This is the "
            "last message; keep the certificate.",
            "Application {number}: your personal data is being erased. This is our last message.",
        ),
        (
            "个人信息正在删除",
            "申请 {number}：观察期已结束，你的个人信息正在删除。这是最后一条消息，请保存好注销证明。",
            "申请 {number}：你的个人信息正在删除，这是最后一条消息。",
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A letter filled in for one person and channel."""

    subject: str
    body: str

    @property
    def digest(self) -> str:
        """Return SHA-256 of the text, the proof of what was said (kept after the text is erased)."""
        return hashlib.sha256(f"{self.subject}\n\n{self.body}".encode()).hexdigest()


def write(template: str, channel: str, language: str, values: Mapping[str, str]) -> Written:
    """Fill in ``template`` for ``channel`` (email or sms). Raises: KeyError for a missing value."""
    letter = LETTERS[template]
    if channel == "sms":
        return Written("", letter.sms[language].format(**values))
    body = letter.body[language] + FOOT[language]
    return Written(letter.subject[language].format(**values), body.format(**values))
