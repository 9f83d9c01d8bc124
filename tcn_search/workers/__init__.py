"""Worker processes, worker slots and backends: where and how the trials of a run are trained.

Takes jobs and returns outcomes; does not know who asks, nor any storage.
"""
