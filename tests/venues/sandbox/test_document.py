"""The pages about the sandbox say what its database says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.venues.sandbox.conftest import Exchange

from closeout.venues.sandbox import document

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_tables_of_the_pages_are_those_of_the_exchange(exchange: Exchange, language: str) -> None:
    """Prices are fixed and documented; WRITE_DOCS=1 writes the tables anew after a change."""
    page = DOCS / language / "venues" / "sandbox.md"
    text = page.read_text(encoding="utf-8")
    wanted = document.filled(exchange.connection, text, language)
    if os.environ.get("WRITE_DOCS"):
        page.write_text(wanted, encoding="utf-8")
    assert text == wanted, f"{page} is behind the database; run this test with WRITE_DOCS=1"


def test_a_page_without_a_place_for_a_table_is_refused(exchange: Exchange) -> None:
    """A table cannot be forgotten."""
    with pytest.raises(ValueError, match="no place for the table"):
        document.filled(exchange.connection, "nothing here", "en")
