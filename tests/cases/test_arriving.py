"""Arriving from the exchange: a real OpenID provider process of another author, forged tokens, signed links."""

from __future__ import annotations

import base64
import hmac
import json
import re
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from tests.cases.exchange import Exchange, parallel

from closeout.web.signin import entrances, handover, oidc, tokens
from closeout.web.signin.tokens import Demands, Forged

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUER, CLIENT = "https://id.exchange.example", "closeout"
SITE = "http://testserver"


@pytest.fixture(autouse=True)
def ways_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])
    entrances.forget()
    oidc.forget()
    yield
    entrances.forget()
    oidc.forget()


# -- OpenID Connect against a real provider


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider process; it demands a nonce, and its people are made on the way."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    while "running on" not in (line := process.stdout.readline()):
        assert line, "the provider did not start"
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=20)
    process.stdout.close()


@pytest.fixture
def configured(provider: str, monkeypatch: pytest.MonkeyPatch) -> str:
    with urllib.request.urlopen(f"{provider}/.well-known/openid-configuration") as said:
        issuer = str(json.load(said)["issuer"])
    monkeypatch.setenv("CLOSEOUT_OIDC_ISSUER", issuer)
    monkeypatch.setenv("CLOSEOUT_OIDC_CLIENT_ID", CLIENT)
    monkeypatch.setenv("CLOSEOUT_OIDC_CLIENT_SECRET", "quite secret")
    return issuer


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: the answer is the address."""


def consent(address: str, sub: str, action: str = "authorize") -> str:
    """Sign in at the provider as ``sub``; return where it sends the browser."""
    form = urllib.parse.urlencode({"sub": sub, "action": action}).encode()
    try:
        urllib.request.build_opener(_Stay).open(address, form)
    except urllib.error.HTTPError as answered:
        with answered:
            return str(answered.headers["Location"])
    raise AssertionError("the provider did not send the browser back")


def begun(client: Client) -> str:
    response = client.get("/signin/exchange", {"next": "/records"})
    assert response.status_code == 302
    return str(response.headers["Location"])


def body(response: Any) -> str:
    """Return the page without what differs from one request to the next."""
    return re.sub(r'(nonce|value)="[^"]+"', "", response.content.decode())


def test_a_holder_signs_in_at_the_exchange(exchange: Exchange, configured: str) -> None:
    """Issue 5: authorization code, PKCE S256, state and nonce; the session is fresh and names the account."""
    client, account = Client(), exchange.accounts[0]
    address = begun(client)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(configured.rstrip("/"))
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    kept = client.session["signin"][asked["state"]]
    assert asked["code_challenge"] == oidc.challenge_of(kept["verifier"]) != kept["verifier"]
    assert len(asked["nonce"]) >= 32
    before = client.session.session_key
    response = client.get(consent(address, str(account)))
    assert (response.status_code, response.headers["Location"]) == (302, "/records")
    assert client.session["account"] == account
    assert client.session.session_key != before
    assert "signin" not in client.session
    assert client.get("/check").status_code == 200


def test_what_comes_back_is_good_once_and_in_one_browser(exchange: Exchange, configured: str) -> None:
    """Issue 5, threat 14: a used answer, the answer of another browser and one nobody asked for open nothing."""
    client, other = Client(), Client()
    answer = consent(begun(client), str(exchange.accounts[0]))
    begun(other)
    assert other.get(answer).status_code == 403
    assert client.get(answer).status_code == 302
    assert client.get(answer).status_code == 403
    assert Client().get("/signin/exchange/callback", {"code": "x", "state": "y"}).status_code == 403
    assert Client().get("/signin/exchange/callback").status_code == 403


def test_the_answer_of_another_provider_is_refused(exchange: Exchange, configured: str) -> None:
    """Threat 14: mix-up; the issuer that is named must be the one that was asked (RFC 9207)."""
    client = Client()
    answer = consent(begun(client), str(exchange.accounts[0]))
    assert client.get(answer + "&iss=https://evil.example").status_code == 403


def test_no_sign_in_tells_whether_an_account_exists(exchange: Exchange, configured: str) -> None:
    """Issue 5: an unknown account, a refusal and a forged answer are one and the same page."""
    client = Client()
    unknown = client.get(consent(begun(client), "999999999"))
    denied = client.get(consent(begun(client), str(exchange.accounts[0]), action="deny"))
    forged = client.get("/signin/exchange/callback", {"code": "x", "state": "y"})
    assert {unknown.status_code, denied.status_code, forged.status_code} == {403}
    assert body(unknown) == body(denied) == body(forged)


def test_a_provider_that_is_down_is_our_fault_in_both_languages(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 5: 503 with what to do; nothing is concluded."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("CLOSEOUT_OIDC_ISSUER", f"http://127.0.0.1:{probe.getsockname()[1]}")
        monkeypatch.setenv("CLOSEOUT_OIDC_CLIENT_ID", CLIENT)
        for language, words in (("zh-hans", "交易平台没有响应"), ("en", "The exchange does not answer")):
            response = Client(headers={"accept-language": language}).get("/signin/exchange")
            assert response.status_code == 503
            assert words in response.content.decode()


def test_the_sign_in_page_leads_to_the_exchange(exchange: Exchange, configured: str) -> None:
    """Issue 5: the setting was a 500 once."""
    assert "/signin/exchange?next=/check" in Client().get("/signin").content.decode()


def test_without_a_setting_there_is_no_such_way_in(exchange: Exchange) -> None:
    assert [Client().get(path).status_code for path in ("/signin/exchange", "/signin/link")] == [404, 404]


# -- ID tokens that are not what they say

KEY = RSAKey.generate_key(2048, {"kid": "one"})
FOREIGN = RSAKey.generate_key(2048, {"kid": "one"})
JWKS = KeySet([KEY]).as_dict(private=False)
DEMANDS = Demands(issuer=ISSUER, client_id=CLIENT, nonce="n" * 32)


def claims(**changed: Any) -> dict[str, Any]:
    at = int(NOW.timestamp())
    good = {"iss": ISSUER, "aud": CLIENT, "sub": "7", "iat": at, "exp": at + 300, "nonce": "n" * 32}
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(said: dict[str, Any], key: Any = KEY, alg: str = "RS256", **header: Any) -> str:
    return jwt.encode({"alg": alg, "kid": "one", **header}, said, key, algorithms=[alg])


def public_as_secret() -> str:
    """The old trick: the public key taken for the secret of an HMAC."""
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').decode().rstrip("=")
    said = f"{header}.{signed(claims()).split('.')[1]}"
    mac = hmac.digest(KEY.as_pem(private=False), said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


AT = int(NOW.timestamp())
FORGERIES: dict[str, Callable[[], str]] = {
    "another key": lambda: signed(claims(), FOREIGN),
    "no signature": lambda: signed(claims()).rpartition(".")[0] + ".",
    "alg none": lambda: "eyJhbGciOiJub25lIn0." + signed(claims()).split(".")[1] + ".",
    "public key as secret": public_as_secret,
    "altered": lambda: ".".join(
        [
            signed(claims()).split(".")[0],
            signed(claims(sub="8")).split(".")[1],
            signed(claims()).split(".")[2],
        ]
    ),
    "another issuer": lambda: signed(claims(iss="https://evil.example")),
    "issuer with a slash": lambda: signed(claims(iss=ISSUER + "/")),
    "another audience": lambda: signed(claims(aud="another")),
    "two audiences, no party": lambda: signed(claims(aud=[CLIENT, "another"])),
    "another party": lambda: signed(claims(aud=[CLIENT, "another"], azp="another")),
    "expired": lambda: signed(claims(iat=AT - 500, exp=AT - 61)),
    "no expiry": lambda: signed(claims(exp=None)),
    "expiry as text": lambda: signed(claims(exp="9999999999")),
    "from the future": lambda: signed(claims(iat=AT + 120, exp=AT + 400)),
    "not yet": lambda: signed(claims(nbf=AT + 120)),
    "old": lambda: signed(claims(iat=AT - 3600)),
    "another nonce": lambda: signed(claims(nonce="m" * 32)),
    "no nonce": lambda: signed(claims(nonce=None)),
    "no subject": lambda: signed(claims(sub=None)),
    "empty subject": lambda: signed(claims(sub="")),
    "subject as a number": lambda: signed(claims(sub=7)),
    "long subject": lambda: signed(claims(sub="7" * 256)),
    "no token": lambda: "x.y.z",
}


def test_a_good_token_is_taken() -> None:
    assert tokens.claims_of(signed(claims()), JWKS, DEMANDS, now=NOW)["sub"] == "7"
    both = signed(claims(aud=[CLIENT, "another"], azp=CLIENT))
    assert tokens.claims_of(both, JWKS, DEMANDS, now=NOW)["azp"] == CLIENT


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forged_token_signs_nobody_in(how: str) -> None:
    """Threat 14: iss, aud, azp, exp, iat, nbf, nonce, sub and the signature, each wrong by itself."""
    with pytest.raises(Forged):
        tokens.claims_of(FORGERIES[how](), JWKS, DEMANDS, now=NOW)


def test_staff_can_be_asked_for_a_fresh_and_strong_sign_in() -> None:
    """Issue 5: the console uses the same; auth_time, acr and amr are checked by us, not believed to be there."""
    strict = Demands(
        issuer=ISSUER, client_id=CLIENT, nonce="n" * 32, max_age=timedelta(minutes=5), acr=("phr",), amr=("hwk",)
    )  # fmt: skip
    good = {"auth_time": AT - 100, "acr": "phr", "amr": ["hwk", "pin"]}
    assert tokens.claims_of(signed(claims(**good)), JWKS, strict, now=NOW)
    for worse in (
        {"auth_time": None},
        {"auth_time": AT - 400},
        {"acr": None},
        {"amr": ["pwd"]},
        {"amr": "hwk"},
    ):
        with pytest.raises(Forged):
            tokens.claims_of(signed(claims(**(good | worse))), JWKS, strict, now=NOW)


@pytest.mark.parametrize(
    "environ",
    [
        {"X_ISSUER": "http://id.exchange.example", "X_CLIENT_ID": "a"},
        {"X_ISSUER": "https://user:pass@id.exchange.example", "X_CLIENT_ID": "a"},
        {"X_ISSUER": ISSUER},
    ],
)
def test_an_unsafe_provider_stops_the_start(environ: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        oidc.configured("X", environ)


# -- links of the exchange's app

APP = OKPKey.generate_key("Ed25519", {"kid": "app"})
STRANGER = ECKey.generate_key("P-256", {"kid": "app"})


@pytest.fixture
def accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = tmp_path / "exchange.jwks"
    keys.write_text(json.dumps(KeySet([APP]).as_dict(private=False)))
    monkeypatch.setenv("CLOSEOUT_HANDOVER_KEYS", str(keys))
    monkeypatch.setenv("CLOSEOUT_HANDOVER_ISSUER", "exchange.example")
    monkeypatch.setenv("CLOSEOUT_HANDOVER_AUDIENCE", SITE)


def link(
    account: Any, *, key: Any = APP, alg: str = "Ed25519", typ: str = handover.TYPE, **changed: Any
) -> str:
    at = int(datetime.now(UTC).timestamp())
    said = {
        "iss": "exchange.example", "aud": SITE, "sub": str(account), "iat": at, "exp": at + 60,
        "jti": f"{datetime.now(UTC).timestamp():.9f}-random",
    }  # fmt: skip
    header = {"alg": alg, "kid": "app", "typ": typ}
    return jwt.encode(header, said | changed, key, algorithms=[alg])


def opened(token: str, client: Client | None = None, language: str = "en") -> Any:
    client = client or Client(headers={"accept-language": language})
    return client.get("/signin/link", {"token": token, "next": "/case"})


def test_the_app_hands_its_holder_over_once(exchange: Exchange, accepted: None) -> None:
    """Issue 5: signed, short-lived, one use; the second time is a page with a way on."""
    token, client = link(exchange.accounts[0]), Client()
    response = opened(token, client)
    assert (response.status_code, response.headers["Location"]) == (302, "/case")
    assert client.session["account"] == exchange.accounts[0]
    again = opened(token)
    assert again.status_code == 410
    assert "used before" in again.content.decode()
    assert 'href="/signin"' in again.content.decode()


def test_one_link_in_eight_hands_opens_once(exchange: Exchange, accepted: None) -> None:
    token = link(exchange.accounts[0])
    told = parallel(*[lambda: opened(token).status_code] * 8)
    assert sorted(told) == [302] + [410] * 7


AGES: dict[str, tuple[Callable[[int], dict[str, Any]], int, str]] = {
    "expired": (lambda at: {"iat": at - 70, "exp": at - 10}, 410, "expired"),
    "long-lived": (lambda at: {"exp": at + 3600}, 403, "not made by the exchange"),
    "from the future": (lambda at: {"iat": at + 30, "exp": at + 60}, 403, "not made by the exchange"),
    "another site": (lambda _: {"aud": "https://another.example"}, 403, "another place"),
    "another exchange": (lambda _: {"iss": "another.example"}, 403, "another place"),
    "unknown account": (lambda _: {"sub": "999999999"}, 403, "another place"),
    "short mark": (lambda _: {"jti": "short"}, 403, "not made by the exchange"),
    "no mark": (lambda _: {"jti": None}, 403, "not made by the exchange"),
}


@pytest.mark.parametrize("how", AGES)
def test_a_link_that_opens_nothing_says_why_and_goes_on(exchange: Exchange, accepted: None, how: str) -> None:
    """Issue 5: expired, foreign and forged links; the page is in the reader's language, with the right status."""
    changed, status, words = AGES[how]
    token = link(exchange.accounts[0], **changed(int(datetime.now(UTC).timestamp())))
    client = Client()
    response = opened(token, client)
    assert response.status_code == status
    assert words in response.content.decode()
    assert "account" not in client.session
    assert "链接" in opened(token, language="zh-hans").content.decode()


