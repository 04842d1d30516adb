"""Interlocks and doubts: what stops writing or raising, at which limit, and that each reason says what to do in one line."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import safety
from controller.model import Actor, Hold, MinerRecord, ServiceMark
from controller.safety import Drawn
from miners.inventory.fleet import AlertLimits, Container, Feed, Origin
from miners.model import FailureReason, Fault, Identity, PollFailure, Reading, Snapshot, Temperatures

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
PERSON = Actor("user", "A. Petrov", "usr_1")


def container(**more: Any) -> Container:
    more.setdefault("temperature_limits_c", {"inlet": 35.0, "chip_max": 95.0})
    return Container(
        name="Контейнер 1", id="konteiner-1", interval_s=30.0, origin=Origin("targets.yml", 1), **more
    )


def reading(
    *, age_s: float = 5.0, faults: tuple[Fault, ...] = (), model: str | None = None, **degrees: float
) -> Snapshot:
    return Snapshot(
        container="Контейнер 1",
        miner="a1",
        address="10.1.7.16",
        taken_at=NOW - timedelta(seconds=age_s),
        duration_s=0.1,
        driver="whatsminer_v2",
        state="mining",
        identity=Identity(manufacturer="Avalon" if model else None, model=model),
        temperatures_c=Temperatures(**degrees),
        faults=faults,
    )


def failure(reason: FailureReason = "timeout") -> PollFailure:
    return PollFailure(
        container="Контейнер 1",
        miner="a2",
        address="10.1.7.17",
        taken_at=NOW,
        duration_s=10.0,
        reason=reason,
        detail="timed out",
    )


def refused(readings: Sequence[Reading | None], **more: Any) -> str | None:
    return safety.raise_refused(container(**more), readings, NOW)


def test_what_miners_draw_together() -> None:
    assert safety.together([]) == Drawn(0.0, 0)
    assert safety.together([3000.0, None, 500.5, None]) == Drawn(3500.5, 2)


@pytest.mark.parametrize(
    ("after", "now", "reason"),
    [
        (Drawn(800_000.0), None, None),
        (
            Drawn(800_001.0),
            None,
            (
                "the container Контейнер 1 would draw 800.0 kW, over its limit of 800.0 kW: choose a lower profile, or "
                "fewer miners"
            ),
        ),
        (
            Drawn(912_345.0),
            Drawn(700_000.0),
            (
                "the container Контейнер 1 would draw 912.3 kW, over its limit of 800.0 kW: choose a lower profile, or "
                "fewer miners"
            ),
        ),
        # Less than now mends it, even if it is still too much.
        (Drawn(850_000.0), Drawn(900_000.0), None),
        (Drawn(850_000.0, 3), Drawn(900_000.0, 3), None),
        (
            Drawn(100_000.0, 2),
            Drawn(50_000.0, 2),
            (
                "the container Контейнер 1 has a limit of 800.0 kW, and the power of 2 miners there is not known: write "
                "`nominal_power_w` for them into the inventory"
            ),
        ),
        (
            Drawn(100_000.0, 1),
            None,
            (
                "the container Контейнер 1 has a limit of 800.0 kW, and the power of 1 miner there is not known: write "
                "`nominal_power_w` for them into the inventory"
            ),
        ),
    ],
)
def test_the_limit_of_a_container(after: Drawn, now: Drawn | None, reason: str | None) -> None:
    assert safety.over_container_limit(container(power_limit_w=800_000.0), after, now) == reason
    assert safety.over_container_limit(container(), after, now) is None


def test_the_limit_of_a_feed() -> None:
    feed = Feed(name="feeder 2", power_limit_w=2_500_000.0)
    assert safety.over_feed_limit(feed, Drawn(2_500_000.0)) is None
    assert safety.over_feed_limit(feed, Drawn(2_600_000.0)) == (
        "the feed feeder 2 would draw 2,600.0 kW, over its limit of 2,500.0 kW: choose a lower profile, or fewer miners"
    )
    assert safety.over_feed_limit(Feed(name="f"), Drawn(1e9, 5)) is None
    assert safety.over_feed_limit(None, Drawn(1e9, 5)) is None


@pytest.mark.parametrize(
    ("hot", "cool", "refuses"), [(0, 10, False), (1, 9, False), (2, 18, False), (2, 17, True), (1, 0, True)]
)
def test_a_container_overheats_when_more_than_a_tenth_is_too_hot(hot: int, cool: int, refuses: bool) -> None:
    found = refused([reading(inlet=35.0)] * hot + [reading(inlet=34.9)] * cool)
    assert (found is not None) == refuses
    if found is not None:
        assert found == (
            f"{hot} of {hot + cool} miners of Контейнер 1 are too hot (inlet of a1 is at 35 °C, the limit is 35 °C), so power "
            "is not raised there: look at fans, pump and louvres"
        )


@pytest.mark.parametrize(
    ("silent", "answering", "refuses"), [(0, 10, False), (3, 7, False), (4, 6, True), (1, 0, True)]
)
@pytest.mark.parametrize("kind", [None, failure(), reading(age_s=90.1)], ids=["never read", "failed", "old"])
def test_a_container_of_which_too_little_is_known(
    kind: Reading | None, silent: int, answering: int, refuses: bool
) -> None:
    found = refused([kind] * silent + [reading(age_s=90.0)] * answering)
    assert (found is not None) == refuses
    if found is not None:
        assert found == (
            f"{silent} of {silent + answering} miners of Контейнер 1 have no reading of the last 90 s, so power is not raised "
            "there: look at its network and the exporter"
        )


def test_how_much_may_be_silent_is_said_in_the_inventory() -> None:
    readings = [failure()] * 5 + [reading()] * 5
    assert refused(readings, alerts=AlertLimits(down_max_ratio=0.5)) is None
    assert refused(readings) is not None
    assert refused([]) is None


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (reading(inlet=34.0, chip_max=94.9), None),
        (reading(), None),
        (reading(chip_max=95.0), "chip_max of a1 is at 95 °C, the limit is 95 °C"),
        (reading(inlet=40.5), "inlet of a1 is at 40.5 °C, the limit is 35 °C"),
        (
            reading(faults=(Fault("350", "over temperature protection"),)),
            "a1 reports over temperature protection",
        ),
        (reading(faults=(Fault("600", "ambient temperature high"),)), "a1 reports ambient temperature high"),
        (reading(faults=(Fault("ECMM:64", "too hot"),)), "a1 reports too hot"),
        (reading(faults=(Fault("OVERHEAT"),)), "a1 reports OVERHEAT"),
        (reading(faults=(Fault("128", "was too hot before"),)), None),
        (reading(faults=(Fault("300", "temperature sensor not found"),)), None),
        (reading(faults=(Fault("110", "fan speed"),)), None),
    ],
)
def test_when_a_miner_is_too_hot(found: Snapshot, reason: str | None) -> None:
    assert safety.too_hot(container(), found) == reason


def test_the_models_own_limit_holds_where_the_container_gives_none() -> None:
    hot = reading(model="741", chip_max=105.0)
    bare = container(temperature_limits_c={})
    assert safety.too_hot(bare, hot) == "chip_max of a1 is at 105 °C, the limit is 105 °C"
    assert safety.too_hot(bare, reading(model="741", chip_max=104.0)) is None
    assert safety.too_hot(bare, reading(chip_max=150.0)) is None
    assert safety.too_hot(container(temperature_limits_c={"chip_max": 110.0}), hot) is None


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (reading(inlet=20.0), None),
        (reading(age_s=90.0), None),
        (None, "it was never read, so its power is not raised: look at its address and its power supply"),
        (
            failure(),
            "it does not answer (timeout), so its power is not raised: it is tried again when it does",
        ),
        (reading(age_s=120.4), "its reading is 120 s old, so its power is not raised: look at the exporter"),
        (
            reading(inlet=36.0),
            (
                "inlet of a1 is at 36 °C, the limit is 35 °C, so its power is not raised: look at its fans and the air "
                "around it"
            ),
        ),
    ],
)
def test_one_miner_whose_power_is_not_raised(found: Reading | None, reason: str | None) -> None:
    assert safety.raise_refused_for(container(), found, NOW) == reason


@pytest.mark.parametrize(
    ("mac", "serial", "changed"),
    [
        ("AA:BB:CC:00:11:22", "SN1", None),
        ("aabbcc001122", "sn1", None),
        (None, None, None),
        (None, "SN1", None),
        ("AA:BB:CC:00:11:23", "SN1", "MAC"),
        ("AA:BB:CC:00:11:22", "SN2", "serial"),
        (None, "SN2", "serial"),
    ],
)
def test_another_device_under_a_known_name(mac: str | None, serial: str | None, changed: str | None) -> None:
    record = MinerRecord(miner="konteiner-1.a1", mac="AA:BB:CC:00:11:22", serial="SN1")
    found = safety.identity_changed(record, "10.1.7.16", Identity(mac=mac, serial=serial))
    if changed is None:
        assert found is None
    else:
        before, now = (record.mac, mac) if changed == "MAC" else (record.serial, serial)
        assert found == (
            f"10.1.7.16 answers with the {changed} {now}, last seen there was {before}: correct its address in the inventory, "
            "or, after an exchange, mark it as in service and end the mark"
        )


def test_a_device_of_which_nothing_was_known_is_no_other() -> None:
    identity = Identity(mac="AA:BB:CC:00:11:22")
    assert safety.identity_changed(None, "10.1.7.16", identity) is None
    assert safety.identity_changed(MinerRecord(miner="m"), "10.1.7.16", identity) is None


@pytest.mark.parametrize(
    ("before", "gone", "doubted"), [(0, 0, False), (240, 24, False), (240, 25, True), (5, 1, True)]
)
def test_a_tenth_of_the_inventory_gone(before: int, gone: int, doubted: bool) -> None:
    known = [f"c.m{number}" for number in range(before)]
    found = safety.vanished(known, [*known[gone:], "c.new"])
    assert (found is not None) == doubted
    if found is not None:
        assert found.startswith(f"{gone} of {before} miners are gone from the inventory at once")


def test_an_inventory_that_was_refused() -> None:
    assert safety.inventory_refused([]) is None
    assert safety.inventory_refused(["targets.yml:1: a"]) == (
        "the inventory was refused, so nothing is written until it is right: targets.yml:1: a"
    )
    assert safety.inventory_refused(["targets.yml:1: a", "b", "c"]) == (
        "the inventory was refused, so nothing is written until it is right: targets.yml:1: a (and 2 more)"
    )


def test_holds_and_marks_name_who_and_why() -> None:
    def hold(where: str | None) -> Hold:
        return Hold(id="hold_1", container=where, reason="breaker", created_by=PERSON, created_at=NOW)

    assert safety.held([], "c") is None
    assert safety.held([hold("d")], "c") is None
    assert safety.held([hold("d"), hold("c")], "c") == (
        "A. Petrov has stopped all writing in c (breaker): release the hold to go on"
    )
    assert safety.held([hold(None)], "c") == (
        "A. Petrov has stopped all writing everywhere (breaker): release the hold to go on"
    )
    mark = ServiceMark(miner="c.m", reason="fan", created_by=PERSON, created_at=NOW)
    assert safety.in_service(mark) == "A. Petrov has it in service (fan): end the mark to go on"
    assert safety.in_service(None) is None


@given(st.text(), st.text(), st.text(max_size=500))
def test_whatever_strangers_say_a_reason_is_one_line(mac: str, serial: str, words: str) -> None:
    record = MinerRecord(miner="m", mac="AA", serial="SN")
    hot = reading(faults=(Fault("350", f"over temperature {words}"),))
    hold = Hold(id="hold_1", container=None, reason=words, created_by=PERSON, created_at=NOW)
    for found in (
        safety.identity_changed(record, "10.1.7.16", Identity(mac=mac, serial=serial)),
        safety.raise_refused_for(container(), hot, NOW),
        safety.held([hold], "c"),
    ):
        assert found is None or (len(found.splitlines()) == 1 and len(found) < 500)
