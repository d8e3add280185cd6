"""Whole folders or none: write aside, then rename."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replaced(folder: Path, *, marker: str) -> Iterator[Path]:
    """Give a fresh folder to write into and put it in place of ``folder`` when all went well.

    A folder that is there is only replaced if it is empty or holds ``marker``, that is, if an earlier run
    wrote it. Whatever fails leaves ``folder`` as it was. Raises: FileExistsError.
    """
    if folder.exists() and not (folder / marker).is_file() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds something else; give an empty folder or a new one")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.rename(old)
            aside.rename(folder)
            shutil.rmtree(old)
        else:
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
