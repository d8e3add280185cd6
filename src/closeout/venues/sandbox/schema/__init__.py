"""Numbered SQL files of the sandbox, applied in order by :mod:`closeout.cluster.migrations`."""
