"""A part of the crash matrix of closing; ``make crash-closing`` runs the whole of it."""

from __future__ import annotations

import os
import subprocess
import sys


def test_killed_anywhere_a_closing_ends_as_if_nothing_had_happened() -> None:
    """R-CLR-4, security bar B1: application to erased, killed at commit points and with its server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOSEOUT_")}
    asked = ["--light", "--most", "6", "--pairs", "1", "--storms", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.closing", *asked],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 crash points, 6 killed, 6 equal, 0 lost, 0 doubled, 0 stuck" in done.stdout


def test_every_planted_bug_still_has_its_place() -> None:
    """The hunt of ``make crash-mutants`` would else say that a bug was found where its planting broke."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.mutants", "--plant"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "25 of 25 bugs can be planted" in done.stdout
