"""The database of studies: its URL, its connection, the lease to write, and reading stored values.

The package may not interpret stored values: `search`, `evaluation` and `study` do.
"""
