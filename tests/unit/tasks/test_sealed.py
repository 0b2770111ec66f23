"""What is read is what was written under the same seal, or nothing."""

import hashlib
from functools import partial

from quickstudy.tasks.sealed import sealed, unsealed


def seal(data: bytes, key: bytes = b"one") -> bytes:
    return hashlib.blake2b(data, key=key, digest_size=16).digest()


def test_bytes_come_back(tmp_path):
    path = tmp_path / "cached"
    path.write_bytes(sealed(b"drawings", seal))
    assert unsealed(path, seal) == b"drawings"
    path.write_bytes(sealed(b"", seal))
    assert unsealed(path, seal) == b""


def test_every_damaged_byte_is_seen(tmp_path):
    path, packed = tmp_path / "cached", sealed(b"drawings", seal)
    for place in range(len(packed)):
        path.write_bytes(packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :])
        assert unsealed(path, seal) is None
    path.write_bytes(packed[:-1])
    assert unsealed(path, seal) is None


def test_another_seal_and_a_missing_file_give_nothing(tmp_path):
    path = tmp_path / "cached"
    assert unsealed(path, seal) is None
    path.write_bytes(sealed(b"drawings", partial(seal, key=b"two")))
    assert unsealed(path, seal) is None
    path.write_bytes(b"")
    assert unsealed(path, seal) is None
