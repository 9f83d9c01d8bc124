"""Tasks: sequences with targets in a training, a validation and a test split.

Tasks are made from arrays, from files (read by `formats`) and by name (`tasks.builtin`). Nothing
here imports a tensor library or a model.
"""
