"""``closeout screen`` as a process of its own: every engine, every bad input (R-CHK-17, R-CHK-20, R-OPS-2, R-OPS-5)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conditions import world
from tests.conditions.test_screen import blockers, written

from closeout.cluster import databases


@pytest.fixture(scope="module")
def env(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A machine with a database of its own."""
    url = databases.with_name(cluster_url, f"screening{os.getpid()}")
    found = {**os.environ, "CLOSEOUT_DATABASE_URL": url, "CLOSEOUT_LANG": "en", "NO_COLOR": "1",
             "CLOSEOUT_DATA_DIR": str(tmp_path_factory.mktemp("machine"))}  # fmt: skip
    found.pop("CLOSEOUT_KEYRING_URL", None)
    yield found
    for kind in ("", "_keyring"):  # by name: CLOSEOUT_KEYRING_URL may be that of the tests around this one
        databases.drop(databases.with_name(url, f"screening{os.getpid()}{kind}"))


def run(*words: str | Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command; no answer may hold a traceback."""
    command = [sys.executable, "-m", "closeout.cli", *map(str, words)]
    ran = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran


def _without(folder: Path) -> str:
    path = folder / "loan" / "part-0.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["interest"]), path)
    return f"{path}: column interest (DECIMAL(36,18)) is missing"


def _extra(folder: Path) -> str:
    path = folder / "loan" / "part-0.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("rate", pa.nulls(table.num_rows, pa.int64())), path)
    return f"{path}: column rate is unknown"


def _typed(folder: Path) -> str:
    path = folder / "balance" / "part-0.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("available")
    pq.write_table(table.set_column(place, "available", table["available"].cast(pa.float64())), path)
    return f"{path}: column available is DOUBLE, must be DECIMAL(36,18)"


def _cut(folder: Path) -> str:
    path = folder / "account" / "part-0.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    return f"{path}: cannot be read, perhaps cut off"


def _hollow(folder: Path) -> str:
    path = folder / "account" / "part-0.parquet"
    path.write_bytes(b"")
    return f"{path}: is empty or cut off"


def _damaged(folder: Path) -> str:
    """The footer is whole, the pages of one column in the second row group are not."""
    path = folder / "balance" / "part-0.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=1, compression="zstd", use_dictionary=False)
    pages = pq.ParquetFile(path).metadata.row_group(1).column(3)
    assert pages.path_in_schema == "available"
    bytes_ = bytearray(path.read_bytes())
    first = pages.data_page_offset
    bytes_[first : first + pages.total_compressed_size] = b"\xff" * pages.total_compressed_size
    path.write_bytes(bytes(bytes_))
    return f"{path}: column available, row group 1: cannot be read"


def _unknown(folder: Path) -> str:
    (folder / "wallets.parquet").write_bytes(b"PAR1")
    return f"{folder / 'wallets.parquet'}: unknown relation"


def _twice(folder: Path) -> str:
    path = folder / "account" / "part-0.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path, row_group_size=2)
    return f"{path}: columns account_id, row group 1: account_id = 1 stands there twice"


def _nobody(folder: Path) -> str:
    path = folder / "account" / "part-0.parquet"
    table = pq.read_table(path)
    ids = pa.array([1, 2, None], pa.int64())
    pq.write_table(table.set_column(0, "account_id", ids), path, row_group_size=2)
    return f"{path}: column account_id, row group 1: 1 rows without an account"


def _no_account(folder: Path) -> str:
    (folder / "account" / "part-0.parquet").unlink()
    return f"{folder / 'account'}: no Parquet file in it"


def _nothing(folder: Path) -> str:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    return f"{folder}: nothing in it"


SPOILERS: Sequence[Callable[[Path], str]] = (
    _without, _extra, _typed, _cut, _hollow, _damaged, _unknown, _twice, _nobody, _no_account, _nothing,
)  # fmt: skip


def three(folder: Path) -> Path:
    """Write the facts of three accounts."""
    facts = world.clean(1, 2, 3)
    facts["balance"] = [world.row("balance", number, available=number) for number in (1, 2)]
    return written(facts, folder)


@pytest.mark.parametrize("spoil", SPOILERS)
def test_bad_input_is_named_and_leaves_nothing_behind(spoil: Callable[[Path], str], tmp_path: Path) -> None:
    """File, column and row group are named, exit code 2, and no half-written output."""
    folder = three(tmp_path / "facts")
    named = spoil(folder)
    ran = run("screen", "--facts", folder, "--out", tmp_path / "out", env=os.environ)
    assert ran.returncode == 2, ran.stderr
    assert named in ran.stderr
    assert ran.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["facts"]


POLICIES = {
    "it contradicts itself": (
        "identifier_reuse_days = 90\nobservation_days = 30",
        "identifiers are forgotten",
    ),
    "out of bounds": ("code_tries = 0", "code_tries is 0, allowed is 1 to 5"),
    "an unknown number": ("cooling_of_days = 7", "unknown key 'cooling_of_days'"),
    "no number": ('password_wait_days = "many"', "password_wait_days must be int"),
    "no TOML": ("password_wait_days", "draft.toml"),
}


@pytest.mark.parametrize(
    ("wrong", "option"),
    [*((wrong, "--policy") for wrong in POLICIES), ("it contradicts itself", "--what-if")],
)
def test_a_policy_that_cannot_be_used_is_refused_first(wrong: str, option: str, tmp_path: Path) -> None:
    text, named = POLICIES[wrong]
    draft = tmp_path / "draft.toml"
    draft.write_text(text, encoding="utf-8")
    ran = run("screen", "--facts", tmp_path, "--out", tmp_path / "out", option, draft, env=os.environ)
    assert ran.returncode == 2, ran.stderr
    assert named in ran.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "give either --facts DIR or --venue sandbox"),
        (["--facts", "nowhere"], "nowhere: no such folder"),
        (["--facts", ".", "--venue", "sandbox"], "give either"),
        (["--facts", ".", "--engine", "abacus"], "abacus"),
        (["--venue", "sandbox", "--engine", "duckdb"], "screened by postgres"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(words: list[str], named: str, tmp_path: Path) -> None:
    ran = run("screen", *words, "--out", tmp_path / "out", env=os.environ)
    assert (ran.returncode, named in ran.stderr) == (2, True), ran.stderr
    assert not (tmp_path / "out").exists()


def test_the_files_in_postgres_give_what_duckdb_gives(env: Mapping[str, str], tmp_path: Path) -> None:
    """One text, three engines; what was loaded is gone afterwards. Spark's part is in tests/lake."""
    assert run("population", "--accounts", "2500", "--out", tmp_path / "facts", env=env).returncode == 0
    draft = tmp_path / "draft.toml"
    draft.write_text("password_wait_days = 5\n", encoding="utf-8")
    said = {}
    for engine in ("duckdb", "postgres", "postgres"):
        ran = run("screen", "--facts", tmp_path / "facts", "--engine", engine, "--out", tmp_path / engine,
                  "--what-if", draft, "--json", env=env)  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert said.setdefault(engine, ran.stdout) == ran.stdout
    assert said["duckdb"] == said["postgres"]
    assert json.loads(said["duckdb"])["what_if"]["clear"] > 0
    assert blockers(tmp_path / "duckdb") == blockers(tmp_path / "postgres")


def test_the_sandbox_is_screened_and_compared_with_a_draft(env: Mapping[str, str], tmp_path: Path) -> None:
    """The live database, from the shell: the same answer as the check of each seeded person."""
    people = json.loads(run("people", "--json", env=env).stdout)["people"]
    draft = tmp_path / "draft.toml"
    draft.write_text("password_wait_days = 0\nfactor_wait_days = 0\n", encoding="utf-8")
    ran = run(
        "screen", "--venue", "sandbox", "--out", tmp_path / "out", "--what-if", draft, "--json", env=env
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["accounts"] >= len(people)
    assert found["accounts"] == found["clear"] + found["blocked"] + found["unknown"]
    assert all(one["accounts"] < 0 for one in found["what_if"]["conditions"])
    assert found["what_if"]["clear"] == -found["what_if"]["blocked"]
    said = {row[0] for row in blockers(tmp_path / "out")}
    for handle in ("clean", "messy"):
        report = json.loads(run("check", "--account", handle, "--json", env=env).stdout)
        assert (report["account_id"] in said) == (report["result"] != "clear")
