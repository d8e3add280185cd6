"""Kill a closing in the middle of its real archive, before the archive is noted, and after the keys are destroyed.

``python -m tests.crash.records`` makes a cluster of its own, exits 1 if anything differs, and prints what was found.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from tests.crash import process
from tests.crash.closing import Bench, bench_on, say, undisturbed

DOCUMENTS = "select kind, sha256, path from cases_document order by kind"
DESTROYED = "select receipt ->> 'digest' from cases_effect where kind = 'vault.destroy' and state = 'done'"
LEDGER = "select digest from keyring.erasure where class = 'operational' order by number"
NOTED = (
    "select (convert_from(rec, 'UTF8')::jsonb -> 'details') ->> 'sha256' from audit.entry"
    " where event = 'archive:build'"
)


def killed(bench: Bench, name: str, folder: Path, point: str) -> None:
    """Run until ``point`` and expect to be killed there."""
    code = bench.run(name, folder, point=point)
    if code != -signal.SIGKILL:
        raise SystemExit(f"{point}: not killed but {code}")


def parts(folder: Path) -> dict[str, bytes]:
    """Return the finished parts of the archive in the making, by name."""
    found = folder.glob("archives/.*.work/.archive.zip.*.parts/parquet/[a-z]*.parquet")
    return {path.name: path.read_bytes() for path in found}


def demand(what: str, *, holds: bool) -> None:
    """Say ``what`` if it holds; end if it does not. Raises: SystemExit."""
    if not holds:
        raise SystemExit(f"not so: {what}")
    say(what)


def schedule(bench: Bench, wanted: dict[str, Any]) -> None:
    """Kill one closing four times, let it finish, and compare."""
    name, folder = bench.schedule()
    killed(bench, name, folder, "archive.part:3")
    first = parts(folder)
    demand("three kinds are whole, none half", holds=len(first) == 3)
    killed(bench, name, folder, "archive.part:9")
    second = parts(folder)
    kept = {part: second.get(part) for part in first}
    demand("a second process went on from there", holds=kept == first and len(second) == 9)
    killed(bench, name, folder, "archive.sealed")
    (sealed,) = [path.name for path in folder.glob("archives/*.sealed")]
    demand("sealed, and nothing says so yet", holds=not bench.asked(name, DOCUMENTS))
    killed(bench, name, folder, "vault.destroyed")
    (document,) = [row for row in bench.asked(name, DOCUMENTS) if row[0] == "archive"]
    demand("the same bytes were sealed again", holds=document[2] == sealed and document[1][:12] in sealed)
    ledger = [row[0] for row in bench.asked(f"{name}_keyring", LEDGER)]
    demand("the keys are destroyed", holds=len(ledger) == 1 and not bench.asked(name, DESTROYED))
    if bench.run(name, folder) != 0:
        raise SystemExit("it did not finish")
    demand(
        "the receipt is that of the first time",
        holds=[row[0] for row in bench.asked(name, DESTROYED)] == ledger,
    )
    demand("the log names the bytes once", holds=bench.asked(name, NOTED) == [(document[1],)])
    demand("no file of the person is left", holds=not list(folder.glob("archives/.*")))
    demand("all stands as if nothing had happened", holds=bench.standing(name) == wanted)


def main() -> int:
    """Run it."""
    process.prepare()
    with bench_on(durable=False, light=False) as (bench, _):
        wanted, _points = undisturbed(bench)
        schedule(bench, wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
