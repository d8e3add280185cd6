"""Archive and erasure, killed in the middle: resumed to the same bytes and the same receipts."""

from __future__ import annotations

import os
import subprocess
import sys


def test_killed_in_the_archive_and_in_the_erasure_it_ends_with_the_same_bytes_and_receipts() -> None:
    """Issue 6, right: kill -9 at the steps of the real export, closing and erasure. R-REC-1, R-REC-3, R-REC-5."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOSEOUT_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.records"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == 9
    assert done.stdout.endswith("all stands as if nothing had happened\n")
