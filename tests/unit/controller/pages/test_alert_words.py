"""What alerts are called: each of the rules' own has its phrase, in each language; what an operator wrote has its name."""

from pathlib import Path

import pytest
import yaml

from controller.pages.alert_words import ALERTS, SEVERITIES, alert_words, severity_words
from controller.pages.language import LANGUAGES, words

RULES = sorted((Path(__file__).parents[4] / "prometheus/rules").glob("*.yml"))


def rules() -> list[tuple[str, str]]:
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
    return [
        (rule["alert"], rule["labels"]["severity"])
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
    ]


def test_every_alert_of_the_rules_has_a_phrase_and_no_other() -> None:
    assert sorted(name for name, _ in rules()) == sorted(ALERTS)
    assert {severity for _, severity in rules()} - {"none"} == set(SEVERITIES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_phrases_are_short_and_differ_from_one_another(code: str) -> None:
    phrases = [alert_words(name, words(code)) for name in ALERTS]
    assert len(set(phrases)) == len(phrases)
    assert all(3 < len(phrase) <= 60 and not phrase.endswith(".") for phrase in phrases)


def test_an_alert_of_an_operator_is_shown_by_its_name() -> None:
    assert alert_words("YardGateOpen", words("ru")) == "YardGateOpen"
    assert severity_words("page", words("ru")) == "page"
    assert severity_words("critical", words("en")) == "critical"
