"""Passkeys in a real Chromium with a virtual authenticator, and the way out when the authenticator is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.web.looking import faults_of

SIGNED = re.compile(r".{100,}", re.DOTALL)  # what a device answers with
WORDS = {"zh": "注销账户", "en": "close my account"}
DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def with_device(visit: Any, site: str, language: str = "zh") -> tuple[Any, Any]:
    """Return a visitor whose browser has a device that makes passkeys; they are bound to a name, not to a number."""
    visitor = visit(language=language)
    visitor.site = site.replace("127.0.0.1", "localhost")
    client = visitor.context.new_cdp_session(visitor.page)
    client.send("WebAuthn.enable")
    added = client.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return visitor, (client, added["authenticatorId"])


def consequences(visitor: Any, language: str) -> None:
    """Read, tick, and go on to the verification."""
    visitor.open("/application")
    visitor.tick("input[name=points]")
    visitor.tick("#records_declined")
    visitor.type("#id_phrase", WORDS[language])
    visitor.page.locator("form button.stop").click()
    visitor.page.wait_for_url("**/verification")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_passkey_closes_an_account(visit: Any, backstage: Any, site: str, language: str) -> None:
    """R-CLO-3, R-CLO-12: made at the exchange, used for this application and for the way back from it.

    Nothing is typed but the code of the e-mail; after two changes of mind the passkey is strong enough for a third.
    """
    account = backstage.person(handle="clean")
    visitor, _ = with_device(visit, site, language)
    visitor.sign_in(account)
    page = visitor.page
    visitor.open("/passkey")
    page.locator("[data-passkey] button").click()
    page.wait_for_url("**/check")
    backstage.under(account=account, factors=["email", "passkey"])
    consequences(visitor, language)
    backstage.working()
    visitor.type("#code_email", backstage.code(account=account, factor="email"))
    page.locator("[data-passkey] button").click()
    expect(page.locator("[name=code_passkey]")).to_have_value(SIGNED)
    page.locator("form button.stop").click()
    page.wait_for_url("**/case**")
    assert backstage.state(account=account) == "cooling_off"
    backstage.wavered(account=account)
    visitor.open("/withdrawal")
    page.locator("main form .actions button").click()
    assert page.locator("#problems").count() == 1
    other = visit(language=language)  # looking resizes the window, and the device would lose its page
    other.sign_in(account, then="/withdrawal")
    assert faults_of(other, picture="withdrawal-by-passkey") == []
    assert backstage.state(account=account) == "cooling_off"
    page.locator("[data-passkey] button").click()
    expect(page.locator("[name=code_passkey]")).to_have_value(SIGNED)
    page.locator("main form .actions button").click()
    page.wait_for_url("**/case")
    assert backstage.state(account=account) == "withdrawal"
    assert visitor.complaints == []


def test_a_device_that_does_not_know_the_holder_confirms_nothing(
    visit: Any, backstage: Any, site: str
) -> None:
    """R-CLO-3, R-DIA-5: without fingerprint, face or PIN nothing is signed, and the page says what to do."""
    account = backstage.person(handle="clean")
    visitor, (client, device) = with_device(visit, site)
    visitor.sign_in(account)
    page = visitor.page
    visitor.open("/passkey")
    page.locator("[data-passkey] button").click()
    page.wait_for_url("**/check")
    backstage.under(account=account, factors=["email", "passkey"])
    consequences(visitor, "zh")
    client.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.locator("[data-passkey] button").click()
    expect(page.locator("[data-passkey] [role=status]")).not_to_be_empty()
    assert page.locator("[name=code_passkey]").input_value() == ""
    page.locator("form button.stop").click()
    page.wait_for_selector("#code_passkey.wrong")
    assert backstage.state(account=account) == "application"


@pytest.mark.parametrize(("language", "scripts"), [("zh", True), ("en", False)])
def test_a_lost_authenticator_leads_to_proof_inside_the_case(
    visit: Any, backstage: Any, *, language: str, scripts: bool
) -> None:
    """R-DIA-6: what is left is confirmed, people decide, nothing is frozen or reset; also without scripts."""
    account = backstage.person(handle="clean")
    visitor = visit(language=language, scripts=scripts)
    visitor.sign_in(account)
    backstage.under(account=account, factors=["email", "sms", "totp"])
    consequences(visitor, language)
    backstage.working()
    page = visitor.page
    page.locator("main a[href*=without]").click()
    assert page.locator("#code_totp").count() == 0
    page.locator("form .actions button").click()
    page.wait_for_selector("#code_email[aria-invalid]")
    assert page.locator("[name=without]").count() == 1
    for factor in ("email", "sms"):
        visitor.type(f"#code_{factor}", backstage.code(account=account, factor=factor))
    page.locator("form .actions button").click()
    page.wait_for_url("**/case**")
    assert backstage.state(account=account) == "review"
    assert visitor.complaints == []
