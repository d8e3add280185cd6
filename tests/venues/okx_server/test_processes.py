"""R-OPS-6, issue "Done when": the v5 server and every command as real processes, from blocked to an archive.

check → clear → check → export, all with ``--venue okx --base-url``, as a reader of the how-to types them. What only
the app can do is done in the sandbox between two clearings, and days pass there.
"""

import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from closeout.cluster import databases
from closeout.venues import commands
from closeout.venues.okx import declared
from closeout.venues.sandbox import world
from closeout.venues.sandbox.venue import SandboxVenue

CLOSEOUT = [sys.executable, "-m", "closeout.cli"]
GOOD = [f"--answer={question.code}={question.good}" for question in declared.QUESTIONS]
APP = {
    commands.stop_renewal: "select earn_id from sandbox.earn where account_id = %s and auto_renew and state = 'active'",
    commands.close_sub_account: "select account_id from sandbox.account where parent_id = %s and state = 'open'",
    commands.unbind: "select method_id from sandbox.payment_method where account_id = %s and unbound_at is null",
}


class Machine:
    """A computer with the server on it; every command is a process, and none of them may say a part of a key."""

    def __init__(self, env: dict[str, str], server: subprocess.Popen[str], url: str) -> None:
        self.env, self.server, self.database = env, server, url
        self.keys: list[dict[str, str]] = [{}]
        assert server.stdout is not None
        for line in server.stdout:
            if line.startswith("# for"):
                self.keys.append({})
            elif found := re.search(r"export (CLOSEOUT_OKX_\w+)=(\S+)", line):
                self.keys[-1][found[1]] = found[2]
            if len(self.keys) == 3 and "CLOSEOUT_OKX_PASSPHRASE" in self.keys[-1]:
                break
        self.base_url = self.keys[0].pop("CLOSEOUT_OKX_URL")

    def run(self, *words: str, key: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command with one of the keys: 0 the main account's, then those of sub-accounts."""
        done = subprocess.run(
            [*CLOSEOUT, *words, "--venue", "okx", "--base-url", self.base_url, *GOOD],
            env=self.env | self.keys[key], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert not any(part in said for one in self.keys for part in one.values())
        return done


@pytest.fixture
def machine(cluster_url: str, tmp_path: Path) -> Iterator[Machine]:
    url = databases.with_name(cluster_url, f"okxprocesses{os.getpid()}")
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOSEOUT_")}
    env |= {
        "CLOSEOUT_DATABASE_URL": url, "CLOSEOUT_DATA_DIR": str(tmp_path / "data"), "CLOSEOUT_LANG": "en",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "XDG_STATE_HOME": str(tmp_path / "state"), "NO_COLOR": "1",
    }  # fmt: skip
    serve = [*CLOSEOUT, "okx", "serve", "--port", "0", "--person", "messy", "--subs"]
    with subprocess.Popen(
        serve, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            yield Machine(env, server, url)
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0
    for kind in ("", "_keyring"):  # by name: CLOSEOUT_KEYRING_URL may be that of the tests around this one
        databases.drop(databases.with_name(url, f"okxprocesses{os.getpid()}{kind}"))


def tap_in_the_app(url: str, account: int) -> None:
    with SandboxVenue(url) as venue, psycopg.connect(url, autocommit=True) as connection:
        todo = [
            make(account, str(item))
            for make, sql in APP.items()
            for (item,) in connection.execute(sql, (account,))
        ]
        venue.submit([(f"app-{venue.now()}-{n}", command) for n, command in enumerate(todo)])
        world.pass_time(connection, timedelta(days=15))
        venue.settle()


def book(url: str, account: int) -> list[str]:
    """Return --to and --confirm-address for each address of the account's book."""
    with SandboxVenue(url) as venue:
        ways = {way.asset: way for way in reversed(venue.destinations(account)) if way.network != "bank"}
    return [
        word
        for way in ways.values()
        for word in (
            "--to=" + ":".join(filter(None, (way.asset, way.network, way.address, way.memo))),
            f"--confirm-address={way.address[-6:]}",
        )
    ]


def states(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {one["code"]: one["result"] for one in json.loads(done.stdout)["conditions"]}


def test_from_blocked_to_an_archive_that_verifies(machine: Machine, tmp_path: Path) -> None:
    first = machine.run("check", "--json")
    assert first.returncode == 1, first.stderr
    account = json.loads(first.stdout)["account_id"]
    assert states(first)["no_positions"] == "blocked"
    for key in (1, 2):
        assert machine.run("clear", "--yes", "--sell-rest", key=key).returncode in (0, 1)
    ways = book(machine.database, account)
    for _ in range(2):
        done = machine.run("clear", "--yes", "--sell-rest", *ways)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        tap_in_the_app(machine.database, account)
    machine.run("clear", "--yes", "--sell-rest", *ways)
    tap_in_the_app(machine.database, account)
    last = machine.run("check", "--json")
    assert {code for code, state in states(last).items() if state != "clear"} == set()
    assert last.returncode == 0, last.stderr
    assert json.loads(last.stdout)["okx"]["key"]["delete_last"] is True
    target = tmp_path / "records.zip"
    made = machine.run("export", "--to", str(target), "--since", "2025")
    assert made.returncode == 0, made.stderr
    assert "The ledger sums to zero in every asset." in made.stdout
    checked = machine.run("export", "--verify", str(target))
    assert (checked.returncode, "genuine and whole" in checked.stdout) == (0, True)
    with zipfile.ZipFile(target) as archive:
        assert {"statement.pdf", "tax/koinly.csv", "csv/ledger.csv"} <= set(archive.namelist())
