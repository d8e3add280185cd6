"""Mails to a real SMTP server and SMS to a real HTTP server: encrypted, signed, once, and later is not never."""

from __future__ import annotations

import base64
import email
import email.policy
import gc
import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.cases.exchange import Exchange

from closeout.cases import egress, letters, messages, senders, way_back
from closeout.cases.letters import Written
from closeout.cases.models import EffectRow, Message
from closeout.cases.sms import SmsSender
from closeout.cases.smtp import SmtpSender

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
VALUES = {
    "number": "CL-1", "due_at": "2026年1月12日 16:00（UTC+8）", "phrase": "纸灯笼", "domains": "closeout.example",
    "link": "https://closeout.example/stop/abc",
}  # fmt: skip
LETTER = ("submit", "email", "zh", VALUES)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(plain + made.public_bytes(serialization.Encoding.PEM))
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


class Post:
    """What the mail server has received, and what it says to a recipient or a mail."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.to: list[str] = []
        self.sessions: set[int] = set()
        self.refusing: dict[str, str] = {}

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:  # noqa: N802
        """Accept a recipient, or refuse one as told."""
        if address in self.refusing:
            return self.refusing[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        self.mails.append(envelope.content)
        self.to += envelope.rcpt_tos
        self.sessions.add(id(session))
        return "250 OK"


@contextmanager
def listening(post: Post, **how: Any) -> Iterator[int]:
    """Run a mail server on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = Controller(post, hostname="127.0.0.1", port=port, **how)
    controller.start()
    try:
        yield port
    finally:
        senders.forget()
        controller.stop()
        with (
            warnings.catch_warnings()
        ):  # the server drops its plain transport under STARTTLS without closing it
            warnings.simplefilter("ignore", ResourceWarning)
            del controller
            gc.collect()


