"""The main job as a stranger runs it: ``closeout demo``, killed once in the middle, then run to its end."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

CLOSEOUT = [sys.executable, "-m", "closeout.cli"]
STEPS = [
    "ledger_before", "self_check", "one_click", "waiting", "application", "frozen", "change_of_mind", "application",
    "value_arrives", "closed", "proof", "late_value", "erased", "ledger_after",
]  # fmt: skip


def run(*words: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run([*CLOSEOUT, *words], env=dict(env), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def env(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a machine of one's own: a server, a place for data."""
    place = tmp_path_factory.mktemp("machine")
    return {**os.environ, "CLOSEOUT_DATABASE_URL": cluster_url, "CLOSEOUT_DATA_DIR": str(place)}


@pytest.fixture(scope="module")
def told(env: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a demonstration that comes after one that was killed with kill -9 while it cleared."""
    out = tmp_path_factory.mktemp("demo") / "demo-output"
    words = ["demo", "--lang", "zh", "--out", str(out)]
    with subprocess.Popen([*CLOSEOUT, *words], env=dict(env), stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        for line in first.stderr:
            if "一键清理" in line:
                break
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    second = run(*words, env=env)
    assert second.returncode == 0, second.stderr
    return out


def test_the_story_reaches_its_end(told: Path) -> None:
    """R-CHK, R-CLR, R-CLO, R-REC from end to end, after a kill -9."""
    story = json.loads((told / "story.json").read_text())
    assert story["schema"] == "closeout.story/1"
    assert [step["step"] for step in story["steps"]] == STEPS


def test_the_ledger_sums_to_zero_before_and_after(told: Path) -> None:
    steps = {step["step"]: step for step in json.loads((told / "story.json").read_text())["steps"]}
    for name in ("ledger_before", "ledger_after"):
        sums = steps[name]["after"]
        assert len(sums) > 5
        assert set(sums.values()) == {"0"}


def test_the_messy_account_was_blocked_by_nearly_everything(told: Path) -> None:
    """Guide rows R-CHK-1 … R-CHK-16 as one person meets them."""
    steps = {step["step"]: step for step in json.loads((told / "story.json").read_text())["steps"]}
    assert len(steps["self_check"]["after"]["unmet"]) >= 14
    assert steps["waiting"]["after"] == {"result": "clear", "unmet": [], "holdings": {}}


def test_every_file_of_the_archive_is_what_its_sum_says(told: Path) -> None:
    """R-REC-1: as ``sha256sum -c SHA256SUMS`` does it."""
    with zipfile.ZipFile(told / "archive.zip") as archive:
        lines = archive.read("SHA256SUMS").decode().splitlines()
        sums = dict(reversed(line.split("  ", 1)) for line in lines)
        assert {"manifest.json", "csv/trades.csv", "json/ledger.json"} <= sums.keys()
        for name, digest in sums.items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest, name


@pytest.mark.parametrize("name", ["certificate.pdf", "certificate.json"])
def test_a_certificate_verifies_offline_and_a_changed_byte_is_found(
    told: Path, env: Mapping[str, str], tmp_path: Path, name: str
) -> None:
    """R-CLO-14: no database, another machine; exit 0, then 1."""
    elsewhere = {
        **env, "CLOSEOUT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "CLOSEOUT_DATA_DIR": str(tmp_path / "empty"),
    }  # fmt: skip
    keys = ["--keys", str(told / "public-keys.json")]
    valid = run("certificate", "verify", str(told / name), *keys, env=elsewhere)
    assert valid.returncode == 0, valid.stderr
    content = bytearray((told / name).read_bytes())
    content[len(content) // 3] ^= 1
    (tmp_path / name).write_bytes(content)
    changed = run("certificate", "verify", str(tmp_path / name), *keys, env=elsewhere)
    assert changed.returncode == 1
    assert "Traceback" not in changed.stderr


def test_poppler_takes_the_signature_for_valid(told: Path) -> None:
    """An independent verifier: pdfsig of poppler-utils."""
    pdfsig = shutil.which("pdfsig")
    if pdfsig is None:
        pytest.skip(
            "LOUD: pdfsig (Debian: poppler-utils) is not installed; the PDF is checked by pyHanko only"
        )
    said = subprocess.run(
        [pdfsig, str(told / "certificate.pdf")], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    assert "Signature is Valid" in said
    assert "Total document signed" in said


def test_nothing_in_the_proof_names_the_person(told: Path) -> None:
    """R-REC-3: the certificate masks the account and holds no name, address or number of the holder."""
    letters = [path.read_text() for path in (told / "outbox").glob("*.eml")]
    addresses = {
        line.split(": ")[1] for text in letters for line in text.splitlines() if line.startswith("To: ")
    }
    assert addresses
    certificate = (told / "certificate.json").read_text()
    assert not [address for address in addresses if address in certificate]


def test_an_unknown_person_is_one_sentence(env: Mapping[str, str], tmp_path: Path) -> None:
    answer = run(
        "demo", "--person", "nobody", "--out", str(tmp_path / "out"), env={**env, "CLOSEOUT_LANG": "en"}
    )
    assert answer.returncode == 1
    assert "There is no such account here" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_folder_with_other_files_is_not_emptied(env: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    answer = run("demo", "--out", str(tmp_path), env=env)
    assert answer.returncode == 2
    assert (tmp_path / "thesis.txt").exists()
