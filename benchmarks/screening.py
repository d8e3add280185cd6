"""Screening measured: one account live, a population against mere decoding, and side by side with others.

    make bench-screen [ARGS="--accounts 1000000 --sample 20000 --parts live,population,growth,spark,peers --times 10"]

Every figure of one table is from one run on one machine; ratios matter, times are context. Ours is measured on
the whole population, the peers on a sample, because they are linear and slow. Both sides open their files; a peer
gets dictionaries with floats for amounts and microseconds for times, which DuckDB converts for it, decides the
conditions that look at one row (38 of 42), and returns account and code only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from screening_common import AT, Family, measured

HERE = Path(__file__)


def part_counts(folder: Path) -> dict[str, float]:
    """Count the rows of every condition."""
    from closeout.conditions import buckets
    from closeout.facts import parquet
    from closeout.policy import Policy

    opened = parquet.opened(folder)
    work = buckets.Screen(opened, Policy().row(AT))
    return measured(lambda: [work.counts(bucket) for bucket in buckets.split(opened)])


def part_rows(folder: Path) -> dict[str, float]:
    """Write every row of every condition."""
    from closeout.conditions import buckets
    from closeout.facts import parquet
    from closeout.policy import Policy

    opened = parquet.opened(folder)
    work = buckets.Screen(opened, Policy().row(AT))
    with tempfile.TemporaryDirectory() as out:

        def write(work: buckets.Screen) -> None:
            for one in buckets.split(work.folder):
                work.write(one, Path(out) / f"{one.number}.parquet")

        found = measured(lambda: write(work))
        whole = measured(
            lambda: write(buckets.Screen(parquet.opened(folder), Policy().row(AT)))
        )  # as a peer does
    return found | {"whole": whole["cpu"]}


def _floor(folder: Path, columns: dict[str, set[str]]) -> dict[str, float]:
    """Decode the columns and fold them, nothing else: what no screening can undercut."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2, "memory_limit": "160MB"})

    def decode() -> None:
        for relation, names in columns.items():
            folded = ", ".join(f"bit_xor(hash({name}))" for name in sorted(names))
            connection.execute(
                f"select {folded} from read_parquet('{folder / relation}/*.parquet')"
            ).fetchall()

    return measured(decode)


def part_floor_counts(folder: Path) -> dict[str, float]:
    """Decode what counting needs."""
    from closeout.conditions.catalog import by_code

    columns: dict[str, set[str]] = {}
    for one in by_code().values():
        if one.where is None:
            columns.setdefault(one.drives, set()).add("account_id")
        for name in re.findall(r"\br\.(\w+)", one.implied if one.where is None else one.where):
            columns.setdefault(one.drives, set()).add(name)
    columns["contact"] |= {"account_id", "reachable"}
    return _floor(folder, columns)


def part_floor_rows(folder: Path) -> dict[str, float]:
    """Decode what writing needs."""
    from closeout.conditions.catalog import by_code

    columns: dict[str, set[str]] = {}
    for one in by_code().values():
        for relation, names in one.reads.items():
            columns.setdefault(relation, set()).update(names)
    return _floor(folder, columns)


def part_spark(folder: Path) -> dict[str, float]:
    """Spark on this machine, every row written: started, and warmed up with the sample that lies beside."""
    from closeout.conditions import lake
    from closeout.facts import parquet, spark
    from closeout.policy import Policy

    family = Family(os.getpid())
    running = spark.session("local[2]")
    with tempfile.TemporaryDirectory() as out:
        warm = folder.with_name("small")
        if warm.is_dir():
            lake.write(parquet.opened(warm), Policy().row(AT), Path(out) / "warm", session=running)
        opened = parquet.opened(folder)
        family.look()
        wall, used = time.perf_counter(), family.cpu
        with family.watched():
            lake.write(opened, Policy().row(AT), Path(out) / "blockers", session=running)
        return {"cpu": family.cpu - used, "wall": time.perf_counter() - wall, "rss": family.peak}


