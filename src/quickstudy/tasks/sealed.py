"""Cached bytes behind a checksum, which detects damaged or old bytes."""

from collections.abc import Callable
from pathlib import Path

Seal = Callable[[bytes], bytes]
"""Gives the checksum of some bytes; all checksums have one length."""


def sealed(data: bytes, seal: Seal) -> bytes:
    """Put the checksum of ``data`` before it."""
    return seal(data) + data


def unsealed(path: Path, seal: Seal) -> bytes | None:
    """Read the bytes that stand behind their checksum in a file.

    Returns:
        The bytes; None if the file is missing, unreadable or damaged, or has another seal.
    """
    packed, length = _bytes_of(path), len(seal(b""))
    checksum, data = packed[:length], packed[length:]
    return data if checksum == seal(data) else None


def _bytes_of(path: Path) -> bytes:
    """Read a file; empty if that is not possible."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
