"""The operator's people sign in at a real identity provider: second factor, one role, short. Issue 7."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from tests.cases import test_arriving
from tests.cases.exchange import Exchange
from tests.cases.test_arriving import consent, provider, ways_in

from closeout.cases import staff
from closeout.cases.models import Staff, StaffSession
from closeout.reasons import Refused
from closeout.web.signin import duties

__all__ = ["provider", "ways_in"]
CLOCK = time  # tokens are about the real time
GOOD = {"groups": ["everybody", "desk"], "amr": ["pwd", "otp", "mfa"], "preferred_username": "agent.17"}
ROLES = "desk=support id-team=identity second-eyes=approver audit=auditor"


@pytest.fixture
def work(provider: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A site whose staff sign in at the provider, and nowhere else."""
    with urllib.request.urlopen(f"{provider}/.well-known/openid-configuration") as said:
        issuer = str(json.load(said)["issuer"])
    for name, value in (
        ("ISSUER", issuer), ("CLIENT_ID", test_arriving.CLIENT), ("CLIENT_SECRET", "quite secret"), ("AMR", "mfa"),
        ("CLAIM", "preferred_username"), ("SCOPE", "openid profile"), ("ROLES", ROLES), ("ACCOUNT_CLAIM", "account"),
    ):  # fmt: skip
        monkeypatch.setenv(f"CLOSEOUT_STAFF_OIDC_{name}", value)
    monkeypatch.setattr(settings, "CLOSEOUT_DEMO", False)
    return provider


def somebody(provider: str, sub: str, **claims: Any) -> None:
    """Tell the provider who ``sub`` is."""
    said = {**GOOD, "auth_time": int(CLOCK.time()), **claims}
    body = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
    asked = urllib.request.Request(
        f"{provider}/users/{sub}", body, {"Content-Type": "application/json"}, method="PUT"
    )
    urllib.request.urlopen(asked).close()


def arrived(client: Client, sub: str) -> Any:
    begun = client.get("/console/signin/provider")
    assert begun.status_code == 302
    return client.get(consent(str(begun.headers["Location"]), sub))


def test_an_agent_signs_in_with_the_role_of_their_group(exchange: Exchange, work: str) -> None:
    """Issue 7: OIDC, second factor, role from the claims; the session is fresh, and the log says how."""
    client, account = Client(HTTP_ACCEPT_LANGUAGE="en"), exchange.accounts[0]
    page = client.get("/console/signin").content.decode()
    assert "/console/signin/provider" in page
    assert "support-1" not in page
    somebody(work, "s-17", account=str(account))
    assert arrived(client, "s-17").headers["Location"] == "/console/"
    assert client.get("/console/").status_code == 200
    person = Staff.objects.get()
    assert (person.name, person.role, person.account_id, person.subject) == (
        "agent.17",
        "support",
        account,
        "s-17",
    )
    with pytest.raises(Refused) as why:
        staff.sign_in(person, "123456", now=timezone.now())
    assert why.value.reasons[0].code == "wrong_staff_code"
    StaffSession.objects.update(started_at=timezone.now() - timedelta(hours=9))
    assert client.get("/console/").headers["Location"] == "/console/signin"


@pytest.mark.parametrize(
    "claims",
    [
        {"amr": ["pwd"]},
        {"amr": None},
        {"amr": "mfa"},
        {"groups": ["everybody"]},
        {"groups": None},
        {"groups": ["desk", "second-eyes"]},
        {"preferred_username": None},
    ],
)
def test_without_second_factor_or_exactly_one_role_nobody_comes_in(
    exchange: Exchange, work: str, claims: dict[str, Any]
) -> None:
    """Default is no: a password alone, a stranger, and one person with two jobs."""
    client = Client(HTTP_ACCEPT_LANGUAGE="zh-hans")
    somebody(work, "s-18", **claims)
    answer = arrived(client, "s-18")
    assert answer.status_code == 403
    assert 'role="alert"' in answer.content.decode()
    assert client.get("/console/").status_code == 302
    assert not StaffSession.objects.exists()


def test_a_role_that_is_taken_away_ends_every_session(exchange: Exchange, work: str) -> None:
    """ASVS V8.3.2: the next word of the provider counts; another person of the same name is not the same person."""
    first, second = Client(), Client()
    somebody(work, "s-19")
    arrived(first, "s-19")
    somebody(work, "s-19", groups=["second-eyes"])
    assert arrived(second, "s-19").status_code == 302
    assert (first.get("/console/").status_code, second.get("/console/").status_code) == (302, 200)
    assert Staff.objects.get().role == "approver"
    somebody(work, "s-20")
    assert arrived(Client(), "s-20").status_code == 403
    somebody(work, "s-19", groups=[])
    assert arrived(Client(), "s-19").status_code == 403
    assert second.get("/console/").status_code == 302
    assert not Staff.objects.get().active


def test_a_mistake_in_the_settings_stops_the_start() -> None:
    """No second factor demanded, no mapping, an unknown role: the site does not start."""
    right = {"CLOSEOUT_STAFF_OIDC_ISSUER": test_arriving.ISSUER, "CLOSEOUT_STAFF_OIDC_CLIENT_ID": "a"}
    with pytest.raises(ValueError, match="second factor"):
        duties.provider(right)
    for roles in ("", "desk=boss", "=support"):
        with pytest.raises(ValueError, match="ROLES"):
            duties.configured({**right, "CLOSEOUT_STAFF_OIDC_ROLES": roles})
    found = duties.provider({**right, "CLOSEOUT_STAFF_OIDC_ACR": "phr"})
    assert found is not None
    assert found.max_age == timedelta(hours=8)
    assert duties.provider({}) is None
    assert duties.configured({}) is None
