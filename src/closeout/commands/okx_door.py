"""What the OKX commands share: options, opening the account, and errors as sentences with exit codes."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from closeout.commands import door

if TYPE_CHECKING:
    from closeout.venues.base import Destination
    from closeout.venues.okx.declared import Answer, Question
    from closeout.venues.okx.errors import Failure
    from closeout.venues.okx.keys import Credentials
    from closeout.venues.okx.looking import Looked
    from closeout.venues.okx.venue import OkxVenue
    from closeout.venues.okx.wire import CcxtWire

PROMPTS = {"key": "API key", "secret": "Secret key", "passphrase": "Passphrase"}
SAID: Mapping[str, Mapping[str, str]] = {
    "missing": {
        "en": "No key. Set {names}, store it in the system's keyring, or run in a terminal to be asked.",
        "zh": "缺少密钥。请设置 {names}，或存入系统钥匙串，或在终端中运行以便输入。",
    },
    "client": {
        "en": "Reading an exchange needs one more package. In the folder of closeout: pip install '.[okx]'",
        "zh": "读取交易所需要额外的组件，请在 closeout 文件夹中运行：pip install '.[okx]'",
    },
    "questions": {
        "en": "{count} things that no API tells. Answer yes or no (or a day); Enter leaves it unknown.",
        "zh": "有 {count} 件事 API 无法告知，请回答“是”或“否”（或日期）；直接回车则视为未知。",
    },
    "no_answer": {
        "en": "“{said}” is no answer to this; it stays unknown. Run again to answer, or use --answer.",
        "zh": "“{said}”不是有效回答，此项仍为未知。可再次运行，或使用 --answer。",
    },
    "remembered": {"en": "remembered: {path}", "zh": "已保存：{path}"},
    "region": {"en": "region: {host}", "zh": "所在站点：{host}"},
    "clock": {"en": "clock: {off:+.1f} s, corrected", "zh": "本机时间偏差 {off:+.1f} 秒，已校正"},
    "unreachable": {
        "en": "OKX did not give a usable answer. Nothing was concluded; run the command again.",
        "zh": "OKX 没有给出可用的应答，未得出任何结论。请再运行一次。",
    },
}
WRITTEN = {"en": "{path}: {rows} rows, SHA-256 {sha256}", "zh": "{path}：{rows} 行，SHA-256 {sha256}"}


@dataclass(frozen=True)
class Asked:
    """What the options of a command say about the account and the key."""

    base_url: str | None
    demo: bool
    answers: tuple[str, ...]
    remember: bool
    no_input: bool

    @property
    def may_ask(self) -> bool:
        """Whether a person is there to answer."""
        return not self.no_input and sys.stdin.isatty()


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every OKX command has; the command gets them as one argument ``asked``."""

    @click.option(
        "--base-url", help="Another server that speaks the venue's API, for example closeout okx serve."
    )
    @click.option("--demo", is_flag=True, help="The key is one of demo trading.")
    @click.option(
        "--answer", "answers", multiple=True, metavar="QUESTION=ANSWER",
        help="Answer a question that no API answers; see closeout okx questions.",
    )  # fmt: skip
    @click.option("--remember", is_flag=True, help="Remember the answers on this computer for seven days.")
    @click.option("--no-input", is_flag=True, help="Never ask; what is missing stays unknown.")
    @functools.wraps(command)
    def wrapped(
        *,
        base_url: str | None,
        demo: bool,
        answers: Sequence[str],
        remember: bool,
        no_input: bool,
        **rest: Any,
    ) -> Any:
        asked = Asked(base_url, demo, tuple(answers), remember, no_input)
        return command(asked=asked, **rest)

    return wrapped


