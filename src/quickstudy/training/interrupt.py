"""Ctrl-C and SIGTERM, which end a run after the step in hand."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Set the event at the first Ctrl-C or SIGTERM, so that the step in hand is finished.

    A second one interrupts at once. Only the main thread of a process receives signals: in another
    one the event is never set.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    with _set_by_signals(event):
        yield event


@contextmanager
def _set_by_signals(event: threading.Event) -> Iterator[None]:
    """Set ``event`` by a signal while the block runs; each signal is handled so only once."""
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        event.set()
        signal.signal(number, before[signal.Signals(number)])

    try:
        for number in before:
            signal.signal(number, handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


__all__ = ["interruptible"]
