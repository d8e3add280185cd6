"""R-OPS-6: a process that holds a key leaves no core file, whatever the limits of the shell say."""

import signal
import subprocess
import sys
from pathlib import Path

HOLDS = """
import ctypes, os, resource, sys
from closeout.venues.okx import keys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
keys.load({"CLOSEOUT_OKX_KEY": "k-77aa", "CLOSEOUT_OKX_SECRET": "s-77aa", "CLOSEOUT_OKX_PASSPHRASE": "p-77aa"})
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == "linux" else 0
print(resource.getrlimit(resource.RLIMIT_CORE)[0], dumpable, flush=True)
os.abort()
"""


def test_a_process_that_holds_a_key_leaves_no_core_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOLDS], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGABRT
    assert done.stdout.split() == ["0", "0"]
    assert "77aa" not in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())
