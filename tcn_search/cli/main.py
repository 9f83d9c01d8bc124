"""`tcn-search`: finds the command, imports only that one, and turns bad input into one line."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

from tcn_search.cli.output import patient_output, printable, shortened
from tcn_search.errors import TcnSearchError

# Each command is a module of this package with `configure(parser)` and `run(arguments) -> exit code`.
COMMANDS = {
    "check": "say whether a network's receptive field covers a sequence length",
    "plan": "list the architectures that cover a sequence length, cheapest first",
    "tasks": "list the built-in tasks and where data comes from",
    "run": "launch a study, or continue it",
    "status": "show trials by state, the best so far and what runs now",
    "report": "write a study's table, figures and HTML page",
    "best": "train the winners again over seeds, score the best on the test split, save the model",
    "compare": "hold the winner against recurrent networks of its size",
    "dashboard": "show the studies of a storage in the browser, with Optuna's dashboard",
    "predict": "predict new data with a saved winner",
}
TRAINING = ("run", "best", "compare")
INTERRUPTED = 130
BAD_INPUT = 2
# What is left at the end is not searched for garbage: of thousands of trials that takes most of a second.
atexit.register(gc.freeze)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code: 0 done, 2 bad input, 130 stopped with Ctrl-C."""
    if isinstance(
        sys.stdout, TextIOWrapper
    ):  # a terminal without the character −, or a name that is no text
        sys.stdout.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(given[0] if given else "")
    parsed = parser.parse_args(given)
    if parsed.command is None:
        parser.print_help()
        return BAD_INPUT
    try:
        with patient_output() if parsed.command in TRAINING else nullcontext():
            return parsed.run(parsed)
    except TcnSearchError as error:
        print(f"tcn-search {parsed.command}: {printable(error)}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(f"tcn-search {parsed.command}: {shortened(printable(error))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        self.exit(
            BAD_INPUT, f"{self.prog}: {shortened(printable(message))}. See {self.prog} --help\n"
        )


def _parser(wanted: str) -> argparse.ArgumentParser:
    """The parser of all commands; only the wanted one is imported and has its options filled in."""
    parser = _Parser(
        prog="tcn-search",
        description="Hyperparameter search and receptive-field planning for temporal convolutional networks.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + "."
        )
        if name == wanted:
            module = import_module(f"tcn_search.cli.{name}")
            module.configure(command)
            command.set_defaults(run=module.run)
    return parser


def _version() -> str:
    from tcn_search import __version__

    return f"tcn-search {__version__}"


if __name__ == "__main__":
    sys.exit(main())
