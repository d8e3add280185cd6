"""The page of a closed account in a browser: a phone in Chinese, a desktop in English, nothing inaccessible.

R-CLO-7, R-REC-2.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.web.looking import faults_of


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_former_holder_proves_who_they_were(
    visit: Any, backstage: Any, tmp_path: Path, language: str
) -> None:
    account = backstage.person(handle="clean")
    backstage.submitted(account=account, language=language)
    backstage.due(account=account)
    assert backstage.reached(account=account, wanted="observation") == "observation"
    who = backstage.certified(account=account, paper=str(tmp_path / "certificate.json"))
    backstage.deposited(account=account, amount="33.5")
    visitor = visit(language=language)
    visitor.context.set_default_timeout(60_000)
    page = visitor.page

    def looked_at(name: str) -> None:
        assert faults_of(visitor, picture=name) == []

    visitor.open("/closed")
    looked_at("closed-entrance")
    page.set_input_files("#certificate", tmp_path / "certificate.json")
    page.fill("#name", who["name"])
    page.fill("#email", who["email"])
    page.click("main .button.full")
    page.wait_for_selector("#code")
    looked_at("closed-code")
    page.fill("#code", backstage.claim_code())
    page.click("main .button.full")
    page.wait_for_selector("text=33.5 USDT")
    looked_at("closed-account")
    with page.expect_download() as taken:
        page.click("a[download]")
    taken.value.save_as(tmp_path / "statements.zip")
    assert "statement.pdf" in zipfile.ZipFile(tmp_path / "statements.zip").namelist()
    page.click("form[action$=payout] button")
    page.wait_for_selector(".note.go")
    assert who["number"] in page.content()
    assert who["name"] not in page.content()
    assert visitor.complaints == []
