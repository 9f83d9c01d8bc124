"""Worker processes, worker slots and backends: where and how trials are trained.

The package takes jobs and returns outcomes. It may know neither the search that creates the jobs
nor any storage.
"""
