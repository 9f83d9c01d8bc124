"""`tcn-search`: import and run the given command, and report bad input in one line."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

from tcn_search.cli.output import ignore_broken_output, printable, shortened
from tcn_search.errors import TcnSearchError

# Each command is a module of this package with `configure(parser)` and `run(arguments)`, which
# returns the exit code.
COMMANDS = {
    "check": "say whether a network's receptive field covers a sequence length",
    "plan": "list the architectures that cover a sequence length, cheapest first",
    "tasks": "list the built-in tasks and where data comes from",
    "run": "launch a study, or continue it",
    "status": "show trials by status, the best so far and what runs now",
    "report": "write a study's table, figures and HTML page",
    "best": "train the best trials again over seeds, score the winner on the test split, save it",
    "compare": "compare the winner with other networks and classifiers",
    "dashboard": "show the studies of a storage in the browser, with Optuna's dashboard",
    "predict": "predict new data with a saved winner",
    "evaluate": "score a saved winner on labelled data, overall and by class",
    "export": "convert a saved winner to ONNX, LiteRT, a SavedModel or PyTorch",
    "trials": "write the table of a study's trials as CSV, Parquet or LaTeX",
    "forecast": "forecast the steps after the last row, with quantiles",
}
TRAINING = ("run", "best", "compare")
INTERRUPTED = 130
BAD_INPUT = 2
# Skip the garbage collection at exit, which takes most of a second after thousands of trials.
atexit.register(gc.freeze)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words of the command line; default: those of this process.

    Returns:
        The exit code: 0 done; 1 if `check` or `plan` finds that nothing covers the sequence; 2 for
        bad input and every other TcnSearchError, which is printed as one line; 130 after Ctrl-C.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # Terminals without the character "−", and file names that are no valid text.
        sys.stdout.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(words[0] if words else "")
    parsed, unknown = parser.parse_known_args(words)
    if unknown:
        getattr(parsed, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    if parsed.command is None:
        parser.print_help()
        return BAD_INPUT
    try:
        return _run(parsed)
    except TcnSearchError as error:
        print(f"tcn-search {parsed.command}: {printable(error)}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader of the output, such as `head`, has gone
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(f"tcn-search {parsed.command}: {shortened(printable(error))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(parsed: argparse.Namespace) -> int:
    """Run the command. A training goes on if its output can no longer be written."""
    run: Callable[[argparse.Namespace], int] = parsed.run
    if parsed.command in TRAINING:
        with ignore_broken_output():
            return run(parsed)
    return run(parsed)


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        text = f"{self.prog}: {shortened(printable(message))}. See {self.prog} --help\n"
        self.exit(BAD_INPUT, text)


def _parser(command_name: str) -> argparse.ArgumentParser:
    """Return the parser of all commands; only the given command is imported and configured."""
    parser = _Parser(
        prog="tcn-search",
        description="Hyperparameter search and receptive-field planning for temporal "
        "convolutional networks.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        command = commands.add_parser(name, help=summary, description=description)
        if name == command_name:
            module = import_module(f"tcn_search.cli.{name}")
            module.configure(command)
            command.set_defaults(run=module.run, parser=command)
    return parser


def _version() -> str:
    from tcn_search import __version__

    return f"tcn-search {__version__}"


if __name__ == "__main__":
    sys.exit(main())
