"""The type of tensors in the signatures of layers and models.

Shapes stand in docstrings and comments: B sequences, T or n time steps, C channels.
"""

from __future__ import annotations

from typing import Any, TypeAlias

# Keras has no common type for what its operations take: tensors of TensorFlow, JAX and torch,
# symbolic KerasTensors, variables and NumPy arrays.
Tensor: TypeAlias = Any
