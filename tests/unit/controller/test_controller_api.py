"""The API over the whole controller and simulated miners: what is created is read, commanded, shown, and told as it happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from controller.api.passwords import Passwords
from controller.api.signing_in import SigningIn
from controller.main import Controller, Settings
from controller.model import SCOPES, User, new_id
from simulator.fleet import SimulatedFleet
from simulator.specs import ContainerSpec, MinerSpec
from tests.unit.controller.exporter_site import until

TARGETS = """\
networks: [127.0.0.0/8]
defaults: {interval: 1s, timeout: 2s, port: 24028, web_port: 28080, v3_port: 24433, credentials: HASHYARD_MINER_A}
schedules: {always: {otherwise: normal}}
containers:
- {name: Container 1, schedule: always, control: enforce, miners: [{name: a1, address: 127.91.1.1, nominal_power_w: 3250}]}
"""
SECRET = "opensesame-5r7"
ADDRESSES = {"a1": "127.91.1.1", "a2": "127.91.1.2"}


class Site:
    """A controller in front of simulated miners, and an administrator's token."""

    def __init__(self, controller: Controller, http: aiohttp.ClientSession, fleet: SimulatedFleet) -> None:
        self.controller, self.http, self.fleet = controller, http, fleet

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        async with self.http.request(method, path, json=body, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def get(self, path: str) -> Any:
        status, found = await self.ask("GET", path)
        assert status == 200, found
        return found


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    (folder / "targets.yml").write_text(TARGETS, encoding="utf-8")
    miners = [
        MinerSpec(
            name=name,
            container="Container 1",
            address=address,
            port=24028,
            web_port=28080,
            v3_port=24433,
            model="S19 Pro",
            simulate={"password": SECRET},
        )
        for name, address in ADDRESSES.items()
    ]
    fleet = SimulatedFleet([ContainerSpec(name="Container 1", miners=tuple(miners))], control_port=None)
    settings = Settings(
        targets=(folder / "targets.yml",),
        data=folder / "data",
        port=0,
        cool_down_s=0.0,
        environment={"HASHYARD_MINER_A": f"root:{SECRET}"},
    )
    controller = Controller(settings, synchronised=lambda: True)
    await fleet.start()
    try:
        async with controller.serving() as port:
            user = User(
                id=new_id("usr"), username="anna", role="administrator", created_at=controller.engine.now
            )
            await controller.storage.people.users.add(user, "unused")
            passwords = Passwords()
            signing_in = SigningIn(controller.storage, controller.engine, passwords)
            token, _ = await signing_in.issue_token(
                user, "test", SCOPES, controller.engine.now + timedelta(days=1)
            )
            passwords.close()
            async with aiohttp.ClientSession(
                f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}
            ) as http:
                yield Site(controller, http, fleet)
    finally:
        await fleet.stop()


async def test_what_the_api_makes_is_read_commanded_and_taken_away(tmp_path: Path) -> None:
    async with site(tmp_path) as on:
        body = {"name": "a2", "address": "127.91.1.2", "container": "container-1", "nominal_power_w": 3250}
        status, made = await on.ask("POST", "/api/v1/miners?check=1", body)
        assert (status, made["answered"]["manufacturer"], made["answered"]["state"]) == (
            201,
            "AntMiner",
            "mining",
        )
        assert SECRET not in str(made)
        known = on.controller.live.all()
        await until(lambda: all(one.snapshot is not None for one in known.values()) and len(known) == 2)
        found = await on.get("/api/v1/containers/container-1")
        assert (found["miners"]["total"], found["miners"]["mining"], found["operation_id"]) == (2, 2, None)
        assert (found["profile"]["name"], found["profile"]["source"]) == ("normal", "schedule")
        assert {part["name"]: part["state"] for part in (await on.get("/api/v1/status"))["parts"]}[
            "inventory"
        ] == "ok"

        order = {
            "target": {"containers": ["container-1"]},
            "profile": "curtail",
            "ends": "manual",
            "reason": "breaker",
        }
        plan = (await on.ask("POST", "/api/v1/plans", {"override": order}))[1]
        assert plan["miners"]["will_change"] == 2
        status, put = await on.ask("POST", "/api/v1/overrides", {**order, "plan": plan["fingerprint"]})
        assert (status, put["operation"]["total"]) == (201, 2)
        found = await on.get("/api/v1/containers/container-1")
        assert (found["profile"]["override_id"], found["operation_id"]) == (put["id"], put["operation"]["id"])
        await until(lambda: all(miner.received for miner in on.fleet.miners))
        status, ended = await on.ask("DELETE", f"/api/v1/overrides/{put['id']}")
        assert (status, ended["cause"]) == (202, "override_end")

        assert (await on.ask("DELETE", "/api/v1/miners/container-1.a2"))[0] == 204
        assert (await on.ask("GET", "/api/v1/miners/container-1.a2"))[0] == 404
        assert list(on.controller.live.all()) == ["container-1.a1"]
        status, found = await on.ask("DELETE", "/api/v1/miners/container-1.a1")
        assert (status, found["type"]) == (409, "/problems/read-only")


async def test_a_file_that_goes_wrong_is_told_with_its_lines(tmp_path: Path) -> None:
    async with site(tmp_path) as on:
        file = tmp_path / "targets.yml"
        file.write_text(TARGETS.replace("127.91.1.1", "127.91.1.300"), encoding="utf-8")
        status, found = await on.ask("POST", "/api/v1/reload")
        assert (status, len(found["mistakes"])) == (200, 1)
        assert "targets.yml:5" in found["mistakes"][0]
        assert len((await on.get("/api/v1/miners"))["items"]) == 1


async def test_the_stream_begins_with_the_whole_state_and_tells_what_happens(tmp_path: Path) -> None:
    async with (
        site(tmp_path) as on,
        on.http.get("/api/v1/stream?topics=container:container-1,events") as stream,
    ):
        assert stream.content_type == "text/event-stream"

        async def told(word: bytes) -> bytes:
            async for line in stream.content:
                if line.startswith(b"data:") and word in line:
                    return line
            raise AssertionError("the stream has ended")

        assert b"Container 1" in await asyncio.wait_for(told(b"Container 1"), 60)
        await on.ask("POST", "/api/v1/holds", {"all": True, "reason": "smoke"})
        assert b"hold" in await asyncio.wait_for(told(b"smoke"), 60)


@pytest.mark.parametrize("topics", ["nothing", "container:nowhere", "miner:container-9.a1"])
async def test_a_stream_of_what_is_not_there(tmp_path: Path, topics: str) -> None:
    async with site(tmp_path) as on:
        status, found = await on.ask("GET", f"/api/v1/stream?topics={topics}")
        assert status in {400, 404}
        assert found["detail"]
