"""Numbered SQL of the v5 server, applied after the sandbox's."""
