"""What no API tells: ten questions, their answers as facts, remembered on this computer if wished.

An unanswered question leaves its relation unfetched, and the conditions that read it unknown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from closeout.facts.schema import (
    ApiKey,
    Contact,
    Dispute,
    Hold,
    Identity,
    P2pOrder,
    PaymentMethod,
    Rebate,
    Relation,
    SecurityEvent,
)

REMEMBERED_DAYS = 7
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Question:
    """One question. ``kind`` is yes_no, or date (an ISO day, or "no" for not in the last 90 days)."""

    code: str
    relations: tuple[str, ...]
    kind: str
    good: str  # the answer that blocks nothing
    en: str
    zh: str


QUESTIONS: tuple[Question, ...] = (
    Question(
        "p2p_orders",
        ("p2p_order",),
        "yes_no",
        NO,
        "Is any P2P (C2C) order of yours still open? (App: P2P trading, Orders)",
        "是否还有未完成的 C2C 订单？（App：C2C 买币 → 订单）",
    ),
    Question(
        "p2p_appeals",
        ("p2p_order", "dispute"),
        "yes_no",
        NO,
        "Is any appeal, complaint or dispute of yours still open?",
        "是否还有未结束的申诉、投诉或争议？",
    ),
    Question(
        "payment_methods",
        ("payment_method",),
        "yes_no",
        NO,
        "Is a bank card, Alipay, WeChat Pay or bank account still linked? (App: Payment methods)",
        "是否还绑定着银行卡、支付宝、微信支付或银行账户？（App：收款账号）",
    ),
    Question(
        "other_keys",
        ("api_key",),
        "yes_no",
        NO,
        "Does the main account have any other API key or third-party access than the key used here?",
        "除本次使用的密钥外，主账户是否还有其他 API 密钥或第三方授权？",
    ),
    Question(
        "password_changed_on",
        ("security_event",),
        "date",
        NO,
        "On which day was the login password last changed? (YYYY-MM-DD, or no: not in the last 90 days)",
        "最近一次修改登录密码是哪一天？（YYYY-MM-DD；近 90 天没有则填 no）",
    ),
    Question(
        "factor_changed_on",
        ("security_event",),
        "date",
        NO,
        "On which day was phone, e-mail or authenticator last changed or reset? (YYYY-MM-DD, or no)",
        "最近一次更换或重置手机、邮箱或身份验证器是哪一天？（YYYY-MM-DD；近 90 天没有则填 no）",
    ),
    Question(
        "identity",
        ("identity",),
        "yes_no",
        YES,
        "Is identity verification complete and current, and are you that person?",
        "身份认证是否已完成且在有效期内，并且就是你本人？",
    ),
    Question(
        "contacts",
        ("contact",),
        "yes_no",
        YES,
        "Can you receive messages at the e-mail address and the phone number of the account?",
        "你现在能收到账户邮箱和手机号上的验证码吗？",
    ),
    Question(
        "holds",
        ("hold",),
        "yes_no",
        NO,
        "Has OKX or an authority told you of a freeze, a restriction or an investigation?",
        "OKX 或有关部门是否通知过你账户被冻结、限制或调查？",
    ),
    Question(
        "affiliate",
        ("rebate",),
        "yes_no",
        NO,
        "Is there unpaid commission, or an affiliate or lead-trader contract that has not ended?",
        "是否还有未发放的返佣，或未结束的节点、带单协议？",
    ),
)
API_TOO = frozenset(
    {"api_key", "payment_method", "rebate", "p2p_order"}
)  # read in part, so partial when unanswered
RELATIONS = frozenset(relation for question in QUESTIONS for relation in question.relations)


@dataclass(frozen=True)
class Answer:
    """What the holder said, and when (naive UTC)."""

    value: str
    at: datetime


def valid(question: Question, said: str, *, today: date) -> str | None:
    """Return the answer as it is kept, or ``None`` if it is not one. Days in the future are none."""
    said = said.strip().lower()
    words = {"y": YES, "yes": YES, "是": YES, "有": YES, "n": NO, "no": NO, "否": NO, "没有": NO, "无": NO}
    if said in words:
        value = words[said]
        return value if question.kind == "yes_no" or value == NO else None
    if question.kind == "date":
        try:
            day = date.fromisoformat(said)
        except ValueError:
            return None
        return day.isoformat() if day <= today + timedelta(days=1) else None
    return None


def fresh(answers: Mapping[str, Answer], *, now: datetime) -> dict[str, Answer]:
    """Return the answers that are young enough to count. ``now``: naive UTC."""
    return {
        code: answer
        for code, answer in answers.items()
        if now - timedelta(days=REMEMBERED_DAYS) < answer.at <= now + timedelta(minutes=5)
    }


def unanswered(answers: Mapping[str, Answer], *, questions: Sequence[Question] = QUESTIONS) -> list[Question]:
    """Return the questions that are still open, in order."""
    return [question for question in questions if question.code not in answers]


def missing(answers: Mapping[str, Answer], *, questions: Sequence[Question] = QUESTIONS) -> frozenset[str]:
    """Return the relations about which at least one question is open."""
    return frozenset(
        relation for question in unanswered(answers, questions=questions) for relation in question.relations
    )


def rows(answers: Mapping[str, Answer], account_id: int) -> Iterator[Relation]:
    """Turn answers into facts of ``account_id``."""
    for question in QUESTIONS:
        answer = answers.get(question.code)
        if answer is not None:
            yield from _rows(question.code, answer, account_id, bad=answer.value != question.good)


def _rows(code: str, answer: Answer, account_id: int, *, bad: bool) -> Iterator[Relation]:
    number = f"declared-{code}"
    if code == "identity":
        state = "incomplete" if bad else "verified"
        yield Identity(
            account_id=account_id, state=state, valid_until=None, is_applicant=not bad, was_required=True
        )
    elif code == "contacts":
        for kind in ("email", "phone"):
            yield Contact(account_id=account_id, kind=kind, reachable=not bad)
    elif bad and code.endswith("changed_on"):
        kind = "password_changed" if code.startswith("password") else "authenticator_changed"
        day = datetime.combine(date.fromisoformat(answer.value), datetime.max.time().replace(microsecond=0))
        happened = min(day, answer.at)  # the end of that day: the cautious reading
        yield SecurityEvent(account_id=account_id, event_id=number, kind=kind, happened_at=happened)
    elif bad:
        yield from _present(code, number, answer, account_id)


def _present(code: str, number: str, answer: Answer, account_id: int) -> Iterator[Relation]:
    """Turn a "yes, there is one" into the row that stands for it."""
    if code in ("p2p_orders", "p2p_appeals"):
        appeal = code == "p2p_appeals"
        if appeal:
            yield Dispute(account_id=account_id, dispute_id=number, kind="appeal", state="open")
        yield P2pOrder(
            account_id=account_id,
            p2p_id=number,
            state="open",
            appeal="open" if appeal else "none",
            asset="USDT",
            amount=Decimal(0),
            expires_at=None,
        )
    elif code == "payment_methods":
        yield PaymentMethod(account_id=account_id, method_id=number, kind="bank_card", label="")
    elif code == "other_keys":
        yield ApiKey(account_id=account_id, key_id=number, kind="key", label="", can_trade=True)
    elif code == "holds":
        yield Hold(
            account_id=account_id,
            hold_id=number,
            kind="investigation",
            scope="closing",
            placed_at=answer.at,
            released_at=None,
        )
    else:
        yield Rebate(
            account_id=account_id, rebate_id=number, kind="contract", state="open", asset=None, amount=None
        )


def home(environment: Mapping[str, str] | None = None, *, venue: str = "okx") -> Path:
    """Return the directory of what closeout remembers of a venue on this computer; it may not exist yet."""
    environment = os.environ if environment is None else environment
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "closeout" / venue


def remember(folder: Path, account_id: int, answers: Mapping[str, Answer]) -> Path:
    """Write the answers so that only this user can read them; returns the file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"answers-{account_id}.json"
    body = json.dumps({code: [answer.value, answer.at.isoformat()] for code, answer in answers.items()})
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(body)
    return path


def recall(folder: Path, account_id: int) -> dict[str, Answer]:
    """Read remembered answers; a missing or damaged file is no answers, for then they are asked again."""
    known = {question.code: question for question in QUESTIONS}
    try:
        said = json.loads((folder / f"answers-{account_id}.json").read_text(encoding="utf-8"))
        answers = {code: Answer(value, datetime.fromisoformat(at)) for code, (value, at) in said.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    today = datetime.now(UTC).date()
    return {
        code: answer
        for code, answer in answers.items()
        if code in known and valid(known[code], str(answer.value), today=today)
    }


def from_pairs(
    pairs: Sequence[str], *, now: datetime, questions: Sequence[Question] = QUESTIONS
) -> dict[str, Answer]:
    """Read ``code=value`` pairs of a command line. Raises: ValueError naming a wrong pair."""
    known = {question.code: question for question in questions}
    answers = {}
    for pair in pairs:
        code, _, said = pair.partition("=")
        value = valid(known[code], said, today=now.date()) if code in known else None
        if value is None:
            raise ValueError(f"{pair}: expected one of {', '.join(known)} = yes, no or YYYY-MM-DD")
        answers[code] = Answer(value, now)
    return answers
