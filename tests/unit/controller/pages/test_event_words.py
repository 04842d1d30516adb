"""The sentences of the record: every kind that is written about a miner has one, with its values and without them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from controller.model import SYSTEM, Event
from controller.pages.event_words import ACTIONS, OUTCOMES, action_words, said
from controller.telling import told
from miners.actions import ACTIONS as KINDS
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


def written_about_miners() -> set[str]:
    """Return the kinds that the controller tells of one miner."""
    found = set[str]()
    for file in CONTROLLER.glob("*.py"):
        for call in re.findall(r"\.tell\((.*?watched=)", file.read_text(), re.DOTALL):
            found |= set(re.findall(r'"([a-z]+\.[a-z_]+)"', call))
    return found


def test_every_kind_that_is_written_about_a_miner_has_a_sentence() -> None:
    kinds = written_about_miners()
    assert {"command.confirmed", "state.departed", "drift.begun", "doubt.begun"} <= kinds
    for kind in kinds | {"command.sent", "command.finished", "miner.created", "miner.changed"}:
        words = said(event(kind))
        assert words[0].isupper(), kind
        assert "None" not in words


def test_every_action_and_every_outcome_has_words() -> None:
    assert {action_name(kind) for kind in KINDS} <= set(ACTIONS)
    assert set(get_args(Status)) <= set(OUTCOMES)


@pytest.mark.parametrize(
    ("action", "words"),
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
def test_actions_are_said_with_their_values(action: msgspec.Struct, words: str) -> None:
    params = told(action)  # type: ignore[arg-type]
    assert action_words(params).replace("\u00a0", " ") == words
    assert action_words({"action": params["action"]})  # as a client gets it


@pytest.mark.parametrize(
    ("given", "words"),
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
        (event("command.finished"), "Command: ended"),
        (event("state.departed", profile="normal"), "No longer as ordered (normal)"),
        (event("some.new_kind"), "some: new kind"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sentences_say_what_came_of_it(given: Event, words: str) -> None:
    assert said(given).replace("\u00a0", " ") == words
