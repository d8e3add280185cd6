"""Templates of messages that agents send, in both languages; the agent sees what the holder will read."""

from __future__ import annotations

from collections.abc import Mapping

PHRASES: Mapping[str, Mapping[str, str]] = {
    "seen": {
        "en": "We have received your message about {number} and are looking into it. You will hear from us by {due}.",
        "zh": "我们已收到你关于 {number} 的消息，正在处理，最晚于 {due} 前答复。",
    },
    "more": {
        "en": "To go on with {number} we need one more thing from you. It is on this page; we never ask for codes.",
        "zh": "为继续办理 {number}，我们还需要你补充一项材料，详见本页面。我们绝不会索要验证码。",
    },
    "settled": {
        "en": "What stood in the way of {number} on our side is settled. Please look at the self-check again.",
        "zh": "{number} 在我们这边的问题已处理完毕，请再次查看自查结果。",
    },
    "product": {
        "en": "A product in this account ends by itself on a date that the self-check names. "
        "Until then nothing is lost.",
        "zh": "账户中有产品将在自查页面所示日期自动到期，在此之前不会有任何损失。",
    },
}


def filled(code: str, *, language: str, number: str, due: str) -> str:
    """Return the template called ``code`` for one case. Raises: KeyError."""
    return PHRASES[code][language].format(number=number, due=due)
