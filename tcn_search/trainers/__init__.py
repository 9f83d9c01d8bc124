"""One training of one Keras model, watched epoch by epoch.

Knows no trial and no study.
"""
