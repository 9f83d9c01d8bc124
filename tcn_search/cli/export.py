"""`tcn-search export`: convert a saved winner to a format that runs without Keras."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.cli.data_options import add_model_arguments
from tcn_search.cli.files import load_saved_model, require_model_file
from tcn_search.cli.output import printable
from tcn_search.workers.keras_import import hide_standard_error

if TYPE_CHECKING:
    from tcn_search.models.export import Export

_ENDINGS = {"onnx": ".onnx", "litert": ".tflite", "saved_model": "_saved_model", "torch": ".pt2"}
_EXAMPLE = """example:
  tcn-search export runs/osuleaf/best.keras --format onnx"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `export`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLE
    add_model_arguments(parser)
    parser.add_argument(
        "--format",
        choices=tuple(_ENDINGS),
        required=True,
        help="onnx (pip install 'tcn-search[onnx]'), litert (pip install 'tcn-search[litert]'), "
        "saved_model (TensorFlow), or torch (pip install 'tcn-search[torch]')",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where to write (default: beside the model, with another ending)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export the model and print what was written."""
    require_model_file(arguments.model)
    file = Path(arguments.model)
    out = arguments.out
    if out is None:
        out = file.with_name(f"{file.stem}{_ENDINGS[arguments.format]}")
    backend = "torch" if arguments.format == "torch" else "tensorflow"
    model = load_saved_model(file, arguments.code, backend)
    from tcn_search.models.export import export_model

    with hide_standard_error():
        exported = export_model(model, out, arguments.format)
    for line in _lines(exported, arguments.format):
        print(printable(line))
    return 0


def _lines(exported: Export, format_name: str) -> list[str]:
    """Return what to tell of an exported model."""
    metadata = exported.metadata
    takes = "n " + " ".join(f"× {size}" for size in metadata["input"][1:])
    gives = "n " + " ".join(f"× {size}" for size in metadata["output_shape"][1:])
    lines = [
        f"wrote {exported.path}",
        f"takes raw sequences {takes}, float32; returns {gives}, {metadata['output']}",
    ]
    if metadata["input_padding"] != "none":
        lines.append("shorter sequences are padded with NaN at their end")
    if "input_offset" in metadata or "output_offset" in metadata:
        lines.append(
            "subtract input_offset from the inputs and add output_offset to the outputs, in double "
            "precision: the metadata has them"
        )
    if "recordings" in metadata:
        lines.append("the steps of recordings are made before it: the metadata says how")
    lines.append(f"metadata, class names among it: {exported.metadata_path}")
    lines.append(
        f"run on {exported.examples} examples: it differs from the model by at most "
        f"{exported.difference:.1g} of the largest output"
    )
    if format_name == "saved_model" and not exported.no_steps:
        lines.append("signatures: serve (whole sequences), step (one step and the state before it)")
    else:
        lines.append(f"no signature for one step at a time: {exported.no_steps}")
    return lines
