"""A signal lets the step in hand finish; a second one interrupts at once."""

import signal
import threading

import pytest

from quickstudy.training.interrupt import interruptible


def test_the_first_signal_sets_the_event_and_the_second_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as interrupted:
        assert not interrupted.is_set()
        signal.raise_signal(signal.SIGINT)
        assert interrupted.is_set() and signal.getsignal(signal.SIGINT) is before
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_sets_the_event_too():
    before = signal.getsignal(signal.SIGTERM)
    with interruptible() as interrupted:
        signal.raise_signal(signal.SIGTERM)
        assert interrupted.is_set()
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_handles_no_signal():
    seen = []

    def work() -> None:
        with interruptible() as interrupted:
            seen.append((interrupted.is_set(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, signal.getsignal(signal.SIGINT))]
