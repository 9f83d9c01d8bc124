"""Execute the notebooks of this folder from top to bottom and store their outputs in them.

    python notebooks/execute.py                  # all of them
    python notebooks/execute.py forecast         # one of them

They run one after the other in one folder, a temporary one unless --folder names another: there is
the study of launch_study, which read_results shows.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).parent
START_OF_TENSORFLOW = re.compile(
    r"WARNING: All log messages before absl|[IWE]0000 |To enable the following instructions"
)
NAMES = ("plan_receptive_field", "launch_study", "read_results", "compare_studies", "forecast")


def execute(name: str, folder: Path) -> None:
    """Execute a notebook in a folder and store its outputs."""
    file = HERE / f"{name}.ipynb"
    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    metadata = dict(notebook.metadata)
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _without_messages_of_tensorflow(cell.outputs)
    notebook.metadata = nbformat.from_dict(metadata)  # without the versions of this machine
    nbformat.write(notebook, file)
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


def _without_messages_of_tensorflow(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Leave out what TensorFlow writes about the machine when it starts; other errors stay."""
    kept = []
    for output in outputs:
        if output.get("name") == "stderr":
            lines = output.text.splitlines(keepends=True)
            output.text = "".join(line for line in lines if not START_OF_TENSORFLOW.match(line))
            if not output.text.strip():
                continue
        kept.append(output)
    return kept


def main() -> None:
    """Read the command line and execute the notebooks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", default=NAMES, help=", ".join(NAMES))
    parser.add_argument("--folder", type=Path, help="where they run")
    arguments = parser.parse_args()
    os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)  # where it is set, the package hides no messages
    with TemporaryDirectory() as temporary:
        for name in arguments.names:
            execute(name, arguments.folder or Path(temporary))


if __name__ == "__main__":
    main()
