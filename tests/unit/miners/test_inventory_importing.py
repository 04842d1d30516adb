"""Lists of miners that people hand in: whatever the text, it becomes rows or mistakes with their lines, within bounds."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from miners.inventory.importing import MOST_COLUMNS, Mistakes, Row, composed, rows_of_csv, rows_of_yaml
from miners.inventory.plain import miner_mistakes

HEAD = "container,name,address,port,row,column,active,nominal_power_w,credentials\n"
CELLS = st.sampled_from(
    [
        "",
        "Container 1",
        "a1",
        "10.1.7.1",
        "null",
        "4028",
        "nan",
        "inf",
        "1e999",
        "1_0",
        "٣",
        "true",
        '"',
        "\0",
        "file:x",
    ]
)
YAML_PIECES = st.sampled_from(
    [
        "containers:", "\n", "  ", "- ", "name: c", "extends: c", "miners:", "[", "]", "{", "}", ", ", "&a ", "*a", "<<: *a",
        "address: 10.1.7.1", "addresses: 10.1.7.0/24", "name: 'm{n}'", "name: m1", "row: 1", "port: null", "!!python/name:os.x ",
        "defaults: {model: M50S}", "credentials: file:x", "\0", "\ufeff", "\u2028", "? ", ": ", "'", '"', "|\n",
    ]
)  # fmt: skip


def check(found: tuple[list[Row], Mistakes], text: str) -> None:
    rows, mistakes = found
    lines = len(text.splitlines()) + 1
    for row in rows:
        assert row.container
        assert 1 <= row.line <= lines
        assert miner_mistakes(dict(row.data)) == []
    for line, words in mistakes:
        assert 1 <= line <= lines, (line, words)
        assert words
        assert "\n" not in words


@given(st.lists(st.lists(CELLS, max_size=10), max_size=6), st.sampled_from([",", ";", "\t"]))
def test_any_cells_become_rows_or_mistakes(cells: list[list[str]], sign: str) -> None:
    text = HEAD.replace(",", sign) + "\n".join(sign.join(row) for row in cells)
    check(rows_of_csv(text), text)


@given(st.text(max_size=200))
@example('container,name,address\nc,"a\nb",10.1.7.1\n')
@example("container,name,address\rc,a,10.1.7.1\r")
@example("container,name,address\nc,a\u2028b,10.1.7.1\n")
def test_any_text_is_taken_for_both_forms(text: str) -> None:
    check(rows_of_csv(text), text)
    check(rows_of_csv(HEAD + text), HEAD + text)
    check(rows_of_yaml(text), text)


@given(st.lists(YAML_PIECES, max_size=40))
def test_any_pieces_of_yaml_become_rows_or_mistakes(pieces: list[str]) -> None:
    text = "".join(pieces)
    check(rows_of_yaml(text), text)


def test_what_stands_for_too_much_is_refused() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 10)}]\n" for at in range(8)
    )
    (mistake,) = rows_of_yaml(bomb)[1]
    assert "the aliases stand for too much" in mistake[1]
    many = "containers:\n- name: c\n  miners:\n" + "".join(
        f"  - {{addresses: 10.{at}.0.0/16, name: 'm{at}-{{n}}'}}\n" for at in range(40)
    )
    rows, mistakes = rows_of_yaml(many)
    assert rows == []
    assert "would hold more than" in mistakes[0][1]


def test_a_first_line_of_many_wrong_columns_is_not_told_of_each() -> None:
    rows, mistakes = rows_of_csv(",".join(f"c{number}" for number in range(100_000)))
    assert rows == []
    assert len(mistakes) <= MOST_COLUMNS + 2
    assert mistakes[0][1].startswith("there is no column c0;")


@given(st.text(alphabet=st.sampled_from("aeб ий\u0301\u0306\u0308\u0327ᄀ가ᅡ\u11a8가\n"), max_size=300))
def test_letters_are_composed_as_unicode_says(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)


def test_marks_without_end_stay_as_they_are() -> None:
    marks = "\u0301\u0327" * 300_000
    assert composed(f"e\u0301 a{marks} e\u0301") == f"\u00e9 a{marks} \u00e9"
