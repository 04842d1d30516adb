"""A web port that wants another password: who is let in when, and that not every poll is a failed login."""

from typing import Any

import msgspec
import pytest
import structlog
from aiohttp import web

from miners import client
from miners.client import read_miner
from miners.driver import Memory
from miners.model import Credentials, PollFailure, Snapshot, Target
from tests.replay.server import ReplayServer, WebReplayServer
from tests.unit.miners.test_driver_elphapex import pages

RIGHT, WRONG = Credentials("root", "right password"), Credentials("root", "wrong password")
VERSION = {
    "STATUS": [{"STATUS": "S", "Code": 22, "Description": "cgminer 1.0.0"}],
    "VERSION": [{"Type": "Antminer S21", "Miner": "49.0.1.3"}],
    "id": 1,
}
SUMMARY = {"STATUS": [{"STATUS": "S", "Code": 11}], "SUMMARY": [{"GHS 5s": 200e3, "Elapsed": 5000}], "id": 1}
IDENTITY = {"minertype": "Antminer S21", "macaddr": "02:00:00:00:00:01"}


class CountingLogins(WebReplayServer):
    """Counts the requests that carry credentials."""

    logins = 0

    async def _handle(self, request: web.Request) -> web.Response:
        self.logins += "Authorization" in request.headers
        return await super()._handle(request)


class Clock:
    """The wall clock of the polls."""

    def __init__(self) -> None:
        self.now = 1.7e9

    def time(self) -> float:
        return self.now

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(client, "time", clock)
    return clock


def elphapex(server: CountingLogins, credentials: Credentials | None = None) -> Target:
    """One that only its web tells of."""
    return Target(
        container="c",
        miner="m",
        address="127.0.0.1",
        port=None,
        v3_port=None,
        web_port=server.port,
        driver="elphapex",
        credentials=credentials,
    )


async def test_the_makers_default_is_tried_once_where_there_is_no_other_way_to_read(clock: Clock) -> None:
    memory = Memory()
    async with CountingLogins(pages(), password="right password") as server:
        for _ in range(5):
            reading = await read_miner(elphapex(server), memory)
            assert isinstance(reading, PollFailure)
            assert reading.reason == "auth"
            assert "give the miner credentials" in reading.detail
            clock.now += 86_400
        assert server.logins == 1
        # Once there are credentials, they are tried at the next poll.
        assert isinstance(await read_miner(elphapex(server, RIGHT), memory), Snapshot)


async def test_wrong_credentials_are_tried_again_after_a_while_and_others_at_once(clock: Clock) -> None:
    memory = Memory()
    async with CountingLogins(pages(), password="right password") as server:
        for _ in range(5):
            reading = await read_miner(elphapex(server, WRONG), memory)
            assert isinstance(reading, PollFailure)
            assert "correct the miner's credentials" in reading.detail
        assert server.logins == 1
        clock.now += client.GIVEN_AGAIN_S
        await read_miner(elphapex(server, WRONG), memory)
        assert server.logins == 2
        assert isinstance(await read_miner(elphapex(server, RIGHT), memory), Snapshot)


@pytest.mark.usefixtures("clock")
async def test_where_the_web_only_adds_to_the_reading_new_credentials_are_tried_at_once_too() -> None:
    memory = Memory()
    answers: dict[str, Any] = {"version": VERSION, "summary": SUMMARY}
    async with (
        CountingLogins({"get_system_info": IDENTITY}, password="right password") as server,
        ReplayServer(answers) as miner,
    ):
        target = msgspec.structs.replace(elphapex(server), port=miner.port, driver="antminer")
        macs = []
        with structlog.testing.capture_logs() as logs:
            for credentials in (None, None, WRONG, WRONG, RIGHT):
                target = msgspec.structs.replace(target, credentials=credentials)
                reading = await read_miner(target, memory)
                assert isinstance(reading, Snapshot)
                macs.append((reading.identity.mac, server.logins))
    assert [mac for mac, _ in macs] == [None, None, None, None, "02:00:00:00:00:01"]
    assert [logins for _, logins in macs[:4]] == [1, 1, 2, 2]
    refused = [log for log in logs if "credentials refused" in log["event"]]
    assert [(log["container"], log["miner"]) for log in refused] == [("c", "m")]
    assert "password" not in str(logs)
