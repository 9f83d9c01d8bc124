"""The search space: dimensions, constraints and feasible architectures for a task.

The package decides from integers alone which architectures a study may try. Which of them a study
tries next is decided in `search`.
"""
