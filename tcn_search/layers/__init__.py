"""The TCN layer and what it is made of, in pure `keras.ops`, so that every Keras backend runs it.

Executes plans of `planning`. Tasks, losses and training do not belong here.
"""
