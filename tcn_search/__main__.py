"""`python -m tcn_search` is `tcn-search`."""

import sys

from tcn_search.cli.main import main

sys.exit(main())
