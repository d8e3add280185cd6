"""What a clearing costs: round trips and transactions for a heavy person, commands per second for many people.

The floor of the second part is the same writes as bare SQL: every receipt, entry, transfer and changed row of the
finished clearings is written once more into a copy of the database from before, one transaction a command, by
as many processes, without looking, planning or deciding. Ratios, not seconds, are comparable between machines; the
ratio of processor time (workers and server) is comparable on a machine that has other work as well.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from closeout.cluster import databases, migrations, supervisor

LONG = timedelta(days=700)


def account(connection: psycopg.Connection[Any], furnish: Callable[[Any], None]) -> int:
    """Open an account of a verified person and furnish it."""
    from closeout.venues.sandbox.building import Room

    row = connection.execute(
        "insert into sandbox.account (jurisdiction, opened_at) values ('DE', sandbox.now() - %s) "
        "returning account_id, sandbox.now()",
        (LONG,),
    ).fetchone()
    assert row is not None
    room = Room(connection, row[0], row[1])
    room.row("identity", state="verified", valid_until=room.later(days=900), verified_at=room.ago(days=600))
    for kind in ("email", "phone"):
        room.row("contact", kind=kind, reachable=True, confirmed_at=room.ago(days=100))
    furnish(room)
    room.addresses()
    return int(row[0])


def heavy(room: Any) -> None:
    """500 orders, 40 coins of dust, 20 sub-accounts, 50 products."""
    room.put("USDT", "300000")
    room.put("USDT", "200000", "trading")
    for number in range(500):
        room.order("ETH-USDT", "buy", "0.05", str(1000 + number))
    for number in range(40):
        room.put(f"D{number:02}", "0.5")
    for number in range(20):
        sub = room.sub(f"sub {number}")
        sub.put("USDT", "50")
        sub.put("ETH", "0.01", "trading")
    for _ in range(50):
        room.earn("Simple Earn USDT", "20")


def mid_size(room: Any) -> None:
    """What an active holder leaves: a key, some orders, a position, products, dust."""
    room.put("USDT", "3000")
    room.put("USDT", "2000", "trading")
    room.put("BTC", "0.05", "trading")
    for number in range(6):
        room.order("BTC-USDT", "buy", "0.001", str(40000 + number))
    room.position("option", "BTC-USD-65000-C", "0.001", "1190", "5")
    room.earn("Simple Earn USDT", "100")
    room.earn("Fixed 30 USDT", "100", matures_in=9, auto_renew=True)
    for asset, amount in (("DOGE", "2"), ("ADA", "1"), ("TRX", "3")):
        room.put(asset, amount)
    room.key("key", "tax")
    room.methods("bank_card")


def prepare(url: str) -> None:
    """Make the tables and more coins than the sandbox has."""
    with closing(databases.connect(url)) as connection:
        migrations.apply_all(connection)
        connection.commit()
        connection.execute(
            "insert into sandbox.asset (asset, name, kind, scale, price, convertible, convert_min) "
            "select 'D' || lpad(n::text, 2, '0'), 'Dust', 'coin', 8, 0.01, true, 0.00000001 "
            "from generate_series(0, 39) as n"
        )
        connection.commit()
    os.environ["CLOSEOUT_DATABASE_URL"] = url
    os.environ.setdefault("CLOSEOUT_SECRET_KEY", "only for this benchmark " + "x" * 30)
    os.environ["DJANGO_SETTINGS_MODULE"] = "closeout.web.settings"
    import django
    from django.core.management import call_command
    from django.db import connection as django_connection

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    django_connection.close()


def clear(url: str, accounts: Sequence[int]) -> dict[str, int]:
    """Clear ``accounts`` one after the other with the journal of the case file; return what was counted."""
    from django.db import connection as django_connection

    from closeout.cases.clearing_journal import DatabaseJournal
    from closeout.clearing import run
    from closeout.clearing.choices import suggested
    from closeout.policy import Policy
    from closeout.venues.sandbox.venue import SandboxVenue

    journal, policy = DatabaseJournal("sandbox"), Policy()
    with SandboxVenue(url) as venue:
        for account_id in accounts:
            choices = suggested(venue.destinations(account_id), now=venue.now())
            shown = run.show(venue, journal, policy, account_id, choices=choices)
            opened = run.start(venue, journal, policy, account_id=account_id, digest=shown.digest)
            for _ in run.proceed(venue, journal, policy, opened, worker=f"bench-{os.getpid()}"):
                pass
        counted = dict(venue.calls.__dict__)
    django_connection.close()
    return counted


def spent(folder: Path) -> float:
    """Return the processor seconds of the workers that ended and of the server in ``folder``, alive or ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = used.ru_utime + used.ru_stime
    server = next(folder.rglob("postmaster.pid")).read_text().split()[0]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            said = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended just now; the server counts its children that ended
        times = said[11:15] if entry.name == server else said[11:13] if said[1] == server else ()
        total += sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return total


