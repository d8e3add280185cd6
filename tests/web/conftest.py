"""A real site and a real Chromium: ``closeout serve`` on a database of its own, driven by Playwright."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)
from tests.web import browser as browsers
from tests.web.playing import Cast

from closeout.cluster import databases

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]  # fmt: skip
HERE = Path(__file__).parent
CLOCK = time  # waiting for a process to listen is the one place that looks at a clock


class Backstage:
    """Asks the process behind the site to prepare people and cases."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __getattr__(self, deed: str) -> Callable[..., Any]:
        """Return a function that asks for ``deed``."""

        def ask(**request: Any) -> Any:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps({"do": deed, **request}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
            assert line, "the process behind the site has ended"
            answer = json.loads(line)
            assert "wrong" not in answer, answer["wrong"]
            return answer["answer"]

        return ask


@pytest.fixture(scope="session")
def surroundings(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a site of its own: two databases, keys, a place for its files."""
    name = f"web{os.getpid()}"
    place = tmp_path_factory.mktemp("site")
    with databases.connect(cluster_url, autocommit=True) as connection:
        for made, template in ((name, "closeout_template"), (f"{name}_keyring", "closeout_template_keyring")):
            connection.execute(f'create database "{made}" template "{template}" strategy file_copy')
    policy = place / "policy.toml"
    policy.write_text("consent_reading_seconds = 1\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CLOSEOUT_")}
    environment |= {
        "CLOSEOUT_DATABASE_URL": databases.with_name(cluster_url, name),
        "CLOSEOUT_KEYRING_URL": databases.with_name(cluster_url, f"{name}_keyring"),
        "CLOSEOUT_DATA_DIR": str(place),
        "CLOSEOUT_KEYS": str(place / "keys"),
        "CLOSEOUT_POLICY": str(policy),
        "CLOSEOUT_DEMO": "1",
        "PYTHONUNBUFFERED": "1",
    }
    yield environment
    with contextlib.suppress(psycopg.Error), databases.connect(cluster_url, autocommit=True) as connection:
        for made in (name, f"{name}_keyring"):
            connection.execute(f'drop database if exists "{made}" with (force)')


@pytest.fixture(scope="session")
def backstage(surroundings: dict[str, str]) -> Iterator[Backstage]:
    """The process that prepares people and cases."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.web.backstage"], env=surroundings, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, cwd=HERE.parent.parent,
    )  # fmt: skip
    yield Backstage(process)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(timeout=20)
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture(scope="session")
def cast(backstage: Backstage, site: str) -> Cast:
    """One account in every state that a page can show; ``site`` works on what happens to them."""
    assert site
    return Cast(backstage)


@pytest.fixture(scope="session")
def site(surroundings: dict[str, str], backstage: Backstage) -> Iterator[str]:
    """The address of a running site with its worker."""
    backstage.seeded()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = Path(surroundings["CLOSEOUT_DATA_DIR"]) / "serve.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "closeout.cli", "serve", "--port", str(port)], env=surroundings, stdout=out,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{address}/robots.txt", timeout=10).close()
                    break
                assert process.poll() is None, log.read_text()
                CLOCK.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file; a fresh context each.

    It ends with the file: while Playwright runs, its event loop counts as running in this thread, and
    nothing else in the process could start one.
    """
    if browsers.main() != 0:
        pytest.fail(browsers.ADVICE, pytrace=False)
    path = browsers.find()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


class Visitor:
    """One person with a browser of their own, and what the browser complained about."""

    def __init__(self, context: BrowserContext, site: str, backstage: Backstage, language: str) -> None:
        self.context, self.site, self.language = context, site, language
        self._backstage = backstage
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        self.taps = self.fields = self.ticks = self.screens = 0
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 - Playwright marks it

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str) -> Response:
        """Go to a page."""
        answer = self.page.goto(self.site + path)
        assert answer is not None
        return answer

    def sign_in(self, who: int, then: str = "") -> None:
        """Be signed in as the holder of an account, without the page that does it; go on to ``then``."""
        cookie = {"name": "sid", "value": self._backstage.session(account=who), "url": self.site}
        self.context.add_cookies([cookie])
        if then:
            self.open(then)

    def enter(self, who: str | int, then: str = "/check") -> None:
        """Sign in on the page as a generated person, by handle or account number."""
        self.open(f"/signin?next={then}")
        button = self.page.locator("button.person")
        button.first.evaluate("(button, who) => { button.value = who; }", str(who))
        button.first.click()

    def tap(self, name: str | Any, role: str = "button") -> None:
        """Press a button or a link, and count it."""
        self.taps += 1
        self.page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]

    def type(self, selector: str, text: str) -> None:
        """Fill a field, and count it."""
        self.fields += 1
        self.page.fill(selector, text)

    def tick(self, selector: str) -> None:
        """Tick every box that matches, and count each."""
        for box in self.page.locator(selector).all():
            self.ticks += 1
            box.check()


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, site: str, backstage: Backstage) -> Iterator[Visit]:
    """Make visitors: language, width, colour scheme, JavaScript."""
    contexts: list[BrowserContext] = []

    def make(
        *,
        language: str = "zh",
        width: int = 390,
        scheme: str = "light",
        scripts: bool = True,
    ) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            locale="zh-CN" if language == "zh" else "en-US",
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Visitor(context, site, backstage, language)

    yield make
    for context in contexts:
        context.close()
