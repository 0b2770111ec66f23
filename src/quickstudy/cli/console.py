"""Writes messages of the command line to standard error, beside its results."""


def say(text: str) -> None:
    """Print a line unchanged: neither broken nor coloured."""
    from rich.console import Console

    Console(stderr=True).print(text, soft_wrap=True, highlight=False, markup=False)


__all__ = ["say"]
