"""Sentences that come back from the record as plain text: ours are known again, a stranger's stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.pages.language import words
from controller.pages.recalling import MOST, Recalling
from controller.wording import figure, worded, worded_many

KNOWN = Recalling(
    [
        "it has not been read yet",
        "fault",
        "it does not answer: %(detail)s",
        "nothing was sent: %(withheld)s",
        "%(file)s: %(text)s",
        "%(name)s is not %(name)s of ours",
        "%(who)s has it in service (%(why)s): end the mark to go on",
        ("%(num)s miner of %(name)s sleeps", "%(num)s miners of %(name)s sleep"),
        "90 %% of the miners sleep",
    ]
)
RUSSIAN = words("ru")


@pytest.mark.parametrize(
    ("text", "pattern", "values"),
    [
        ("it has not been read yet", "it has not been read yet", {}),
        ("90 % of the miners sleep", "90 %% of the miners sleep", {}),
        ("it does not answer: timed out", "it does not answer: %(detail)s", {"detail": "timed out"}),
        (
            "anna (night shift) has it in service (fan: 2): end the mark to go on",
            "%(who)s has it in service (%(why)s): end the mark to go on",
            {"who": "anna (night shift)", "why": "fan: 2"},
        ),
        ("5 miners of A6 sleep", "%(num)s miner of %(name)s sleeps", {"num": "5", "name": "A6"}),
        ("A6 is not A6 of ours", "%(name)s is not %(name)s of ours", {"name": "A6"}),
    ],
)
def test_ours_are_known_again(text: str, pattern: str, values: dict[str, str]) -> None:
    found = KNOWN.find(text)
    assert found is not None
    assert (found.pattern, found.values) == (pattern, values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fault",  # a word alone may be anybody's
        "targets.yml: wrong",  # too little of the pattern is fixed
        "it does not answer: ",
        "it has not been read yet!",
        "A6 is not A7 of ours",
        "it does not answer: " + "x" * MOST,
    ],
)
def test_a_strangers_are_not(text: str) -> None:
    assert KNOWN.find(text) is None


def test_of_two_that_fit_the_one_that_says_more_is_meant() -> None:
    fitting = [
        "it fails everywhere: %(why)s",
        "%(what)s everywhere: look at the fans",
        "%(a)s everywhere: %(b)s",
    ]
    for patterns in (fitting, fitting[::-1]):
        found = Recalling(patterns).find("it fails everywhere: look at the fans")
        assert found is not None
        assert found.pattern == "%(what)s everywhere: look at the fans"


@given(st.text())
def test_any_text_is_told_without_harm(text: str) -> None:
    assert isinstance(RUSSIAN.told(text), str)


@given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))
def test_whatever_stands_in_a_sentence_comes_out_of_it_whole(who: str, why: str) -> None:
    text = f"{who} has it in service ({why}): end the mark to go on"
    found = KNOWN.find(text)
    assert found is not None
    assert found.pattern % found.values == text


@pytest.mark.parametrize(
    "made",
    [
        worded("it has not been read yet"),
        worded("it does not answer: %(detail)s", detail="timed out after 5 s"),
        worded("nothing was sent: %(withheld)s", withheld=worded("its driver is not known")),
        worded_many("%(num)s value needs attention", "%(num)s values need attention", 21),
        worded("%(url)s did not answer within %(within_s)s s", url="http://a", within_s=figure(2.5, ".1f")),
        worded(
            "%(what)s would draw %(power)s, over its limit of %(limit)s: choose a lower profile, or fewer miners",
            what=worded("the container %(container)s", container="Container 7"),
            power=worded("%(power)s kW", power=figure(1234.5, ",.1f")),
            limit=worded("%(power)s kW", power=figure(800, ",.1f")),
        ),
    ],
)
def test_it_is_told_alike_with_and_without_its_pattern(made: str) -> None:
    assert RUSSIAN.told(str(made)) == RUSSIAN.told(made)


def test_english_stays_as_it_is() -> None:
    assert words("en").told("it does not answer: timed out") == "it does not answer: timed out"


def test_russian_says_it_in_russian() -> None:
    assert RUSSIAN.told("it has not been read yet") == "ещё не опрошен"
    assert RUSSIAN.told("2 values need attention") == "2 значения требуют внимания"
    assert RUSSIAN.told("nothing was sent: its driver is not known") == (
        "ничего не отправлено: его драйвер неизвестен"
    )
    assert RUSSIAN.told("kernel panic") == "kernel panic"
