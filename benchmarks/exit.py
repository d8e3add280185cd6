"""A market exit of many generated accounts, from the plan to the report, by an injected clock.

Everything that the product does is done: dry run, two people, notices to every person on every channel with their
hashes, restrictions, settlement of orders and positions, waves, the last check of every condition, closing at the
sandbox, custody of what is left, the report. Some accounts hold money, orders, positions; some are under a hold; some
holders appeal, some apply themselves, some empty their account late. The server is durable.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.engine import bench, execute, say
from benchmarks.meter import Meter

BEGINS = datetime(2026, 1, 5, 8)
PLACE = "HK"
PLAN = """
name = "demo-exit"
template = "market-exit"
day = 2026-06-30T23:59:59
zone = "Asia/Hong_Kong"
law_packs = ["HK"]
population = {jurisdictions = ["HK"]}
waves = [100, 1000, 10000]
"""
TOGETHER = 1000
SIZE = """
select greatest(pg_total_relation_size(%(table)s::regclass), sum(pg_total_relation_size(relid)))
from pg_partition_tree(%(table)s::regclass)
"""
RICH, TRADING, HELD = 50, 40, 500  # one in so many


def populate(count: int) -> None:
    """Make ``count`` people of the place and a few elsewhere, sealed as every person is."""
    from closeout.cases import vaults, venues
    from closeout.venues.sandbox import people, seed

    for first in range(0, count, TOGETHER):
        most = min(TOGETHER, count - first)
        with venues.sandbox().connection() as opened, opened.transaction(), opened.cursor() as cursor:
            cursor.execute(
                "insert into sandbox.account (jurisdiction, opened_at) select %s, sandbox.now() - interval '700 days' "
                "from generate_series(1, %s) returning account_id",
                (PLACE, most),
            )
            accounts = [account for (account,) in cursor.fetchall()]
            _furnish(cursor, accounts)
            subjects = [people.subject(account) for account in accounts]
            vaults.vault().prepare(subjects, people.CLASS)
            languages = {account: "zh" if account % 2 else "en" for account in accounts}
            private = {n: seed.private_of(f"p{n}", languages[n], 1, BEGINS) for n in accounts}
            people.save_all(cursor, vaults.vault(), languages, private)
    with venues.sandbox().connection() as opened:
        opened.execute(
            "insert into sandbox.account (jurisdiction, opened_at) select 'DE', sandbox.now() - interval '700 days' "
            "from generate_series(1, 100)"
        )


def _furnish(cursor: Any, accounts: list[int]) -> None:
    cursor.execute(
        "insert into sandbox.identity (account_id, state, valid_until, verified_at) select a, 'verified', "
        "sandbox.now() + interval '900 days', sandbox.now() - interval '600 days' from unnest(%s::bigint[]) as a",
        (accounts,),
    )
    cursor.execute(
        "insert into sandbox.contact (account_id, kind, reachable, confirmed_at) "
        "select a, kind, true, sandbox.now() - interval '100 days' "
        "from unnest(%s::bigint[]) as a, unnest(array['email', 'phone']) as kind",
        (accounts,),
    )


def furnish_business() -> dict[str, int]:
    """Give some people money, orders, positions and holds; return how many of each."""
    from closeout.cases import venues
    from closeout.venues.sandbox import world
    from closeout.venues.sandbox.trading import Order

    chance = random.Random(7)
    done = {"money": 0, "orders": 0, "holds": 0}
    with venues.sandbox().connection() as opened:
        rows = opened.execute(
            "select account_id from sandbox.account where jurisdiction = %s order by 1", (PLACE,)
        )
        for (account,) in rows.fetchall():
            if chance.randrange(RICH) == 0:
                world.deposit(opened, account, asset="USDT", amount=Decimal(chance.randrange(1, 9000)))
                done["money"] += 1
            if chance.randrange(TRADING) == 0:
                world.deposit(opened, account, asset="BTC", amount=Decimal("0.01"))
                world.move(
                    opened,
                    account,
                    asset="BTC",
                    amount=Decimal("0.01"),
                    wallet="funding",
                    to_wallet="trading",
                )
                world.place_order(
                    opened, account, Order("BTC-USDT", "sell", Decimal("0.01"), Decimal(90_000))
                )
                done["orders"] += 1
            if chance.randrange(HELD) == 0:
                world.place_hold(opened, account)
                done["holds"] += 1
    return done


@contextmanager
def lap(what: str) -> Iterator[None]:
    """Say how long something took, and how much of two processors it used."""
    with Meter() as meter:
        yield
    say(f"{what:60} {meter.wall:10,.1f} s  {meter.client:8,.1f} s python  {meter.server:8,.1f} s server")


def go_to(moment: datetime) -> int:
    """Put the clock there, let the exchange and the worker do what is due."""
    from closeout.cases import venues, worker
    from closeout.venues.sandbox import world

    with venues.sandbox().connection() as opened:
        world.set_clock(opened, moment.astimezone(UTC).replace(tzinfo=None))
    venues.sandbox().settle()
    return worker.run_until_idle(now=venues.now(), turns_max=100_000)


def some_leave(share: float) -> int:
    """Let part of the people with money withdraw it; return how many did."""
    from closeout.cases import venues
    from closeout.venues.sandbox import world
    from closeout.venues.sandbox.ledger import Place

    with venues.sandbox().connection() as opened:
        rows = opened.execute(
            "select l.account_id, l.wallet, l.asset from sandbox.ledger as l join sandbox.account as a "
            "using (account_id) where l.owner = 'holder' and l.balance > 0 and a.jurisdiction = %s and "
            "a.account_id %% 100 < %s and not exists (select from sandbox.hold as h where h.account_id = a.account_id)",
            (PLACE, share * 100),
        ).fetchall()
        for account, wallet, asset in rows:
            with world.work_on(opened, account, "payout", origin="engine") as work:
                place = Place(account, wallet, asset)
                work.sweep(place, place.house("custody"))
    return len(rows)


def main() -> None:
    """Run the exit and print how long each part took, and what became of everybody."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--accounts", type=int, default=100_000)
    wanted.add_argument("--out", type=Path, default=Path("demo-output/exit"))
    asked = wanted.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with bench():
        _exit(asked.accounts, asked.out)