def _load(connection: Any, files: Any, folder: Path, scratch: Path) -> None:
    """Load the population into tables as an operator has them, with one index each."""
    from closeout.facts import ddl
    from closeout.facts.schema import RELATIONS, columns

    connection.execute("create schema facts")
    for statement in ddl.create_tables(schema="facts"):
        connection.execute(statement)
    for name, relation in RELATIONS.items():
        text = scratch / f"{name}.csv"
        listed = ", ".join(one.name for one in columns(relation))
        files.execute(
            f"copy (select {listed} from read_parquet('{folder / name}/*.parquet')) "
            f"to '{text}' (format csv, header false)"
        )
        into = f"copy facts.{name} ({listed}) from stdin (format csv)"
        with connection.cursor().copy(into) as copy, text.open("rb") as rows:
            while block := rows.read(1 << 20):
                copy.write(block)
        text.unlink()
    for statement in ddl.create_indexes(schema="facts"):
        connection.execute(statement)
    connection.execute(ddl.create_source_state(schema="facts"))
    for name in RELATIONS:
        connection.execute("insert into facts.source_state values (%s, 'complete', %s)", [name, AT])
    connection.execute("vacuum analyze")


def part_live(folder: Path) -> dict[str, float]:
    """One account after the other in PostgreSQL, beside a round trip of ``select 1``."""
    import duckdb
    import psycopg

    from closeout.cluster import supervisor
    from closeout.conditions.check import check
    from closeout.facts.postgres import PostgresFacts
    from closeout.policy import Policy

    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)
        cluster = supervisor.Cluster(Path(scratch) / "pg", durable=False)
        url = cluster.hold()
        try:
            with psycopg.connect(url, autocommit=True) as connection, duckdb.connect() as files:
                _load(connection, files, folder, Path(scratch))
                numbers = [
                    number
                    for (number,) in connection.execute(
                        "select account_id from facts.account tablesample system (2) limit 4000"
                    ).fetchall()
                ]
                engine, policy = PostgresFacts(connection), Policy()
                whole, bare = [], []
                for number in numbers:
                    begun = time.perf_counter()
                    check(engine, policy, as_of=AT, accounts=[number])
                    whole.append(time.perf_counter() - begun)
                    begun = time.perf_counter()
                    connection.execute("select 1", prepare=True).fetchall()
                    bare.append(time.perf_counter() - begun)
        finally:
            cluster.release()
    cut = len(whole) // 10  # the first ones warm up
    ordered = sorted(whole[cut:])
    return {
        "p50_ms": statistics.median(ordered) * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
        "select_1_ms": statistics.median(bare[cut:]) * 1000,
    }


