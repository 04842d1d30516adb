"""Avalon's readings, family by family."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.ask import TcpLink
from miners.draft import Draft, conclude
from miners.driver import Memory
from miners.drivers import avalon
from miners.errors import Unsupported
from miners.link import Object
from miners.model import Snapshot, Target, to_json
from tests.replay.server import ReplayServer
from tests.unit.miners.avalon_modules import (
    A15,
    A741,
    A851,
    A1047,
    A1166_PRO,
    A1366,
    NANO_3S,
    nested,
    stats,
    summary,
)
from tests.unit.miners.mutation import finite, mutations

NOW = 1_790_000_000.0
TH = 1e12


def read(**replies: Object) -> Draft:
    return avalon.parse(replies, NOW)


def concluded(draft: Draft) -> Snapshot:
    return conclude(
        draft,
        Target(container="c", miner="m", address="127.0.0.1"),
        driver="avalon",
        warm_up_s=avalon.DRIVER.warm_up_s,
        now=NOW,
        duration_s=0.1,
        truncated=False,
    )


def test_three_modules_of_a_741_are_one_miner_with_twelve_boards() -> None:
    draft = read(
        stats=stats(
            A741, A741, A741.replace("Temp[31]", "Temp[35]").replace("TMax[91]", "TMax[95]"), first=1
        ),
        summary=summary(**{"MHS 5s": 21_950_000.5, "MHS av": 21_900_000.0, "Total MH": 1.0731e11}),
    )
    assert draft.model == "741"
    assert draft.firmware_version == "1706-3162860"
    assert draft.serial is None  # three modules, three of them: none is the controller's
    assert draft.hashrate_hs == pytest.approx(21.9500005 * TH)
    assert draft.hashrate_average_hs == pytest.approx(21.9 * TH)
    assert draft.nominal_hashrate_hs == pytest.approx(3 * 7.3254 * TH)
    assert draft.hashes_total == pytest.approx(1.0731e17)
    assert [board.index for board in draft.boards] == [10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33]
    assert draft.expected_boards == 12
    board = draft.boards[1]
    assert (board.chips, board.chip_max_c, board.chip_avg_c, board.hardware_errors) == (22, 90.0, 80.0, 0)
    assert board.hashrate_hs is None
    assert board.frequency_hz == 641.3e6
    assert [board.inlet_c for board in draft.boards[7:9]] == [31.0, 35.0]
    assert (draft.inlet_c, draft.chip_max_c) == (35.0, 95.0)
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [(10, 4080.0), (20, 4080.0), (30, 4080.0)]
    assert draft.fan_duty_ratio == pytest.approx(0.62)
    assert draft.hardware_errors == 24
    assert [fault.code for fault in draft.faults] == ["M1:ECHU1:512", "M2:ECHU1:512", "M3:ECHU1:512"]
    assert draft.faults[0].text == "core test failed"
    assert draft.power_w is None
    snapshot = concluded(draft)
    assert snapshot.state == "mining"
    assert snapshot.power_source == "estimated"
    assert snapshot.power_w == pytest.approx(1150 / 7.3 * 21.9500005)


def test_a_module_that_is_gone_leaves_the_numbers_of_the_others() -> None:
    reply = stats(A851, A851, first=1)
    del reply["STATS"][0]["MM ID1"]
    draft = read(stats=reply)
    assert [board.index for board in draft.boards] == [20, 21, 22, 23]
    assert draft.model == "851"
    assert draft.serial == "0132bb5c6e7f8092"
    assert draft.faults == []  # bit 0 says idle, which is no fault


def test_two_devices_count_their_modules_each_from_one() -> None:
    reply = stats(A851, first=1)
    reply["STATS"] += [{"ID": "AV81", "MM ID1": A851}, {"ID": "POOL0", "MM ID9": A851}]
    assert [board.index for board in read(stats=reply).boards] == [10, 11, 12, 13, 1010, 1011, 1012, 1013]


def test_a_1047_reports_no_power_at_the_wall() -> None:
    draft = read(stats=stats(A1047), summary=summary(**{"MHS 5s": 37_100_000.0}))
    assert draft.model == "1047-37"
    assert draft.firmware_version == "20032101_5a4e3ea_6f5c7c0"
    assert draft.hashrate_hs == pytest.approx(37.1 * TH)
    assert draft.hashrate_average_hs == pytest.approx(36.99025 * TH)
    assert [board.hashrate_hs for board in draft.boards] == [
        pytest.approx(18.5 * TH),
        pytest.approx(18.49025 * TH),
    ]
    assert [board.chips for board in draft.boards] == [120, 120]
    assert draft.power_w is None
    assert draft.asleep is None
    assert draft.psu is not None
    assert draft.psu.output_v == pytest.approx(12.4)
    assert [fan.index for fan in draft.fans] == [1, 2]


def test_a_1066_that_writes_no_speed_while_it_mines_is_read_from_its_summary() -> None:
    text = A1047.replace("1047-37", "1066-50").replace("GHSmm", "GHSspd[0.00] GHSmm")
    draft = read(stats=stats(text), summary=summary(**{"MHS 5s": 0.0, "MHS 1m": 49_800_000.0}))
    assert draft.hashrate_hs == pytest.approx(49.8 * TH)
    assert draft.boards[0].hashrate_hs == pytest.approx(18.5 * TH)
    assert read(stats=stats(text), summary=summary(**{"MHS 1m": 0.0})).hashrate_hs == 0.0
    # Alone, such a module does not tell whether it hashes; one of another family does.
    assert read(stats=stats(text)).hashrate_hs is None
    assert read(stats=stats(text.replace("1066-50", "1166-68"))).hashrate_hs == 0.0


def test_boards_show_nothing_while_the_miner_hashes_nothing() -> None:
    draft = read(
        stats=stats(A1366.replace("GHSspd[129.5e3]", "GHSspd[0.00]")), summary=summary(**{"MHS 5s": 0})
    )
    assert [board.hashrate_hs for board in draft.boards] == [0.0, 0.0, 0.0]
    assert concluded(draft).state == "fault"


def test_a_1166_pro_measures_no_wall_power_and_eco_is_its_mode() -> None:
    draft = read(stats=stats(A1166_PRO), summary=summary())
    assert draft.model == "1166Pro-S-81"
    assert draft.hashrate_hs == pytest.approx(80.1101 * TH)
    assert draft.power_w is None
    assert draft.power_mode == "eco"
    assert draft.asleep is False
    snapshot = concluded(draft)
    assert snapshot.expected_boards == 3
    assert {board.expected_chips for board in snapshot.boards} == {120}


def test_a_1366_reads_its_inlet_elsewhere_and_its_power_at_the_wall() -> None:
    draft = read(stats=stats(A1366))
    assert draft.hashrate_hs == pytest.approx(129.5 * TH)
    assert draft.inlet_c == 24.0
    assert (draft.power_w, draft.power_limit_w) == (3391.0, 3400.0)
    assert (draft.power_mode, draft.profile) == ("standard", "2")
    assert [board.chips for board in draft.boards] == [114, 114, 114]
    assert draft.mining_s == 3600.0


def test_an_a15_reads_wall_power_and_air_at_each_board() -> None:
    draft = read(stats=stats(A15))
    assert draft.model == "15-194"
    assert draft.power_w == 3622.0
    assert draft.power_limit_w == 3700.0
    assert draft.power_mode == "super"
    assert [(board.inlet_c, board.outlet_c) for board in draft.boards] == [(30, 55), (31, 56), (32, 57)]
    assert (draft.inlet_c, draft.outlet_c) == (21.0, 57.0)


def test_a_nano_3s_has_one_board_one_fan_and_no_air_sensor() -> None:
    draft = read(stats=stats(NANO_3S))
    assert draft.model == "Nano3s"
    assert draft.power_w == 134.0
    assert draft.inlet_c is None
    assert draft.outlet_c is None
    assert draft.psu is None  # 27700 is not 277 V
    assert [(fan.index, fan.speed_rpm) for fan in draft.fans] == [(1, 1320.0)]
    assert [(board.index, board.chips) for board in draft.boards] == [(0, 12)]
    assert (draft.chip_max_c, draft.chip_avg_c) == (92.0, 86.0)
    assert concluded(draft).expected_boards == 1


def test_the_nested_form_of_a_q_is_the_same_reading() -> None:
    draft = read(stats=nested())
    assert draft.model == "Q"
    assert draft.hashrate_hs == pytest.approx(6.21055 * TH)
    assert [(board.chip_max_c, board.chip_avg_c) for board in draft.boards] == [(64.0, 62.0)]


def test_a_q_that_sleeps_does_not_show_the_chips_it_fell_asleep_with() -> None:
    draft = read(
        stats=nested(SYSTEMSTATU="Work: In Idle, Hash Board: 1", SoftOFF="4", TMax="0", GHSspd="0.00")
    )
    assert draft.asleep is True
    assert [board.chip_max_c for board in draft.boards] == [None]
    assert concluded(draft).state == "sleeping"
    assert concluded(draft).boards[0].hashrate_hs == 0.0


@pytest.mark.parametrize(
    ("status", "off", "speed", "asleep"),
    [
        ("Work: In Work, Hash Board: 3 ", "0", "100.0", False),
        ("Work: In Idle, Hash Board: 3 ", "0", "100.0", True),
        ("Work: In Idle, Hash Board: 3 ", "1", "0.00", True),
        ("Work: In Work, Hash Board: 3 ", "1", "0.00", True),
        ("Work: In Work, Hash Board: 3 ", "1", "100.0", False),
        ("Work: In Init, Hash Board: 3 ", "0", "0.00", False),
        ("Work: In Fault, Hash Board: 3 ", "0", "0.00", False),
        ("", "0", "0.00", False),
        ("", "2", "0.00", True),
    ],
)
def test_who_sleeps(status: str, off: str, speed: str, asleep: bool) -> None:
    text = f"SYSTEMSTATU[{status}] SoftOFF[{off}] GHSspd[{speed}] MGHS[1 1 1]"
    assert read(stats=stats(text)).asleep is asleep


def test_an_idle_miner_whose_pools_are_all_dead_does_not_sleep() -> None:
    text = "SYSTEMSTATU[Work: In Idle, Hash Board: 3 ] SoftOFF[0] GHSspd[0.00] MGHS[1 1 1]"
    dead = {"POOLS": [{"POOL": 0, "URL": "stratum+tcp://a:1", "Status": "Dead"}]}
    draft = read(stats=stats(text), pools=dead, summary=summary())
    assert draft.asleep is False
    assert concluded(draft).state == "fault"
    ordered = stats(text.replace("SoftOFF[0]", "SoftOFF[1]"))
    assert read(stats=ordered, pools=dead).asleep is True


def test_a_miner_in_init_is_starting_whatever_its_summary_remembers() -> None:
    text = "Elapsed[30] SYSTEMSTATU[Work: In Init, Hash Board: 0 ] GHSspd[0.00] MGHS[0 0 0] SoftOFF[0]"
    draft = read(stats=stats(text), summary=summary(Elapsed=30, **{"MHS 1m": 5000.0}))
    assert draft.hashrate_hs == 0.0
    assert len(draft.boards) == 3
    assert concluded(draft).state == "starting"


def test_faults_are_named_for_what_reports_them() -> None:
    text = (
        "SYSTEMSTATU[Work: In Fault, Hash Board: 3 ] PS[4096 1200 0 0 0 1200 0] FanErr[2] MGHS[0 0 0] GHSspd[0.00] "
        "ECHU[0 68 1] ECMM[2048]"
    )
    draft = read(stats=stats(text))
    assert {fault.code: fault.text for fault in draft.faults} == {
        "WORK:FAULT": "Work: In Fault, Hash Board: 3",
        "ECHU1:68": "no fan, too hot",
        "ECMM:2048": "power not good",
        "PS:4096": "power supply reports an error",
        "FANERR:2": "fan reports an error",
    }


def test_a_lost_board_is_missing_and_not_a_board_at_nought() -> None:
    lost = A1366.replace("Hash Board: 3", "Hash Board: 2").replace("43000.00 42500.00", "43000.00 0.00")
    lost = lost.replace("MTmax[79 78 77]", "MTmax[79 -273 77]")
    draft = read(stats=stats(lost))
    assert [board.index for board in draft.boards] == [0, 2]
    assert draft.expected_boards == 3
    standing = A1366.replace("43000.00 42500.00", "43000.00 0.00")
    assert [board.hashrate_hs for board in read(stats=stats(standing)).boards][1] == 0.0


def test_the_chips_of_the_boards_left_are_counted_and_not_shared_out_among_all() -> None:
    lost = A1366.replace("Hash Board: 3", "Hash Board: 2").replace("43000.00 42500.00", "43000.00 0.00")
    lost = lost.replace("MTmax[79 78 77]", "MTmax[79 -273 77]").replace("TA[", "TA[12] WAS[")
    counted = "PVT_T0[ 70 71 72 73 74 75 ] PVT_T2[ 70 71 72 73 74 75 ]"
    draft = read(stats=stats(f"{lost} {counted}"))
    assert [board.chips for board in draft.boards] == [6, 6]
    draft = read(stats=stats(lost))
    assert [board.chips for board in draft.boards] == [None, None]


def test_what_is_not_a_number_is_not_reported() -> None:
    text = "Ver[1246-83-21072802_4ec6bb0] GHSspd[-nan] GHSavg[nan] GHSmm[inf] MGHS[nan 1.5 x] TMax[nan] Freq[ ] TA[x]"
    draft = read(stats=stats(text), summary=summary(**{"MHS av": None, "MHS 5s": None}))
    assert draft.hashrate_hs is None
    assert draft.hashrate_average_hs is None
    assert draft.nominal_hashrate_hs is None
    assert [board.hashrate_hs for board in draft.boards] == [None, 1.5e9, None]
    assert draft.chip_max_c is None
    assert concluded(draft).state == "unknown"


def test_a_text_that_was_cut_gives_what_was_whole() -> None:
    cut = A1366[: A1366.index("131000.00") + 3]
    draft = read(stats=stats(cut))
    assert draft.hashrate_hs == pytest.approx(129.5 * TH)
    assert draft.nominal_hashrate_hs is None
    assert draft.power_w == 3391.0


def test_identity_comes_from_version_and_else_from_the_module() -> None:
    version = {
        "VERSION": [{"MODEL": "1366-131", "PROD": "AvalonMiner 1366", "MAC": "b4a2ebc0ffee", "DNA": "ab12"}]
    }
    draft = read(stats=stats(A1366), version=version)
    assert (draft.model, draft.mac, draft.serial) == ("1366-131", "B4:A2:EB:C0:FF:EE", "ab12")
    assert draft.firmware_version == "23071901_22c7f41"
    draft = read(stats=stats(A1366))
    assert (draft.model, draft.serial) == ("1366-130", "0201000055556666")
    only = {"VERSION": [{"PROD": "AvalonMiner 1246", "CGVERSION": "21072802_4ec6bb0", "DNA": "<removed>"}]}
    draft = read(summary=summary(), version=only)
    assert (draft.model, draft.firmware_version, draft.serial) == (
        "AvalonMiner 1246",
        "21072802_4ec6bb0",
        None,
    )


def test_last_share_since_boot_is_told_by_a_clock_since_boot() -> None:
    def last(when: float, share: object) -> datetime | None:
        row = {"POOL": 0, "URL": "stratum+tcp://a:1", "Status": "Alive", "Last Share Time": share}
        return read(pools={"STATUS": [{"When": when}], "POOLS": [row]}).pools[0].last_share_at

    assert last(24_700, 24_640) == datetime.fromtimestamp(NOW - 60, UTC)
    assert last(24_700, 30_000) is None
    assert last(24_700, 0) is None
    assert last(NOW, 24_640) is None
    assert last(NOW, NOW - 5) == datetime.fromtimestamp(NOW - 5, UTC)


def test_a_list_that_is_longer_than_any_module_is_no_list_of_boards() -> None:
    many = {f"MM ID{number}": "MGHS[" + "1 " * 200 + "]" for number in range(99)}
    assert read(stats={"STATS": [many, many]}).boards == []


def test_hashes_are_counted_over_years() -> None:
    assert read(summary=summary(**{"Total MH": 2.5e16})).hashes_total == pytest.approx(2.5e22)


def test_sums_that_no_counter_can_hold_are_not_reported() -> None:
    draft = read(
        stats=stats(*["MGHS[1 2] HW[5000000000000000000]"] * 3), summary=summary(**{"Total MH": 1e303})
    )
    assert draft.hardware_errors is None
    assert draft.hashes_total is None


async def ask(server: ReplayServer, memory: Memory, now: float = NOW) -> Draft:
    deadline = asyncio.get_running_loop().time() + 5.0
    target = Target(container="c", miner="m", address="127.0.0.1", port=server.port)
    return await avalon.read(TcpLink(target, now=now, deadline=deadline), memory)


REPLIES = {
    "summary": summary(**{"MHS 5s": 1.0, "MHS 1m": 2.0, "MHS av": 3.0, "Total MH": 4.0}),
    "stats": {"STATS": [{"ID": "AVA100", "Elapsed": 9, "MM ID1": A741, "MM ID2": A1366}, *nested()["STATS"]]},
    "pools": {
        "STATUS": [{"When": 5000}],
        "POOLS": [
            {"POOL": 0, "URL": "stratum+tcp://a:1", "User": "u", "Status": "Alive", "Last Share Time": 4000}
        ],
    },
    "version": {
        "VERSION": [{"MODEL": "1246", "PROD": "AvalonMiner 1246", "MAC": "b4a2ebc0ffee", "DNA": "ab"}]
    },
}


async def test_identity_is_asked_once_an_hour() -> None:
    memory = Memory()
    async with ReplayServer(REPLIES, joins=True) as server:
        for now in (NOW, NOW + 30, NOW + 3601):
            assert (await ask(server, memory, now)).mac == "B4:A2:EB:C0:FF:EE"
    assert server.asked == [
        "summary+stats+pools+version",
        "summary+stats+pools",
        "summary+stats+pools+version",
    ]


async def test_a_firmware_that_does_not_join_is_asked_one_after_the_other() -> None:
    async with ReplayServer(REPLIES) as server:
        memory = Memory()
        await ask(server, memory)
        draft = await ask(server, memory)
    assert draft.mac == "B4:A2:EB:C0:FF:EE"
    assert server.asked[-3:] == ["summary", "stats", "pools"]


async def test_a_port_without_readings_is_no_avalon() -> None:
    async with ReplayServer({"version": REPLIES["version"]}, joins=True) as server:
        with pytest.raises(Unsupported, match="neither summary nor stats"):
            await ask(server, Memory())


def check(draft: Draft) -> None:
    for parts in (draft.boards, draft.fans, draft.pools):
        indexes = [part.index for part in parts]
        assert len(set(indexes)) == len(indexes)
    snapshot = concluded(draft)
    assert finite(snapshot)
    assert to_json(snapshot)


@given(replies=mutations(REPLIES))
def test_whatever_comes_becomes_a_reading_of_finite_figures(replies: dict[str, Any]) -> None:
    check(avalon.parse(replies, NOW))


WORDS = st.sampled_from(
    ["nan", "-nan", "inf", "1e400", "-5", "", "%", "[", "]", "{", "}", "9" * 70, "²", "1_0"]
)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """Draw a module's text with some of its words replaced, and cut anywhere."""
    words = (
        draw(st.sampled_from([A741, A1047, A1366, A15, NANO_3S]))
        .replace("[", "[ ")
        .replace("]", " ]")
        .split(" ")
    )
    for _ in range(draw(st.integers(0, 8))):
        words[draw(st.integers(0, len(words) - 1))] = draw(WORDS | st.text(max_size=6))
    text = " ".join(words).replace("[ ", "[").replace(" ]", "]")
    return text[: draw(st.integers(len(text) // 2, len(text)))]


@given(first=spoilt(), second=spoilt(), chips_of=st.text(alphabet="'HB0:{}[] 1-", max_size=30))
def test_whatever_a_module_writes_becomes_a_reading_of_finite_figures(
    first: str, second: str, chips_of: str
) -> None:
    reply = stats(first, second, HBinfo=f"'HB0':{{PVT_T0[{chips_of}]}}{chips_of}")
    check(read(stats=reply, summary=REPLIES["summary"]))
