"""Avalons of which only some replies, or parts of replies, can be had: right figures or none."""

import asyncio
import json

import pytest

from miners.ask import TcpLink
from miners.draft import Draft
from miners.driver import Memory
from miners.drivers import avalon
from miners.link import Object
from miners.model import Target
from tests.replay.server import ReplayServer
from tests.unit.miners.avalon_modules import A741, A1047, A1166_PRO, A1366, stats, summary

NOW = 1_790_000_000.0
TH = 1e12


def devs(*rates: float, said: int | None = None) -> Object:
    rows = [
        {
            "ASC": number,
            "Name": "AVA10",
            "MHS 5s": rate,
            "MHS av": rate,
            "Accepted": 20,
            "Rejected": 1,
            "Hardware Errors": 3,
            "Total MH": rate * 100,
            "Device Elapsed": 100 + number,
        }
        for number, rate in enumerate(rates)
    ]
    return {
        "STATUS": [{"STATUS": "S", "Code": 9, "Msg": f"{said or len(rows)} ASC(s)"}],
        "DEVS": rows,
    }


async def ask(
    replies: dict[str, object], memory: Memory | None = None, **how: object
) -> tuple[Draft, list[str]]:
    async with ReplayServer(replies, **how) as server:  # type: ignore[arg-type]  # as the server takes them
        target = Target(container="c", miner="m", address="127.0.0.1", port=server.port)
        link = TcpLink(target, now=NOW, deadline=asyncio.get_running_loop().time() + 5.0)
        return await avalon.read(link, memory or Memory()), server.asked


async def test_modules_are_read_from_whichever_question_tells_them() -> None:
    memory = Memory()
    replies: dict[str, object] = {"estats": stats(A1166_PRO), "summary": summary()}
    draft, asked = await ask(replies, memory)
    assert (draft.model, draft.hashrate_hs) == ("1166Pro-S-81", pytest.approx(80.1101 * TH))
    assert "estats" in asked
    _, asked = await ask(replies, memory)
    assert asked == ["summary", "estats"]


async def test_devices_add_up_to_the_summary_that_is_missing() -> None:
    draft, _ = await ask({"devs": devs(30e6, 40e6)})
    assert (draft.hashrate_hs, draft.hashrate_average_hs) == (pytest.approx(70 * TH), pytest.approx(70 * TH))
    assert (draft.accepted, draft.rejected, draft.stale, draft.hardware_errors) == (40, 2, None, 6)
    assert (draft.mining_s, draft.hashes_total) == (101.0, pytest.approx(7000 * TH))
    lost = devs(30e6, 40e6)
    del lost["DEVS"][1]["MHS 5s"], lost["DEVS"][1]["MHS av"]
    draft, _ = await ask({"devs": lost})
    assert draft.hashrate_hs is None


def test_devices_that_may_be_cut_off_are_not_added_up() -> None:
    assert avalon.parse({"devs": devs(30e6, said=2)}, NOW, whole=False).hashrate_hs is None
    assert avalon.parse({"devs": devs(30e6)}, NOW, whole=False).hashrate_hs == pytest.approx(30 * TH)


def test_modules_that_may_be_cut_off_are_not_added_up() -> None:
    fleet = {"stats": stats(A741, A741, first=1), "summary": summary(**{"MHS 5s": 14.5e6})}
    cut = avalon.parse(fleet, NOW, whole=False)
    assert (cut.nominal_hashrate_hs, cut.expected_boards, cut.hardware_errors, cut.serial) == (
        None,
        None,
        None,
        None,
    )
    assert cut.hashrate_hs == pytest.approx(14.5 * TH)
    assert [board.index for board in cut.boards] == [10, 11, 12, 13, 20, 21, 22, 23]
    fleet["stats"]["STATS"][0]["MM Count"] = 2
    known = avalon.parse(fleet, NOW, whole=False)
    assert (known.nominal_hashrate_hs, known.expected_boards) == (pytest.approx(2 * 7.3254 * TH), 8)
    single = avalon.parse({"stats": stats(A1166_PRO)}, NOW, whole=False)
    assert single.nominal_hashrate_hs == pytest.approx(81.99 * TH)


def test_a_module_without_a_word_leaves_unknown_what_all_would_say() -> None:
    reply = stats("", A741, A741, first=1)
    draft = avalon.parse({"stats": reply}, NOW)
    assert (draft.model, draft.expected_boards, draft.nominal_hashrate_hs) == ("741", None, None)
    del reply["STATS"][0]["MM ID1"]
    reply["STATS"][0]["MM Count"] = 3
    assert avalon.parse({"stats": reply}, NOW).expected_boards is None


async def test_a_reply_that_ends_within_a_module_gives_what_of_it_was_whole() -> None:
    raw = json.dumps(stats(A1366)).encode()
    draft, _ = await ask({"stats": raw[: raw.index(b"MGHS[43") + 8], "summary": summary()})
    assert (draft.model, draft.hashrate_hs) == ("1366-130", pytest.approx(129.5 * TH))
    assert (draft.power_w, draft.chip_max_c, draft.boards[0].hashrate_hs) == (3391.0, 79.0, None)
    assert draft.nominal_hashrate_hs == pytest.approx(131 * TH)


@pytest.mark.parametrize(
    ("rates", "ths"),
    [
        ({"MHS 5s": 0.06, "MHS 1m": 12e6, "MHS av": 36e6}, 0.0),
        ({"MHS 5s": 0.0, "MHS 1m": 12e6, "MHS av": 36e6}, 0.0),
        ({"MHS 5s": 0.0, "MHS 1m": 35e6, "MHS av": 36e6}, 35.0),
        ({"MHS 30s": 30e6, "MHS 1m": 33e6, "MHS av": 36e6}, 30.0),
        ({"MHS 5s": 30e6}, 30.0),
    ],
)
def test_what_fades_of_a_rate_is_no_rate(rates: dict[str, float], ths: float) -> None:
    assert avalon.parse({"stats": stats(A1047), "summary": summary(**rates)}, NOW).hashrate_hs == ths * TH


def test_one_sensor_for_all_boards_is_no_boards_own() -> None:
    text = A1366.replace("TMax[79]", "HBITemp[31] HBOTemp[52] TMax[79]")
    draft = avalon.parse({"stats": stats(text)}, NOW)
    assert [(board.inlet_c, board.outlet_c) for board in draft.boards] == [(None, None)] * 3
    assert draft.outlet_c == 52.0


def test_a_lost_bracket_costs_one_value() -> None:
    draft = avalon.parse({"stats": stats(A1166_PRO.replace("Temp[33] ", "Temp[33 "))}, NOW)
    assert (draft.inlet_c, draft.chip_max_c) == (None, 82.0)
    draft = avalon.parse({"stats": stats(A1166_PRO.replace("GHSspd[80110.10]", "GHSspd80110.10]"))}, NOW)
    assert (draft.hashrate_hs, draft.nominal_hashrate_hs) == (None, pytest.approx(81.99 * TH))