def run(part: str, folder: Path) -> dict[str, float]:
    """Measure one part in a process of its own; a part that cannot run says why."""
    apart = Path(sys.prefix, "spark", "bin", "python")  # make lake puts it there
    python = str(apart) if part == "spark" and apart.is_file() else sys.executable
    command = [python, str(HERE), "--part", part, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{part}: not measured: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        return {}
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{part}: " + ", ".join(f"{key} {value:.3f}" for key, value in found.items()), flush=True)
    return found


def _line(what: str, value: str, target: str) -> None:
    print(f"| {what} | {value} | {target} |")


def _part(name: str) -> Callable[[Path], dict[str, float]]:
    import screening_peers

    found: Callable[[Path], dict[str, float]] = globals().get(f"part_{name}") or getattr(
        screening_peers, f"part_{name}"
    )
    return found


def main() -> None:
    """Run the parts and print the table."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--accounts", type=int, default=1_000_000)
    asked.add_argument("--sample", type=int, default=20_000)
    asked.add_argument("--parts", default="live,population,growth,spark,peers")
    asked.add_argument("--times", type=int, default=10, help="growth: how many times as many accounts")
    asked.add_argument("--part")
    asked.add_argument("--folder", type=Path)
    given = asked.parse_args()
    if given.part:
        print(json.dumps(_part(given.part)(given.folder)))
        return
    from closeout.facts.population import generate

    with tempfile.TemporaryDirectory() as scratch:
        big, small = Path(scratch) / "big", Path(scratch) / "small"
        generate(big, accounts=given.accounts, seed=7, as_of=AT)
        generate(small, accounts=given.sample, seed=7, as_of=AT)
        parts = given.parts.split(",")
        names = []
        if set(parts) & {"population", "growth", "spark", "peers"}:
            names += ["floor_counts", "counts", "floor_rows", "rows"]
        found = {name: run(name, big) for name in names}
        if "growth" in parts:
            vast = Path(scratch) / "vast"
            generate(vast, accounts=given.accounts * given.times, seed=7, as_of=AT)
            found |= {f"vast_{name}": run(name, vast) for name in ("counts", "rows")}
            shutil.rmtree(vast)
        if "live" in parts:
            found["live"] = run("live", big)
        if "spark" in parts:
            found["spark"] = run("spark", big)
        peers = ("python", "cel", "zen", "rule_engine") if "peers" in parts else ()
        found |= {name: run(name, small) for name in peers}
    table(found, given.accounts, given.sample, peers, given.times)


def table(
    found: dict[str, dict[str, float]], accounts: int, sample: int, peers: tuple[str, ...], times: int
) -> None:
    """Print what was measured beside what was aimed at."""
    print(
        f"\n{accounts:,} accounts; peers on {sample:,}\n\n| what | measured | target |\n| --- | --- | --- |"
    )
    if live := found.get("live"):
        _line("self-check of one account, p50, in round trips of select 1",
              f"{live['p50_ms'] / live['select_1_ms']:.1f} ({live['p50_ms']:.2f} ms)", "≤ 10")  # fmt: skip
        _line("its p99, in p50", f"{live['p99_ms'] / live['p50_ms']:.1f}", "≤ 10")
    for name, target in (("counts", 1.8), ("rows", 2.2)):
        if found.get(name):
            share = found[name]["cpu"] / found[f"floor_{name}"]["cpu"]
            _line(f"{name}: CPU, in decoding of the columns needed", f"{share:.2f}", f"≤ {target}")
            _line(f"{name}: peak memory", f"{found[name]['rss']:.0f} MB", "≤ 256 MB")
        if vast := found.get(f"vast_{name}"):
            grown = " and ".join(f"{vast[what] / found[name][what]:.1f}× {what}" for what in ("wall", "cpu"))
            _line(f"{name}: {times} times as many accounts", grown, f"≤ {times}×")
            _line(f"{name}: peak memory of that", f"{vast['rss']:.0f} MB", "≤ 256 MB")
    targets = {"python": 40, "cel": 100, "zen": 120, "rule_engine": 80}
    for peer in peers:
        if found.get(peer) and found.get("rows"):
            ours, theirs = accounts / found["rows"]["whole"], sample / found[peer]["cpu"]
            shown = f"{ours / theirs:.0f}× ({ours:,.0f} against {theirs:,.0f} accounts per CPU second)"
            _line(f"Parquet in, Parquet out, against {peer}", shown, f"≥ {targets[peer]}×")
    if found.get("spark") and found.get("rows"):
        theirs, ours_ = found["spark"], found["rows"]
        _line("wall time against Spark local[2]", f"{theirs['wall'] / ours_['wall']:.1f}×", "≥ 8×")
        _line("CPU against Spark local[2]", f"{theirs['cpu'] / ours_['cpu']:.1f}×", "≥ 8×")
        _line("memory against Spark local[2]",
              f"{theirs['rss'] / ours_['rss']:.1f}× ({theirs['rss']:.0f} MB)", "≥ 15×")  # fmt: skip


if __name__ == "__main__":
    main()
