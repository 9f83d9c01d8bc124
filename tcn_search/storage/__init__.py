"""The database of studies: its URL, opening it, who may write (lease), reading stored values.

What the stored values mean is known in `search`, `evaluation` and `study`.
"""
