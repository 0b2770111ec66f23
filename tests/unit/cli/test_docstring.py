"""Sentences and texts of arguments in docstrings."""

from quickstudy.cli.docstring import argument_texts, first_sentence, without_markup


def test_markup_is_taken_out():
    text = "See :class:`~quickstudy.MAML`, ``x`` and `y`\n  in one line."
    assert without_markup(text) == "See MAML, x and y in one line."


def test_texts_of_arguments():
    docstring = (
        "Do it.\n\nArgs:\n    a: One,\n        and more: so.\n    *b: Two.\n\nRaises:\n    E: No."
    )
    assert argument_texts(docstring) == {"a": "One, and more: so.", "b": "Two."}


def test_the_first_sentence_ends_before_a_capital():
    assert first_sentence("Learn fast, e.g. in a step. Then rest.") == "Learn fast, e.g. in a step."
    assert first_sentence("No stop") == "No stop"
