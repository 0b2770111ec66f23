"""The command line: the same words as the library."""

from quickstudy.cli.main import main

__all__ = ["main"]
