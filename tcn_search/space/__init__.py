"""The search space: dimensions, constraints and feasible architectures for a task.

Decides what may be tried, from integers alone. What is tried next is the business of `search`.
"""
