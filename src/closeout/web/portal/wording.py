"""How the sentences of conditions are set on the page: spacing between scripts, spans of days."""

from __future__ import annotations

import re

from django.utils.translation import ngettext

MIXED = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])")


def spaced(text: str, language: str) -> str:
    """Put one space between Chinese and Latin, as the house writes it; English stays as it is."""
    return MIXED.sub(" ", text) if language == "zh" else text


def capital(text: str) -> str:
    """Begin a line with a capital; Chinese stays as it is."""
    return text[:1].upper() + text[1:]


def longest(text: str) -> str:
    """Say a span like ``90 days`` in the language of the page."""
    number, _space, unit = text.partition(" ")
    if not number.isdigit() or not unit.startswith("day"):
        return text
    return ngettext("%(days)d day", "%(days)d days", int(number)) % {"days": int(number)}
