"""The body of a simulated miner: the same seed gives the same run, the truth adds up, orders and faults have effects."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.build import build_miners
from simulator.miner import SimulatedMiner
from simulator.setting import Setting
from simulator.specs import ContainerSpec, MinerSpec

START = 1_750_000_000.0
CALM = {"restarts_per_day": 0, "pool_outages_per_day": 0, "chip_deaths_per_day": 0, "board_deaths_per_day": 0}


def one(
    model: str = "S19 Pro",
    *,
    seed: int = 7,
    wear: dict | None = None,
    just_up: bool = False,
    **simulate: object,
) -> SimulatedMiner:
    spec = MinerSpec(container="c", name="a1", address="127.0.0.1", model=model, simulate=simulate)
    container = ContainerSpec(
        name="c", timezone="Asia/Irkutsk", simulate={"wear": CALM if wear is None else wear}, miners=(spec,)
    )
    return build_miners([container], seed=seed, start=START, just_up=just_up)[0]


def test_same_seed_gives_the_same_run_however_often_it_is_asked() -> None:
    wear = {"restarts_per_day": 30, "pool_outages_per_day": 50, "chip_deaths_per_day": 40}
    often, seldom, other = one(wear=wear), one(wear=wear), one(seed=8, wear=wear)
    for second in range(0, 40_000, 7):
        often.at(START + second)
    end = START + 40_000
    assert often.at(end) == seldom.at(end)
    truth, again = often.truth(end), seldom.truth(end)
    assert truth == again
    assert truth.restarts > 3
    assert truth.pool_switches > 3
    assert other.truth(end) != truth


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=3_000), min_size=1, max_size=30))
def test_no_sequence_of_questions_changes_the_truth(pauses: list[float]) -> None:
    faults = [
        {"fault": "reboot_loop", "every_s": 700},
        {"fault": "sleeping", "after_s": 1234.5, "for_s": 2_000},
    ]
    asked, left = one(faults=faults), one(faults=faults)
    now = START
    for pause in pauses:
        now += pause
        asked.truth(now)
    assert asked.truth(now) == left.truth(now)


def test_energy_hashes_and_seconds_are_the_sums_of_what_was_shown() -> None:
    miner = one(faults=[{"fault": "sleeping", "after_s": 1_003.0, "for_s": 600.0}])
    energy = hashes = 0.0
    for second in range(7_200):
        truth = miner.truth(START + second)
        energy += truth.power_w
        hashes += truth.hashrate_hs
    end = miner.truth(START + 7_200)
    assert end.energy_joules == pytest.approx(energy, rel=1e-3)
    assert end.hashes == pytest.approx(hashes, rel=1e-3)
    assert math.fsum(end.seconds.values()) == pytest.approx(7_200)
    assert end.seconds["sleeping"] == pytest.approx(600)
    assert end.seconds["starting"] > 0


@pytest.mark.parametrize("seed", range(5))
def test_one_that_came_up_just_now_works_in_full_and_has_counted_minutes(seed: int) -> None:
    """Else a counter that begins anew, with days of work in it, would be read as days of work done at once."""
    fresh, old = one(seed=seed, just_up=True), one(seed=seed)
    now, before = fresh.at(START), old.at(START)
    assert now.hashrate_hs == before.hashrate_hs
    assert 0 < fresh.physics.session_hashes < 600 * now.hashrate_hs
    assert old.physics.session_hashes > 3_600 * before.hashrate_hs
    assert 60 < now.uptime_s < 900 < before.uptime_s


@pytest.mark.parametrize(
    "model", ["S9", "S19 Pro", "S21 Hyd", "L7", "L9", "M20S", "M60S", "741", "1246", "Q", "DG1+"]
)
def test_a_healthy_miner_is_what_its_maker_promised(model: str) -> None:
    miner = one(model)
    figures = miner.physics.figures
    for hour in range(0, 48, 3):
        moment = miner.at(START + hour * 3600)
        assert moment.hashrate_hs == pytest.approx(figures.hashrate_hs, rel=0.06)
        assert moment.power_w == pytest.approx(figures.power_w, rel=0.06)
        assert sum(board.hashrate_hs for board in moment.boards) == pytest.approx(moment.hashrate_hs)
        assert all(board.chips == figures.chips_per_board for board in moment.boards)
        assert 15 < moment.inlet_c < 50
        assert moment.inlet_c < moment.boards[0].outlet_c < moment.chip_max_c < 95
        assert all(1_800 < rpm < 7_000 for rpm in moment.fans_rpm)
        assert len(moment.fans_rpm) == figures.fans


def test_counters_only_grow_until_a_restart_sets_them_to_nothing() -> None:
    miner = one(faults=[{"fault": "reboot_loop", "every_s": 4_000, "after_s": 3_600}])
    before = begin = miner.at(START)
    for second in range(20, 3_600, 20):
        moment = miner.at(START + second)
        for name in ("accepted", "rejected", "stale", "hashes", "hardware_errors", "elapsed_s"):
            assert getattr(moment, name) >= getattr(before, name)
        before = moment
    assert 250 < before.accepted - begin.accepted < 400
    after = miner.at(START + 3_600 + 400)
    assert 0 < after.accepted < 40
    assert after.elapsed_s < 400
    assert miner.truth(START + 4_000).restarts == 1


def test_accepted_shares_account_for_the_hashes_done() -> None:
    miner = one()
    begin, end = miner.at(START), miner.at(START + 36_000)
    shares = end.accepted + end.rejected + end.stale - begin.accepted - begin.rejected - begin.stale
    assert shares * end.difficulty * 2**32 == pytest.approx(end.hashes - begin.hashes, rel=0.01)


def test_sleep_and_wake_have_physical_effects() -> None:
    miner = one()
    miner.at(START + 60)
    miner.order(Setting(asleep=True), START + 60)
    asleep = miner.at(START + 1_200)
    assert (asleep.phase, asleep.hashrate_hs) == ("sleeping", 0)
    assert asleep.power_w < 50
    assert asleep.chip_max_c < 40
    assert asleep.held_hashrate_hs > 1e14
    miner.order(Setting(asleep=False), START + 1_200)
    assert miner.at(START + 1_210).phase == "starting"
    woken = miner.at(START + 3_000)
    assert woken.phase == "mining"
    assert woken.hashrate_hs == pytest.approx(110e12, rel=0.06)
    assert woken.elapsed_s == pytest.approx(1_800)


@pytest.mark.parametrize(
    ("setting", "power"),
    [
        (Setting(power_percent=75), 0.75),
        (Setting(power_percent=115), 1.15),
        (Setting(mode="low"), 0.75),
        (Setting(mode="high"), 1.15),
        (Setting(power_limit_w=2_000), 2_000 / 3_250),
    ],
)
def test_power_follows_what_was_ordered_and_the_hash_rate_less_than_that(
    setting: Setting, power: float
) -> None:
    miner, left = one(), one()
    miner.order(setting, START)
    moment, usual = miner.at(START + 5_000), left.at(START + 5_000)
    assert moment.power_w / usual.power_w == pytest.approx(power, rel=0.05)
    assert moment.hashrate_hs / usual.hashrate_hs == pytest.approx(power**0.8, rel=0.03)
    if setting.power_limit_w:
        assert moment.power_w <= setting.power_limit_w


def test_a_dead_board_and_dead_chips_cost_their_part() -> None:
    usual = one().at(START + 5_000)
    board = one(fault="board_dead", board=2).at(START + 5_000)
    assert [part.chips for part in board.boards] == [114, 0, 114]
    assert board.hashrate_hs / usual.hashrate_hs == pytest.approx(2 / 3, rel=0.02)
    assert board.power_w < 0.72 * usual.power_w
    chips = one(fault="chip_loss", board=1, chips=57).at(START + 5_000)
    assert [part.chips for part in chips.boards] == [57, 114, 114]
    assert chips.hashrate_hs / usual.hashrate_hs == pytest.approx(5 / 6, rel=0.02)


def test_an_overheating_miner_protects_itself() -> None:
    miner = one(fault="overheating", degrees=40)
    seen = {miner.at(START + second).phase for second in range(0, 3_600, 30)}
    assert "protected" in seen
    assert miner.truth(START + 3_600).seconds["fault"] > 300


def test_a_dead_fan_makes_the_others_run_faster_and_the_chips_hotter() -> None:
    usual, moment = one().at(START + 3_000), one(fault="fan_dead", fan=2).at(START + 3_000)
    assert moment.fans_rpm[1] == 0
    assert moment.fans_rpm[0] > usual.fans_rpm[0]
    assert moment.chip_max_c > usual.chip_max_c + 2


def test_a_dead_pool_moves_the_work_and_all_dead_stop_it() -> None:
    miner = one(faults=[{"fault": "pool_dead", "pool": 1, "after_s": 600, "for_s": 600}])
    assert miner.at(START + 500).pools[0].active
    during = miner.at(START + 1_100)
    assert [pool.active for pool in during.pools] == [False, True, False]
    assert not during.pools[0].alive
    assert during.pools[1].accepted > 10
    assert miner.at(START + 1_300).pools[0].active
    assert miner.truth(START + 1_300).pool_switches == 2
    stopped = one(fault="pool_dead", pool="all").truth(START + 100)
    assert (stopped.state, stopped.hashrate_hs, stopped.active_pool) == ("fault", 0, None)


def test_rejected_shares_hardware_errors_and_a_foreign_pool_show() -> None:
    begin = one().at(START)
    rejecting = one(fault="reject_shares", ratio=0.25).at(START + 36_000)
    more = rejecting.rejected - begin.rejected
    assert more / (rejecting.accepted - begin.accepted + more) == pytest.approx(0.25, abs=0.01)
    assert one(fault="hardware_errors").at(START + 600).hardware_errors > 20 * begin.hardware_errors
    assert one(fault="foreign_pool", user="him.1").at(START + 1).pools[0].user == "him.1"


def test_a_hung_miner_shows_its_last_hash_rate_and_the_truth_knows() -> None:
    miner = one(faults=[{"fault": "stale_hashrate", "after_s": 300}])
    before = miner.at(START + 299)
    after = miner.at(START + 5_000)
    assert after.hashrate_hs == pytest.approx(before.hashrate_hs, rel=0.02)
    assert after.accepted - before.accepted <= 1
    truth = miner.truth(START + 5_000)
    assert (truth.state, truth.hashrate_hs) == ("fault", 0)
    assert truth.power_w < 500


def test_faults_begin_and_end_at_their_time_and_can_be_taken_away() -> None:
    miner = one(faults=[{"fault": "silent", "after_s": 100, "for_s": 50}, {"fault": "refused"}])
    assert not miner.truth(START + 10).answering
    assert miner.remove_faults("refused", START + 20) == 1
    assert miner.truth(START + 99).answering
    assert not miner.truth(START + 101).answering
    assert miner.truth(START + 151).answering
    assert miner.truth(START + 151).faults == ()


def test_weather_has_warm_afternoons_where_the_container_stands() -> None:
    miner = one()
    by_hour: dict[int, list[float]] = {}
    for hour in range(24 * 5):
        local_hour = int((START + hour * 3600) // 3600 + 8) % 24
        by_hour.setdefault(local_hour, []).append(miner.at(START + hour * 3600).inlet_c)
    means = {hour: sum(values) / len(values) for hour, values in by_hour.items()}
    assert means[15] > means[3] + 4
