"""Numbered SQL files, applied in order by ``closeout.cluster.migrations``."""
