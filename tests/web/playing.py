"""The people of the page tests: one account in every state of a page, made when the first test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Part = Callable[[Any, str], int]
SPOKEN = frozenset({"talking", "reviewed"})  # what they read was written in one language
QUESTION = {
    "zh": "我有 3 笔挂单撤不掉，是不是因为网格机器人？",
    "en": "Three of my orders cannot be cancelled. Is it because of the grid bot?",
}
ANSWER = {
    "zh": "是的。先在自查页撤销机器人的密钥，挂单就能撤掉。"
    "我们只使用 closeout.example；closeout-example.com 是仿冒网站，请不要打开。",
    "en": "Yes. Revoke the bot's key in the self-check first; then the orders can be cancelled. "
    "We only use closeout.example; closeout-example.com is an imitation, do not open it.",
}


class Cast:
    """Everybody by part; parts in which nothing depends on a language are one person for both."""

    def __init__(self, backstage: Any) -> None:
        self._backstage = backstage
        self._known: dict[str, int] = {}

    def __getitem__(self, key: tuple[str, str]) -> int:
        """Return the account of (part, language)."""
        part, language = key
        name = f"{part}-{language}" if part in SPOKEN else part
        if name not in self._known:
            self._known[name] = PARTS[part](self._backstage, language)
        return self._known[name]

    def session(self, part: str, language: str) -> str:
        """Return a session cookie of the part."""
        return str(self._backstage.session(account=self[part, language]))

    def link(self, part: str, language: str) -> str:
        """Return the path of the link that takes the case back, from the newest letter with one."""
        letters = self._backstage.letters(account=self[part, language])
        found = [letter["link"] for letter in letters if letter["link"]]
        return "/stop/" + str(found[-1]).split("/stop/")[1]


def _like(handle: str) -> Part:
    return lambda backstage, _: int(backstage.person(handle=handle))


def _submitted(backstage: Any, _: str) -> int:
    account = int(backstage.person(handle="clean"))
    assert backstage.submitted(account=account) == "cooling_off"
    return account


def _standing(state: str) -> Part:
    """Return a part whose case stands at ``state`` for the eye alone: it did not come there by the table."""

    def made(backstage: Any, language: str) -> int:
        account = _submitted(backstage, language)
        backstage.stood(account=account, state=state)
        return account

    return made


def _applied(backstage: Any, _: str) -> int:
    account = int(backstage.person(handle="clean"))
    backstage.applied(account=account)
    return account


def _wavering(backstage: Any, language: str) -> int:
    account = _submitted(backstage, language)
    backstage.wavered(account=account)
    return account


def _paused(backstage: Any, language: str) -> int:
    account = _submitted(backstage, language)
    backstage.deposited(account=account)
    assert backstage.reached(account=account, wanted="pause") == "pause"
    return account


def _closed(backstage: Any, language: str) -> int:
    account = _submitted(backstage, language)
    backstage.due(account=account)
    assert backstage.reached(account=account, wanted="observation") == "observation"
    return account


def _withdrawn(backstage: Any, language: str) -> int:
    account = _submitted(backstage, language)
    backstage.withdrawn(account=account)
    return account


def _reviewed(backstage: Any, language: str) -> int:
    account = int(backstage.person(handle="clean"))
    backstage.applied(account=account, language=language)
    assert backstage.referred(account=account) == "review"
    backstage.requested(account=account)
    return account


def _talking(backstage: Any, language: str) -> int:
    account = int(backstage.person(handle="orders"))
    backstage.asked(account=account, text=QUESTION[language])
    backstage.answered(account=account, text=ANSWER[language])
    return account


PARTS: Mapping[str, Part] = {
    **{handle: _like(handle) for handle in ("messy", "dust", "clean", "waiting", "frozen", "kyc")},
    "applied": _applied,
    "cooling": _submitted,
    "wavering": _wavering,
    "paused": _paused,
    "closed": _closed,
    "withdrawn": _withdrawn,
    "reviewed": _reviewed,
    "cleared": lambda backstage, _: int(backstage.cleared(account=backstage.person(handle="keys"))),
    "talking": _talking,
    **{state: _standing(state) for state in ("scheduled", "lapse", "refusal", "closing", "erased")},
}
