"""Tax files: realised gains by lot, income by kind, and the import formats of common tax tools. No tax advice."""
