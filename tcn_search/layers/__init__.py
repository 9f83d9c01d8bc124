"""The TCN layer and its components.

They are written in pure `keras.ops`, so that every Keras backend runs them. The layer executes
plans of `planning`. Tasks, losses and training do not belong here.

Importing this package registers the classes that a model of tcn_search may hold, also those of
other packages, so that `keras.models.load_model` loads it.
"""

from tcn_search.registration import register_classes

register_classes()
