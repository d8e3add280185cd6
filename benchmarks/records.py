"""What the records room costs: per second, and as a ratio to a floor measured in the same run.

Floors: hashing the same bytes once (sealing, verifying), a bare DELETE of the same keys (erasure), PostgreSQL's own
COPY … TO STDOUT of the same rows (export). Ratios, not seconds, are comparable between machines.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from closeout import cluster
from closeout.cluster import databases, migrations, supervisor
from closeout.cluster.columns import copied
from closeout.records import audit, audit_check, export, keys, notes, signing, vault

NOW = datetime(2026, 3, 1, 12)
LOG = "log.closeout.example"


@dataclass(frozen=True)
class Cost:
    """What some work took: seconds that passed, and of processors, here and in the server's own processes."""

    wall: float
    cpu: float

    @staticmethod
    def of(work: Callable[[], Any], *servers: psycopg.Connection[Any]) -> Cost:
        """Do ``work`` and return what it took; ``servers``: the connections whose server processes it keeps busy."""
        before, begin = _processors(servers), time.perf_counter()
        work()
        wall = time.perf_counter() - begin
        return Cost(wall, _processors(servers) - before)

    def __add__(self, other: Cost) -> Cost:
        """Return what both took together."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu)

    def mean(self, other: Cost) -> Cost:
        """Return what is between two measurements of the same."""
        return Cost((self.wall + other.wall) / 2, (self.cpu + other.cpu) / 2)


def _processors(servers: Sequence[psycopg.Connection[Any]]) -> float:
    """Return the seconds of processors that this process, its children and ``servers`` have used so far."""
    mine = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    total = sum(used.ru_utime + used.ru_stime for used in mine)
    for one in servers:
        fields = Path(f"/proc/{one.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def row(name: str, count: int, cost: Cost, floor: Cost, what: str) -> dict[str, Any]:
    """Return one line of the table."""
    return {
        "name": name, "count": count, "per_second": round(count / cost.wall), "seconds": round(cost.wall, 2),
        "floor": what, "floor_seconds": round(floor.wall, 2), "ratio": round(cost.wall / floor.wall, 2),
        "cpu_ratio": round(cost.cpu / floor.cpu, 2),
    }  # fmt: skip


def records_of(count: int) -> list[bytes]:
    """Return canonical audit records like those of real events."""
    return [
        audit.Entry(
            subject=f"case:{number % 9973}",
            event="case:opened",
            actor="holder",
            at=NOW,
            details={"n": number},
        ).record()
        for number in range(count)
    ]


def bench_audit(
    connection: psycopg.Connection[Any], store: signing.KeyStore, count: int
) -> Iterator[dict[str, Any]]:
    """Seal and verify ``count`` events in one batch."""
    records = records_of(count)
    copying = "copy audit.entry (epoch, subject, event, rec) from stdin (format binary)"
    with connection.transaction(), connection.cursor() as cursor, cursor.copy(copying) as copy:
        copy.set_types(["int4", "text", "text", "bytea"])
        for number, rec in enumerate(records):
            copy.write_row((1, f"case:{number % 9973}", "case:opened", rec))
    connection.execute("vacuum analyze audit.entry")

    def hash_once() -> None:
        sha256 = hashlib.sha256
        for rec in records:
            sha256(rec).digest()

    name, key = store.log_key()

    def between(work: Callable[[], None]) -> tuple[Cost, Cost]:
        before = Cost.of(hash_once)
        cost = Cost.of(work, connection)
        return cost, before.mean(Cost.of(hash_once))

    def seal() -> None:
        with connection.transaction(), connection.cursor() as cursor:
            sealed = audit.seal(cursor, name=name, key=key, at=NOW)
            assert sealed is not None
            assert sealed.size == count

    yield row("seal audit events", count, *between(seal), "hash the same bytes once")

    def verify() -> None:
        with connection.transaction():
            report = audit_check.verify(
                connection, [notes.public_text(name, key.public_key().public_bytes_raw())]
            )
        assert report.valid, report.problems[:3]
        assert report.entries == count

    yield row("verify audit events", count, *between(verify), "hash the same bytes once")


def bench_erasure(connection: psycopg.Connection[Any], folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """Destroy the keys of ``count`` people, in batches as the worker does."""
    mine = vault.Vault.over(connection, keys.FileKeys(folder / "kek"))
    people = [f"sandbox:{number}" for number in range(2 * count)]
    with connection.transaction():
        for begin in range(0, len(people), 1000):
            mine.prepare(people[begin : begin + 1000], "operational")
    connection.execute("vacuum analyze keyring.key")
    batch = 1000

    def delete(some: list[str]) -> None:
        with connection.transaction():
            connection.execute(
                "delete from keyring.key where subject = any(%s) and class = 'operational'", [some]
            )

    def destroy(some: list[str]) -> None:
        with connection.transaction():
            assert len(mine.destroy_all(some, "operational", NOW)) == len(some)

    floor = cost = Cost(0, 0)
    for begin in range(0, count, batch):  # in turns: what else the machine does falls on both
        end = min(begin + batch, count)
        bare, ours = people[count + begin : count + end], people[begin:end]
        floor += Cost.of(partial(delete, bare), connection)
        cost += Cost.of(partial(destroy, ours), connection)
    yield row("erase people (keys)", count, cost, floor, "bare DELETE of as many keys")


def bench_export(
    connection: psycopg.Connection[Any], store: signing.KeyStore, folder: Path, count: int
) -> Iterator[dict[str, Any]]:
    """Export ``count`` rows as CSV, JSON and Parquet in one archive."""
    connection.execute(
        "create temp table trade as select n as trade_id, n / 3 as order_id, 'BTC-USDT' as instrument,"
        " case when mod(n, 2) = 0 then 'buy' else 'sell' end as side,"
        " (mod(n, 100000)::numeric / 7)::numeric(36, 18) as quantity,"
        " ((30000 + mod(n, 5000))::numeric / 3)::numeric(36, 18) as price,"
        " (mod(n, 1000)::numeric / 11)::numeric(36, 18) as fee, 'USDT' as fee_asset,"
        " timestamp '2024-01-01' + n * interval '1 second' as traded_at from generate_series(1, %s) as n",
        [count],
    )
    connection.commit()

    def copy() -> None:
        with connection.cursor().copy("copy (select * from trade order by trade_id) to stdout") as stream:
            for _ in stream:
                pass

    def build(source: Callable[[str], Any], name: str) -> None:
        export.build(source, ("trades",), folder / name, account="****0001", made_at=NOW, keys=store)

    def rows(_kind: str) -> Iterator[dict[str, Any]]:
        with connection.cursor("trades", row_factory=dict_row) as cursor:
            cursor.itersize = 8192
            cursor.execute("select * from trade order by trade_id")
            yield from cursor

    def columns(_kind: str) -> Iterator[Any]:
        with connection.cursor() as cursor:
            yield from copied(cursor, "select * from trade order by trade_id")

    def both(source: Callable[[str], Any]) -> tuple[Cost, Cost]:
        before = Cost.of(copy, connection)
        cost = Cost.of(lambda: build(source, "rows.zip"), connection)
        return cost, before.mean(Cost.of(copy, connection))

    yield row("export, from COPY", count, *both(columns), "COPY … TO STDOUT")
    few = min(count, 500_000)
    cost, floor = both(lambda kind: islice(rows(kind), few))
    part = Cost(floor.wall * few / count, floor.cpu * few / count)
    yield row("export, row by row", few, cost, part, "COPY … TO STDOUT")


def measured(said: argparse.Namespace, url: str, folder: Path) -> list[dict[str, Any]]:
    """Return the lines that were asked for."""
    store = signing.KeyStore(folder / "keys", name=LOG).prepare(NOW)
    table: list[dict[str, Any]] = []
    with databases.connect(url) as main_database, databases.connect(cluster.keyring_url(url)) as keyring:
        migrations.apply_all(main_database)
        migrations.apply_keyring(keyring)
        main_database.commit()
        keyring.commit()
        main_database.autocommit = keyring.autocommit = True
        if said.only in {None, "audit"}:
            table += bench_audit(main_database, store, said.events)
        if said.only in {None, "erasure"}:
            table += bench_erasure(keyring, folder, said.erasures)
        if said.only in {None, "export"}:
            main_database.autocommit = False
            table += bench_export(main_database, store, folder, said.rows)
    return table


def main() -> None:
    """Print the table; ``--json`` writes it for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--erasures", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--only", choices=["audit", "erasure", "export"])
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="closeout-bench-records-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        server = supervisor.Cluster(folder / "postgres")
        url = server.hold()
        try:
            databases.prepare(url)
            table = measured(said, url, folder)
        finally:
            server.release()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if said.json:
        json.dump({"schema": "closeout.bench/1", "rows": table, "peak_mb": peak}, sys.stdout, indent=2)
        return
    for line in table:
        print(
            f"{line['name']:22} {line['count']:>9,}  {line['per_second']:>9,}/s  {line['seconds']:>7}s"
            f"  {line['ratio']:>5}× (processors {line['cpu_ratio']:>5}×) {line['floor']} ({line['floor_seconds']}s)"
        )
    print(f"peak memory of this process: {peak} MB")


if __name__ == "__main__":
    main()
