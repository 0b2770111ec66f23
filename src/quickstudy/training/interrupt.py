"""Ctrl-C and SIGTERM, which end a run after the step in hand."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], Any] | int | None
"""A function, one of the constants of :mod:`signal`, or None for a handler not set by Python."""


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Set the event at the first Ctrl-C or SIGTERM, so that the step in hand is finished.

    A second signal interrupts at once. Only the main thread of a process receives signals: in
    another thread the event is never set.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    with _set_by_signals(event):
        yield event


@contextmanager
def _set_by_signals(event: threading.Event) -> Iterator[None]:
    """Set ``event`` by a signal while the block runs; a second signal has its usual effect."""
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        event.set()
        signal.signal(number, before[signal.Signals(number)])

    try:
        _install(dict.fromkeys(before, handle))
        yield
    finally:
        _install(before)


def _install(handlers: Mapping[signal.Signals, Handler]) -> None:
    """Set the handler of every signal."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


__all__ = ["interruptible"]
