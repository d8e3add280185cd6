"""The process that reads a certificate of a stranger: hard limits first, then keys and file from stdin.

Run as ``python -I -m closeout.cases.paper_reader``. The first line of its input is the public keys as JSON, the rest
is the PDF. It prints the certificate's number, or ends with 1.
"""

from __future__ import annotations

import json
import sys

from closeout.cases import upload_reader
from closeout.records import certificate, pdf_signature, signing

__all__ = ["pdf_signature"]  # imported before the limits: what reads a PDF opens files of its own


def main() -> int:
    """Read, check, answer."""
    first, _, paper = sys.stdin.buffer.read().partition(b"\n")
    upload_reader.limit()
    found = certificate.verify(paper, signing.loads_public(json.loads(first)))
    if not found.valid or found.form != "pdf":
        return 1
    sys.stdout.write(str((found.statement or {}).get("number", "")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
