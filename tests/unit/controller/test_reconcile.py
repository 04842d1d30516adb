"""The decision about one miner: what is due, what waits and until when, what stands against it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from controller.model import Actor, Hold, MinerRecord, ServiceMark, Step, Wanted
from controller.reconcile import (
    LONG_S,
    LOOK_AGAIN_S,
    Situation,
    judge,
    restarts_today,
    wait_after,
    within_reach,
)
from miners.actions import SetMode, Sleep, Wake
from miners.model import Snapshot
from miners.writers import WRITERS
from tests.unit.controller.small_fleet import container, failure, moment, snapshot

NOW = 1_780_056_000.0  # 2026-05-29 12:00 UTC
ANNA = Actor("user", "anna", "usr_anna")
NORTH = container("north", "a1", control="enforce")
ASLEEP = Step(actions=(Sleep(),), ratio=0.01, power_w=40.0)
LOW = Step(actions=(Wake(), SetMode("low")), ratio=0.75, power_w=2500.0)


def case(**more: Any) -> Situation:
    reading: Snapshot = snapshot(NORTH, at=NOW, power_mode="normal")
    given: dict[str, Any] = {
        "now": NOW,
        "container": NORTH,
        "miner": NORTH.miners[0],
        "wanted": Wanted(profile="curtail", source="schedule"),
        "step": ASLEEP,
        "writer": WRITERS["whatsminer_v2"],
        "reading": reading,
        "snapshot": reading,
        "read_at": NOW,
        "stale": False,
        "record": MinerRecord(miner="north.a1"),
        "restarts_a_day": 2,
    } | more
    return Situation(**given)


def remembered(**more: Any) -> MinerRecord:
    return MinerRecord(miner="north.a1", **more)


def test_what_does_not_show_is_sent_and_what_shows_is_not() -> None:
    due = judge(case())
    assert (due.verdict, due.action, due.matches) == ("send", Sleep(), False)
    asleep = snapshot(NORTH, at=NOW, state="sleeping")
    shown = judge(case(reading=asleep, snapshot=asleep))
    assert (shown.verdict, shown.matches) == ("matches", True)


def test_nothing_wanted_is_nothing_done() -> None:
    assert judge(case(wanted=Wanted(), step=None)).verdict == "nothing"


def test_an_observed_container_is_judged_and_not_written_to() -> None:
    observed = judge(case(container=container("north", "a1", control="observe")))
    assert (observed.verdict, observed.matches) == ("observed", False)


@pytest.mark.parametrize(
    ("against", "reason"),
    [
        (
            {"service": ServiceMark(miner="north.a1", reason="fan", created_by=ANNA, created_at=moment(NOW))},
            "service",
        ),
        (
            {
                "holds": (
                    Hold(id="hold_1", container=None, reason="r", created_by=ANNA, created_at=moment(NOW)),
                )
            },
            "held",
        ),
        ({"doubts": ("the clock jumped",)}, "doubt"),
        ({"reading": failure(NORTH, at=NOW)}, "unreachable"),
        ({"reading": None, "snapshot": None}, "unread"),
        ({"stale": True}, "stale"),
        ({"step": Step(problem="it cannot"), "writer": None}, "unsupported"),
    ],
)
def test_what_stands_against_writing_is_said(against: dict[str, Any], reason: str) -> None:
    judged = judge(case(**against))
    assert (judged.verdict, judged.reason) == ("blocked", reason)
    assert judged.detail


def test_a_hold_on_another_container_stops_nothing_here() -> None:
    other = Hold(id="hold_1", container="south", reason="r", created_by=ANNA, created_at=moment(NOW))
    assert judge(case(holds=(other,))).verdict == "send"


def test_a_command_on_its_way_or_settling_is_not_repeated() -> None:
    assert judge(case(busy=True)).reason == "busy"
    assert judge(case(settled_at=NOW + 1)).reason == "settling"
    waiting = judge(case(record=remembered(not_before=moment(NOW + 60))))
    assert (waiting.verdict, waiting.reason, waiting.until) == ("wait", "back_off", NOW + 60)


def test_only_an_emergency_that_has_not_failed_yet_does_not_wait() -> None:
    soon = remembered(not_before=moment(NOW + 60))
    assert judge(case(record=soon, emergency=True)).verdict == "send"
    failed = remembered(not_before=moment(NOW + 60), attempts=1)
    assert judge(case(record=failed, emergency=True)).reason == "back_off"


def test_restarts_of_mining_are_counted_by_the_day_of_the_container() -> None:
    used = remembered(restarts=2, restarts_on="2026-05-29")
    judged = judge(case(step=LOW, record=used))
    assert (judged.verdict, judged.reason) == ("wait", "restarts")
    assert judged.until == datetime(2026, 5, 30, tzinfo=UTC).timestamp()
    assert judge(case(step=LOW, record=remembered(restarts=2, restarts_on="2026-05-28"))).verdict == "send"
    assert judge(case(record=used)).verdict == "send"  # sleep restarts nothing
    kiribati = container("north", "a1", control="enforce", timezone="Pacific/Kiritimati")
    assert restarts_today(used, kiribati, NOW) == 0  # it is the 30th there


def test_no_pause_outlasts_the_longest_there_is_where_the_clock_was_set_back() -> None:
    def reached(**more: Any) -> MinerRecord:
        return within_reach(remembered(**more), NOW, give_up_s=1800.0, cool_down_s=60.0)

    year = moment(NOW + 365 * 86_400)
    assert reached(not_before=year).not_before == moment(NOW + 1800)
    assert reached(not_before=year, last_outcome="auth_failed").not_before == moment(NOW + LONG_S)
    assert reached(unverified_at=year).unverified_at == moment(NOW)
    sound = remembered(not_before=moment(NOW + 600), unverified_at=moment(NOW - 5))
    assert within_reach(sound, NOW, give_up_s=1800.0, cool_down_s=60.0) is sound


def test_pauses_grow_and_the_hopeless_is_left_alone_for_long() -> None:
    pauses = [wait_after("refused", n, retries=5, give_up_s=1800.0) for n in range(1, 8)]
    assert pauses == [30.0, 60.0, 120.0, 300.0, 1800.0, 1800.0, 1800.0]
    assert wait_after("auth_failed", 1, retries=5, give_up_s=1800.0) == LONG_S
    assert wait_after("accepted_unverified", 1, retries=5, give_up_s=1800.0) == LOOK_AGAIN_S
