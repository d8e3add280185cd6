"""The rules of the house hold for every file; each rule is also shown something that it must find."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.house.rules import (
    CATCHERS,
    CLOCKS,
    REPOSITORY,
    allowed,
    broad_except,
    clock,
    files,
    inline_code,
    long_file,
    long_function,
    machine_or_secret,
    name,
    optional_by_position,
    silent_skip,
    sleeping,
    unknown_requirement,
    vague_name,
)

TextRule = Callable[[str], Iterator[str]]
TreeRule = Callable[[ast.AST], Iterator[str]]
TEXTS = (
    ".py",
    ".sql",
    ".md",
    ".html",
    ".toml",
    ".css",
    ".js",
    ".po",
    ".txt",
    ".json",
    ".yml",
    ".yaml",
    ".svg",
)


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@functools.cache
def tree_of(path: Path) -> ast.AST:
    return ast.parse(text_of(path))


def python(under: str) -> list[Path]:
    return [path for path in files(".py", under=under) if "migrations" not in path.parts[-2:-1]]


def assert_none(found: Iterator[str]) -> None:
    problems = list(found)
    assert not problems, "\n" + "\n".join(problems)


def hold(rule: TreeRule, paths: list[Path]) -> None:
    assert_none(f"{name(path)} {problem}" for path in paths for problem in rule(tree_of(path)))


def test_no_file_is_longer_than_400_lines() -> None:
    paths = [
        path
        for folder in ("src", "tests", "benchmarks")
        for path in files(".py", ".sql", ".html", under=folder)
    ]
    assert_none(f"{name(path)}: {problem}" for path in paths for problem in long_file(text_of(path)))


def test_no_function_is_longer_than_60_lines() -> None:
    hold(long_function, [*python("src"), *python("tests"), *python("benchmarks")])


def test_no_room_has_a_name_that_says_nothing() -> None:
    paths = [path.relative_to(REPOSITORY / "src") for path in files(".py", ".sql", ".html", under="src")]
    assert_none(f"{path}: {problem}" for path in paths for problem in vague_name(path))


def test_nobody_asks_the_time_but_the_doors() -> None:
    """Time enters as an argument: tests and the demo can move it."""
    hold(clock, [path for path in python("src") if not allowed(path, CLOCKS)])


def test_nobody_catches_everything_but_the_doors() -> None:
    """Bugs crash, roll back and alert."""
    hold(broad_except, [path for path in python("src") if not allowed(path, CATCHERS)])


def test_optional_arguments_are_named() -> None:
    hold(optional_by_position, python("src"))


def test_tests_do_not_sleep_and_do_not_hide() -> None:
    paths = python("tests")
    hold(sleeping, paths)
    hold(silent_skip, paths)


def test_requirement_ids_exist() -> None:
    paths = [
        path
        for folder in ("src", "tests", "docs", "changes")
        for path in files(".py", ".sql", ".md", under=folder)
    ]
    assert_none(
        f"{name(path)}: {problem}"
        for path in paths
        if path.parent.name != "house"
        for problem in unknown_requirement(text_of(path))
    )


def test_no_path_of_one_machine_and_no_secret() -> None:
    own = Path(__file__).parent
    paths = [path for path in files(*TEXTS) if path.parent != own and path.name != "uv.lock"]
    assert_none(f"{name(path)}: {problem}" for path in paths for problem in machine_or_secret(text_of(path)))


def test_pages_have_no_inline_script_or_style() -> None:
    """The content security policy has no unsafe-inline."""
    paths = list(files(".html", under="src"))
    assert_none(f"{name(path)}: {problem}" for path in paths for problem in inline_code(text_of(path)))


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (long_function, "def f():\n" + "    x = 1\n" * 60, "def f():\n" + "    x = 1\n" * 59),
        (clock, "datetime.now(UTC)", "now"),
        (clock, "timezone.now()", "timezone.utc"),
        (clock, "datetime.datetime.utcnow()", "datetime.datetime.max"),
        (clock, "time.time()", "time.monotonic()"),
        (
            broad_except,
            "try:\n    f()\nexcept Exception:\n    pass",
            "try:\n    f()\nexcept KeyError:\n    pass",
        ),
        (
            broad_except,
            "try:\n    f()\nexcept (A, BaseException):\n    pass",
            "try:\n    f()\nexcept A:\n    pass",
        ),
        (broad_except, "try:\n    f()\nexcept:\n    pass", "f()"),
        (optional_by_position, "def f(a, b=1, c=2): ...", "def f(a, b=1, *, c=2): ..."),
        (sleeping, "time.sleep(1)", "event.wait()"),
        (silent_skip, "pytest.importorskip('x')", "import x"),
        (silent_skip, "pytest.mark.skipif(a)", "pytest.mark.skipif(a, reason='b')"),
        (silent_skip, "pytest.mark.xfail(reason='b')", "f()"),
    ],
)
def test_each_rule_bites_code(rule: TreeRule, bad: str, good: str) -> None:
    assert list(rule(ast.parse(bad)))
    assert not list(rule(ast.parse(good)))


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (long_file, "\n" * 401, "\n" * 400),
        (unknown_requirement, "R-CHK-21", "R-CHK-20"),
        (unknown_requirement, "R-XYZ-1", "R-OPS-6"),
        (machine_or_secret, "see /home/me/notes", "see ~/notes"),
        (machine_or_secret, "-----BEGIN PRIVATE KEY-----", "a private key"),
        (inline_code, "<script>x()</script>", '<script src="x.js"></script>'),
        (inline_code, '<a onclick="x()">', '<a href="/on">'),
        (inline_code, '<p style="color:red">', '<p class="red">'),
    ],
)
def test_each_rule_bites_text(rule: TextRule, bad: str, good: str) -> None:
    assert list(rule(bad))
    assert not list(rule(good))


def test_the_rule_of_names_bites() -> None:
    for bad in ("closeout/utils/a.py", "closeout/order_helpers.py", "closeout/services.py"):
        assert list(vague_name(Path(bad)))
    assert not list(vague_name(Path("closeout/venues/commonwealth.py")))
