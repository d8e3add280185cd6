"""The sandbox: a small but real exchange core on PostgreSQL, for tests, for the demo, and to look at."""
