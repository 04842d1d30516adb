"""Whatsminers whose API v3 tells only some sections, or writes them in another shape."""

import asyncio
from typing import Any

import pytest

from miners.ask import TcpLink
from miners.driver import Memory
from miners.drivers.whatsminer_v3 import parse, read
from miners.identify import find_driver
from miners.link import Object
from miners.model import Target
from tests.replay.server import ReplayServer

NOW = 1_790_000_000.0
TH = 1e12


def answer(msg: Any) -> Object:
    return {"code": 0, "when": int(NOW), "msg": msg, "desc": "whatsminer"}


def boards(**more: Any) -> list[Object]:
    row = {"hash-realtime": 57.0, "hash-average": 56.0, "factory-hash": 58.0, "effective-chips": 117, **more}
    return [{"id": number, **row} for number in range(3)]


def link_to(server: ReplayServer) -> TcpLink:
    target = Target(
        container="c", miner="m", address="127.0.0.1", port=None, v3_port=server.port, web_port=None
    )
    return TcpLink(target, now=NOW, deadline=asyncio.get_running_loop().time() + 5)


def test_boards_alone_add_up_to_the_miner() -> None:
    draft = parse({"edevs": boards()}, NOW)
    assert draft.hashrate_hs == pytest.approx(171 * TH)
    assert draft.hashrate_average_hs == pytest.approx(168 * TH)
    assert draft.nominal_hashrate_hs == pytest.approx(174 * TH)
    assert (draft.power_w, draft.inlet_c, draft.fans) == (None, None, [])
    lost = boards()
    lost[1] = {"id": 1}
    assert parse({"edevs": lost}, NOW).hashrate_hs is None


async def test_sections_may_come_bare_as_lists_of_texts() -> None:
    pool = {"id": "1", "url": "stratum+tcp://pool.example:3333", "account": "yard.m1", "status": "alive"}
    replies = {
        "get.miner.status:summary": answer({"summary": {"hash-realtime": "171.5", "power-realtime": "3201"}}),
        "get.miner.status:edevs": answer(
            [{key: str(value) for key, value in row.items()} for row in boards()]
        ),
        "get.miner.status:pools": answer([pool]),
        "get.miner.status": {"code": -3, "msg": "invalid param"},
        "get.device.info": answer({"miner": {"type": "M60S_VK30", "working": "true"}}),
    }

    class Unjoined(ReplayServer):
        def answer(self, request: dict[str, Any]) -> bytes:
            parameter = str(request.get("param"))
            return super().answer({**request, "param": parameter.replace("+", " ")})

    async with Unjoined(replies, v3=True) as server:
        draft = await read(link_to(server), Memory())
    assert (draft.hashrate_hs, draft.power_w, draft.model) == (pytest.approx(171.5 * TH), 3201.0, "M60S_VK30")
    assert [(board.index, board.hashrate_hs, board.chips) for board in draft.boards] == [
        (number, pytest.approx(57 * TH), 117) for number in range(3)
    ]
    assert [(found.index, found.alive, found.active) for found in draft.pools] == [(1, True, True)]


async def test_one_that_hangs_up_on_its_device_information_is_found_by_its_status() -> None:
    replies = {
        "get.device.info": b"",
        "get.miner.status:summary": answer({"summary": {"hash-realtime": 171.5}}),
    }
    async with ReplayServer(replies, v3=True) as server:
        assert await find_driver(link_to(server), Memory()) == "whatsminer_v3"
