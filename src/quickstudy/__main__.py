"""Run the command line: ``python -m quickstudy``."""

import sys

from quickstudy.cli.main import entry

if __name__ == "__main__":
    sys.exit(entry())
