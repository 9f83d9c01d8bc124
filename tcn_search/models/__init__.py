"""Keras models from an architecture and a task.

Their losses, metrics and optimisers, saving and prediction live here too. Training does not: it
belongs to `trainers`.
"""