def ways(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name where money goes, and that confirm each address by itself."""
    tail = click.option(
        "--confirm-address",
        "tails",
        multiple=True,
        metavar="TAIL",
        help="OKX: last six characters of each --to.",
    )
    to = click.option(
        "--to", "ways", multiple=True, metavar="ASSET:NETWORK:ADDRESS[:MEMO]",
        help="Withdraw this asset there; at OKX each address is confirmed by itself.",
    )  # fmt: skip
    wrapped: Callable[..., Any] = to(tail(command))
    return wrapped


def ends(code: int, *sentences: str) -> click.exceptions.Exit:
    """Say ``sentences`` on stderr and return the exit to raise."""
    for sentence in sentences:
        click.echo(f"closeout: {sentence}", err=True)
    return click.exceptions.Exit(code)


@contextmanager
def sentences(language: str) -> Iterator[None]:
    """Turn what can go wrong with OKX into a sentence and an exit code; no traceback, no key in any text."""
    from closeout.venues.base import Unreachable
    from closeout.venues.okx.client import ClientMissing
    from closeout.venues.okx.errors import Failure
    from closeout.venues.okx.keys import KeysMissing

    try:
        yield
    except KeysMissing as wrong:
        names = ", ".join(wrong.missing)
        raise ends(door.FORBIDDEN, SAID["missing"][language].format(names=names)) from None
    except ClientMissing:
        raise ends(door.USAGE, SAID["client"][language]) from None
    except Failure as failed:
        raise ends(failed.exit_code, failed.sentence(language)) from None
    except Unreachable as wrong:
        cause = wrong.__cause__
        if isinstance(cause, Failure):
            raise ends(cause.exit_code, cause.sentence(language)) from None
        raise ends(door.UNREACHABLE, SAID["unreachable"][language]) from None


def credentials(asked: Asked) -> Credentials:
    """Find the key. Raises: KeysMissing."""
    from closeout.venues.okx import keys

    def prompt(part: str) -> str:
        answer: str = click.prompt(PROMPTS[part], hide_input=True, err=True)
        return answer

    return keys.load(ring=keys.from_keyring, ask=prompt if asked.may_ask else None)


def wire(asked: Asked, language: str) -> CcxtWire:
    """Open the line and find the region of the key. Raises: KeysMissing, ClientMissing, Failure, UsageError."""
    from closeout.venues.okx.wire import GLOBAL, CcxtWire

    base_url = asked.base_url or os.environ.get("CLOSEOUT_OKX_URL")
    try:
        line = CcxtWire(credentials(asked), base_url=base_url, demo=asked.demo)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    line.find_host()
    if base_url is None and line.host != GLOBAL:
        door.progress(SAID["region"][language].format(host=line.host))
    if line.clock_off_ms:
        door.progress(SAID["clock"][language].format(off=line.clock_off_ms / 1000))
    return line


@contextmanager
def account(asked: Asked, language: str, *, destinations: Sequence[Destination] = ()) -> Iterator[OkxVenue]:
    """Open the account behind the key, with answers and receipts of this computer."""
    from closeout.venues.okx import declared
    from closeout.venues.okx.venue import OkxVenue

    line = wire(asked, language)
    try:
        holder = _holder(line)
        home = declared.home()
        opened = OkxVenue(
            line,
            answers=answers(asked, holder, language, now=line.now()),
            destinations=destinations,
            receipts_path=home / f"receipts-{holder}.sqlite",
        )
        try:
            yield opened
        finally:
            opened.close()
    finally:
        line.close()


def _holder(line: CcxtWire) -> int:
    from closeout.venues.okx import links
    from closeout.venues.okx.endpoints import get
    from closeout.venues.okx.errors import Failure, Kind
    from closeout.venues.okx.values import Unreadable

    try:
        return links.holder(line.call(get("account/config"))).account_id
    except Unreadable as wrong:
        raise Failure(Kind.SHAPE, "", f"account/config: {wrong}") from None


def answers(
    asked: Asked,
    account_id: int,
    language: str,
    *,
    now: datetime,
    venue: str = "okx",
    questions: Sequence[Question] | None = None,
) -> dict[str, Answer]:
    """Return what the holder declared: remembered, given as options, or asked now. ``now``: naive UTC."""
    from closeout.venues.okx import declared

    home, questions = declared.home(venue=venue), questions or declared.QUESTIONS
    known = declared.fresh(declared.recall(home, account_id), now=now)
    try:
        known |= declared.from_pairs(asked.answers, now=now, questions=questions)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    unanswered = declared.unanswered(known, questions=questions) if asked.may_ask else []
    if unanswered:
        click.echo(SAID["questions"][language].format(count=len(unanswered)), err=True)
        for question in unanswered:
            said = click.prompt(
                question.zh if language == "zh" else question.en, default="", show_default=False, err=True
            )
            value = declared.valid(question, said, today=now.date())
            if value is not None:
                known[question.code] = declared.Answer(value, now)
            elif said.strip():
                click.echo(SAID["no_answer"][language].format(said=said.strip()), err=True)
    if asked.remember:
        path = declared.remember(home, account_id, known)
        door.progress(SAID["remembered"][language].format(path=path))
    return known


def faults(looked: Looked, language: str) -> list[tuple[str, Failure, str]]:
    """Return each reading that failed, with its failure in words."""
    return [(name, failed, failed.sentence(language)) for name, failed in looked.failures.items()]
