"""The portal's texts: messages gathered from templates and code, and catalogues compiled, with Babel alone.

Run ``python -m closeout.web.portal.catalogue`` to bring every ``.po`` up to date and compile it.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).resolve().parent
LOCALE = HERE.parents[1] / "locale"
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "_": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def sources() -> Iterator[Path]:
    """Yield every file that may hold a message, in order."""
    for room in (HERE, HERE.parent / "console"):
        for pattern in ("*.py", "templates/**/*.html", "templates/**/*.txt"):
            yield from sorted(room.rglob(pattern) if pattern == "*.py" else room.glob(pattern))


def python_of(path: Path) -> str:
    """Return ``path`` as Python that holds its messages; templates go through Django's own ``templatize``."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    from django.utils.translation.template import templatize

    calls = re.findall(
        r"""(n?p?gettext\((?:\s*u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*,?|\s*count\s*,?)+\))""",
        templatize(text, origin=str(path)),
    )
    return "\n".join(calls) + "\n"


def gathered() -> Catalog:
    """Return a catalogue of every message of the portal, untranslated."""
    found = Catalog(charset="utf-8", fuzzy=False)
    for path in sources():
        place = path.relative_to(HERE.parents[1]).as_posix()
        code = io.BytesIO(python_of(path).encode())
        for _, message, comments, context in extract(
            "python", code, keywords=KEYWORDS, comment_tags=["Translators:"]
        ):
            found.add(message, None, [(place, 0)], auto_comments=comments, context=context)
    return found


def read(po: Path) -> Catalog:
    """Read a catalogue file."""
    with po.open("rb") as file:
        return read_po(file, locale=po.parents[1].name)


def update() -> list[str]:
    """Bring every ``.po`` up to date with the sources; return what still has no translation."""
    missing = []
    for po in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        catalog = read(po)
        catalog.update(gathered(), no_fuzzy_matching=True)
        catalog.obsolete.clear()
        out = io.BytesIO()
        write_po(out, catalog, width=110, sort_output=True, include_lineno=False, omit_header=False)
        po.write_bytes(out.getvalue())
        missing += [str(entry.id) for entry in catalog if entry.id and not complete(entry.string)]
    return missing


def complete(string: object) -> bool:
    """Say whether a translation is there, in every plural form."""
    return all(string) if isinstance(string, tuple | list) else bool(string)


def compile_stale() -> list[Path]:
    """Compile each catalogue whose ``.mo`` is missing or older than its ``.po``; return those compiled.

    Idempotent and safe between processes: the file is written beside and moved into place.
    """
    done = []
    for po in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime_ns >= po.stat().st_mtime_ns:
            continue
        handle, name = tempfile.mkstemp(dir=po.parent, suffix=".mo.part")
        with os.fdopen(handle, "wb") as file:
            write_mo(file, read(po))
        Path(name).chmod(0o644)
        Path(name).replace(mo)
        done.append(mo)
    return done


def main() -> int:
    """Update and compile; exit 1 when a message has no translation."""
    missing = update()
    compile_stale()
    for message in missing:
        sys.stderr.write(f"no translation: {message}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
