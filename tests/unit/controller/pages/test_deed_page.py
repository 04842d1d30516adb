"""What a deed's page works out of a plan: how large it is, and what has to be typed for it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from controller.deeds import MinerView, Plan, Planned, Skipped
from controller.pages.deed_links import KINDS
from controller.pages.deed_page import is_large, lines_of, reached, to_type, typed_right
from controller.pages.language import words
from tests.unit.controller.small_fleet import container, snapshot

NORTH = container("north", *(f"a{number}" for number in range(1, 41)))


def fleet(count: int = 40) -> list[MinerView]:
    found = []
    for place in range(count):
        reading = snapshot(NORTH, place, power_w=3000.0, nominal_power_w=3000.0)
        view = MinerView(
            id=f"north.a{place + 1}", container=NORTH, miner=NORTH.miners[place], reading=reading
        )
        found.append(msgspec.structs.replace(view, last_snapshot=reading, stale=False))
    return found


def plan(will_change: int, silent: int = 0, **more: Any) -> Plan:
    """Return the plan of putting so many to sleep, beside others that do not answer."""
    targeted = will_change + silent
    skipped = (Skipped(reason="unreachable", miners=silent),) if silent else ()
    given: dict[str, Any] = {
        "fingerprint": "f",
        "miners": Planned(targeted=targeted, will_change=will_change, already=0, skipped=silent),
        "skipped": skipped,
        "power_change_w": -2960.0 * will_change,
        "power_known_ratio": will_change / targeted if targeted else 1.0,
        "starts_at": datetime(2026, 3, 2, tzinfo=UTC),
    } | more
    return Plan(**given)


def test_an_order_to_miners_that_do_not_answer_is_as_large_as_if_they_did() -> None:
    curtail, reboot = KINDS["curtail"], KINDS["reboot"]
    assert not is_large(curtail, plan(10), fleet())
    assert is_large(curtail, plan(11), fleet())
    assert is_large(curtail, plan(0, 11), fleet())
    assert is_large(curtail, plan(6, 6), fleet())
    assert not is_large(curtail, plan(4, 4), fleet())
    assert is_large(curtail, plan(0, 40), fleet())
    assert to_type(curtail, plan(0, 40)) == 40
    # What is done once does not reach them.
    assert not is_large(reboot, plan(0, 40), fleet())
    assert is_large(reboot, plan(11), fleet())
    # Nor does any order reach those that are disabled, or only observed.
    for reason in ("inactive", "observe", "unsupported"):
        left_out = plan(4, 30, skipped=(Skipped(reason=reason, miners=30),), power_known_ratio=1.0)  # type: ignore[arg-type]
        assert not is_large(curtail, left_out, fleet())


def test_miners_whose_power_nobody_knows_count_as_well() -> None:
    unmeasured = plan(20, power_change_w=0.0, power_known_ratio=0.0)
    assert is_large(KINDS["curtail"], unmeasured, fleet())
    assert not is_large(KINDS["locate"], unmeasured, fleet())


def test_power_that_nobody_knows_is_said_to_be_not_known() -> None:
    def told(found: Plan, kind: str = "curtail") -> str:
        return " ".join(lines_of(words("en"), KINDS[kind], found, [NORTH], "curtail"))

    silent = "What power these miners draw is not known"
    unmeasured = plan(20, power_change_w=0.0, power_known_ratio=0.0)
    assert silent in told(unmeasured)
    assert silent not in told(unmeasured, "locate")
    assert "The power of 50" in told(plan(20, power_known_ratio=0.5))
    assert "known" not in told(plan(20))


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from(sorted(KINDS)), st.text(max_size=4))
def test_nothing_but_the_number_or_the_name_passes(change: int, silent: int, kind: str, typed: str) -> None:
    found = plan(change, min(silent, 40 - change))
    number = to_type(KINDS[kind], found)
    assert number <= reached(KINDS[kind], found) <= 40
    assert not typed_right("", "north", number)
    assert typed_right(str(number), None, number)
    assert typed_right(typed, None, number) <= (
        typed.strip(" .,'’\u00a0\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u3000") != ""
    )
