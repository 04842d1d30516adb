"""The pieces of the demo's past: how time is cut, what counters grew by, orders, joining the present, moving blocks in."""

import itertools
from pathlib import Path

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import Step
from exporter.device import Nominal
from miners.actions import Sleep
from miners.driver import Memory
from miners.inventory.fleet import Container, Inventory, Miner, Origin
from miners.inventory.load import load
from miners.inventory.secrets import target_of
from miners.model import PollFailure, Snapshot
from simulator.build import build_miners
from simulator.specs import ContainerSpec
from tools.history_alerts import read_rules, seconds_of
from tools.history_blocks import (
    RECORD,
    begin_staging,
    finish_moving,
    has_blocks,
    is_made,
    move_in,
    was_moving,
)
from tools.history_figures import Figures, Subject
from tools.history_fleet import DAY_S, build_past
from tools.history_orders import Order, OrderBook
from tools.history_pages import COARSE_BLOCK_S, FINE_BLOCK_S, spans, with_labels
from tools.history_reading import read_past
from tools.history_records import Watched, class_of, minute_records
from tools.packages import REPOSITORY

HERE = Origin("targets.yml", 1)
NOW = 1_800_000_000.0
FLEET = """
containers:
  - name: One
    simulate:
      faults:
        - {fault: silent, miners: [a1]}
        - {fault: refused, miners: [a2]}
        - {fault: hostile, kind: html, miners: [a3]}
        - {fault: drip, seconds: 1, miners: [a4]}
        - {fault: slow, seconds: 1, miners: [a5]}
        - {fault: board_dead, after_s: 60, miners: [a6]}
    miners:
      - {name: "a{n}", addresses: 127.72.1.1-12, manufacturer: Whatsminer, model: M30S+}
      - {name: short, address: 127.72.1.20, manufacturer: AntMiner, model: S19, simulate: {fault: chip_loss, chips: 9, after_s: 9}}
"""


def watched() -> Watched:
    miner = Miner(name='m "1"', container="C", address="127.0.0.1", model="S19", origin=HERE)
    container = Container(name="C", id="c", client="volga", miners=(miner,), origin=HERE)
    return Watched(Subject(container, miner, Nominal(100.0, 3000.0, (("chip_max", 80.0),), "SHA-256")))


def inventory(folder: Path) -> Inventory:
    path = folder / "targets.yml"
    path.write_text(FLEET, encoding="utf-8")
    return load([path])


@given(st.integers(1, 10**6), st.integers(0, 200), st.integers(0, 30_000))
def test_blocks_cover_the_time_once_and_cross_no_border_of_prometheus(
    begin_hour: int, hours: int, last_s: int
) -> None:
    begin = begin_hour * 3600
    fine_from = begin + hours * 3600
    end = fine_from + last_s
    blocks = spans(begin, fine_from, end)
    assert blocks[0].begin == begin
    assert blocks[-1].end == end + 1
    for one, after in itertools.pairwise(blocks):
        assert one.end == after.begin
    for one in blocks:
        assert one.begin // one.size_s == (one.end - 1) // one.size_s
        assert one.size_s == (COARSE_BLOCK_S if one.begin <= fine_from else FINE_BLOCK_S)


def test_a_counter_that_begins_anew_has_grown_by_what_it_shows() -> None:
    one = watched()
    for place, value in enumerate((100.0, 160.0, 30.0, 90.0)):
        one.remember(Figures(up=True, counters={"accepted": value}), NOW + 60 * place, 3600)
    assert one.increase("accepted", NOW + 180, 180) == 60 + 30 + 60
    assert one.increase("stale", NOW + 180, 180) is None


def test_energy_of_the_time_without_readings_is_not_counted() -> None:
    one = watched()
    for place, value in enumerate((0.0, 60.0, None, None, 300.0, 360.0)):
        counters = {} if value is None else {"measured": value, "hashes": value}
        one.remember(Figures(up=value is not None, counters=counters), NOW + 60 * place, 3600)
    assert one.increase("measured", NOW + 300, 300) == 120
    assert one.increase("hashes", NOW + 300, 300) == 360  # the miner's own counter went on meanwhile


def test_restarts_are_those_of_two_hours() -> None:
    one = watched()
    for at, uptime in ((0, 50), (60, 110), (120, 5), (180, 65), (240, 3)):
        one.remember(Figures(up=True, uptime_s=uptime), NOW + at, 3600)
    assert one.restarts(NOW + 240) == 2
    assert one.restarts(NOW + 130 + 7200) == 1
    assert one.restarts(NOW + 7500) is None


def test_who_restarts_without_end_is_waited_for_only_after_an_order() -> None:
    one, loop = watched(), Figures(up=True, uptime_s=0.0)
    ordered = Figures(up=True, uptime_s=0.0, order=Order(NOW, NOW, "normal", Step(ratio=1.0), True))
    for place in range(8):
        one.remember(Figures(up=True, uptime_s=60.0 * (1 - place % 2)), NOW + 60 * place, 3600)
        settling = minute_records([(one, loop)], NOW + 60 * place)["container:settling:count"]
        assert bool(settling) == (place < 7)  # the fourth restart
    assert minute_records([(one, ordered)], NOW + 480)["container:settling:count"]
    assert not minute_records([(one, ordered)], NOW + 1800)["container:settling:count"]


