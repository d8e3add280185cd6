"""Screen one generated population with DuckDB and with Spark and compare everything that they say.

    make screen-agreement [ARGS="--accounts 1000000"]

Runs the commands that a reader would run, prints what each took (wall time, processor time and peak memory of the
program with all that it started; Linux), and compares the summaries and every blocker. Exit code 1: they differ.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
from benchmarks.screening_common import Family

ENGINES = ("duckdb", "spark")
COLUMNS = "account_id, code, subject, item, asset, amount, clears_at"
AT_ONCE = 250_000  # accounts whose blockers are compared at once: memory


def closeout(*words: str | Path, folder: Path) -> str:
    """Run a command of ours in ``folder``, say what it took, and return what it printed."""
    print("$ closeout " + " ".join(map(str, words)), flush=True)
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "closeout.cli", *map(str, words)],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
    ) as program:
        family = Family(program.pid)
        assert program.stdout is not None
        with family.watched():
            said = program.stdout.read()
    if program.returncode:
        raise SystemExit(f"exit code {program.returncode}")
    took = time.perf_counter() - begun
    print(f"  {took:.1f} s, {family.cpu:.1f} CPU-s, {family.peak:.0f} MB at most", flush=True)
    return said


def differing(folder: Path, accounts: int) -> list[Any]:
    """Return up to five blockers that only one engine wrote, each with the engine."""
    found: list[Any] = []
    parts = -(-accounts // AT_ONCE)
    with duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(folder)}) as connection:
        for engine in ENGINES:
            files = folder / f"screened-{engine}" / "blockers" / "*.parquet"
            connection.execute(f"create view {engine} as select {COLUMNS} from read_parquet('{files}')")
        for part in range(parts):
            for one, other in (ENGINES, ENGINES[::-1]):
                chosen = f"where hash(account_id) % {parts} = {part}"
                found += connection.execute(
                    f"select '{one}', * from (from {one} {chosen} except all from {other} {chosen}) limit 5"
                ).fetchall()
        count = connection.execute("select count(*) from duckdb").fetchall()[0][0]
    print(f"{count:,} blockers compared", flush=True)
    return found[:5]


def main() -> int:
    """Generate, screen twice, compare."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--accounts", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=7)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
            from tests.lake import java

            os.environ["JAVA_HOME"] = str(java.home(folder / "java"))
        closeout("population", "--accounts", str(given.accounts), "--seed", str(given.seed),
                 "--out", "population", folder=folder)  # fmt: skip
        summaries = [
            json.loads(
                closeout("screen", "--facts", "population", "--engine", engine,
                         "--out", f"screened-{engine}", "--json", folder=folder)
            )
            for engine in ENGINES
        ]  # fmt: skip
        only = differing(folder, given.accounts)
    same = summaries[0] == summaries[1]
    print(
        f"summaries: {'identical' if same else 'DIFFERENT'}; blockers: {'DIFFERENT' if only else 'identical'}"
    )
    for row in only:
        print(f"  only {row[0]}: {row[1:]}")
    return 0 if same and not only else 1


if __name__ == "__main__":
    sys.exit(main())