@pytest.mark.parametrize(
    "forged",
    [
        lambda account: link(account, key=STRANGER, alg="ES256"),
        lambda account: link(account, key=OKPKey.generate_key("Ed25519", {"kid": "app"})),
        lambda account: link(account, typ="JWT"),
        lambda account: link(account)[:-4] + "AAAA",
        lambda account: "eyJhbGciOiJub25lIn0." + link(account).split(".")[1] + ".",
        lambda _: "",
        lambda _: "x" * 5000,
    ],
)
def test_a_forged_link_opens_nothing(
    exchange: Exchange, accepted: None, forged: Callable[[int], str]
) -> None:
    client = Client(headers={"accept-language": "en"})
    response = opened(forged(exchange.accounts[0]), client)
    assert response.status_code == 403
    assert "account" not in client.session


def test_keys_that_could_sign_are_not_taken(tmp_path: Path) -> None:
    """A file with secret keys on the wrong machine is a leak; it stops the start."""
    keys = tmp_path / "keys"
    keys.write_text(json.dumps(KeySet([APP]).as_dict(private=True)))
    environ = {
        "CLOSEOUT_HANDOVER_KEYS": str(keys),
        "CLOSEOUT_HANDOVER_ISSUER": "a",
        "CLOSEOUT_HANDOVER_AUDIENCE": "b",
    }
    with pytest.raises(ValueError, match="secret keys"):
        handover.configured(environ)
    with pytest.raises(ValueError, match="needs"):
        handover.configured({"CLOSEOUT_HANDOVER_KEYS": str(keys)})


def test_a_flood_of_arrivals_of_one_network_ends(exchange: Exchange, accepted: None) -> None:
    """R-CLO-3: 429 with the time to wait; another network is served."""
    told = [opened("x").status_code for _ in range(61)]
    assert told[:60] == [403] * 60
    last = opened("x")
    assert (last.status_code, told[60]) == (429, 429)
    assert int(last.headers["Retry-After"]) >= 1
    assert Client(REMOTE_ADDR="198.51.100.7").get("/signin/link", {"token": "x"}).status_code == 403