def test_a_mail_goes_encrypted_with_text_and_html_and_the_same_name_each_time(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 5, messages: STARTTLS, sign-in, both forms, word and domains; a copy is known by its Message-ID."""
    monkeypatch.setenv("CLOSEOUT_MAIL_FROM", "close@closeout.example")
    post, known = Post(), []

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        known.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=True)

    with listening(
        post, tls_context=tls(certificate), require_starttls=True, authenticator=check, auth_required=True
    ) as port:
        url = f"smtp+starttls://me@127.0.0.1:{port}"
        with closing(SmtpSender(url, password="pa:ss", trusted=str(certificate))) as sender:
            for _ in range(3):
                sender.send(key="k1", channel="email", address="a@b.example", letter=letters.write(*LETTER))
    assert known == [(b"me", b"pa:ss", True)]
    assert len(post.sessions) == 1
    one, *more = [email.message_from_bytes(raw, policy=email.policy.default) for raw in post.mails]
    assert {mail["Message-ID"] for mail in (one, *more)} == {"<k1@closeout.example>"}
    text, html = one.get_body(("plain",)), one.get_body(("html",))
    assert text is not None
    assert html is not None
    for form in (text.get_content(), html.get_content()):
        for said in ("纸灯笼", "closeout.example", VALUES["link"], "2026年1月12日 16:00（UTC+8）"):
            assert said in form
    assert one["Subject"] == "已收到你的注销申请"
    assert one["Auto-Submitted"] == "auto-generated"
    assert one["From"] == "closeout <close@closeout.example>"


def test_tls_from_the_first_byte_and_no_trust_without_a_reason(certificate: Path) -> None:
    """Issue 5, messages: smtps works; a server with an unknown certificate gets nothing."""
    post = Post()
    with listening(post, ssl_context=tls(certificate)) as port:
        letter = letters.write(*LETTER)
        with closing(SmtpSender(f"smtps://127.0.0.1:{port}", trusted=str(certificate))) as sender:
            sender.send(key="k", channel="email", address="a@b.example", letter=letter)
        with pytest.raises(OSError, match="certificate verify failed"):
            SmtpSender(f"smtps://127.0.0.1:{port}").send(
                key="k", channel="email", address="a@b.example", letter=letter
            )
    assert len(post.mails) == 1


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example",
        "smtps://u:secret@mail.example",
        "http://mail.example",
        "smtps://",
        "mail.example",
    ],
)
def test_a_way_without_encryption_or_with_a_password_in_it_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="CLOSEOUT_MAIL_URL"):
        SmtpSender(url)


def test_later_is_not_never() -> None:
    """A refused mailbox is given up at once; a busy server, or none at all, is asked again."""
    post = Post()
    post.refusing = {"gone@b.example": "550 no such user", "busy@b.example": "451 try again"}
    letter = letters.write(*LETTER)
    with listening(post) as port:
        sender = SmtpSender(f"smtp://127.0.0.1:{port}")
        with pytest.raises(senders.Undeliverable) as never:
            sender.send(key="1", channel="email", address="gone@b.example", letter=letter)
        assert never.value.reason == "smtp_550"
        with pytest.raises(OSError, match="try again"):
            sender.send(key="2", channel="email", address="busy@b.example", letter=letter)
        for hostile in ("a@b.example\nBcc: all@b.example", "a@b.example\r\n\r\nhello", "", "no at sign"):
            with pytest.raises(senders.Undeliverable):
                sender.send(key="3", channel="email", address=hostile, letter=letter)
        sender.send(key="4", channel="email", address="well@b.example", letter=letter)
    sender.close()
    assert post.to == ["well@b.example"]
    with pytest.raises(OSError):
        sender.send(key="5", channel="email", address="well@b.example", letter=letter)


class Gateway(HTTPServer):
    """An SMS gateway that keeps what it was asked and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.status, self.asked = 202, list[tuple[dict[str, str], bytes]]()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/sms?tenant=1"


class Asked(BaseHTTPRequestHandler):
    """One request to the gateway."""

    def do_POST(self) -> None:
        """Keep it, and answer."""
        assert isinstance(self.server, Gateway)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway that listens in a thread."""
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_sms_is_a_signed_request_with_an_idempotency_key(gateway: Gateway) -> None:
    """Issue 5, messages: Standard Webhooks signature over id, time and body; the key is the same at every attempt."""
    sender = SmsSender(gateway.url, secret=SECRET)
    letter = letters.write("submit", "sms", "zh", VALUES)
    sender.send(key="effect-7-1", channel="sms", address="+8613800138000", letter=letter)
    ((headers, body),) = gateway.asked
    assert json.loads(body) == {"id": "effect-7-1", "to": "+8613800138000", "text": letter.body}
    assert headers["webhook-id"] == headers["idempotency-key"] == "effect-7-1"
    signed = f"effect-7-1.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.digest(b"s" * 32, signed, hashlib.sha256)
    assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 300


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, None), (302, OSError), (400, senders.Undeliverable), (422, senders.Undeliverable), (429, OSError),
     (500, OSError), (503, OSError)],
)  # fmt: skip
def test_the_gateways_answers_are_understood(gateway: Gateway, status: int, outcome: Any) -> None:
    """A redirect is not followed; 4xx is never, except those that say later."""
    gateway.status = status
    sender = SmsSender(gateway.url, secret=SECRET)

    def send() -> None:
        sender.send(key="k", channel="sms", address="+1", letter=Written("", "hello"))

    if outcome is None:
        send()
    else:
        with pytest.raises(outcome):
            send()
    assert len(gateway.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://sms.example/x", "https://other.example/x", "https://sms.example@other.example/x", "ftp://sms.example/",
        "https://user:pw@sms.example/", "https://sms.example/#x", "file:///etc/passwd", "//sms.example", "sms.example",
        "http://169.254.169.254/latest", "https://[::1]:9/x", "",
    ],
)  # fmt: skip
def test_nothing_is_asked_of_a_host_that_is_not_allowed(url: str) -> None:
    """Security page 1.4, R-SUP-9: the guard of outgoing requests decides before anything is opened."""
    with pytest.raises(egress.Forbidden):
        egress.post(url, b"", {}, allowed=["sms.example"])


@pytest.mark.parametrize(
    "secret", ["", "abc", "whsec_", "whsec_!!!!", "whsec_" + base64.b64encode(b"short").decode()]
)
def test_a_weak_or_missing_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="CLOSEOUT_SMS_SECRET"):
        SmsSender("https://sms.example/x", secret=secret)


def test_a_case_is_told_by_both_ways_and_a_dead_mailbox_holds_up_nobody(
    exchange: Exchange, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-DIA-1, R-CLO-12: one mailbox is gone, the other ways are used; the gateway is down, the mails still leave."""
    post = Post()
    one, two = exchange.accounts[:2]
    (case,) = exchange.apply(one)
    with listening(post) as port:
        monkeypatch.setenv("CLOSEOUT_MAIL_URL", f"smtp://127.0.0.1:{port}")
        monkeypatch.setenv("CLOSEOUT_SMS_URL", gateway.url)
        monkeypatch.setenv("CLOSEOUT_SMS_SECRET", SECRET)
        exchange.work()
        assert (len(post.mails), len(gateway.asked)) == (1, 1)
        assert way_back.link(case).encode() in post.mails[0].replace(b"=\r\n", b"")
        post.refusing = {str(letter["to"]): "550 gone" for letter in messages.inbox(case)}
        gateway.status = 503
        exchange.apply(two)
        exchange.work()
        assert len(post.mails) == 2
        waiting = EffectRow.objects.filter(kind="message.send", state="ready")
        assert [effect.fault for effect in waiting] == ["way_closed"]
        gateway.status = 200
        exchange.work(minutes=20)
    assert len(post.mails) == 2
    assert not EffectRow.objects.filter(kind="message.send").exclude(state="done").exists()
    assert not Message.objects.filter(sent_at=None, fault="").exists()


def test_a_message_that_can_never_arrive_is_noted_and_the_case_goes_on(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-DIA-1: support sees which message did not arrive and why; nothing waits for it."""
    post = Post()
    (case,) = exchange.apply(exchange.accounts[0])
    with listening(post) as port:
        monkeypatch.setenv("CLOSEOUT_MAIL_URL", f"smtp://127.0.0.1:{port}")
        holder = messages.venues.venue(case.venue).holder(case.account_id)
        assert holder is not None
        post.refusing = {str(holder.email): "550 5.1.1 no such user"}
        exchange.work()
    kept = Message.objects.filter(case=case).order_by("id")
    assert [(one.channel, one.fault, one.sent_at is None) for one in kept] == [
        ("email", "smtp_550", True), ("sms", "", False),
    ]  # fmt: skip
    assert exchange.effects(case)[-1] == ("message.send", "done")
