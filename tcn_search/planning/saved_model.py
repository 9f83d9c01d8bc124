"""Read the architecture of a TCN layer, of a model with a TCN layer, or of a .keras file.

TCN layers of this package and of keras-tcn are recognised by their configuration, so no tensor
library is imported. A .keras file is a zip archive with the configuration in its config.json.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from tcn_search.archives import open_archive, require_memory
from tcn_search.errors import InputError
from tcn_search.planning.architecture import POOLED_READOUTS, Architecture

_KERAS_POOLS = {
    "GlobalAveragePooling1D": "average",
    "GlobalMaxPooling1D": "max",
    "Flatten": "flatten",
}


class TCNDescription(NamedTuple):
    """Name and architecture of a TCN layer, and the sizes of its input.

    `seq_len` and `input_channels` are None unless the model fixes them.
    """

    name: str
    architecture: Architecture
    seq_len: int | None
    input_channels: int | None


class _Stem(NamedTuple):
    """A layer of patches, and the steps of its input; None unless the model fixes them."""

    patch: int
    stride: int
    seq_len: int | None

    @classmethod
    def of(cls, config: Mapping[str, Any], input_shape: Any) -> _Stem:
        """Return the stem of a layer's configuration and input shape."""
        seq_len = input_shape[1] if input_shape and len(input_shape) == 3 else None
        return cls(config["patch"], config["stride"], seq_len)


def find_tcn(source: Any, layer: str | None = None) -> TCNDescription:
    """Return the TCN of a layer, a model or a saved .keras file.

    Args:
        source: a layer, a model, or the path of a .keras file.
        layer: name of the TCN layer, if the model has several.

    Raises:
        InputError: there is no such file, the file is no .keras file, there is no TCN layer in it,
            or there are several and `layer` names none of them.
    """
    if isinstance(source, (str, os.PathLike)):
        return _select(_tcns_in_file(os.fspath(source)), os.fspath(source), layer)
    if not hasattr(source, "get_config"):
        raise InputError(
            "arch must be an Architecture, a TCN layer, a Keras model or the path of a .keras "
            f"file. Received: {source!r}"
        )
    if _is_tcn(source.get_config()):
        build_config = source.get_build_config() or {}
        return _read_tcn(source.get_config(), build_config.get("input_shape"))
    return _select(_tcns_of(source), f"model {source.name!r}", layer)


def _tcns_of(model: Any) -> list[TCNDescription]:
    """Return the TCNs of a model, with the readout of the innermost model that pools their steps.

    In an ensemble that is the member.
    """
    tcns: list[TCNDescription] = []
    for layer in getattr(model, "layers", []):
        if _is_tcn(layer.get_config()):
            tcns.append(find_tcn(layer))
        else:
            tcns += _tcns_of(layer)
    layers = list(_layers_of(model))
    pools = [_pool(type(layer).__name__, layer.get_config()) for layer in layers]
    stems = [
        _Stem.of(layer.get_config(), (layer.get_build_config() or {}).get("input_shape"))
        for layer in layers
        if _is_stem(type(layer).__name__, layer.get_config())
    ]
    return _behind_stem(_with_pool(tcns, pools), stems)


def _layers_of(model: Any) -> Iterator[Any]:
    """Yield the layers of a model, and those of models inside it."""
    for layer in getattr(model, "layers", []):
        yield layer
        yield from _layers_of(layer)


def _tcns_in_file(path: str) -> list[TCNDescription]:
    if not os.path.exists(path):
        raise InputError(f"There is no file {path}.")
    no_model = InputError(
        f"{path} is not a .keras file. Save the model with model.save('name.keras'); "
        ".h5 cannot be read."
    )
    if not zipfile.is_zipfile(path):
        raise no_model
    with open_archive(path) as archive:
        if "config.json" not in archive.namelist():
            raise no_model
        require_memory(path, archive.getinfo("config.json").file_size)
        text = archive.read("config.json")
        try:
            config = json.loads(text)
        except ValueError:
            raise no_model from None
        try:
            return list(_tcns_in_config(config))
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise InputError(
                f"{path} cannot be read: a TCN layer's configuration is damaged: {error}"
            ) from error


def _tcns_in_config(config: Any) -> Iterator[TCNDescription]:
    """Yield every TCN layer in a model's configuration, in order, as `_tcns_of` returns them."""
    if isinstance(config, Mapping):
        inner = config.get("config")
        if isinstance(inner, Mapping) and _is_tcn(inner):
            build_config = config.get("build_config") or {}
            yield _read_tcn(inner, build_config.get("input_shape"))
            return
        if isinstance(inner, Mapping) and "layers" in inner:
            layers = inner["layers"]
            tcns = _with_pool(list(_tcns_in_config(layers)), list(_pools_in_config(layers)))
            yield from _behind_stem(tcns, list(_stems_in_config(layers)))
            return
        for value in config.values():
            yield from _tcns_in_config(value)
    elif isinstance(config, list):
        for value in config:
            yield from _tcns_in_config(value)


def _is_stem(class_name: object, config: Mapping[str, Any]) -> bool:
    """Return whether a layer is one of patches of this package, not another of the same name."""
    return class_name == "Patches" and {"patch", "stride"} <= set(config)


