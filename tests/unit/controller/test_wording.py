"""Sentences that remember their pattern: English for whoever knows of no languages, and never more than text on the wire."""

import copy
import pickle

import msgspec
import pytest

from controller.storage.columns import to_json
from controller.wording import Wording, english, figure, text_of, worded, worded_many


def test_a_wording_is_its_english_sentence() -> None:
    made = worded("%(name)s has %(most)s at most", name="A6", most=3)
    assert made == "A6 has 3 at most"
    assert isinstance(made, str)
    assert hash(made) == hash("A6 has 3 at most")
    assert (made.pattern, made.values) == ("%(name)s has %(most)s at most", {"name": "A6", "most": 3})


def test_a_per_cent_sign_is_doubled_in_patterns_alone() -> None:
    assert worded("90 %% of it") == "90 % of it"
    assert worded("%(share)s %% of it", share=90) == "90 % of it"


def test_a_value_is_never_a_pattern() -> None:
    assert worded("%(name)s is taken", name="%(other)s %s") == "%(other)s %s is taken"


def test_one_and_many_have_a_pattern_each() -> None:
    assert worded_many("%(num)s miner of %(all)s", "%(num)s miners of %(all)s", 1, all=9) == "1 miner of 9"
    many = worded_many("%(num)s miner", "%(num)s miners", 5)
    assert (many, many.pattern, many.many) == ("5 miners", "%(num)s miner", "%(num)s miners")


def test_figures_are_written_as_they_always_were() -> None:
    assert worded("%(power)s kW", power=figure(1234.56, ",.1f")) == "1,234.6 kW"
    assert worded("%(age)s s", age=figure(61.4, ".0f")) == "61 s"
    assert worded("%(degrees)s °C", degrees=figure(85.0, "g")) == "85 °C"
    assert [figure(1.0, form).digits for form in ("g", ".0f", ",.1f")] == [None, 0, 1]


def test_a_value_that_is_missing_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        worded("%(name)s is taken", nome="A6")


def test_it_goes_through_json_as_text() -> None:
    made = worded("%(name)s is taken", name="A6")
    assert msgspec.json.encode({"detail": made}, enc_hook=english) == b'{"detail":"A6 is taken"}'
    assert to_json({"detail": made}) == '{"detail":"A6 is taken"}'
    with pytest.raises(TypeError, match="cannot be written: object"):
        msgspec.json.encode([object()], enc_hook=english)


def test_a_copy_remembers_it_as_well() -> None:
    made = worded_many("%(num)s miner", "%(num)s miners", 5)
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert (again, again.pattern, again.many, again.values) == (
            made,
            made.pattern,
            made.many,
            made.values,
        )


def test_an_error_hands_on_the_sentence_it_was_raised_with() -> None:
    made = worded("%(name)s is taken", name="A6")
    assert text_of(ValueError(made)) is made
    assert isinstance(text_of(ValueError(made)), Wording)
    assert text_of(ValueError("plain")) == "plain"
    assert text_of(OSError(13, "no permission")) == "[Errno 13] no permission"
    assert text_of(ValueError()) == ""
