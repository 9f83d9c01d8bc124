"""A user's own Keras model around the TCN: finding its function again, and what it must return.

The models themselves are assembled in `models`.
"""
