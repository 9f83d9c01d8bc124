"""Tasks: sequences with targets in a training, a validation and a test split.

Makes tasks from arrays, from files (by `formats`) and by name (`tasks.builtin`). No tensor library, no model.
"""
