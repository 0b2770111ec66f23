"""What the command line says beside its results, on standard error."""


def say(text: str) -> None:
    """Print a line as it is: neither broken nor coloured."""
    from rich.console import Console

    Console(stderr=True).print(text, soft_wrap=True, highlight=False, markup=False)


__all__ = ["say"]
