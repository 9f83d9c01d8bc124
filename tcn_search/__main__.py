"""Run the command line: `python -m tcn_search` does the same as `tcn-search`."""

import sys

from tcn_search.cli.main import main

sys.exit(main())
