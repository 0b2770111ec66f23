"""Flags among the words of a command line."""

from quickstudy.cli.words import last_value, modern, without_flags


def test_the_last_value_of_a_flag_counts():
    assert last_value(["--way", "3", "--way=5"], "--way") == "5"
    assert last_value(["--way"], "--way") is None
    assert last_value(["--ways", "3"], "--way") is None


def test_flags_are_left_out_with_their_values():
    words = ["--data", "glyphs", "--way=3", "--shot", "1"]
    assert list(without_flags(words, ("--data", "--way"))) == ["--shot", "1"]


def test_old_variants_are_data_of_their_own():
    assert modern(["--data", "sinusoid", "--variant", "metasgd", "--shot", "5"]) == (
        ["--data", "sinusoid_metasgd", "--shot", "5"]
    )
    assert modern(["--data=sinusoid", "--variant=mixture"]) == ["--data", "mixture"]
    assert modern(["--data", "glyphs"]) == ["--data", "glyphs"]
