"""What the user of an exported model must know: class names, shapes and units."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import tcn_search
from tcn_search.models.predict import predictions_layer, quantiles_of, standardize_layer
from tcn_search.models.standardize import Predictions

_OUTPUTS = {
    "classification": "the probability of each class",
    "labelling": "the probability of each class at each step",
    "multi_label": "the probability of each label",
    "regression": "numbers in the units of the targets",
    "forecast": "the next steps in the units of the series, ordered by time",
    "tokens": "the probability of each next word",
}


def export_metadata(model: keras.Model, kind: str) -> dict[str, Any]:
    """Return plain values for JSON.

    Keys:
        kind: of the task.
        class_names: names of the classes, labels or numbers, in the order of the outputs.
        input: the shape, with -1 for the number of sequences.
        input_padding: "NaN" where shorter sequences are padded with it at their end, else "none".
        input_columns: columns of the table that the model was trained on, where there was one.
        input_offset: subtract it from each channel, in double precision, before float32.
        recordings: how samples of recordings become steps, where the model was trained on them.
        output, output_shape: what the outputs are.
        output_offset: add it to each number, in double precision.
        quantiles: levels of each number, one after the other.
        tcn_search: version that wrote the file.
    """
    first = standardize_layer(model)
    last = predictions_layer(model)
    assert isinstance(last, Predictions)
    metadata: dict[str, Any] = {
        "kind": kind,
        "class_names": list(last.class_names),
        "input": [-1, *model.input_shape[1:]],
        "input_padding": "NaN" if first.ragged else "none",
        "output": _OUTPUTS[kind],
        "output_shape": [-1, *model.output_shape[1:]],
        "tcn_search": tcn_search.__version__,
    }
    if first.table is not None:
        metadata["input_columns"] = list(first.table["inputs"])
    if first.offset and np.any(first.offset):
        metadata["input_offset"] = list(first.offset)
    if first.recordings is not None:
        metadata["recordings"] = dict(first.recordings)
    if last.offset and np.any(last.offset):
        metadata["output_offset"] = list(last.offset)
    if quantiles_of(model):
        metadata["quantiles"] = quantiles_of(model)
    return metadata
