"""What the plan page lets the holder choose, and that every reason has a sentence (R-DIA-1, R-DIA-3, R-CLR-3)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import translation

from closeout.clearing import words
from closeout.venues.okx import remedies
from closeout.web.portal import planning


def test_every_reason_of_a_clearing_has_a_sentence_on_every_door() -> None:
    """R-DIA-1: no code is ever shown bare where a sentence could stand."""
    assert set(words.REASONS) - set(planning.REASONS) == set()
    assert "being_closed" in planning.REASONS
    codes = {remedies.APP_ONLY, remedies.NOT_PERMITTED, "not_done", *remedies.REASONS.values()}
    for language in ("en", "zh"):
        for code in codes:
            assert "(" + code + ")" not in words.reason(code, language).replace("（", "(").replace("）", ")")
        assert "51234" in words.reason("okx_51234", language)
        assert "okx_" not in words.reason("okx_51234", language)
    with translation.override("zh-hans"):
        assert planning.reason("being_closed") == "账户正在注销，已经来不及处理。"


@pytest.mark.parametrize(("language", "scripts"), [("zh", False), ("en", True)])
def test_a_penalty_is_a_choice_with_its_price_and_its_date(
    visit: Any, backstage: Any, *, language: str, scripts: bool
) -> None:
    """R-DIA-3, R-CLR-3: nothing with a penalty is part of the one click until the holder ticks it."""
    account = backstage.person(handle="messy")
    visitor = visit(language=language, scripts=scripts)
    visitor.sign_in(account, then="/plan")
    page = visitor.page
    row = page.locator("label.tick:has(input[name=early])").first
    said = row.inner_text()
    assert {"zh": "损失", "en": "Penalty"}[language] in said
    assert re.search(r"\d{4}年\d+月\d+日|\d+ \w+ \d{4}", said)
    steps = page.locator("ol.rows").inner_text()
    what = row.locator("b").inner_text()
    assert what not in steps
    row.locator("input").check()
    page.locator("button[value=again]").click()
    assert what in page.locator("ol.rows").inner_text()
    assert page.locator("input[type=checkbox][name=early]").count() == 0
    assert page.locator("input[type=hidden][name=early]").count() == 1
    page.locator("button[value=confirm]").click()
    page.wait_for_url("**/clearing")
    assert visitor.complaints == []
