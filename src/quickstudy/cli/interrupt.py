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

    An interrupted import may turn the interruption into another error, or lose it. Nothing has to
    be cleaned up yet.
    """
    if not _in_main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _in_main_thread() -> bool:
    """Say whether a signal can be handled here."""
    return threading.current_thread() is threading.main_thread()


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(CODE)


__all__ = ["CODE", "loading"]
