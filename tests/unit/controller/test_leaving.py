"""Tokens of gateways are given back when the controller ends."""

import asyncio

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from controller import leaving
from controller.leaving import give_back
from controller.model import MinerRecord
from controller.readings import Known
from controller.watched import Watched
from miners.clock import SystemClock
from miners.writing import Session
from tests.unit.controller.small_fleet import container, target

YARD = container("Yard", "a1", "a2", "a3", "a4")


def held(place: int, gateway: str | None, token: str | None) -> Watched:
    miner = YARD.miners[place]
    by = msgspec.structs.replace(target(YARD, miner), gateway=gateway)
    known = Known(id=f"yard.{miner.name}", container=YARD, miner=miner, target=by)
    return Watched(known=known, record=MinerRecord(miner=known.id), session=Session(token=token, until=9e9))


async def test_every_token_that_is_held_is_given_back_whatever_becomes_of_another() -> None:
    asked: list[str] = []

    async def log_out(request: web.Request) -> web.Response:
        asked.append((await request.json())["miner_ip"])
        return web.json_response({"message": "ok"}, status=200 if len(asked) > 1 else 500)

    app = web.Application()
    app.router.add_post("/api/logout", log_out)
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("/"))
        miners = [held(0, url, "t1"), held(1, url, "t2"), held(2, url, None), held(3, None, "t4")]
        await give_back(miners, SystemClock())
    assert sorted(asked) == [YARD.miners[0].address, YARD.miners[1].address]
    assert [one.session.token for one in miners[:3]] == [None, None, None]


async def test_a_gateway_that_does_not_answer_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leaving, "WITHIN_S", 0.05)

    async def never(_request: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    app = web.Application()
    app.router.add_post("/api/logout", never)
    async with TestServer(app, host="127.0.0.1") as server:
        await asyncio.wait_for(give_back([held(0, str(server.make_url("/")), "t1")], SystemClock()), 60)