SLEEP = Order(NOW, NOW, "curtail", Step(actions=(Sleep(),), ratio=0.01), True)
WAKE = Order(NOW - 1800, NOW - 1800, "normal", Step(ratio=1.0), False)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (Figures(up=False), "unreachable"),
        (Figures(up=True, state="mining", hashrate_hs=5.0), "hashing"),
        (Figures(up=True, state="mining", hashrate_hs=0.0, uptime_s=9e9), "fault"),
        (Figures(up=True, state="sleeping", order=SLEEP), "curtailed"),
        (Figures(up=True, state="sleeping"), "sleeping"),
        (Figures(up=True, state="sleeping", order=WAKE, uptime_s=9e9), "fault"),
        (Figures(up=True, state="starting", uptime_s=60.0), "settling"),
        (Figures(up=True, state="fault", uptime_s=9e9), "fault"),
    ],
)
def test_a_moment_has_one_class(figures: Figures, expected: str) -> None:
    assert class_of(figures, NOW) == expected
    classes = minute_records([(watched(), figures)], NOW)["container:miner_time_class:sum"]
    assert [key[1] for key in classes] == [f'class="{expected}"']


def test_an_order_is_confirmed_only_after_a_while_and_by_who_obeys() -> None:
    first = Order(NOW, NOW, "normal", Step(ratio=1.0), True)
    never = Order(NOW + 600, NOW + 600, "curtail", Step(actions=(Sleep(),), ratio=0.0), False)
    book = OrderBook([first, never])
    assert book.at(NOW - 1) == (None, None)
    assert book.at(NOW + 1) == (first, None)
    assert book.at(NOW + 300) == (first, first)
    assert book.at(NOW + 5000) == (never, first)


def test_the_past_ends_as_the_present_begins(tmp_path: Path) -> None:
    fleet = inventory(tmp_path)
    specs = [msgspec.convert(one, ContainerSpec, from_attributes=True) for one in fleet.containers]
    present = build_miners(specs, seed=1, start=NOW)
    past = build_past(fleet, NOW - 7 * DAY_S, NOW)
    for miner in present:
        then = past[miner.spec.container, miner.spec.name]
        now, was = miner.truth(NOW), then.truth(NOW)
        assert then.physics.booted_at == pytest.approx(miner.physics.booted_at, abs=1)
        assert was.mining_since == pytest.approx(now.mining_since, abs=60)
        assert (was.boards, was.chips) == (
            now.boards,
            now.chips,
        )  # nothing has worn out, no fault of later has begun
        assert was.accepted == pytest.approx(now.accepted, rel=0.1, abs=400)


async def test_a_miner_of_the_past_answers_or_fails_as_it_would_over_a_socket(tmp_path: Path) -> None:
    fleet = inventory(tmp_path)
    past = build_past(fleet, NOW - 3600, NOW)
    reasons = {}
    for miner in fleet.containers[0].miners:
        target = target_of(fleet.containers[0], miner, None)
        reading = await read_past(past["One", miner.name], target, Memory(), NOW - 3000)
        reasons[miner.name] = reading.reason if isinstance(reading, PollFailure) else reading.state
    assert reasons.pop("a1") == "timeout"
    assert reasons.pop("a2") == "refused"
    assert reasons.pop("a3") == "malformed"
    assert reasons.pop("a4") == "timeout"
    assert set(reasons.values()) == {"mining"}
    reading = await read_past(
        past["One", "a6"], target_of(fleet.containers[0], fleet.containers[0].miners[5], None), Memory(), NOW
    )
    assert isinstance(reading, Snapshot)
    assert len(reading.boards) == reading.expected_boards


def test_labels_are_added_at_the_first_brace_alone() -> None:
    page = b'up{a="x{y"} 1\nplain 2\n'
    assert with_labels(page, 'job="\\\\1",') == b'up{job="\\\\1",a="x{y"} 1\nplain 2\n'


def test_blocks_that_were_not_all_moved_are_moved_the_next_time(tmp_path: Path) -> None:
    blocks = [f"01M7ZSCWTQADRQAPB9S33N48T{place}" for place in range(3)]
    folder = begin_staging(tmp_path)
    for name in blocks:
        (folder / "blocks" / name).mkdir()
    assert not has_blocks(tmp_path)
    (tmp_path / blocks[1]).write_text("in the way", encoding="utf-8")  # a rename onto a file fails
    with pytest.raises(OSError, match=blocks[1]):
        move_in(tmp_path, {"until": 5})
    assert was_moving(tmp_path)
    assert not is_made(tmp_path)
    (tmp_path / blocks[1]).unlink()
    assert finish_moving(tmp_path) == 2
    assert orjson.loads((tmp_path / RECORD).read_bytes()) == {"until": 5}
    assert all((tmp_path / name).is_dir() for name in blocks)
    assert not folder.exists()
    assert has_blocks(tmp_path)


def test_rules_are_read_as_they_stand_and_durations_with_them() -> None:
    rules = read_rules(REPOSITORY / "prometheus" / "rules")
    assert rules["MinerDown"].labels["scope"] == "miner"
    assert rules["MinerDown"].waits_s > rules["ContainerDown"].waits_s > 0
    assert (seconds_of("1h30m"), seconds_of("15s"), seconds_of(None)) == (5400.0, 15.0, 0.0)


def test_what_is_no_rule_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "alert-x.yml").write_text("groups: 7", encoding="utf-8")
    with pytest.raises(ValueError, match=r"alert-x\.yml"):
        read_rules(tmp_path)
