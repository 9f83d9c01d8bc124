"""Read a user's files and arrays into plain NumPy arrays, and check them.

Covers text tables, .ts files, folders of recordings, in-memory arrays, and downloads. Must not
import tasks, splits or models; `tcn_search.tasks` builds tasks from the arrays that are read here.
"""
