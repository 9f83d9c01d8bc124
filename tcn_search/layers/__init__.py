"""The TCN layer and its components.

They are written in pure `keras.ops`, so that every Keras backend runs them. The layer executes
plans of `planning`. Tasks, losses and training do not belong here.
"""
