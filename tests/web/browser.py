"""Find the browser for the tests of the pages; ``python -m tests.web.browser`` gets a missing one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PLACES = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
PACKAGES = ("chromium", "fonts-noto-cjk")
ADVICE = "The tests of the pages need Chromium: install it, or set CLOSEOUT_BROWSER to a browser like it."


def find() -> str | None:
    """Return the path of a Chromium or Chrome, or None. CLOSEOUT_BROWSER names one."""
    named = os.environ.get("CLOSEOUT_BROWSER")
    if named:
        return named if os.access(named, os.X_OK) else None
    for program in PROGRAMS:
        if found := shutil.which(program):
            return found
    for place in PLACES:
        if place.exists():
            return str(place)
    return _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _install() -> None:
    """Root on Debian or Ubuntu takes the packages of the system; anybody else gets Playwright's own build."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", "-qq", *command], check=False, env=quiet, stdin=subprocess.DEVNULL)
    if find() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    """Make sure that there is a browser; say so and fail if there is none."""
    if find() is None:
        _install()
    if find() is None:
        sys.stderr.write(ADVICE + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
