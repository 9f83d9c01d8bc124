"""Tasks that come with the package: synthetic ones, and published datasets by name.

Each module makes one task or one family of tasks; `tasks.registry` finds them.
"""
