"""Lighthouse and html-validate over the holder's pages: ``make lighthouse``. Needs node; not part of ``make test``.

Accessibility, best practices and SEO must be 100 on every page. Pages behind the sign-in are closed to crawlers on
purpose (robots.txt), so there the one audit that demands the opposite is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.web import browser as browsers

VERSION, VALIDATOR = "12.8.2", "10.9.0"  # the newest that run on node 20
NODE = "make lighthouse needs node 20 or newer with npx (https://nodejs.org); nothing was measured."
CATEGORIES = ("accessibility", "best-practices", "seo")
PATIENCE = 300  # seconds for one page; half a minute is usual
CHROME = "--headless=new --no-sandbox --disable-gpu"
PUBLIC = ("/", "/signin", "/help", "/help/closing-fails", "/domains", "/dormant", "/preferences")
SIGNED_IN = {
    "messy": ("/check", "/plan", "/support", "/protection"),
    "applied": ("/application", "/verification", "/records"),
    "cooling": ("/case", "/withdrawal", "/stop"),
    "reviewed": ("/proof",),
}
VISITS = [("", path) for path in PUBLIC] + [(who, path) for who, paths in SIGNED_IN.items() for path in paths]
SPOKEN = {"zh": "zh-CN", "en": "en-US"}


def measured(address: str, headers: dict[str, str], place: Path, *, private: bool) -> dict[str, Any]:
    """Return what Lighthouse says about a page."""
    asked = place / "headers.json"
    asked.write_text(json.dumps(headers))
    found = place / "report.json"
    command = [
        "npx", "--yes", f"lighthouse@{VERSION}", address, "--quiet", "--output=json", f"--output-path={found}",
        f"--chrome-flags={CHROME}", f"--only-categories={','.join(CATEGORIES)}", f"--extra-headers={asked}",
        *(["--skip-audits=is-crawlable"] if private else []),
    ]  # fmt: skip
    environment = {**os.environ, "CHROME_PATH": str(browsers.find())}
    with (place / "said.txt").open("w+") as said:  # no pipe: a browser that hangs would hold it open
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
        try:
            code = process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        said.seek(0)
        assert code == 0, f"{address}: {said.read()[-2000:]}"
    report: dict[str, Any] = json.loads(found.read_text())
    return report


SHARED = [
    "radio",
    "button",
    "reset",
    "submit",
    "checkbox",
]  # ticks of one list have one name, as the server reads it
VALIDITY = {
    "root": True,
    "extends": ["html-validate:recommended"],
    "rules": {"form-dup-name": ["error", {"shared": SHARED}]},
}


def _ready() -> None:
    if shutil.which("npx") is None:
        pytest.fail(NODE, pytrace=False)
    assert browsers.main() == 0, browsers.ADVICE


def _headers(cast: Any, who: str, path: str, language: str) -> dict[str, str]:
    headers = {"Accept-Language": SPOKEN[language]}
    if who:
        headers["Cookie"] = f"sid={cast.session(who, language)}"
    if path == "/stop":
        headers["Cookie"] += f"; stop={cast.link(who, language).rpartition('/')[2]}"
    return headers


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_clean_for_html_validate(site: str, cast: Any, tmp_path: Path, language: str) -> None:
    """Issue 5, bar: html-validate clean, by its own recommended rules."""
    _ready()
    (tmp_path / ".htmlvalidate.json").write_text(json.dumps(VALIDITY))
    for number, (who, path) in enumerate(VISITS):
        request = urllib.request.Request(site + path, headers=_headers(cast, who, path, language))
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.url == site + path
            name = f"{number:02}{path.replace('/', '-')}.html"
            (tmp_path / name).write_bytes(answer.read())
    found = subprocess.run(
        ["npx", "--yes", f"html-validate@{VALIDATOR}", "--formatter=text", "*.html"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_has_full_marks(
    site: str, cast: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], language: str
) -> None:
    """Issue 5, bar: Lighthouse accessibility, best practices and SEO 100."""
    _ready()
    less = []
    for who, path in VISITS:
        headers = _headers(cast, who, path, language)
        report = measured(site + path, headers, tmp_path, private=bool(who))
        final = report["finalDisplayedUrl"].removeprefix(site)
        assert final.partition("?")[0] == path, f"{path} led to {final}"
        marks = {name: round(100 * (report["categories"][name]["score"] or 0)) for name in CATEGORIES}
        failed = [
            one["id"] for one in report["audits"].values() if one["score"] is not None and one["score"] < 1
        ]
        with capfd.disabled():
            shown = " ".join(f"{mark:>5}" for mark in marks.values())
            print(f"{language} {path:24} {shown}  {' '.join(failed)}", flush=True)  # noqa: T201 - the table
        less += [f"{path}: {name} {mark}: {failed}" for name, mark in marks.items() if mark < 100]
    assert less == []
