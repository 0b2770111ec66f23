"""Distinct cells and the rows that have them."""

import numpy as np
import pyarrow as pa

from quickstudy.tasks.tables.words import Words

TEXT = pa.array(["1", None, "x", "1", "NA", " "], pa.large_string())


def test_words_of_numbers():
    words = Words.of_numbers(TEXT, ("x",))
    assert words.distinct.to_pylist() == ["1", None, None, None]
    assert words.places.tolist() == [0, 4, 1, 0, 2, 3] and words.num_empty == 4
    np.testing.assert_array_equal(
        words.spread([7.0], np.nan), [7, np.nan, np.nan, 7, np.nan, np.nan]
    )


def test_words_of_categories():
    words = Words.of_categories(TEXT, ("x",))
    assert words.filled.to_pylist() == ["1", "NA"] and words.num_empty == 3
    assert words.small == ["1", "na"]
