"""Keras models from an architecture and a task, losses, metrics, optimisers, saving and prediction.

Training them is the business of `trainers`.
"""
