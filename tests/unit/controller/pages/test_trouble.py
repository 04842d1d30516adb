"""What is wrong with a miner, in words, and which need hands first."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from controller.deeds import MinerView
from controller.model import Actor, ServiceMark, Wanted
from controller.pages.container_page import needy_of, place_name
from controller.pages.language import words
from controller.pages.trouble import is_words, need_of, trouble_words
from miners.inventory.fleet import Container, Miner, Origin
from miners.model import Board, Fault, Identity, PollFailure, Snapshot
from tests.unit.controller.api.quiet_deeds import BEGIN

ORIGIN = Origin("targets.yml", 1)
BORIS = Actor("user", "boris", "usr_boris")
ENGLISH = words("en")


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def view(name: str = "a1", *, active: bool = True, **more: Any) -> MinerView:
    miner = Miner(name=name, container="C", address="10.0.0.1", active=active, origin=ORIGIN)
    container = Container(name="C", id="c", miners=(miner,), origin=ORIGIN)
    given: dict[str, Any] = {
        "reading": snapshot(),
        "stale": False,
        "matches": True,
        "wanted": Wanted(profile="normal"),
    } | more
    return MinerView(id=f"c.{name}", container=container, miner=miner, **given)


def snapshot(**more: Any) -> Snapshot:
    given: dict[str, Any] = {"state": "mining"} | more
    return Snapshot(
        container="C", miner="a1", address="10.0.0.1", taken_at=BEGIN, duration_s=0.1, driver="antminer",
        identity=Identity(), **given,
    )  # fmt: skip


def failure(reason: Any) -> PollFailure:
    return PollFailure(
        container="C",
        miner="a1",
        address="10.0.0.1",
        taken_at=BEGIN,
        duration_s=3.0,
        reason=reason,
        detail="no",
    )


@pytest.mark.parametrize(
    ("miner", "need", "told"),
    [
        (view(), None, "mining"),
        (view(active=False, reading=None, stale=True), None, "disabled"),
        (view(reading=snapshot(state="sleeping")), None, "sleeping"),
        (view(reading=failure("timeout"), stale=True), "silent", "unreachable: no answer: timed out"),
        (
            view(reading=failure("auth"), failing_since=BEGIN - timedelta(minutes=2)),
            "silent",
            "unreachable: no answer since 11:58: it refuses the password",
        ),
        (
            view(reading=snapshot(state="fault", faults=(Fault("J0:2", "chain 2 not found"), Fault("F1")))),
            "fault",
            "fault: chain 2 not found; F1",
        ),
        (view(reading=snapshot(faults=(Fault("P", "<b>"),))), "fault", "mining: <b>"),
        (
            view(reading=snapshot(expected_boards=3, boards=(Board(0), Board(2)))),
            "fault",
            "mining: board 1 lost",
        ),
        (
            view(reading=snapshot(expected_boards=3, boards=(Board(1), Board(3)))),
            "fault",
            "mining: board 2 lost",
        ),
        (  # counted from 0 or from 1: it may be the first or the last
            view(reading=snapshot(expected_boards=3, boards=(Board(1), Board(2)))),
            "fault",
            "mining: 1 board lost",
        ),
        (  # an S9 counts from 6
            view(reading=snapshot(expected_boards=3, boards=(Board(7),))),
            "fault",
            "mining: 2 boards lost",
        ),
        (view(reading=snapshot(expected_boards=3)), None, "mining"),  # no board is told of: nothing is known
        (  # asleep, some firmware hides its boards
            view(reading=snapshot(state="sleeping", expected_boards=3, boards=(Board(0),))),
            None,
            "sleeping",
        ),
        (
            view(reading=snapshot(boards=(Board(0, chips=100, expected_chips=126),))),
            "fault",
            "mining: chips missing",
        ),
        (view(stale=True), "old", "mining: last read at 12:00"),
        (view(reading=None, stale=True), "old", "unknown: not read yet"),
        (view(matches=False), "apart", "mining: not in its profile normal"),
        (
            view(
                matches=False,
                service=ServiceMark(miner="c.a1", reason="fan", created_by=BORIS, created_at=BEGIN),
            ),
            None,
            "mining: not in its profile normal; in service",
        ),
    ],
)
def test_what_is_wrong_is_said_and_ranked(miner: MinerView, need: str | None, told: str) -> None:
    assert need_of(miner, away=False) == need
    assert is_words(miner, ENGLISH, clock) == told


def test_while_all_readings_are_old_age_alone_needs_no_hands() -> None:
    assert need_of(view(stale=True), away=True) is None
    assert need_of(view(stale=True, reading=snapshot(state="fault")), away=True) == "fault"


def test_the_most_urgent_are_first() -> None:
    views = [
        view("a1", matches=False),
        view("a2", stale=True),
        view("a3", reading=failure("refused")),
        view("a4", reading=snapshot(state="fault")),
        view("a5"),
    ]
    assert [one.view.miner.name for one in needy_of(views, {})] == ["a4", "a3", "a2", "a1"]


def test_what_would_turn_its_surroundings_is_left_out() -> None:
    found = trouble_words(view(reading=snapshot(faults=(Fault("x", "\u202eevil" * 40),))), ENGLISH, clock)
    assert "\u202e" not in found
    assert len(found) == 80


@pytest.mark.parametrize(
    ("row", "column", "name"),
    [(1, 6, "A6"), (26, 1, "Z1"), (27, 10, "AA10"), (702, 3, "ZZ3"), (703, 1, "AAA1")],
)
def test_places_are_called_by_letter_and_number(row: int, column: int, name: str) -> None:
    assert place_name(row, column) == name
