"""Tasks that come with the package: synthetic ones, and published datasets by name.

Each module loads one task or one family of tasks; `tasks.registry` finds them.
"""
