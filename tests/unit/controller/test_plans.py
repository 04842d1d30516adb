"""Plans: who would change, who is left out and why, watts before and after, and when one plan is another."""

from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.deeds import MinerView
from controller.model import MinerRecord, Step
from controller.plans import Would, differs, fingerprint, marks_of, plan_of, skip_reason
from controller.powers import change_w, ordered_ratio, present_w, raises
from miners.actions import SetMode, Sleep
from miners.inventory.fleet import Ramp
from tests.unit.controller.small_fleet import container, failure, moment, snapshot

NOW = moment(1_780_056_000.0)
ASLEEP = Step(actions=(Sleep(),), ratio=0.01, power_w=40.0)
LOW = Step(actions=(SetMode("low"),), ratio=0.75, power_w=2500.0)
NORTH = container(
    "north",
    *(f"a{at}" for at in range(1, 41)),
    control="enforce",
    ramp=Ramp(step_w=33_000.0, every_s=10.0, batch=20),
)


def view(place: int = 0, **more: Any) -> MinerView:
    reading = snapshot(NORTH, place)
    fields: dict[str, Any] = {
        "id": f"north.a{place + 1}",
        "container": NORTH,
        "miner": NORTH.miners[place],
        "reading": reading,
        "last_snapshot": reading,
        "stale": False,
    } | more
    return MinerView(**fields)


def test_a_plan_counts_and_adds_up_what_is_known() -> None:
    dark = view(3, reading=failure(NORTH, 3), last_snapshot=None)
    left_out = skip_reason(dark, held=False, in_doubt=None)
    assert left_out is not None
    wishes = [
        Would(view=view(0), step=ASLEEP, shows=False),
        Would(view=view(1), step=ASLEEP, shows=True),
        Would(view=view(2), step=Step(problem="no"), against="unsupported", detail="no"),
        Would(view=dark, step=ASLEEP, against=left_out[0], detail=left_out[1]),
    ]
    plan, _ = plan_of(wishes, starts_at=NOW)
    assert (plan.miners.targeted, plan.miners.will_change, plan.miners.already, plan.miners.skipped) == (
        4,
        1,
        1,
        2,
    )
    assert {(one.reason, one.miners) for one in plan.skipped} == {("unsupported", 1), ("unreachable", 1)}
    assert (plan.power_now_w, plan.power_after_w, plan.power_known_ratio) == (9900.0, 6640.0, 0.75)
    assert plan.power_change_w == -3260.0


def test_the_end_is_estimated_by_the_ramp_and_an_emergency_has_none() -> None:
    wishes = [Would(view=view(place), step=ASLEEP, shows=False) for place in range(40)]
    plan, _ = plan_of(wishes, starts_at=NOW)
    rushed, _ = plan_of(wishes, starts_at=NOW, emergency=True)
    assert plan.done_by_estimate is not None
    assert rushed.done_by_estimate is not None
    # 40 × 3260 W in steps of 33 kW: four, the first of which costs no time
    assert 30 <= (plan.done_by_estimate - NOW).total_seconds() < 40
    assert (rushed.done_by_estimate - NOW).total_seconds() < 5


def test_the_fingerprint_names_who_changes_and_to_what() -> None:
    one = marks_of([Would(view=view(0), step=ASLEEP)])
    other = marks_of([Would(view=view(0), step=LOW)])
    assert fingerprint(one) == fingerprint(set(one))
    assert fingerprint(one) != fingerprint(other)
    # Who is so already, or left out, is meant all the same.
    assert marks_of([Would(view=view(0), step=ASLEEP, shows=True)]) == {view(0).id}
    assert marks_of([Would(view=view(0), step=ASLEEP, against="unreachable")]) == {view(0).id}


@given(st.integers(0, 400), st.integers(0, 40), st.integers(0, 40))
def test_plans_differ_by_more_than_five_miners_or_two_percent(same: int, gone: int, new: int) -> None:
    names = (f"m{n} x" for n in count())
    both, before, after = ({next(names) for _ in range(n)} for n in (same, gone, new))
    most = same + max(gone, new)
    allowed = min(0.02 * most, 5)
    assert differs(both | before, both | after) == (gone + new > allowed)
    assert not differs(both | before, both | before)


def test_of_few_miners_not_one_may_differ() -> None:
    assert differs({"a x"}, {"b x"})
    assert differs({"a x", "b x"}, {"a x"})
    assert differs({"a sleep"}, {"a wake"})
    four = {f"m{n} x" for n in range(4)}
    assert differs(four, four - {"m3 x"})
    assert differs(four, four - {"m3 x"} | {"m3"}), "one of them has fallen silent: three would change"


def test_who_is_meant_counts_as_well_as_who_would_change() -> None:
    silent = {f"s{n}" for n in range(100)}
    assert differs({"a x"}, {"a x"} | silent)
    assert differs(silent, silent | {f"more{n}" for n in range(6)})
    assert not differs(silent, silent | {"one", "two"})
    # That many are meant does not let more of those change than if they were alone.
    assert differs(silent | {"a x", "b x"}, silent | {"a x", "b"})
    # One that fell silent meanwhile is one that does not change.
    assert not differs(
        silent | {f"m{n} x" for n in range(100)}, silent | {f"m{n} x" for n in range(98)} | {"m98", "m99"}
    )


def test_an_estimate_does_not_hide_a_raise() -> None:
    miner = NORTH.miners[0]
    guessed = snapshot(NORTH, power_w=3400.0, power_source="estimated", nominal_power_w=3300.0)
    underclocked = MinerRecord(miner="north.a1", applied_profile="underclock", applied_ratio=0.75)
    normal = Step(actions=(SetMode("normal"),), ratio=1.0, power_w=3300.0)
    assert present_w(miner, guessed, underclocked) == 2475.0
    assert raises(normal, miner, guessed, underclocked)
    measured = snapshot(NORTH, power_w=3400.0, power_source="measured")
    assert not raises(LOW, miner, measured, MinerRecord(miner="north.a1"))
    assert not raises(ASLEEP, miner, guessed, underclocked)
    assert change_w(ASLEEP, miner, None, MinerRecord(miner="north.a1")) < -3000
    assert change_w(LOW, miner, None, MinerRecord(miner="north.a1")) == 2500.0
    assert ordered_ratio(ASLEEP) == 0.0
