"""The sentences of the record: every kind that is written has one, with its values and without them."""

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from controller.commanding import LIGHT_OFF
from controller.model import SYSTEM, Category, Deed, Event
from controller.pages.event_words import (
    ACTIONS,
    CATEGORY_WORDS,
    KINDS,
    OUTCOMES,
    action_words,
    kind_words,
    said,
)
from controller.pages.language import words
from controller.telling import told
from miners.actions import ACTIONS as KINDS_OF_ACTIONS
from miners.actions import (
    Locate,
    Reboot,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    SetPreset,
    Sleep,
    Status,
    Wake,
    action_name,
)

CONTROLLER = Path(__file__).parents[4] / "controller"
ENGLISH = words("en")
NO_KINDS = {
    "controller.lock",
    "engine.known_miners",
    "grafana.addresses",
    "grafana.made",
    "hashyard.db",
    "hashyard.invalid",
    "profile.note",
}
"""Dotted words of the source that are no kinds of events; names of columns end in `.id`."""


def event(kind: str, outcome: str | None = None, **params: Any) -> Event:
    return Event(
        id="evt_1",
        at=datetime(2026, 3, 2, tzinfo=UTC),
        category="command",
        kind=kind,
        actor=SYSTEM,
        params=params,
        outcome=outcome,
    )


def dotted_words() -> set[str]:
    """Return every dotted word of the controller's source; of its pages, which have keys of that form, those about a kind's subject."""
    found = set[str]()
    subjects = {kind.partition(".")[0] for kind in KINDS}
    for file in CONTROLLER.rglob("*.py"):
        if file.name == "event_words.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            value = node.value if isinstance(node, ast.Constant) else None
            if not isinstance(value, str) or not re.fullmatch(r"[a-z_]+\.[a-z_]+", value):
                continue
            if "pages" not in file.relative_to(CONTROLLER).parts or value.partition(".")[0] in subjects:
                found.add(value)
    return {word for word in found if not word.endswith(".id")}


def test_every_kind_that_the_controller_writes_has_a_sentence() -> None:
    assert dotted_words() - NO_KINDS == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_sentence_stands_with_all_values_and_with_none(kind: str) -> None:
    full: dict[str, Any] = {
        name: name
        for name in ("profile", "detail", "reason", "username", "slug", "name", "schedule", "method", "path")
    }
    full |= {"action": "sleep", "until": "2026-03-02T18:00:00+00:00", "miners": 3, "total": 5, "counts": {}}
    for given in (event(kind), event(kind, "ok", **full), event(kind, "odd", **dict.fromkeys(full))):
        for language in (ENGLISH, words("ru")):
            text = said(given, language, str)
            assert text[0].isupper() or text[0].isdigit(), text
            assert not re.search(r"None|%\(|[{}]", text), text
        assert kind_words(kind, ENGLISH)[0].isupper()


def test_a_strangers_words_cannot_turn_a_sentence() -> None:
    assert (
        said(event("service.begun", reason="\u202e{{7*7}}%(x)s<b>"), ENGLISH) == "In service: {{7*7}}%(x)s<b>"
    )


def test_what_the_program_says_is_told_in_the_readers_language_and_a_miners_words_as_they_are() -> None:
    russian = words("ru")
    for detail, expected in (("this is not your password", "пароль неверен"), ("E:45 bad", "E:45 bad")):
        assert said(event("auth.refused", detail=detail), russian).endswith(expected)


def test_every_action_outcome_and_category_has_words() -> None:
    assert {action_name(kind) for kind in KINDS_OF_ACTIONS} | set(get_args(Deed)) | {LIGHT_OFF} <= ACTIONS
    assert set(get_args(Status)) <= set(OUTCOMES)
    assert set(get_args(Category)) == set(CATEGORY_WORDS)


@pytest.mark.parametrize(
    ("action", "told_as"),
    [
        (Sleep(), "sleep"),
        (Wake(), "wake"),
        (SetPowerPercent(80.0), "power 80.0 %"),
        (SetPowerLimit(2500.0), "power limit 2,500 W"),
        (SetMode("low"), "mode low"),
        (SetPreset("2400W"), "preset 2400W"),
        (Reboot(), "restart"),
        (Locate(), "fault light on"),
        (Locate(on=False), "fault light off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_actions_are_said_with_their_values(action: msgspec.Struct, told_as: str) -> None:
    params = told(action)  # type: ignore[arg-type]
    assert action_words(params, ENGLISH).replace("\u00a0", " ") == told_as
    assert action_words({"action": params["action"]}, ENGLISH)  # as a client gets it


@pytest.mark.parametrize(
    ("given", "told_as"),
    [
        (event("command.sent", action="sleep", profile="curtail"), "Sent: sleep, for the profile curtail"),
        (event("command.sent", action="reboot", profile=None), "Sent: restart"),
        (
            event("command.finished", "applied", action="wake", duration_s=2.94),
            "Wake: done and read back after 2.9 s",
        ),
        (
            event("command.finished", "refused", action="wake", duration_s=75, detail="no"),
            "Wake: refused after 1 min: no",
        ),
        (event("command.finished", "odd", action="odd_one", duration_s="x"), "Odd one: odd"),
        (event("command.finished"), "Command ended"),
        (event("state.departed", profile="normal"), "No longer as ordered (normal)"),
        (
            event("override.created", profile="curtail", until="2026-03-02T18:00:00+00:00", reason="heat"),
            "Override begun: curtail until 18:00: heat",
        ),
        (event("override.created", profile="curtail", until="soon"), "Override begun: curtail"),
        (
            event("override.created", profile="curtail", until="2026-03-02T18:00:00"),
            "Override begun: curtail",
        ),
        (
            event("operation.started", action="profile curtail", total=1),
            "Operation begun: profile curtail, 1 miner",
        ),
        (
            event("operation.ended", action="reboot", total=284, counts={"applied": 280, "refused": 4}),
            "Operation ended: restart, 4 miners of 284 did not follow",
        ),
        (
            event("operation.ended", action="reboot", total=284, counts={"applied": 284}),
            "Operation ended: restart, 284 miners",
        ),
        (event("operation.ended", action="reboot"), "Operation ended: restart"),
        (
            event("schedule.period_begun", profile="normal", miners=12),
            "The schedule's time has come: normal, 12 miners",
        ),
        (event("hold.begun", reason="works", everywhere=True), "Held, nothing is sent to any miner: works"),
        (event("hold.begun"), "Held, nothing is sent"),
        (event("some.new_kind"), "some: new kind"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sentences_say_what_came_of_it(given: Event, told_as: str) -> None:
    assert said(given, ENGLISH, lambda at: f"{at:%H:%M}").replace("\u00a0", " ") == told_as