def _exit(count: int, out: Path) -> None:
    import os

    from closeout.cases import senders, vaults, venues, worker
    from closeout.cases.campaigns import changing, planning, plans, starting
    from closeout.venues.sandbox import world

    os.environ["CLOSEOUT_OUTBOX"] = str(out / "outbox")
    senders.sender = Counted  # type: ignore[assignment]
    with venues.sandbox().connection() as opened:
        world.set_clock(opened, BEGINS)
    vaults.signing(now=venues.now())
    with lap(f"(making {count:,} sealed people)"):
        populate(count)
        made = furnish_business()
        for table in ("account", "identity", "contact", "person", "ledger"):
            execute(f"vacuum analyze sandbox.{table}")
    say(f"    {made}")
    with lap("plan, population frozen, dry run"):
        campaign, dry = planning.plan(PLAN, by="ada", now=venues.now())
    say(f"    {dry.document()}")
    worker.set_memory_apart()  # as a worker does when it starts
    starting.start(campaign.name, by="ben", now=venues.now())
    starting.start(campaign.name, by="cleo", now=venues.now())
    members = list(campaign.members.values_list("account_id", flat=True)[:3])
    for account in members[:2]:
        changing.ask(campaign.name, account, kind="appeal", by="ben", why="lives elsewhere", now=venues.now())
    for account, granted in ((members[0], True), (members[1], False)):
        changing.decide(campaign.name, account, by="cleo", granted=granted, now=venues.now())
    plan = plans.read(campaign.plan)
    for stage, at in _calendar(plan):
        with lap(f"{at:%Y-%m-%d}  {stage}"):
            done = go_to(at)
        if stage.startswith("last_call"):
            done += some_leave(0.6)
        say(f"    {done:,} done, {Counted.sent:,} notices sent so far")
    with lap("the end of the grace: what is left is named"):
        _grace(plan.at("custody") or plan.stages[-1][1])
    _tell(campaign.name, out)


def _grace(custody: datetime) -> None:
    """Let the month pass for the campaign alone; certificates are made in that month, by effect or when asked for."""
    from closeout.cases.campaigns import turning

    nothing = lambda due, now: 0  # noqa: ARG005, E731
    turning.turn(now=custody + timedelta(days=31), close=nothing, erase=nothing)
    (open_,) = execute(
        "select count(*) from cases_effect where state = 'ready' and kind = 'certificate.issue'"
    )
    say(f"    {open_:,} certificates are to be made within the month")


def _calendar(plan: Any) -> list[tuple[str, datetime]]:
    closes = plan.at("close")
    dates = [(stage, at) for stage, at in (*plan.stages, *plan.notices)]
    dates.append(("cases are opened", closes - timedelta(days=7)))
    dates += [(f"wave {number}", closes + timedelta(hours=1.1 * number)) for number in range(1, 5)]
    custody = plan.at("custody")
    dates += [("after custody, resumed", custody + timedelta(hours=1))]
    dates += [("after custody, closed", custody + timedelta(hours=26))]
    return sorted(dates, key=lambda pair: pair[1])


class Counted:
    """A mail server that takes everything; how it writes mails is measured elsewhere."""

    sent = 0

    def send(self, *, key: str, channel: str, address: str, letter: Any) -> None:
        """Count it; the address and the text were made as for a real one."""
        assert key
        assert address
        assert letter.body
        assert channel
        Counted.sent += 1


def _tell(name: str, out: Path) -> None:
    import json

    from closeout.cases.campaigns import funnel, paper, starting

    named = starting.named(name)
    with lap("report as JSON, CSV and PDF"):
        found = funnel.report(named)
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(found, ensure_ascii=False, indent=2), encoding="utf-8")
        with (out / "report.csv").open("w", encoding="utf-8") as file:
            file.writelines(funnel.lines(named))
        (out / "report.pdf").write_bytes(paper.pdf(found, language="en"))
    say(f"state {found['state']}, outcomes {found['outcomes']}, in the way {found['blockers']}")
    (cases,) = execute("select count(*) from cases_case")
    for table in ("cases_case", "cases_caseevent", "cases_effect", "audit.entry", "cases_campaignmember",
                  "cases_campaignnotice"):  # fmt: skip
        (size,) = execute(SIZE, table=table)
        say(f"    {table:24} {size / max(cases, 1):8,.0f} bytes for each case, indexes included")
    accounted = sum(found["outcomes"].values())
    say(f"{accounted:,} of {found['population']:,} accounts have an outcome; {out}/report.pdf")


if __name__ == "__main__":
    main()