def _stems_in_config(config: Any) -> Iterator[_Stem]:
    """Yield every stem of patches in a model's configuration."""
    if isinstance(config, Mapping):
        inner = config.get("config")
        if isinstance(inner, Mapping) and _is_stem(config.get("class_name"), inner):
            yield _Stem.of(inner, (config.get("build_config") or {}).get("input_shape"))
        for value in config.values():
            yield from _stems_in_config(value)
    elif isinstance(config, list):
        for value in config:
            yield from _stems_in_config(value)


def _pools_in_config(config: Any) -> Iterator[str]:
    """Yield the readout of every layer in a model's configuration that pools over time."""
    if isinstance(config, Mapping):
        inner = config.get("config")
        if isinstance(inner, Mapping):
            yield _pool(config.get("class_name"), inner)
        for value in config.values():
            yield from _pools_in_config(value)
    elif isinstance(config, list):
        for value in config:
            yield from _pools_in_config(value)


def _pool(class_name: object, config: Mapping[str, Any]) -> str:
    """Return the readout of a layer that pools over time, "" for other layers."""
    if class_name == "PoolOverTime" and config.get("kind") in POOLED_READOUTS:
        return str(config["kind"])
    return _KERAS_POOLS.get(str(class_name), "")


def _with_pool(tcns: list[TCNDescription], pools: list[str]) -> list[TCNDescription]:
    """Return the TCNs with the readout of the model, if it has one TCN and pools its steps."""
    readouts = list(filter(None, pools))
    if len(tcns) != 1 or len(readouts) != 1 or tcns[0].architecture.readout != "sequence":
        return tcns
    architecture = replace(tcns[0].architecture, readout=readouts[0])
    return [tcns[0]._replace(architecture=architecture)]


def _behind_stem(tcns: list[TCNDescription], stems: list[_Stem]) -> list[TCNDescription]:
    """Return the TCNs with the stem of the model, if it has one of each."""
    if len(tcns) != 1 or len(stems) != 1 or tcns[0].architecture.readout == "sequence":
        return tcns
    (tcn,), (stem,) = tcns, stems
    if tcn.architecture.patch > 1:  # of a model inside this one
        return tcns
    architecture = replace(tcn.architecture, patch=stem.patch, patch_stride=stem.stride)
    return [tcn._replace(architecture=architecture, seq_len=stem.seq_len)]


def _is_tcn(config: Mapping[str, Any]) -> bool:
    return {"nb_filters", "kernel_size", "nb_stacks", "dilations"} <= set(config)


def _read_tcn(config: Mapping[str, Any], input_shape: Any) -> TCNDescription:
    filters = config["nb_filters"]
    if not isinstance(filters, int):
        filters = tuple(filters)
    architecture = Architecture(
        nb_filters=filters,
        kernel_size=config["kernel_size"],
        dilations=tuple(config["dilations"]),
        nb_stacks=config["nb_stacks"],
        padding=config.get("padding", "causal"),
        use_skip_connections=bool(config.get("use_skip_connections", True)),
        norm=_norm_of(config),
        activation=_activation_name(config.get("activation", "relu")),
        readout="sequence" if config.get("return_sequences") else "last",
    )
    seq_len = None
    channels = None
    if input_shape and len(input_shape) == 3:
        _, seq_len, channels = input_shape
    for size in (seq_len, channels):
        if size is not None and not (isinstance(size, int) and size > 0):
            raise TypeError(
                f"input_shape must have numbers of steps and channels. Received: {input_shape!r}"
            )
    name = config.get("name", "tcn")
    if not isinstance(name, str):
        raise TypeError(f"name must be text. Received: {name!r}")
    return TCNDescription(
        name=name, architecture=architecture, seq_len=seq_len, input_channels=channels
    )


def _norm_of(config: Mapping[str, Any]) -> str:
    """Return the norm of a layer's configuration; keras-tcn has a switch for each kind."""
    norm: str | None = config.get("norm")
    if norm is not None:
        return norm
    for kind in ("batch", "layer", "weight"):
        if config.get(f"use_{kind}_norm"):
            return kind
    return "none"


def _activation_name(activation: Any) -> str:
    """Return the name of an activation.

    An activation that the user defined is a dict in a saved model, and a function in memory.
    """
    if isinstance(activation, Mapping):
        activation = activation.get("registered_name") or activation.get("config")
    if isinstance(activation, str):
        return activation
    return str(getattr(activation, "__name__", "custom"))


def _select(tcns: list[TCNDescription], source: str, layer: str | None) -> TCNDescription:
    """Return the TCN that is named `layer`, or the only one.

    The members of an ensemble that are alike count as one.
    """
    tcns = list(dict.fromkeys(tcns))
    names = ", ".join(tcn.name for tcn in tcns)
    if not tcns:
        raise InputError(f"{source} has no TCN layer, neither of tcn_search nor of keras-tcn.")
    if layer is not None:
        for tcn in tcns:
            if tcn.name == layer:
                return tcn
        raise InputError(f"{source} has no TCN layer {layer!r}. It has: {names}.")
    if len(tcns) > 1:
        raise InputError(
            f"{source} has {len(tcns)} TCN layers: {names}. "
            "Check one of them at a time, by its name."
        )
    return tcns[0]
