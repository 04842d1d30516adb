"""The rules of reading: what becomes of what a device reported, whatever its make."""

from datetime import UTC, datetime

import pytest

from miners.draft import STANDBY_POWER_W, Draft, conclude
from miners.model import Board, Fan, Fault, Snapshot, Target

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
TARGET = Target(container="Контейнер 1", miner="a1", address="10.1.7.16")


def concluded(draft: Draft, target: Target = TARGET, *, truncated: bool = False) -> Snapshot:
    return conclude(
        draft, target, driver="antminer", warm_up_s=600, now=NOW, duration_s=0.25, truncated=truncated
    )


def s19_pro(**more: object) -> Draft:
    return Draft(manufacturer="AntMiner", model="Antminer S19 Pro", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("draft", "state"),
    [
        (Draft(hashrate_hs=1e12), "mining"),
        (Draft(hashrate_hs=1e12, asleep=True), "sleeping"),
        (Draft(asleep=True), "sleeping"),
        (Draft(), "unknown"),
        (Draft(hashrate_hs=0.0), "starting"),
        (Draft(hashrate_hs=0.0, mining_s=599), "starting"),
        (Draft(hashrate_hs=0.0, mining_s=600), "fault"),
        (Draft(hashrate_hs=0.0, mining_s=60, uptime_s=1e6), "starting"),
        (Draft(hashrate_hs=0.0, mining_s=0, uptime_s=1e6), "fault"),
        (Draft(hashrate_hs=0.0, mining_s=0, uptime_s=30), "starting"),
    ],
)
def test_state(draft: Draft, state: str) -> None:
    assert concluded(draft).state == state


def test_sleeping_miner_shows_no_hash_rate_it_fell_asleep_with() -> None:
    snapshot = concluded(s19_pro(asleep=True, hashrate_hs=1.1e14, boards=[Board(0, hashrate_hs=3e13)]))
    assert snapshot.hashrate_hs == 0.0
    assert snapshot.boards[0].hashrate_hs == 0.0


def test_measured_power_wins_over_every_estimate() -> None:
    snapshot = concluded(s19_pro(hashrate_hs=1.1e14, power_w=3100.0))
    assert (snapshot.power_w, snapshot.power_source) == (3100.0, "measured")
    assert "power_w" not in snapshot.estimated


def test_power_is_estimated_from_the_hash_rate_now() -> None:
    snapshot = concluded(s19_pro(hashrate_hs=0.55e14, nominal_hashrate_hs=1.1e14))
    assert snapshot.power_w == pytest.approx(3250 / 2)
    assert snapshot.power_source == "estimated"
    assert "power_w" in snapshot.estimated


def test_nominal_power_follows_the_bin_of_the_device() -> None:
    snapshot = concluded(s19_pro(hashrate_hs=1e14, nominal_hashrate_hs=1e14))
    assert snapshot.nominal_power_w == pytest.approx(3250 * 100 / 110)
    assert snapshot.power_w == pytest.approx(3250 * 100 / 110)


def test_operators_nominal_power_wins_over_the_table() -> None:
    target = Target(container="c", miner="m", address="10.1.7.16", nominal_power_w=3000)
    snapshot = concluded(s19_pro(hashrate_hs=1.1e14, nominal_hashrate_hs=1.1e14), target)
    assert snapshot.nominal_power_w == 3000
    assert snapshot.power_w == pytest.approx(3000)


@pytest.mark.parametrize(("given", "expected"), [(None, STANDBY_POWER_W), (25.0, 25.0), (0.0, 0.0)])
def test_a_sleeping_miner_draws_its_standby_power(given: float | None, expected: float) -> None:
    target = Target(container="c", miner="m", address="10.1.7.16", standby_power_w=given)
    snapshot = concluded(Draft(asleep=True), target)
    assert (snapshot.power_w, snapshot.power_source) == (expected, "estimated")


def test_power_of_an_unknown_model_is_absent_and_not_zero() -> None:
    snapshot = concluded(Draft(manufacturer="AntMiner", model="Antminer S21 Foo", hashrate_hs=1e14))
    assert snapshot.power_w is None
    assert snapshot.power_source is None
    assert snapshot.identity.model == "Antminer S21 Foo"
    assert snapshot.nominal_hashrate_hs is None


def test_power_of_a_miner_that_does_not_hash_is_not_guessed() -> None:
    assert concluded(s19_pro(hashrate_hs=0.0, mining_s=5000)).power_w is None


def test_what_the_table_gives_is_marked() -> None:
    snapshot = concluded(s19_pro(hashrate_hs=1.1e14, boards=[Board(1), Board(2, expected_chips=100)]))
    assert snapshot.nominal_hashrate_hs == 110e12
    assert snapshot.expected_boards == 3
    assert [board.expected_chips for board in snapshot.boards] == [114, 100]
    assert set(snapshot.estimated) == {"nominal_hashrate_hs", "nominal_power_w", "power_w", "expected_boards"}


def test_operators_model_counts_where_the_device_names_none() -> None:
    target = Target(
        container="c", miner="m", address="10.1.7.16", manufacturer="Whatsminer", model="M30S+_VE40"
    )
    snapshot = concluded(Draft(hashrate_hs=1e14), target)
    assert snapshot.identity.manufacturer == "Whatsminer"
    assert snapshot.identity.algorithm == "SHA-256"
    assert snapshot.expected_boards == 3


@pytest.mark.parametrize(
    ("total", "average", "mining", "kept"),
    [
        (1e14 * 5000, 1e14, 5000, True),
        (1e14, 1e14, 5000, False),  # LuxOS: the average itself under the name of a total
        (0.0, 1e14, 5000, False),  # L9
        (1e14 * 5000, None, 5000, True),
        (0.0, 0.0, 5000, True),
    ],
)
def test_a_total_that_contradicts_the_average_is_no_total(
    total: float, average: float | None, mining: float, kept: bool
) -> None:
    snapshot = concluded(
        Draft(hashrate_hs=1e14, hashes_total=total, hashrate_average_hs=average, mining_s=mining)
    )
    assert (snapshot.hashes_total is not None) == kept


def test_temperatures_of_the_miner_come_from_its_boards() -> None:
    boards = [
        Board(0, board_c=60, chip_max_c=80, chip_avg_c=70),
        Board(1, board_c=65, chip_max_c=75),
        Board(2),
    ]
    temperatures = concluded(Draft(boards=boards)).temperatures_c
    assert (temperatures.board_max, temperatures.chip_max, temperatures.chip_avg) == (65, 80, 70)
    assert temperatures.inlet is None


def test_an_immersed_miner_has_no_fans_that_stand() -> None:
    fans = [Fan(0, 0), Fan(1, 0)]
    assert concluded(Draft(manufacturer="AntMiner", model="Antminer S19 Pro Hyd.", fans=fans)).fans == ()
    assert len(concluded(s19_pro(fans=fans)).fans) == 2


def test_uptime_falls_back_to_the_time_since_mining_started() -> None:
    assert concluded(Draft(mining_s=50)).uptime_s == 50
    assert concluded(Draft(mining_s=50, uptime_s=70)).uptime_s == 70


def test_a_fault_is_told_once() -> None:
    assert len(concluded(Draft(faults=[Fault("110"), Fault("110", "again"), Fault("600")])).faults) == 2


def test_a_cut_reply_is_marked() -> None:
    assert concluded(Draft(), truncated=True).truncated
    assert concluded(Draft()).taken_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