def in_processes(shares: Sequence[Sequence[Any]], work: Callable[[Sequence[Any]], None]) -> float:
    """Fork one process for each share and return the seconds until the last one is done."""
    begin = time.perf_counter()
    children = []
    for share in shares:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(share)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise SystemExit("a worker failed")
    return time.perf_counter() - begin


WRITTEN = """
select r.key, r.account_id, r.kind, r.digest, r.command, r.state, r.moved, r.notes, e.kind, e.origin,
    (select json_agg(json_build_array(d.owner, d.account_id, d.wallet, d.bucket, c.owner, c.account_id, c.wallet,
        c.bucket, t.asset, t.amount::text) order by t.transfer_id)
     from sandbox.transfer t join sandbox.ledger d on d.ledger_id = t.debit_id
     join sandbox.ledger c on c.ledger_id = t.credit_id where t.entry_id = e.entry_id)
from sandbox.receipt r left join sandbox.entry e on e.key = r.key order by r.account_id, e.entry_id
"""
CHANGED = {
    "cancel_orders": "update sandbox.trade_order set state = 'cancelled', locked = 0, ended_at = sandbox.now() "
    "where order_id = any(%(items)s::bigint[]) and state = 'open'",
    "close_position": "update sandbox.position set quantity = 0, state = 'settling', settles_at = sandbox.now() "
    "where position_id = any(%(items)s::bigint[])",
    "stop_renewal": "update sandbox.earn set auto_renew = false where earn_id = any(%(items)s::bigint[])",
    "redeem": "update sandbox.earn set state = 'paid', paid_at = sandbox.now() "
    "where earn_id = any(%(items)s::bigint[])",
    "revoke_key": "update sandbox.api_key set revoked_at = sandbox.now() where key_id = any(%(items)s::bigint[])",
    "unbind": "update sandbox.payment_method set unbound_at = sandbox.now() where method_id = any(%(items)s::bigint[])",
    "withdraw": "insert into sandbox.movement (account_id, kind, asset, amount, fee, key) "
    "values (%(account)s, 'withdrawal', %(asset)s, %(amount)s, 0, %(key)s)",
}
RECEIPT = (
    "insert into sandbox.receipt (key, account_id, kind, digest, command, state, moved, notes) "
    "values (%s, %s, %s, %s, %s, %s, %s, %s)"
)
TRANSFER = (
    "insert into sandbox.transfer (entry_id, debit_id, credit_id, asset, amount) values "
    "(%s, sandbox.ledger_of(%s, %s, %s, %s, %s), sandbox.ledger_of(%s, %s, %s, %s, %s), %s, %s)"
)
JOURNAL = (
    ("cases_clearingshown", "digest, venue, account_id, confirmed, shown_at"),
    ("cases_clearingrun", "run_id, venue, account_id, shown_id, state, rested_round, worker, opened_at"),
    ("cases_clearingentry", "key, run_id, round, position, line, receipt"),
    ("cases_clearingevent", "run_id, body"),
)


def rewrite(url: str, rows: Sequence[Any]) -> None:
    """Write the commands of ``rows`` as bare SQL, one transaction each."""
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        for key, account_id, kind, digest, command, state, moved, notes, entry, origin, transfers in rows:
            with connection.transaction():
                cursor.execute(
                    RECEIPT,
                    (key, account_id, kind, digest, *(json.dumps(said) if index != 1 else said
                     for index, said in enumerate((command, state, moved, notes)))),
                )  # fmt: skip
                if entry is not None:
                    cursor.execute(
                        "select sandbox.open_entry(%s, %s, %s, %s)", (entry, origin, account_id, key)
                    )
                    number = cursor.fetchone()[0]  # type: ignore[index]
                    for one in transfers or ():
                        asset, much = one[8], Decimal(one[9])
                        cursor.execute(TRANSFER, (number, *one[:4], asset, *one[4:8], asset, asset, much))
                if kind in CHANGED:
                    values = {"items": command.get("items"), "account": account_id, "key": key,
                              "asset": command.get("asset"), "amount": command.get("amount")}  # fmt: skip
                    cursor.execute(CHANGED[kind], values)


