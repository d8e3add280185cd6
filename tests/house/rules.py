"""The house's own rules, as functions from a file to what is wrong with it."""

from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SKIPPED = {
    ".git", ".venv", ".uv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "build",
    ".import_linter_cache", "demo-output", "dist", "population", "screened", "node_modules", "vendor", "_build",
    ".closeout",
}  # fmt: skip
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
VAGUE = re.compile(r"(^|_)(utils?|helpers?|services?|managers?|common|misc|stuff)($|_)")
DOORS = ("src/closeout/cli.py", "src/closeout/commands/", "src/closeout/web/", "src/closeout/cluster/")
CLOCKS = (
    *DOORS,
    "src/closeout/cases/worker.py",  # the loop of a process: a door without a person
    "src/closeout/venues/okx/",  # a venue has a clock of its own, and OKX signs with it
    "src/closeout/venues/binance/",  # so does Binance
    "src/closeout/venues/okx_server/",  # and so does the server that stands in for it
    "src/closeout/venues/http.py",
    "src/closeout/cases/sandbox.py",  # a demonstration begins now, unless its story says when
    "src/closeout/cases/clearing_journal.py",  # leases are about processes, not about the time of a case
)
CATCHERS = (
    *DOORS,
    "src/closeout/cases/worker.py",
    "src/closeout/cases/effects.py",
    "src/closeout/cases/upkeep.py",  # one duty that breaks stops no other
    "src/closeout/records/pdf_signature.py",  # a hostile PDF fails anywhere in the parser: that is the answer
)
REQUIREMENTS = {"CHK": 20, "CLR": 7, "CLO": 15, "DIA": 6, "SUP": 11, "REC": 6, "OPS": 6}
MACHINE = re.compile(r"(?<![\w.])(/work/|/root/[a-z.]|/home/[a-z]+/|/Users/[a-z]+/|[A-Z]:\\Users\\)")
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bghp_\w{36}\b|\bsk-[A-Za-z0-9]{32,}\b"
    r"|\bxox[bp]-\d{6,}"
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)[^)]*\)|!\[[^\]]*\]\(([^)\s]+)[^)]*\)")
INLINE = re.compile(
    r"<script(?![^>]*\b(src|nonce|type=\"application/json\"))|\son[a-z]+=\"|\sstyle=\"|javascript:",
    re.IGNORECASE,
)


def files(*endings: str, under: str = "") -> Iterator[Path]:
    """Yield the files of the repository that end in one of ``endings``, what can be made again left out."""
    for path in everything():
        if path.suffix in endings and path.is_relative_to(REPOSITORY / under):
            yield path


@functools.cache
def everything() -> tuple[Path, ...]:
    """Return every file of the repository, in order, read once."""
    found = []
    for folder, inner, names in os.walk(REPOSITORY):
        inner[:] = [child for child in inner if child not in SKIPPED]
        found += [Path(folder, each) for each in names]
    return tuple(sorted(found))


def name(path: Path) -> str:
    """The path as a message shows it."""
    return path.relative_to(REPOSITORY).as_posix() if path.is_relative_to(REPOSITORY) else path.as_posix()


def long_file(text: str) -> Iterator[str]:
    """A file that nobody reads to its end."""
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{lines} lines; {FILE_LINES_MAX} are allowed"


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function, methods and inner ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def long_function(tree: ast.AST) -> Iterator[str]:
    """A function that does more than one thing."""
    for node in functions(tree):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"line {node.lineno}: {node.name} has {lines} lines; {FUNCTION_LINES_MAX} are allowed"


def vague_name(path: Path) -> Iterator[str]:
    """A room or file whose name says nothing."""
    for part in (*path.parts[:-1], path.stem):
        if VAGUE.search(part):
            yield f"{part} says nothing; name it by the domain"


def allowed(path: Path, places: Iterable[str]) -> bool:
    """Say whether ``path`` lies in one of ``places``."""
    return name(path).startswith(tuple(places))


def clock(tree: ast.AST) -> Iterator[str]:
    """Asking the time where time must be given."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        said = ast.unparse(node.func)
        if re.search(r"(^|\.)(datetime|date|timezone)\.(now|utcnow|today)$|^time\.(time|time_ns)$", said):
            yield f"line {node.lineno}: {said}() asks the time; take it as an argument"


def broad_except(tree: ast.AST) -> Iterator[str]:
    """Catching everything hides bugs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            if node.type is None or re.search(r"\b(Base)?Exception\b", caught):
                yield f"line {node.lineno}: except {caught or 'everything'}; name what can be answered"


def optional_by_position(tree: ast.AST) -> Iterator[str]:
    """Two optional arguments that a caller can mix up."""
    for node in functions(tree):
        if len(node.args.defaults) > 1 and node.name != "__exit__":
            yield f"line {node.lineno}: {node.name} has two optional arguments by position; make them keyword-only"


def sleeping(tree: ast.AST) -> Iterator[str]:
    """A test that waits for time instead of for a fact."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep", "asyncio.sleep"}:
            yield f"line {node.lineno}: sleeps; wait for what you need"


def silent_skip(tree: ast.AST) -> Iterator[str]:
    """A test that is not run and does not say so."""
    for node in ast.walk(tree):
        said = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if said.endswith(("importorskip", "mark.xfail", "pytest.xfail")):
            yield f"line {node.lineno}: {said} hides a test"
        if said.endswith(("mark.skip", "mark.skipif")) and not any(
            key.arg == "reason" for key in node.keywords
        ):
            yield f"line {node.lineno}: a skip without a reason"


def unknown_requirement(text: str) -> Iterator[str]:
    """A requirement id that nobody wrote."""
    for section, number in re.findall(r"\bR-([A-Z]{3})-(\d+)\b", text):
        if not 1 <= int(number) <= REQUIREMENTS.get(section, 0):
            yield f"R-{section}-{number} is no requirement"


def machine_or_secret(text: str) -> Iterator[str]:
    """A path of one machine, or something that opens a door."""
    for rule, why in ((MACHINE, "is a path of one machine"), (SECRET, "looks like a secret")):
        for found in rule.finditer(text):
            yield f"{found.group(0)[:30]!r} {why}"


def broken_link(path: Path, text: str) -> Iterator[str]:
    """A link to a file that is not there."""
    for found in LINK.finditer(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        target = (found.group(1) or found.group(2)).partition("#")[0]
        if target and not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
            yield f"links to {target}, which does not exist"


def inline_code(text: str) -> Iterator[str]:
    """Script or style inside a page: the content security policy stops it."""
    for found in INLINE.finditer(text):
        yield f"{found.group(0).strip()!r} is inline; put it into a file"
