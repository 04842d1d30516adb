"""LuxOS readings. The documents are written for these tests in the shape that the firmware sends."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from miners.ask import TcpLink
from miners.draft import Draft, conclude
from miners.driver import Memory
from miners.drivers import luxos
from miners.errors import Unsupported
from miners.link import Object
from miners.model import Snapshot, Target, to_json
from tests.replay.server import ReplayServer
from tests.unit.miners.mutation import finite, mutations

NOW = 1_790_000_000.0
STARTED = NOW - 7200
TH = 1e12


def reply(section: str, *rows: Object, **more: Any) -> Object:
    status = [{"STATUS": "S", "When": int(NOW), "Description": "LUXminer 2025.9.8.152528-e04420b4b"}]
    return {"STATUS": status, section: list(rows), "id": 1, **more}


def device(board: int, **more: Any) -> Object:
    base = {
        "ASC": board,
        "ID": board,
        "MHS 5s": 4.0e7,
        "MHS av": 3.9e7,
        "Nominal MHS": 4.1e7,
        "Hardware Errors": board,
    }
    return {**base, "SerialNumber": f"SN{board}", "Temperature": 60.0 + board, "Status": "Alive", **more}


def sensors(board: int, **more: Any) -> Object:
    base = {"TopLeft": 58.0, "BottomLeft": 59.0, "TopRight": 35.0, "BottomRight": 36.0}
    return {"ID": board, "TEMP": board, **base, **more}


def pool(index: int, group: int, **more: Any) -> Object:
    base = {
        "POOL": index,
        "GROUP": group,
        "URL": f"stratum+tcp://pool{index}:3333",
        "User": "u",
        "Status": "Alive",
    }
    counts = {"Accepted": 10, "Rejected": 1, "Stale": 0, "Stratum Active": True, "Priority": index}
    return {**base, **counts, "Last Share Time": "00:00:05", **more}


CHAINS = {f"chain_acn{chain}": 108 for chain in (1, 2, 3)} | {f"freq{chain}": 525.0 for chain in (1, 2, 3)}

WHOLE: dict[str, Object] = {
    "summary": reply(
        "SUMMARY",
        {
            "Elapsed": 7200,
            "GHS 5s": 120_000.5,
            "GHS av": 118_000.0,
            "Accepted": 900,
            "Rejected": 3,
            "Stale": 2,
            "Hardware Errors": 3,
            "Total MH": 118_000_000.0,
        },
    ),
    "devs": reply("DEVS", device(2), device(0), device(1)),
    "pools": reply("POOLS", pool(0, 0), pool(1, 0, Status="Dead", **{"Stratum Active": False}), pool(2, 1)),
    "temps": reply("TEMPS", sensors(1, TopRight=31.0, BottomRight=30.0), sensors(0), sensors(2)),
    "fans": reply(
        "FANS",
        {"FAN": "FAN2", "ID": 0, "RPM": 5100, "Speed": 70},
        {"FAN": "FAN1", "ID": 1, "RPM": 0, "Speed": 70},
    ),
    "power": reply("POWER", {"PSU": True, "Watts": 3120}),
    "config": reply(
        "CONFIG",
        {
            "Model": "Antminer S19j Pro",
            "MACAddr": "62:f7:5e:00:00:01",
            "SerialNumber": "SER1",
            "Hostname": "row-3",
            "Profile": "default",
            "CurtailMode": "None",
            "SystemStatus": "Normal",
            "NameplateTHS": 104.0,
            "PSULabel": "APW12",
        },
    ),
    "stats": reply("STATS", {"Type": "Antminer S19j Pro", "Miner": "2025.9.8"}, {"ID": "BTM_SOC0", **CHAINS}),
    "version": reply("VERSION", {"Type": "Antminer S19j Pro", "LUXminer": "2025.9.8.152528-e04420b4b"}),
    "events": reply("EVENTS"),
}


def read(**replies: Object | None) -> Draft:
    return luxos.parse({**WHOLE, **replies}, NOW)


def config(**more: Any) -> Object:
    return reply("CONFIG", {**WHOLE["config"]["CONFIG"][0], **more})


def concluded(draft: Draft) -> Snapshot:
    return conclude(
        draft,
        Target(container="c", miner="m", address="127.0.0.1"),
        driver="luxos",
        warm_up_s=luxos.DRIVER.warm_up_s,
        now=NOW,
        duration_s=0.1,
        truncated=False,
    )


def test_a_whole_reading() -> None:
    draft = read()
    assert (draft.manufacturer, draft.model, draft.firmware) == ("AntMiner", "Antminer S19j Pro", "LuxOS")
    assert draft.firmware_version == "2025.9.8.152528-e04420b4b"
    assert (draft.mac, draft.serial, draft.hostname) == ("62:F7:5E:00:00:01", "SER1", "row-3")
    assert draft.hashrate_hs == pytest.approx(120.0005 * TH)
    assert draft.hashrate_average_hs == pytest.approx(118 * TH)
    assert draft.nominal_hashrate_hs == pytest.approx(104 * TH)
    assert draft.hashes_total is None  # Total MH is an average there
    assert draft.mining_s == 7200.0
    assert draft.power_w == 3120.0
    assert draft.profile == "default"
    assert (draft.accepted, draft.rejected, draft.stale, draft.hardware_errors) == (900, 3, 2, 3)
    assert draft.psu is not None
    assert draft.psu.model == "APW12"
    snapshot = concluded(draft)
    assert snapshot.state == "mining"
    assert snapshot.power_source == "measured"
    assert snapshot.expected_boards == 3
    assert snapshot.temperatures_c.board_max == 62.0
    assert snapshot.temperatures_c.chip_max is None


def test_boards_come_in_the_order_of_their_numbers_with_their_own_sensors_and_chips() -> None:
    chains = reply(
        "STATS", {"chain_acn1": 108, "chain_acn2": 107, "chain_acn3": 0, "freq1": 525.0, "freq3": 0.0}
    )
    boards = read(stats=chains).boards
    assert [board.index for board in boards] == [0, 1, 2]
    assert [board.serial for board in boards] == ["SN0", "SN1", "SN2"]
    assert [board.board_c for board in boards] == [60.0, 61.0, 62.0]
    assert [(board.inlet_c, board.outlet_c) for board in boards] == [(36.0, 59.0), (31.0, 59.0), (36.0, 59.0)]
    assert [board.chips for board in boards] == [108, 107, 0]
    assert [board.frequency_hz for board in boards] == [525e6, None, None]
    assert [board.hardware_errors for board in boards] == [0, 1, 2]
    assert boards[0].hashrate_hs == pytest.approx(40 * TH)
    assert boards[0].nominal_hashrate_hs == pytest.approx(41 * TH)


def test_the_labels_of_the_sensors_win_over_their_places() -> None:
    labels = {"TopLeft": {"Label": "Board Intake (top)"}, "BottomRight": {"Label": "Board Exhaust (bottom)"}}
    temps = reply(
        "TEMPS", sensors(0, TopLeft=20.0, TopRight=21.0, BottomLeft=70.0, BottomRight=71.0), METADATA=[labels]
    )
    board = read(temps=temps).boards[0]
    assert (board.inlet_c, board.outlet_c) == (21.0, 71.0)


def test_sensors_without_power_report_nothing() -> None:
    temps = reply("TEMPS", sensors(0, TopLeft=0.0, TopRight=0.0, BottomLeft=0.0, BottomRight=0.0))
    draft = read(temps=temps, devs=reply("DEVS", device(0, Temperature=0.0)))
    assert (draft.boards[0].inlet_c, draft.boards[0].outlet_c, draft.boards[0].board_c) == (None, None, None)
    assert (draft.inlet_c, draft.outlet_c) == (None, None)


def test_the_nominal_rate_of_a_miner_without_a_nameplate_is_that_of_its_boards() -> None:
    assert read(config=config(NameplateTHS=0)).nominal_hashrate_hs == pytest.approx(123 * TH)
    devices = reply("DEVS", device(0), device(1, **{"Nominal MHS": 0}))
    assert read(config=config(NameplateTHS=None), devs=devices).nominal_hashrate_hs is None


def test_fans_are_numbered_as_their_sockets_are() -> None:
    draft = read()
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [(1, 0.0), (2, 5100.0)]
    assert draft.fan_duty_ratio == pytest.approx(0.7)
    unnamed = reply("FANS", {"ID": 0, "RPM": 4000}, {"ID": 1, "RPM": "4100"}, {"ID": 2, "RPM": None})
    assert [(fan.index, fan.speed_rpm) for fan in read(fans=unnamed).fans] == [(0, 4000.0), (1, 4100.0)]


def test_each_group_of_pools_has_its_active_one() -> None:
    pools = read().pools
    assert [(pool.index, pool.active, pool.alive) for pool in pools] == [
        (0, True, True),
        (1, False, False),
        (2, True, True),
    ]
    assert pools[0].last_share_at == datetime.fromtimestamp(NOW - 5, UTC)


def test_a_pool_that_had_no_share_does_not_count_from_the_start() -> None:
    never = pool(0, 0, Accepted=0, Rejected=0, **{"Last Share Time": "02:00:00"})
    assert read(pools=reply("POOLS", never)).pools[0].last_share_at is None


def test_pools_with_the_same_number_in_two_groups_stay_apart() -> None:
    found = read(pools=reply("POOLS", pool(0, 0), pool(0, 1))).pools
    assert [pool.index for pool in found] == [0, 1]


@pytest.mark.parametrize(
    ("mode", "status", "asleep"),
    [
        ("None", "Normal", False),
        ("Sleep", "Normal", True),
        ("sleep", None, True),
        ("None", "Curtailed", True),
        ("None", "Idle", True),
        ("WakeUp", "Normal", False),
        (None, None, None),
        (7, ["x"], False),
    ],
)
def test_who_sleeps(mode: Any, status: Any, asleep: bool | None) -> None:
    assert read(config=config(CurtailMode=mode, SystemStatus=status)).asleep is asleep


def test_a_sleeping_miner_shows_no_rate_and_no_measured_nought() -> None:
    draft = read(config=config(CurtailMode="Sleep"), power=reply("POWER", {"Watts": 0}))
    snapshot = concluded(draft)
    assert (snapshot.state, snapshot.hashrate_hs, snapshot.power_source) == ("sleeping", 0.0, "estimated")


def test_a_supply_that_a_protection_cut_is_a_fault_and_not_sleep() -> None:
    stopped = reply("SUMMARY", {"Elapsed": 7200, "GHS 5s": 0})
    draft = read(summary=stopped, config=config(IsPowerSupplyOn=False))
    assert draft.asleep is False
    assert concluded(draft).state == "fault"


def test_power_limits() -> None:
    assert read().power_limit_w is None
    assert read(config=config(PowerLimit=3300)).power_limit_w == 3300.0
    aimed = config(PowerLimit=3300, IsPowerTargetEnabled=True, ActualPowerTarget=2900)
    assert read(config=aimed).power_limit_w == 2900.0


def event(code: str, at: float, target: str = "MINER", **more: Any) -> Object:
    created = datetime.fromtimestamp(at, UTC).isoformat()
    return {"Code": code, "CreatedAt": created, "Description": f"{code}.", "Target": target, **more}


def codes(*events: Object, **replies: Object) -> list[str]:
    return [fault.code for fault in read(events=reply("EVENTS", *events), **replies).faults]


def test_events_since_the_start_are_faults_and_older_ones_are_over_while_the_miner_hashes() -> None:
    assert codes(event("NEW", STARTED + 60), event("OLD", STARTED - 60)) == ["NEW"]
    stopped = reply("SUMMARY", {"Elapsed": 7200, "GHS 5s": 0})
    assert codes(event("OLD", STARTED - 60), summary=stopped) == ["OLD"]
    assert codes(event("OLD", STARTED - 60), summary=stopped, config=config(CurtailMode="Sleep")) == []


def test_an_event_of_a_board_is_over_when_that_board_hashes() -> None:
    old = [event("BOARD_DOWN", STARTED - 60, "BOARD", ID=board) for board in (0, 1)]
    assert codes(*old) == []
    one_stands = reply("DEVS", device(0), device(1, **{"MHS 5s": 0.0}))
    assert codes(old[0], devs=one_stands) == []
    assert codes(old[1], devs=one_stands) == ["BOARD_DOWN"]
    assert codes(event("GONE", STARTED - 60, "BOARD", ID=5)) == ["GONE"]


def test_an_event_that_says_no_time_counts_and_one_code_is_one_fault() -> None:
    first = STARTED + 10
    assert codes({"Code": "X"}, {"Code": "Y", "CreatedAt": "yesterday"}, {"Description": "no code"}) == [
        "X",
        "Y",
    ]
    faults = read(events=reply("EVENTS", event("T", first + 30), event("T", first))).faults
    assert [(fault.code, fault.text, fault.since) for fault in faults] == [
        ("T", "T.", datetime.fromtimestamp(first, UTC))
    ]
    local = datetime.fromtimestamp(first, UTC) + timedelta(hours=2)
    zoned = {"Code": "Z", "CreatedAt": local.strftime("%Y-%m-%dT%H:%M:%S") + "+02:00"}
    assert read(events=reply("EVENTS", zoned)).faults[0].since == datetime.fromtimestamp(first, UTC)


def test_the_rate_is_read_under_either_unit() -> None:
    assert read(summary=reply("SUMMARY", {"MHS 5s": 90_000_000.0})).hashrate_hs == pytest.approx(90 * TH)


def test_a_miner_that_answers_little_is_read_for_what_it_says() -> None:
    draft = luxos.parse({"devs": WHOLE["devs"]}, NOW)
    assert draft.hashrate_hs == pytest.approx(120 * TH)
    assert len(draft.boards) == 3
    assert draft.firmware_version == "2025.9.8.152528-e04420b4b"
    assert (draft.asleep, draft.power_w, draft.fans, draft.pools, draft.faults) == (None, None, [], [], [])
    assert luxos.parse({"stats": WHOLE["stats"]}, NOW).model == "Antminer S19j Pro"


async def ask(server: ReplayServer, memory: Memory, now: float = NOW) -> Draft:
    deadline = asyncio.get_running_loop().time() + 5.0
    target = Target(container="c", miner="m", address="127.0.0.1", port=server.port)
    return await luxos.read(TcpLink(target, now=now, deadline=deadline), memory)


async def test_what_changes_slowly_is_asked_seldom_and_remembered() -> None:
    memory = Memory()
    async with ReplayServer({**WHOLE, "events": EVENTS}, joins=True) as server:
        for now in (NOW, NOW + 30, NOW + 301, NOW + 3601):
            assert [fault.code for fault in (await ask(server, memory, now)).faults] == ["NEW"]
    poll = "+".join(luxos.POLL)
    assert server.asked == [f"{poll}+version+events", poll, f"{poll}+events", f"{poll}+version+events"]


async def test_an_older_firmware_without_events_is_read_all_the_same() -> None:
    replies = {command: answer for command, answer in WHOLE.items() if command != "events"}
    memory = Memory()
    async with ReplayServer(replies, joins=True) as server:
        await ask(server, memory)
        draft = await ask(server, memory, NOW + 30)
    assert draft.faults == []
    assert draft.power_w == 3120.0
    assert server.asked[-1] == "+".join(luxos.POLL)


async def test_a_port_without_readings_is_no_luxos() -> None:
    async with ReplayServer({"version": WHOLE["version"]}, joins=True) as server:
        with pytest.raises(Unsupported, match="neither summary nor devs"):
            await ask(server, Memory())


EVENTS = reply("EVENTS", event("OLD", STARTED - 5, "BOARD", ID=1), event("NEW", NOW))


@given(replies=mutations({**WHOLE, "events": EVENTS}))
def test_whatever_comes_becomes_a_reading_of_finite_figures(replies: dict[str, Any]) -> None:
    draft = luxos.parse(replies, NOW)
    for parts in (draft.boards, draft.fans, draft.pools):
        indexes = [part.index for part in parts]
        assert len(set(indexes)) == len(indexes)
    snapshot = concluded(draft)
    assert finite(snapshot)
    assert to_json(snapshot)
