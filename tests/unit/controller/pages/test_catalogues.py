"""The catalogues of the pages' languages: whole, and made the same each time; and what is wrong with one is named.

Where this fails after texts were changed: `python -m tools.catalogues`, then translate what it names in the `.po`.
"""

from collections.abc import Sequence

import pytest

from tools import catalogues
from tools.catalogues import Catalogue

Text = str | tuple[str, ...]


def catalogue(code: str | None, *entries: tuple[str | tuple[str, str], Text]) -> Catalogue:
    """Return a catalogue with these sentences, each of a file."""
    made = Catalogue(locale=code, fuzzy=False)
    for text, translated in entries:
        made.add(text, translated if code else None, [("controller/x.py", 0)])
    return made


def mistakes(text: str | tuple[str, str], translated: Text, flags: Sequence[str] = ()) -> list[str]:
    language = catalogue("ru", (text, translated))
    for message in language:
        if message.id:
            message.flags.update(flags)
    return list(catalogues.mistakes(catalogue(None, (text, "")), language))


@pytest.fixture(scope="module")
def sentences() -> Catalogue:
    return catalogues.gathered()


def test_every_language_is_whole_and_its_files_are_those_that_would_be_made_now(sentences: Catalogue) -> None:
    assert not catalogues.all_mistakes(sentences)


def test_the_files_come_out_the_same_each_time(sentences: Catalogue) -> None:
    assert catalogues.files(sentences) == catalogues.files(catalogues.gathered())


def test_nobody_and_no_day_stands_in_the_files(sentences: Catalogue) -> None:
    for file, content in catalogues.files(sentences).items():
        if file.suffix != ".mo":
            head = content.decode().partition("#: ")[0]
            assert "Date" not in head, file
            assert "@" not in head, file
            assert "Translator" not in head, file


def test_sentences_of_code_and_of_templates_are_found(sentences: Catalogue) -> None:
    found = {message.id if isinstance(message.id, str) else message.id[0] for message in sentences}
    assert {"Skip to the content", "there is no such container", "yesterday %(time)s", "Board lost"} <= found
    assert "%(num)s value needs attention" in found


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("Sleep", "Сон"),
        ("%(name)s is taken", "занято: %(name)s"),
        ("90 %% of it", "90 %% от этого"),
        (("%(num)s miner", "%(num)s miners"), ("%(num)s майнер", "%(num)s майнера", "%(num)s майнеров")),
        ("see <code>%(file)s</code>", "см. <code>%(file)s</code>"),
    ],
)
def test_a_good_translation_is_taken(text: str | tuple[str, str], translated: Text) -> None:
    assert mistakes(text, translated) == []


@pytest.mark.parametrize(
    ("text", "translated", "begin"),
    [
        ("Sleep", "", "missing: 'Sleep', controller/x.py"),
        (("%(num)s miner", "%(num)s miners"), ("", "", ""), "missing: '%(num)s miner'"),
        (
            ("%(num)s miner", "%(num)s miners"),
            ("%(num)s майнер", "%(num)s майнера", ""),
            "not all forms of the plural: '%(num)s miner'",
        ),
        ("%(name)s is taken", "занято", "other values than in English: '%(name)s is taken'"),
        ("taken", "занято: %(name)s", "other values than in English: 'taken'"),
        (
            ("%(num)s miner", "%(num)s miners"),
            ("майнер", "%(num)s майнера", "%(num)s майнеров"),
            "other values than in English: '%(num)s miner'",
        ),
        ("all of it", "все 100 %", "a per cent sign that is not doubled: 'all of it'"),
        ("see <code>x</code>", "см. x", "other elements than in English: 'see <code>x</code>'"),
        ("Sleep", "Сон ", "blanks at an end: 'Sleep'"),
    ],
)
def test_a_bad_translation_is_named(text: str | tuple[str, str], translated: Text, begin: str) -> None:
    found = mistakes(text, translated)
    assert len(found) == 1
    assert found[0].startswith(begin)


def test_a_guess_is_named() -> None:
    assert mistakes("Sleep", "Сон", ["fuzzy"]) == ["fuzzy: 'Sleep', controller/x.py"]


@pytest.mark.parametrize("text", ["90 % of it", " Sleep", "Sleep\n"])
def test_a_sentence_that_cannot_be_filled_in_is_named_whatever_its_translation(text: str) -> None:
    found = list(catalogues.mistakes(catalogue(None, (text, "")), catalogue("ru", (text, "Сон"))))
    assert any(line.startswith(("a per cent sign", "blanks")) for line in found)


def test_what_is_in_no_source_any_more_is_named_and_goes() -> None:
    source, language = catalogue(None, ("Sleep", "")), catalogue("ru", ("Sleep", "Сон"), ("Wake", "Подъём"))
    assert list(catalogues.mistakes(source, language)) == ["unused: 'Wake', controller/x.py"]
    joined = catalogues.joined(source, language)
    assert [message.id for message in joined if message.id] == ["Sleep"]


def test_a_sentence_that_is_counted_now_is_not_taken_for_translated() -> None:
    counted = ("%(num)s miner", "%(num)s miners")
    source, language = catalogue(None, (counted, "")), catalogue("ru", ("%(num)s miner", "%(num)s майнер"))
    assert list(catalogues.mistakes(source, language)) == ["missing: '%(num)s miner', controller/x.py"]
    again = catalogues.joined(source, language)
    assert list(catalogues.mistakes(source, again)) == ["missing: '%(num)s miner', controller/x.py"]
