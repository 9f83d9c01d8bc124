"""Files, tables, recordings and arrays of a user, read into plain NumPy arrays and checked.

Knows nothing of tasks, splits or models; `tasks` makes tasks of what is read here.
"""
