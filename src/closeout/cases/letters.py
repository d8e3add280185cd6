"""The letters of a case: texts in ``letters.toml``, filled in for one person and channel, as text and as HTML."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.template.loader import render_to_string

Texts = Mapping[str, Mapping[str, Any]]

BRAND = "closeout"


@functools.cache
def texts() -> Texts:
    """Return every letter by template, language and part (subject, body, sms)."""
    found: Texts = tomllib.loads(
        importlib.resources.files("closeout.cases").joinpath("letters.toml").read_text(encoding="utf-8")
    )
    return found


@dataclass(frozen=True)
class Written:
    """A letter filled in for one person and channel; an SMS has no subject.

    ``body`` is the whole text; ``parts`` are the pieces of it that the HTML form sets apart.
    """

    subject: str
    body: str
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return SHA-256 of the text, the proof of what was said (kept after the text is erased)."""
        return hashlib.sha256(f"{self.subject}\n\n{self.body}".encode()).hexdigest()


def brand() -> str:
    """Return the name under which the operator writes: ``CLOSEOUT_BRAND``."""
    return os.environ.get("CLOSEOUT_BRAND", BRAND)


def leads_back(template: str) -> bool:
    """Say whether the letter carries the link that takes the application back."""
    return bool(texts()[template].get("way_back"))


def ending(template: str, language: str) -> Mapping[str, Any] | None:
    """Return the words around the link of the letter, by what the link is for; none if it has no link."""
    name = next((name for name in ("way_back", "way_in") if texts()[template].get(name)), None)
    found: Mapping[str, Any] | None = texts()[name][language] if name else None
    return found


def write(template: str, channel: str, language: str, values: Mapping[str, str]) -> Written:
    """Fill in ``template`` for ``channel`` (email or sms); ``values["link"]`` ends a letter that leads back.

    Raises: KeyError for a missing value.
    """
    letter = texts()[template][language]
    way_back = ending(template, language) if values.get("link") else None
    if channel == "sms":
        tail = way_back["sms"].format(**values) if way_back else ""
        return Written("", letter["sms"].format(**values) + tail)
    said = str(letter["body"]).format(**values).strip()
    foot = str(texts()["foot"][language]).format(**values).strip()
    back = f"{way_back['said']}\n{values['link']}" if way_back else ""
    body = "\n\n".join(part for part in (said, back, foot) if part)
    parts = {"said": said, "language": language, "phrase": values["phrase"], "domains": values["domains"]}
    parts |= {"number": values.get("number", ""), "code": values.get("code", "")}
    if way_back:
        parts |= {"link": values["link"], "lead": way_back["said"], "button": way_back["button"]}
    return Written(str(letter["subject"]).format(**values), body, parts)


def html(letter: Written) -> str:
    """Return the letter as HTML: the same words, no picture, no foreign address, readable without styles."""
    parts = letter.parts
    said = [
        line
        for line in parts["said"].splitlines()
        if line and (not parts["code"] or parts["code"] not in line)
    ]
    context = {**parts, "subject": letter.subject, "said": said, "brand": brand()}
    return render_to_string("cases/letter.html", context)
