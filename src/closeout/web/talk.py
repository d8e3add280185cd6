"""What both sides of a conversation follow while it happens: that something was said, never what (R-SUP-2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from closeout.cases import correspondence
from closeout.web import live


def said(afters: Mapping[str, int]) -> Iterable[tuple[str, live.News]]:
    """Answer with what was said after each number, as an audience may know it: that something was; a feed."""
    for key, number in correspondence.news(afters):
        yield key, live.News(number, "said", {"schema": "closeout.message/1", "id": number})
