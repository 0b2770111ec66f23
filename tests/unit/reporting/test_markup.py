"""Pieces of a page are escaped, and tables mark names and the own row."""

import base64

from quickstudy.reporting import markup


def test_text_is_escaped_and_nothing_is_left_of_no_text():
    assert markup.element("p", "a < b", "soft") == '<p class="soft">a &lt; b</p>'
    assert markup.element("p", "") == ""
    assert "<title>&lt;x&gt;</title>" in markup.document("<x>", ["<p>as it is</p>"])


def test_a_section_leaves_empty_parts_out():
    found = markup.section("T", ["<p>a</p>", "", "<p>b</p>"], "result")
    assert found == '<section class="result">\n<h2>T</h2>\n<p>a</p>\n<p>b</p>\n</section>'


def test_the_first_column_is_names_and_the_first_row_is_the_own_one():
    found = markup.numbers_table(["way", "error"], [["<a>", "1"], ["b", "2"]])
    assert '<tr><th scope="col">way</th><th scope="col" class="n">error</th></tr>' in found
    own = '<tr class="own"><th scope="row">&lt;a&gt;</th><td class="n">1</td></tr>'
    assert f'{own}\n<tr><th scope="row">b</th><td class="n">2</td></tr>' in found
    assert "<tbody>\n\n</tbody>" in markup.numbers_table(["way"], [])


def test_a_picture_holds_its_bytes():
    found = markup.picture(b"png", 'say "x"', "read it", wide=True)
    assert base64.b64encode(b"png").decode() in found
    assert 'class="wide"' in found and "&quot;x&quot;" in found
    assert "<figcaption>read it</figcaption>" in found
    assert 'class="wide"' not in markup.picture(b"png", "", "", wide=False)


def test_settings_are_names_and_values():
    row = '<tr><th scope="row">lr</th><td>&lt;0.1&gt;</td></tr>'
    assert row in markup.settings({"lr": "<0.1>"})
