"""The letters of a case: texts in ``letters.toml``, filled in for one person and channel."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

Texts = Mapping[str, Mapping[str, Mapping[str, str]]]


@functools.cache
def texts() -> Texts:
    """Return every letter by template, language and part (subject, body, sms)."""
    found: Texts = tomllib.loads(
        importlib.resources.files("closeout.cases").joinpath("letters.toml").read_text(encoding="utf-8")
    )
    return found


@dataclass(frozen=True)
class Written:
    """A letter filled in for one person and channel; an SMS has no subject."""

    subject: str
    body: str

    @property
    def digest(self) -> str:
        """Return SHA-256 of the text, the proof of what was said (kept after the text is erased)."""
        return hashlib.sha256(f"{self.subject}\n\n{self.body}".encode()).hexdigest()


def write(template: str, channel: str, language: str, values: Mapping[str, str]) -> Written:
    """Fill in ``template`` for ``channel`` (email or sms). Raises: KeyError for a missing value."""
    letter = texts()[template][language]
    if channel == "sms":
        return Written("", letter["sms"].format(**values))
    foot = str(texts()["foot"][language])
    body = f"{letter['body']}\n\n{foot}".format(**values)
    return Written(letter["subject"].format(**values), body)
