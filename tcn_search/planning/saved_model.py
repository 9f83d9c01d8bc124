"""Reads the architecture of a model that exists: a TCN layer, a model with one, or a .keras file.

Layers are recognised by their configuration, ours and keras-tcn's, so nothing imports a tensor library; a
.keras file is a zip whose config.json says it all.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tcn_search.archives import open_archive, require_memory
from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture


class FoundTCN(NamedTuple):
    """A TCN with its name; length and channels of its input where the model fixes them."""

    name: str
    architecture: Architecture
    seq_len: int | None
    input_channels: int | None


def find_tcn(source: Any, layer: str | None = None) -> FoundTCN:
    """The TCN of a layer, a model or a saved .keras file; `layer` names it where there are several.

    Raises:
        InputError: no such file, not a .keras file, no TCN in it, or several and none is named.
    """
    if isinstance(source, (str, os.PathLike)):
        return _chosen(_found_in_file(os.fspath(source)), os.fspath(source), layer)
    if not hasattr(source, "get_config"):
        raise InputError(
            "arch must be an Architecture, a TCN layer, a Keras model or the path of a .keras file. "
            f"Received: {source!r}"
        )
    if _is_tcn(source.get_config()):
        return _found(source.get_config(), (source.get_build_config() or {}).get("input_shape"))
    layers = [one for one in _live_layers(source) if _is_tcn(one.get_config())]
    return _chosen([find_tcn(one) for one in layers], f"model {source.name!r}", layer)


def _live_layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", []):
        yield layer
        yield from _live_layers(layer)


def _found_in_file(path: str) -> list[FoundTCN]:
    if not os.path.exists(path):
        raise InputError(f"There is no file {path}.")
    no_model = InputError(
        f"{path} is not a .keras file. Save the model with model.save('name.keras'); .h5 cannot be read."
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
            return list(_tcns(config))
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise InputError(
                f"{path} cannot be read: a TCN layer's configuration is damaged: {error}"
            ) from error


def _tcns(config: Any) -> Iterator[FoundTCN]:
    """Every TCN layer in a model's configuration, in order."""
    if isinstance(config, Mapping):
        inner = config.get("config")
        if isinstance(inner, Mapping) and _is_tcn(inner):
            yield _found(inner, (config.get("build_config") or {}).get("input_shape"))
            return
        for value in config.values():
            yield from _tcns(value)
    elif isinstance(config, list):
        for value in config:
            yield from _tcns(value)


def _is_tcn(config: Mapping[str, Any]) -> bool:
    return {"nb_filters", "kernel_size", "nb_stacks", "dilations"} <= set(config)


def _found(config: Mapping[str, Any], input_shape: Any) -> FoundTCN:
    norm = config.get("norm")
    if norm is None:
        switched = [kind for kind in ("batch", "layer", "weight") if config.get(f"use_{kind}_norm")]
        norm = switched[0] if switched else "none"
    activation = config.get("activation", "relu")
    filters = config["nb_filters"]
    architecture = Architecture(
        nb_filters=filters if isinstance(filters, int) else tuple(filters),
        kernel_size=config["kernel_size"],
        dilations=tuple(config["dilations"]),
        nb_stacks=config["nb_stacks"],
        padding=config.get("padding", "causal"),
        use_skip_connections=bool(config.get("use_skip_connections", True)),
        norm=norm,
        activation=_name_of(activation),
        readout="sequence" if config.get("return_sequences") else "last",
    )
    _, steps, channels = (
        input_shape if input_shape and len(input_shape) == 3 else (None, None, None)
    )
    for size in (steps, channels):
        if size is not None and not (isinstance(size, int) and size > 0):
            raise TypeError(
                f"input_shape must have numbers of steps and channels. Received: {input_shape!r}"
            )
    name = config.get("name", "tcn")
    if not isinstance(name, str):
        raise TypeError(f"name must be text. Received: {name!r}")
    return FoundTCN(name, architecture, steps, channels)


def _name_of(activation: Any) -> str:
    """Name of an activation; one of the user's own is saved as a dict, or held as a function."""
    if isinstance(activation, Mapping):
        activation = activation.get("registered_name") or activation.get("config")
    return activation if isinstance(activation, str) else getattr(activation, "__name__", "custom")


def _chosen(found: list[FoundTCN], source: str, layer: str | None) -> FoundTCN:
    names = ", ".join(one.name for one in found)
    if not found:
        raise InputError(f"{source} has no TCN layer, neither of tcn_search nor of keras-tcn.")
    if layer is not None:
        for one in found:
            if one.name == layer:
                return one
        raise InputError(f"{source} has no TCN layer {layer!r}. It has: {names}.")
    if len(found) > 1:
        raise InputError(
            f"{source} has {len(found)} TCN layers: {names}. Check one of them at a time, by its name."
        )
    return found[0]
