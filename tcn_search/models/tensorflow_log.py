"""Keep TensorFlow from warning of what is no fault of a user."""

from __future__ import annotations

import logging


def hide_retracing_warnings() -> None:
    """Hide that TensorFlow traces a function of Keras again, for each model that is used.

    It takes the functions of several models, such as the members of an ensemble, for a single one
    that is traced too often.
    """
    logging.getLogger("tensorflow").addFilter(_is_shown)


def _is_shown(record: logging.LogRecord) -> bool:
    text = record.getMessage()
    return "TensorFlowTrainer" not in text or "triggered tf.function retracing" not in text
