"""The database of studies: URL, connection, the lease to write, reading of stored values.

The package may not interpret stored values: `search`, `evaluation` and `study` do.
"""
