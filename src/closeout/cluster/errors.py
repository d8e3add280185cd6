"""What goes wrong around the database: one sentence that also says what to do."""

from __future__ import annotations


class ClusterError(Exception):
    """The database cannot be used. The message is one sentence for a person and holds no password."""
