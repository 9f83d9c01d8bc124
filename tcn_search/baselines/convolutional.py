"""FCN and ResNet for time series, as Wang et al. 2017 describe them.

Filters and kernels are those of hfawaz/dl-4-tsc (`classifiers/fcn.py` and `resnet.py`). Every
convolution is padded to "same" and followed by batch norm, and the readout is the mean over time.
Padded steps are zero before every convolution and count neither in the statistics nor in the mean.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tcn_search.layers.tensor import Tensor
from tcn_search.models.build import BATCH_NORM_MOMENTUM, assemble
from tcn_search.models.compilation import AnyTask
from tcn_search.models.readout import PoolOverTime
from tcn_search.settings import TrainingSettings

_FCN = ((128, 8), (256, 5), (128, 3))  # filters and kernel size of each layer
_RESNET_FILTERS = (64, 128, 128)  # of each residual block
_RESNET_KERNELS = (8, 5, 3)  # of the layers in each block


def build_convolutional(
    name: str, task: AnyTask, settings: TrainingSettings | None = None
) -> keras.Model:
    """Return a compiled "fcn" or "resnet" with the standardisation, head and loss of a TCN's model.

    Dropout does not apply: neither network has any.

    Args:
        name: "fcn" or "resnet".
        task: the task, its training data or its specification; one answer a sequence.
        settings: training settings; None stands for the defaults.
    """
    if settings is None:
        settings = TrainingSettings()
    body = _fcn
    features = _FCN[-1][0]
    if name == "resnet":
        body = _resnet
        features = _RESNET_FILTERS[-1]
    return assemble(body, task, settings, features)


def _fcn(x: Tensor) -> Tensor:
    for number, (filters, kernel_size) in enumerate(_FCN, start=1):
        x = NormedConvolution(filters, kernel_size, name=f"convolution_{number}")(x)
    return PoolOverTime("average", dtype="float32", name="readout")(x)


def _resnet(x: Tensor) -> Tensor:
    for number, filters in enumerate(_RESNET_FILTERS, start=1):
        x = ResNetBlock(filters, name=f"block_{number}")(x)
    return PoolOverTime("average", dtype="float32", name="readout")(x)


@keras.saving.register_keras_serializable(package="tcn_search")
class NormedConvolution(keras.layers.Layer):
    """Convolution over (B, T, C) with "same" padding, batch norm, and ReLU if asked for.

    Args:
        filters: output channels.
        kernel_size: steps of the kernel.
        relu: whether a ReLU follows.
    """

    def __init__(self, filters: int, kernel_size: int, relu: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.filters = filters
        self.kernel_size = kernel_size
        self.relu = relu
        self.convolution = keras.layers.Conv1D(
            filters, kernel_size, padding="same", dtype=self.dtype_policy, name="convolution"
        )
        self.norm = keras.layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, dtype=self.dtype_policy, name="norm"
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.convolution.build(input_shape)
        self.norm.build(self.convolution.compute_output_shape(input_shape))

    def call(
        self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        x = inputs  # (B, T, C)
        if mask is not None:
            x = x * ops.cast(ops.expand_dims(mask, -1), x.dtype)
        x = self.norm(self.convolution(x), training=training, mask=mask)
        if self.relu:
            x = ops.relu(x)
        return x

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "relu": self.relu,
        }


@keras.saving.register_keras_serializable(package="tcn_search")
class ResNetBlock(keras.layers.Layer):
    """Three convolutions of kernel 8, 5 and 3 around a shortcut; ReLU after the sum.

    The shortcut is batch norm alone, after a convolution of one step where channels differ.
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.filters = filters
        last = len(_RESNET_KERNELS) - 1
        self.convolutions = [
            NormedConvolution(
                filters,
                kernel_size,
                relu=number < last,
                dtype=self.dtype_policy,
                name=f"convolution_{number + 1}",
            )
            for number, kernel_size in enumerate(_RESNET_KERNELS)
        ]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if input_shape[-1] == self.filters:
            self.shortcut: keras.layers.Layer = keras.layers.BatchNormalization(
                momentum=BATCH_NORM_MOMENTUM, dtype=self.dtype_policy, name="shortcut"
            )
        else:
            self.shortcut = NormedConvolution(
                self.filters, 1, relu=False, dtype=self.dtype_policy, name="shortcut"
            )
        self.shortcut.build(input_shape)
        shape = input_shape
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)

    def call(
        self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        x = inputs  # (B, T, C)
        for convolution in self.convolutions:
            x = convolution(x, mask=mask, training=training)
        return ops.relu(x + self.shortcut(inputs, mask=mask, training=training))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}
