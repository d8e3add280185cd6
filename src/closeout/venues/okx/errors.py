"""Every error code of OKX that matters here: what kind of trouble it is and what to tell the holder.

Source: OKX API v5 documentation, section error codes. A code that is not listed is reported with its number
and OKX's own words; it is never taken for "nothing there".
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources


class Kind(StrEnum):
    """What follows from an error; the value also decides the exit code."""

    RETRY = "retry"  # not done; may be sent again
    OUTCOME_UNKNOWN = "outcome_unknown"  # perhaps done; look before anything is sent again
    KEY = "key"
    CLOCK = "clock"
    REGION = "region"
    STATE = "state"  # the account itself is limited: a fact about it, and an obstacle to closing
    ABSENT = "absent"  # the product was never switched on: an empty answer
    NETWORK = "network"
    SHAPE = "shape"  # the answer is not what is documented
    OTHER = "other"


EXIT_CODES = {Kind.KEY: 3, Kind.CLOCK: 3, Kind.REGION: 3, Kind.STATE: 1}
EXIT_VENUE = 4


@dataclass(frozen=True)
class Meaning:
    """One code in words. ``en`` and ``zh`` say what happened and what to do."""

    kind: Kind
    en: str
    zh: str


def read_meanings(text: str) -> tuple[dict[str, Meaning], dict[str, Meaning]]:
    """Read a table of errors: meanings by code, and what to say without a known code by kind."""
    said = tomllib.loads(text)
    meanings = {
        code: Meaning(Kind(one["kind"]), one["en"], one["zh"])
        for one in said["meaning"]
        for code in one["codes"]
    }
    plain = {one["kind"]: Meaning(Kind(one["kind"]), one["en"], one["zh"]) for one in said["plain"]}
    return meanings, plain


MEANINGS, PLAIN = read_meanings(
    resources.files(__package__).joinpath("errors.toml").read_text(encoding="utf-8")
)

HOLDS = frozenset({"50007", "50012", "50027", "50100", "59508", "59519", "58004", "58101", "58204"})
DISPUTES = frozenset({"58104", "58105"})


class Failure(Exception):
    """OKX did not give a usable answer. ``code`` is OKX's, or empty; ``detail`` is already redacted."""

    meanings, plain = MEANINGS, PLAIN

    def __init__(self, kind: Kind, code: str, detail: str = "") -> None:
        super().__init__(f"{kind} {code} {detail}".strip())
        self.kind = kind
        self.code = code
        self.detail = detail

    @property
    def exit_code(self) -> int:
        """Return the exit status of a command that ends with this failure."""
        return EXIT_CODES.get(self.kind, EXIT_VENUE)

    def sentence(self, language: str) -> str:
        """Say in ``language`` (zh or en) what happened and what to do."""
        meaning = self.meanings.get(self.code) or self.plain.get(self.kind) or self.plain["other"]
        said = meaning.zh if language == "zh" else meaning.en
        return said.format(code=self.code or "?", detail=self.detail)


def failure(code: str, detail: str) -> Failure:
    """Classify an error code of OKX."""
    meaning = MEANINGS.get(code)
    return Failure(meaning.kind if meaning else Kind.OTHER, code, detail)