def rejournal(source: str, url: str, shares: int, share: int) -> None:
    """Write the rows of the journal as bare SQL, a run at a time."""
    with psycopg.connect(source) as reading, psycopg.connect(url, autocommit=True) as connection:
        runs = reading.execute("select run_id, shown_id from cases_clearingrun order by run_id").fetchall()
        for run_id, shown_id in runs[share::shares]:
            for table, names in JOURNAL:
                key, value = ("digest", shown_id) if table.endswith("shown") else ("run_id", run_id)
                said = reading.execute(
                    f"select {names} from {table} where {key} = %s order by 1", (value,)
                ).fetchall()
                places = ", ".join(["%s"] * len(names.split(", ")))
                made = [
                    tuple(json.dumps(part) if isinstance(part, dict) else part for part in row)
                    for row in said
                ]
                with connection.transaction(), connection.cursor() as cursor:
                    cursor.executemany(f"insert into {table} ({names}) values ({places})", made)


def copied(url: str, template: str, name: str) -> str:
    """Copy a database."""
    with closing(databases.connect(url, autocommit=True)) as connection:
        make = sql.SQL("create database {} template {} strategy file_copy")
        connection.execute(make.format(sql.Identifier(name), sql.Identifier(template)))
    return databases.with_name(url, name)


def one_heavy_person(url: str) -> dict[str, Any]:
    """Count what one heavy person costs."""
    with psycopg.connect(url) as connection:
        account_id = account(connection, heavy)
        connection.commit()
    begin = time.perf_counter()
    counted = clear(url, [account_id])
    seconds = time.perf_counter() - begin
    with psycopg.connect(url) as connection:
        rounds = connection.execute("select max(round), count(*) from cases_clearingentry").fetchone()
        kinds = dict(connection.execute("select kind, count(*) from sandbox.receipt group by 1").fetchall())
    trips = {name: counted[name] for name in ("engine", "quote", "submit", "receipts")}
    return {
        "round_trips": sum(trips.values()), "of_which": trips, "rounds": rounds[0] if rounds else 0,
        "commands": rounds[1] if rounds else 0, "cancel_commands_for_500_orders": kinds["cancel_orders"],
        "venue_transactions": counted["transactions"], "venue_statements": counted["statements"],
        "seconds": round(seconds, 2),
    }  # fmt: skip


def many_people(url: str, count: int, workers: int, folder: Path) -> dict[str, Any]:
    """Clear many mid-size people and compare with the bare writes."""
    with psycopg.connect(url) as connection:
        accounts = [account(connection, mid_size) for _ in range(count)]
        connection.execute("delete from sandbox.receipt")
        for table in ("entry", "event", "run", "shown"):
            connection.execute(f"delete from cases_clearing{table}")
        connection.commit()
    name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
    bare = copied(url, name, "bare")
    begin = spent(folder)
    seconds = in_processes(
        [accounts[n::workers] for n in range(workers)], lambda share: clear(url, share) and None
    )
    cleared = spent(folder)
    with psycopg.connect(url) as connection:
        rows = connection.execute(WRITTEN).fetchall()
    written = spent(folder)
    shares = [[row for row in rows if row[1] % workers == n] for n in range(workers)]
    floor = in_processes(shares, lambda share: rewrite(bare, share))
    floor += in_processes(
        [[n] for n in range(workers)], lambda share: rejournal(url, bare, workers, share[0])
    )
    processor = (cleared - begin) / (spent(folder) - written)
    return {
        "accounts": count, "workers": workers, "commands": len(rows), "seconds": round(seconds, 2),
        "commands_per_second": round(len(rows) / seconds), "accounts_per_second": round(count / seconds, 1),
        "bare_sql_seconds": round(floor, 2), "bare_sql_commands_per_second": round(len(rows) / floor),
        "ratio": round(seconds / floor, 2), "processor_ratio": round(processor, 2),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="closeout-bench-") as scratch:
        Path(scratch).chmod(0o755)
        os.environ["CLOSEOUT_DATA_DIR"] = str(Path(scratch) / "data")
        server = supervisor.Cluster(Path(scratch) / "postgres")
        url = server.hold()
        try:
            prepare(url)
            figures = {
                "heavy": one_heavy_person(url),
                "many": many_people(url, said.accounts, said.workers, Path(scratch)),
            }
        finally:
            server.release()
    json.dump(figures, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
