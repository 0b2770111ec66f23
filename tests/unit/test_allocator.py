"""Keeping freed memory."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from quickstudy.allocator import keep_freed_memory


def test_glibc_is_told_of_both_thresholds(monkeypatch):
    told = []

    def mallopt(parameter, value):
        told.append((parameter, value))
        return 1

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory()
    # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h
    assert told == [(-3, 2**30), (-1, 2**31 - 1)]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_left_alone(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    assert not keep_freed_memory()


def test_another_libc_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert not keep_freed_memory()
