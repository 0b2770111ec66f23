"""Ctrl-C while modules are loaded: the process ends at once and quietly."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

CODE = 130
"""The exit code after Ctrl-C."""


@contextmanager
def loading() -> Iterator[None]:
    """Let Ctrl-C end the process inside the block.

    An import that is interrupted may turn the interruption into an error of its own, or lose it;
    there is nothing to clean up yet.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(CODE)


__all__ = ["CODE", "loading"]
