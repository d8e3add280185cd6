"""The letters as mails in a real browser: every one fits a phone, reads well in the dark, and calls nobody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from closeout.cases import letters

LINK = "https://closeout.example/stop/AQAAAAAAAAAAbPvT1n2Wv0b4c3yGm1Qxyz"
PLACE = os.environ.get("PICTURES", "")
TEMPLATES = sorted(set(letters.texts()) - {"foot", "way_back", "way_in"})
SIGHT = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def html_of(template: str, language: str) -> str:
    values = {
        "number": "CL-20261122-0007", "link": LINK, "code": "40719226" if template == "code" else "", "minutes": "10",
        "due_at": "2026年11月29日 14:00（UTC+8）" if language == "zh" else "29 November 2026, 14:00 (UTC+8)",
        "phrase": "纸灯笼" if language == "zh" else "paper lantern",
        "domains": "closeout.example, case.closeout.example",
    }  # fmt: skip
    return letters.html(letters.write(template, "email", language, values))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_letter_fits_and_loads_nothing(browser: Any, language: str, tmp_path: Path) -> None:
    """Issue 5: HTML mails in both languages, on a phone, light and dark; the word and the domains on each."""
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 320, "height": 700})
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    for template in TEMPLATES:
        page.set_content(html_of(template, language))
        for width in (320, 600):
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), template
        text = page.locator("body").inner_text()
        assert {"zh": "纸灯笼", "en": "paper lantern"}[language] in text
        assert "case.closeout.example" in text
        addresses = [one.get_attribute("href") for one in page.locator("a").all()]
        assert addresses == ([LINK] if letters.ending(template, language) else [])
        assert page.locator("img, script, link, form, input").count() == 0
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for template in ("submit", "code"):
            page.set_viewport_size({"width": 390, "height": 844})
            page.set_content(html_of(template, language))
            found = Axe().run(page, options=SIGHT).response["violations"]
            assert [one["id"] for one in found] == []
            picture = Path(PLACE or tmp_path) / f"letter-{template}-{language}-{scheme}.png"
            page.screenshot(path=picture, full_page=True)
    assert asked == []
    context.close()
