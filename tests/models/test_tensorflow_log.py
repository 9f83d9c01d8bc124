"""TensorFlow's warnings of what is no fault of a user are hidden, the others are shown."""

from __future__ import annotations

import logging

import keras
import numpy as np
import pytest

import tcn_search.models  # noqa: F401 - hides them


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow alone warns so")
def test_several_models_predict_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tensorflow")
    logger.addHandler(caplog.handler)
    try:
        for _ in range(7):
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
            model.predict(np.zeros((1, 2)), verbose=0)
        assert caplog.messages == []
        logger.warning("something else")
        assert "something else" in caplog.messages
    finally:
        logger.removeHandler(caplog.handler)
