"""Keras models from an architecture and a task.

Their losses, metrics and optimisers, saving and prediction live here too. Training does not: it
belongs to `trainers`.

As `layers` does, this package registers its classes when it is imported. It must happen before any
of its modules is imported: `baselines` has classes to register that need them.
"""

from tcn_search.models.tensorflow_log import hide_retracing_warnings
from tcn_search.registration import register_classes

hide_retracing_warnings()
register_classes()
