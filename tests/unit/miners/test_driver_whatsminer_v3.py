"""Whatsminer's API v3: the readings, and what is asked when. The replies are written for these tests."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.ask import TcpLink
from miners.draft import Draft
from miners.driver import Memory
from miners.drivers.whatsminer_v3 import DRIVER, parse, read
from miners.errors import AuthFailed, PollError, Unsupported
from miners.link import Object
from miners.model import Snapshot, Target
from tests.replay.server import ReplayServer
from tests.unit.miners import strange_documents
from tests.unit.miners.strange_documents import ScriptedLink, assert_sane, mutated

NOW = 1_790_000_000.0
TH = 1e12


def answer(msg: Any, code: Any = 0) -> Object:
    return {"code": code, "when": int(NOW), "msg": msg, "desc": "whatsminer"}


def summary(ths: float = 171.0, **more: Any) -> Object:
    return {
        "elapsed": 40_000,
        "bootup-time": 1200,
        "freq-avg": 640,
        "target-freq": 600,
        "factory-hash": 174.5,
        "hash-average": ths * 0.99,
        "hash-1min": ths * 1.01,
        "hash-15min": ths,
        "hash-realtime": ths * 1.02,
        "power-rate": 18.5,
        "power-5min": 3190.0,
        "power-realtime": 3201.5,
        "power-limit": 3600,
        "environment-temperature": 27.5,
        "board-temperature": [61.5, 62.0, 63.5],
        "chip-temp-min": 70.1,
        "chip-temp-max": 88.4,
        "chip-temp-avg": 80.2,
        "fan-speed-in": 5100,
        "fan-speed-out": 5010,
        **more,
    }


def board(number: int, ths: float = 57.0, **more: Any) -> Object:
    return {
        "id": number,
        "status": "alive",
        "hash-realtime": ths,
        "hash-average": ths * 0.99,
        "factory-hash": 58.2,
        "freq": 640.0 + number,
        "effective-chips": 117,
        "chip-temp-min": 70.0,
        "chip-temp-max": 86.0 + number,
        "chip-temp-avg": 80.0,
        **more,
    }


def pool(number: int, **more: Any) -> Object:
    return {
        "id": number,
        "url": f"stratum+tcp://pool{number}.example:3333",
        "account": "yard.m1",
        "status": "alive",
        "stratum-active": number == 1,
        "pool-priority": number - 1,
        "last-share-time": int(NOW) - 9 if number == 1 else 0,
        **more,
    }


def device(*, working: object = "true", **more: Any) -> Object:
    return {
        "miner": {
            "working": working,
            "type": "M60S_VK30",
            "miner-sn": "HTM3CS30HD24010203",
            "board-num": "3",
            "pcbsn0": "BKM3CSE0001",
            "pcbsn1": "BKM3CSE0002",
            "pcbsn2": "BKM3CSE0003",
        },
        "system": {"api": "3.0.1", "fwversion": "20250314.16.Rel2", "platform": "H616"},
        "network": {"mac": "CE:02:01:00:8C:37", "hostname": "WhatsMiner", "ip": "10.1.7.9"},
        "power": {
            "mode": "1",
            "model": "P221B",
            "sn": "1436B2429603098",
            "vin": 231.25,
            "iin": 14.1,
            "vout": 1312,
            "fanspeed": 6300,
            "temp0": 44.5,
        },
        "salt": "uhCiDyVj",
        **more,
    }


def whole(**more: Any) -> dict[str, Any]:
    return {
        "summary": summary(),
        "edevs": [board(0), board(1), board(2)],
        "pools": [pool(1), pool(2)],
        **device(**more),
    }


def frames(asked: dict[str, Any], told: Object | None) -> dict[str, Object]:
    """The server's replies, by question: sections of the status, and the device's story."""
    found = {f"get.miner.status:{name}": answer({name: section}) for name, section in asked.items()}
    if told is not None:
        found["get.device.info"] = answer(told)
    return found


def status(**more: Any) -> dict[str, Any]:
    return {"summary": summary(**more), "edevs": [board(0)], "pools": [pool(1)]}


async def poll(server: ReplayServer, memory: Memory, now: float = NOW) -> Draft:
    target = Target(
        container="c", miner="m", address="127.0.0.1", port=None, web_port=None, v3_port=server.port
    )
    return await read(TcpLink(target, now=now, deadline=asyncio.get_running_loop().time() + 5.0), memory)


def concluded(draft: Draft) -> Snapshot:
    return strange_documents.concluded(draft, DRIVER, NOW)


def test_an_m60s_is_read_whole() -> None:
    faults = [{"264": "2026-09-01 10:00:00", "reason": "Power xfer error. code: 0xc0"}, {"110": "never"}]
    snapshot = concluded(parse(whole(**{"error-code": faults}), NOW))
    assert snapshot.state == "mining"
    assert snapshot.identity.model == "M60S_VK30"
    assert snapshot.identity.firmware_version == "20250314.16.Rel2"
    assert snapshot.identity.mac == "CE:02:01:00:8C:37"
    assert snapshot.identity.serial == "HTM3CS30HD24010203"
    assert snapshot.identity.hostname == "WhatsMiner"
    assert snapshot.hashrate_hs == pytest.approx(171 * 1.02 * TH)
    assert snapshot.hashrate_average_hs == pytest.approx(171 * 0.99 * TH)
    assert snapshot.nominal_hashrate_hs == pytest.approx(174.5 * TH)
    assert (snapshot.power_w, snapshot.power_source, snapshot.power_limit_w) == (3201.5, "measured", 3600.0)
    assert snapshot.power_mode == "normal"
    assert (snapshot.mining_s, snapshot.uptime_s) == (40_000.0, 40_000.0)
    degrees = snapshot.temperatures_c
    assert (degrees.inlet, degrees.board_max, degrees.chip_max, degrees.chip_avg, degrees.psu) == (
        27.5,
        63.5,
        88.4,
        80.2,
        44.5,
    )
    assert [(fan.index, fan.speed_rpm) for fan in snapshot.fans] == [(0, 5100.0), (1, 5010.0)]
    assert [(b.index, b.serial, b.board_c, b.chips) for b in snapshot.boards] == [
        (0, "BKM3CSE0001", 61.5, 117),
        (1, "BKM3CSE0002", 62.0, 117),
        (2, "BKM3CSE0003", 63.5, 117),
    ]
    assert snapshot.boards[2].hashrate_hs == pytest.approx(57 * TH)
    assert snapshot.boards[2].nominal_hashrate_hs == pytest.approx(58.2 * TH)
    assert (snapshot.boards[2].frequency_hz, snapshot.boards[2].chip_max_c) == (642e6, 88.0)
    assert snapshot.psu is not None
    assert (snapshot.psu.model, snapshot.psu.serial) == ("P221B", "1436B2429603098")
    assert (snapshot.psu.input_v, snapshot.psu.input_a, snapshot.psu.output_v) == (231.25, 14.1, 13.12)
    assert [(p.index, p.active, p.user, p.accepted) for p in snapshot.pools] == [
        (1, True, "yard.m1", None),
        (2, False, "yard.m1", None),
    ]
    assert snapshot.pools[0].last_share_at == datetime.fromtimestamp(NOW - 9, UTC)
    assert (snapshot.shares.accepted, snapshot.hardware_errors, snapshot.hashes_total) == (None, None, None)
    assert [(fault.code, fault.text) for fault in snapshot.faults] == [
        ("264", "Power xfer error. code: 0xc0"),
        ("110", "intake fan: no speed measured"),
    ]


@pytest.mark.parametrize(
    ("mode", "word"), [("0", "low"), (1, "normal"), ("2", "high"), ("Eco", "eco"), (None, None)]
)
def test_power_modes_in_the_firmwares_words(mode: object, word: str | None) -> None:
    assert parse({"power": {"mode": mode}}, NOW).power_mode == word


def test_an_m63_has_four_boards_and_no_fans() -> None:
    still = {"fan-speed-in": 0, "fan-speed-out": 0, "board-temperature": [40.0, 41.0, 42.0, 43.0]}
    sections = {
        "summary": summary(**still),
        "edevs": [board(number) for number in range(4)],
        "miner": {"type": "M63_VK10", "working": "true"},
    }
    snapshot = concluded(parse(sections, NOW))
    assert snapshot.fans == ()
    assert [b.board_c for b in snapshot.boards] == [40.0, 41.0, 42.0, 43.0]


def test_temperatures_go_to_the_boards_that_are_there() -> None:
    """Board 1 is missing, its temperature is not: then the numbers tell, not the places."""
    draft = parse({"summary": summary(), "edevs": [board(0), board(2)]}, NOW)
    assert [(b.index, b.board_c) for b in draft.boards] == [(0, 61.5), (2, 63.5)]
    alone = parse({"summary": summary()}, NOW)
    assert [(b.index, b.board_c, b.hashrate_hs) for b in alone.boards] == [
        (0, 61.5, None),
        (1, 62.0, None),
        (2, 63.5, None),
    ]


def test_what_sleeps_does_not_show_what_it_fell_asleep_with() -> None:
    snapshot = concluded(parse(whole(working="false"), NOW))
    assert (snapshot.state, snapshot.hashrate_hs, snapshot.power_source) == ("sleeping", 0.0, "estimated")
    assert (snapshot.temperatures_c.chip_max, snapshot.fans) == (None, ())
    assert (snapshot.psu and snapshot.psu.model, snapshot.psu and snapshot.psu.output_v) == ("P221B", None)


@pytest.mark.parametrize("working", ["true", True])
async def test_one_question_a_poll_and_the_device_every_two_minutes(working: object) -> None:
    memory = Memory()
    joined = "get.miner.status:summary+edevs+pools"
    replies = frames(status(), device(working=working))
    async with ReplayServer(replies, v3=True) as server:
        first = await poll(server, memory)
        assert server.asked == [joined, "get.device.info"]
        assert first.psu is not None
        assert (first.asleep, first.model, first.psu.input_v) == (False, "M60S_VK30", 231.25)
        server.asked.clear()
        for after in (30.0, 60.0, 90.0):
            replies.update(frames(status(elapsed=40_000 + after), device()))
            later = await poll(server, memory, NOW + after)
        assert server.asked == [joined] * 3
        # The names are remembered; what the power supply measured two minutes ago is not shown as of now.
        assert later.psu is not None
        assert (later.asleep, later.model, later.power_mode) == (False, "M60S_VK30", "normal")
        assert (later.psu.model, later.psu.input_v, later.psu.fan_rpm) == ("P221B", None, None)
        server.asked.clear()
        replies.update(frames(status(elapsed=40_120), device()))
        await poll(server, memory, NOW + 120.0)
        assert server.asked == [joined, "get.device.info"]


@pytest.mark.parametrize(
    "suspicious",
    [{}, {"power-realtime": 40.0, "elapsed": 40_030}, {"hash-realtime": 0.0, "elapsed": 40_030}],
    ids=["frozen", "little power", "no hash rate"],
)
async def test_a_miner_that_fell_asleep_is_found_out_at_once(suspicious: dict[str, float]) -> None:
    memory = Memory()
    replies = frames(status(), device())
    async with ReplayServer(replies, v3=True) as server:
        assert concluded(await poll(server, memory)).state == "mining"
        replies.update(frames(status(**suspicious), device(working="false")))
        snapshot = concluded(await poll(server, memory, NOW + 30.0))
        assert (snapshot.state, snapshot.hashrate_hs) == ("sleeping", 0.0)
        replies.update(frames(status(elapsed=10), device()))
        assert concluded(await poll(server, memory, NOW + 60.0)).state == "mining"


async def test_a_fault_is_asked_for_until_it_is_gone() -> None:
    memory = Memory()
    replies = frames(status(), device(**{"error-code": [{"110": "2026-09-01 10:00:00"}]}))
    async with ReplayServer(replies, v3=True) as server:
        assert [fault.code for fault in (await poll(server, memory)).faults] == ["110"]
        replies.update(frames(status(elapsed=40_030), device()))
        assert (await poll(server, memory, NOW + 30.0)).faults == []


async def test_another_story_of_the_wrong_types_is_survived() -> None:
    memory = Memory()
    replies = frames(status(), device())
    async with ReplayServer(replies, v3=True) as server:
        await poll(server, memory)
        for after, told in enumerate(
            ({"miner": 7}, {"power": [1]}, {"error-code": {}}, {"miner": {"working": []}}), 1
        ):
            replies.update(frames(status(elapsed=40_000 + after), told))
            assert_sane(concluded(await poll(server, memory, NOW + 200.0 * after)))


async def test_firmware_that_does_not_join_is_asked_singly_from_then_on() -> None:
    memory = Memory()
    replies = {
        **frames(status(), device()),
        "get.miner.status:summary+edevs+pools": answer("invalid param", -3),
    }

    class Unjoined(ReplayServer):
        def answer(self, request: dict[str, Any]) -> bytes:
            if "+" in str(request.get("param")):
                return b'{"code":-3,"msg":"invalid param","desc":""}'
            return super().answer(request)

    async with Unjoined(replies, v3=True) as server:
        draft = await poll(server, memory)
        assert draft.hashrate_hs == pytest.approx(171 * 1.02 * TH)
        assert (len(draft.boards), len(draft.pools)) == (1, 1)
        server.asked.clear()
        replies.update(frames(status(elapsed=40_030), device()))
        await poll(server, memory, NOW + 30.0)
        assert server.asked == [f"get.miner.status:{name}" for name in ("summary", "edevs", "pools")]


async def test_a_device_that_tells_its_story_in_parts() -> None:
    parts = {f"get.device.info:{name}": answer({name: part}) for name, part in device().items()}
    async with ReplayServer({**frames(status(), None), **parts}, v3=True) as server:
        draft = await poll(server, Memory())
    assert (draft.model, draft.asleep, draft.hostname) == ("M60S_VK30", False, "WhatsMiner")


async def test_a_miner_whose_status_is_silent_while_it_sleeps() -> None:
    silent = {
        "get.miner.status": answer("btminer is off", -1),
        "get.device.info": answer(device(working="false")),
    }
    async with ReplayServer(silent, v3=True) as server:
        snapshot = concluded(await poll(server, Memory()))
    assert (snapshot.state, snapshot.hashrate_hs, snapshot.identity.model) == ("sleeping", 0.0, "M60S_VK30")


async def test_refusals_are_poll_errors() -> None:
    async with ReplayServer({}, v3=True) as server:
        with pytest.raises(Unsupported, match="code -2"):
            await poll(server, Memory())
    async with ReplayServer({}, v3=True, default=b'{"code":-4,"msg":"no permission"}') as server:
        with pytest.raises(AuthFailed, match="WhatsMinerTool"):
            await poll(server, Memory())
    for default in (b"[]", b"<html>", b'{"code":0,"msg":[]}', b'{"code":{},"msg":"{"}', b"", b'{"msg":{}}'):
        async with ReplayServer({}, v3=True, default=default) as server:
            with pytest.raises(PollError):
                await poll(server, Memory())


WHOLE = whole(**{"error-code": [{"264": "2026-09-01 10:00:00", "reason": "Power xfer error"}]})


@given(mutated(WHOLE))
def test_wrong_types_anywhere_are_survived(sections: dict[str, Any]) -> None:
    assert_sane(concluded(parse(sections, NOW)))


FRAMES = {
    "get.miner.status:summary+edevs+pools": answer(
        {name: WHOLE[name] for name in ("summary", "edevs", "pools")}
    ),
    **frames({name: WHOLE[name] for name in ("summary", "edevs", "pools")}, device()),
}


@given(st.lists(mutated(FRAMES), min_size=2, max_size=3))
async def test_wrong_types_poll_after_poll_are_survived(polls: list[dict[str, Any]]) -> None:
    memory = Memory()
    for number, asked in enumerate(polls):
        now = NOW + 60.0 * number
        try:
            draft = await read(ScriptedLink(asked, now), memory)
        except PollError:
            continue
        assert_sane(concluded(draft))
