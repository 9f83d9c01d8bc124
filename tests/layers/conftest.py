"""Fixtures of the layer's tests."""

from __future__ import annotations

import contextlib

import keras
import pytest


@pytest.fixture
def double_precision():
    """Enable float64 on JAX, which has it switched off by default."""
    with contextlib.ExitStack() as stack:
        if keras.backend.backend() == "jax":
            import jax

            stack.enter_context(jax.enable_x64(True))
        yield
