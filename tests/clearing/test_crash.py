"""The crash matrix: R-CLR-4, hard cases 15 and 56. ``make crash-clearing`` runs all of it, ``make test`` a part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.clearing import crash, sandbox_people

from closeout.venues.sandbox import cast
from closeout.venues.sandbox.venue import SandboxVenue

EVERY = int(os.environ.get("CRASH_EVERY", "40"))
JOBS = int(os.environ.get("CRASH_JOBS", "2"))

Clone = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def before(clone_with_cases: Clone) -> Iterator[tuple[Clone, str, int]]:
    """A database with the messy person and nothing cleared, and how to copy it."""
    with clone_with_cases() as url:
        with SandboxVenue(url) as venue:
            account_id = sandbox_people.open_account(venue, cast.messy)
        yield clone_with_cases, url, account_id


def test_a_worker_that_dies_anywhere_changes_nothing(
    before: Any, copy_of: Callable[[str], AbstractContextManager[str]], tmp_path: Path, capsys: Any
) -> None:
    """Kill -9 at a commit point, start again: the end is that of the undisturbed run."""
    _, url, account_id = before
    with copy_of(url) as target:
        points = crash.points_of(target, account_id, tmp_path / "points")[::EVERY]
        expected = crash.state_of(target, told=True)
    assert all(expected[name] == [] for name in ("sums", "unanswered", "invented", "unwritten", "told"))

    def crashed(point: tuple[int, bool]) -> dict[str, list[str]]:
        with copy_of(url) as target:
            return crash.end_after(target, account_id, point)

    with ThreadPoolExecutor(JOBS) as jobs:
        ends = list(jobs.map(crashed, points))
    lost = sum(len(end["leaving"]) < len(expected["leaving"]) for end in ends)
    doubled = sum(len(end["leaving"]) > len(expected["leaving"]) for end in ends)
    equal = sum(end == expected for end in ends)
    with capsys.disabled():
        print(f"\n{len(points)} crash points, {equal} equal, {lost} lost, {doubled} doubled")  # noqa: T201
    different = [
        (point, name, sorted(set(end[name]) ^ set(expected[name])))
        for point, end in zip(points, ends, strict=True)
        for name in end
        if end[name] != expected[name]
    ]
    assert different == []


def test_two_processes_on_one_run_are_one(
    before: Any, copy_of: Callable[[str], AbstractContextManager[str]]
) -> None:
    """Hard case 15: two real workers at the same time, neither respecting the other's lease."""
    _, url, account_id = before
    with copy_of(url) as alone, copy_of(url) as together:
        for target in (alone, together):
            assert crash.in_a_process(lambda target=target: crash.confirm(target, account_id)) == 0  # type: ignore[misc]
        assert crash.in_a_process(lambda: crash.drive_confirmed(alone, account_id, "a")) == 0

        def worker(name: str) -> int:
            return crash.in_a_process(lambda: crash.drive_confirmed(together, account_id, name))

        with ThreadPoolExecutor(2) as workers:
            assert list(workers.map(worker, "ab")) == [0, 0]
        assert crash.state_of(together) == crash.state_of(alone)
