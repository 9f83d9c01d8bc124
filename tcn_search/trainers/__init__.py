"""One training of one Keras model, with a record of every epoch.

The package may know neither trials nor studies.
"""
