"""Passkeys as a factor: an authenticator in software signs; each way of being wrong is refused by itself."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.cases.exchange import Exchange, parallel
from tests.cases.test_verification import code_of
from webauthn.helpers import encode_cbor

from closeout.cases import codes, passkeys, policies, vaults, venues, verification
from closeout.cases.models import Case, Challenge
from closeout.cases.passkeys import Site
from closeout.policy import Policy
from closeout.reasons import Refused
from closeout.venues.base import Passkey
from closeout.venues.sandbox import people

SITE = Site("closeout.example", "https://closeout.example")
PRESENT, VERIFIED = 0x01, 0x04
POLICY = Policy(verification=("email", "passkey"))


def text(said: bytes) -> str:
    return base64.urlsafe_b64encode(said).rstrip(b"=").decode()


class Device:
    """An authenticator in software: one ES256 key, a counter, flags that a test may change."""

    def __init__(self, number: bytes = b"device one, sixteen and more") -> None:
        self.number, self.key, self.count = number, ec.generate_private_key(ec.SECP256R1()), 0
        self.flags = PRESENT | VERIFIED

    @property
    def registered(self) -> Passkey:
        """What the exchange knows of it: the number, and the public key as COSE."""
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        return Passkey(self.number, encode_cbor(cose))

    def sign(self, challenge: bytes, site: Site = SITE, kind: str = "webauthn.get") -> str:
        """Answer ``navigator.credentials.get`` as a browser would at ``site``."""
        self.count += 1
        said = json.dumps({"type": kind, "challenge": text(challenge), "origin": site.origin}).encode()
        device = (
            hashlib.sha256(site.name.encode()).digest() + bytes([self.flags]) + self.count.to_bytes(4, "big")
        )
        signature = self.key.sign(device + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": said, "authenticatorData": device, "signature": signature}
        answer = {name: text(value) for name, value in response.items()}
        return json.dumps(
            {"id": text(self.number), "rawId": text(self.number), "type": "public-key", "response": answer}
        )


@pytest.fixture
def device() -> Device:
    return Device()


def prepared(exchange: Exchange, device: Device, number: int = 0) -> Case:
    """Return an application that asks for a passkey, with a round open for it."""
    case = exchange.open(exchange.accounts[number], policy=POLICY)
    with venues.sandbox().connection() as opened, opened.transaction(), opened.cursor() as cursor:
        assert people.add_passkey(cursor, vaults.vault(), case.account_id, device.registered)
    codes.send(case, "passkey", now=exchange.now)
    return case


def asked(case: Case, exchange: Exchange) -> bytes:
    """Return the challenge that the page shows."""
    said = json.loads(codes.passkey_options(case, site=SITE, now=exchange.now))
    assert said["userVerification"] == "required"
    assert said["rpId"] == SITE.name
    return base64.urlsafe_b64decode(said["challenge"] + "==")


def confirm(case: Case, answer: str, exchange: Exchange, site: Site = SITE) -> str:
    try:
        codes.confirm(case, "passkey", answer, now=exchange.now, site=site)
    except Refused as refused:
        return code_of(refused)
    return "accepted"


def test_a_passkey_confirms_this_application_once(exchange: Exchange, device: Device) -> None:
    """R-CLO-3: case and consent are in the challenge; the second time is refused."""
    case = prepared(exchange, device)
    answer = device.sign(asked(case, exchange))
    assert confirm(case, answer, exchange) == "accepted"
    assert verification.missing(case, now=exchange.now) == ["email"]
    assert confirm(case, answer, exchange) == "code_replayed"


def test_the_challenge_stands_for_case_and_consent(exchange: Exchange, device: Device) -> None:
    """R-CLO-3, threat 6: what was signed for one case or text is refused for any other."""
    first, second = prepared(exchange, device), prepared(exchange, Device(b"device two, sixteen and more"), 1)
    assert asked(first, exchange) != asked(second, exchange)
    assert confirm(second, device.sign(asked(first, exchange)), exchange) == "wrong_passkey"
    answer = device.sign(asked(first, exchange))
    first.action_digest = verification.action_digest(first, "1" * 64)
    first.save(update_fields=["action_digest"])
    assert confirm(first, answer, exchange) == "code_not_sent"
    exchange.later(minutes=1)
    codes.send(first, "passkey", now=exchange.now)
    assert confirm(first, answer, exchange) == "wrong_passkey"
    assert confirm(first, device.sign(asked(first, exchange)), exchange) == "accepted"


PHISHING = Site(SITE.name, "https://closeout.example.evil.example")
ANOTHER = Site("evil.example", "https://evil.example")


@pytest.mark.parametrize(
    "how",
    [
        "phishing",
        "another site",
        "not verified",
        "another key",
        "another kind",
        "no json",
        "too long",
        "empty",
    ],
)
def test_a_wrong_answer_is_refused_and_counted(exchange: Exchange, device: Device, how: str) -> None:
    """R-CLO-3, threat 8: origin, site, user verification, key and kind are each demanded."""
    case = prepared(exchange, device)
    challenge = asked(case, exchange)
    if how == "not verified":
        device.flags = PRESENT
    answers = {
        "phishing": lambda: device.sign(challenge, PHISHING),
        "another site": lambda: device.sign(challenge, ANOTHER),
        "not verified": lambda: device.sign(challenge),
        "another key": lambda: Device(device.number).sign(challenge),
        "another kind": lambda: device.sign(challenge, kind="webauthn.create"),
        "no json": lambda: "{",
        "too long": lambda: "x" * 9000,
        "empty": lambda: "{}",
    }
    assert confirm(case, answers[how](), exchange) == "wrong_passkey"
    assert Challenge.objects.get(case=case, factor="passkey").attempts == 1
    device.flags = PRESENT | VERIFIED
    assert confirm(case, device.sign(challenge), exchange) == "accepted"


def test_five_answers_are_looked_at_and_no_more(exchange: Exchange, device: Device) -> None:
    case = prepared(exchange, device)
    challenge = asked(case, exchange)
    told = [confirm(case, "{}", exchange) for _ in range(6)]
    assert told == ["wrong_passkey"] * 5 + ["code_used_up"]
    assert confirm(case, device.sign(challenge), exchange) == "code_used_up"


def test_a_copy_of_a_passkey_is_noticed(exchange: Exchange, device: Device) -> None:
    """R-CLO-3: a counter that does not grow means that two devices hold the key."""
    case = prepared(exchange, device)
    device.count = 10
    assert confirm(case, device.sign(asked(case, exchange)), exchange) == "accepted"
    exchange.later(minutes=1)
    codes.send(case, "passkey", now=exchange.now)
    device.count = 10
    assert confirm(case, device.sign(asked(case, exchange)), exchange) == "wrong_passkey"


def test_one_answer_in_eight_hands_is_accepted_once(exchange: Exchange, device: Device) -> None:
    """Bar B11: the same signed answer at once, on connections of their own."""
    case = prepared(exchange, device)
    answer, now = device.sign(asked(case, exchange)), exchange.now
    told = Counter(
        code_of(one)
        for one in parallel(*[lambda: codes.confirm(case, "passkey", answer, now=now, site=SITE)] * 8)
    )
    assert told["accepted"] == 1
    assert sum(told.values()) == 8


def test_a_round_ends_and_an_account_without_passkey_is_told(exchange: Exchange, device: Device) -> None:
    """R-DIA-6: nothing to press where there is nothing to answer with."""
    case = prepared(exchange, device)
    challenge = asked(case, exchange)
    exchange.later(minutes=11)
    assert codes.passkey_options(case, site=SITE, now=exchange.now) == ""
    assert confirm(case, device.sign(challenge), exchange) == "code_expired"
    bare = exchange.open(exchange.accounts[2], policy=POLICY)
    with pytest.raises(Refused, match="factor_missing"):
        codes.send(bare, "passkey", now=exchange.now)


def test_a_policy_with_a_passkey_alone_is_lawful(exchange: Exchange) -> None:
    """R-CLO-3: at least one factor is no mailbox and no phone."""
    kept = policies.keep(Policy(verification=("passkey",)), now=exchange.now)
    assert policies.of_version(kept.version).verification == ("passkey",)
    assert passkeys.ANSWER_MAX < 64 * 1024
