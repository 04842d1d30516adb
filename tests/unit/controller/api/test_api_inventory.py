"""Containers and miners made, changed and taken away through the API: what is taken, and at which field the rest is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from aiohttp import ClientResponse

from controller.deeds import OVER_LIMIT, OVER_LIMIT_LATER, Warned
from miners.inventory.load import load
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, plan_of, start

Start = Callable[..., Awaitable[FleetHouse]]


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await start(make_house, tmp_path, environment={"HASHYARD_MINER_A": "root:hunter2"})


@pytest.fixture
async def browser(fleet: FleetHouse) -> Browser:
    found: Browser = await fleet.browser()
    return found


async def refused(response: ClientResponse, status: int, *at: str) -> dict[str, Any]:
    body: dict[str, Any] = await response.json()
    assert response.status == status, body
    assert {mistake["at"] for mistake in body["errors"]} == set(at), body
    return body


def managed(fleet: FleetHouse) -> Any:
    return yaml.safe_load(fleet.managed.read_text("utf-8"))


async def make(browser: Browser, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = await browser.ask("POST", path, body)
    assert response.status == 201, await response.text()
    assert response.headers["ETag"]
    found: dict[str, Any] = await response.json()
    return found


MINER = {"name": "m1", "address": "10.1.9.1", "container": "container-1"}


async def test_a_container_is_made_changed_and_taken_away(fleet: FleetHouse, browser: Browser) -> None:
    await fleet.house.client("acme")
    response = await browser.ask(
        "POST",
        "/api/v1/containers",
        {"name": "Контейнер 7", "time_zone": "Europe/Moscow", "rows": 8, "columns": 25, "client": "acme"},
    )
    made = await response.json()
    assert response.status == 201
    assert response.headers["Location"] == "/api/v1/containers/konteiner-7"
    assert (made["id"], made["time_zone"], made["editable"], made["origin"]) == (
        "konteiner-7",
        "Europe/Moscow",
        True,
        None,
    )
    assert made["client"]["name"] == "Acme"
    got = await browser.get("/api/v1/containers/konteiner-7")
    etag = got.headers["ETag"]
    response = await browser.ask(
        "PATCH",
        "/api/v1/containers/konteiner-7",
        {"name": "North", "description": "by the lake", "rows": None, "schedule_id": "default"},
        headers={"If-Match": etag},
    )
    changed = await response.json()
    assert response.status == 200, changed
    assert (changed["id"], changed["name"], changed["schedule_id"]) == ("konteiner-7", "North", "default")
    assert load([fleet.hand], managed=fleet.managed).containers[2].rows is None
    await refused(
        await browser.ask("PATCH", "/api/v1/containers/konteiner-7", {}, headers={"If-Match": etag}),
        412,
        "If-Match",
    )
    assert (await browser.ask("DELETE", "/api/v1/containers/konteiner-7")).status == 204
    assert (await browser.get("/api/v1/containers/konteiner-7")).status == 404
    created, altered, deleted = [
        event for event in reversed(await fleet.house.events()) if event.category == "inventory"
    ]
    assert (created.kind, created.container, created.client) == ("container.created", "konteiner-7", "acme")
    assert (altered.before["name"], altered.after["name"]) == ("Контейнер 7", "North")
    assert (deleted.kind, deleted.before["name"], deleted.actor.name) == (
        "container.deleted",
        "North",
        "anna",
    )


@pytest.mark.parametrize(
    ("body", "status", "at"),
    [
        ({}, 422, ("/name",)),
        ({"name": "x", "colour": 1, "rows": 0}, 422, ("/colour", "/rows")),
        ({"name": "x", "time_zone": "Mars"}, 422, ("/time_zone",)),
        ({"name": " x", "location": "a\u0007"}, 422, ("/name", "/location")),
        ({"name": "x", "id": "Not a slug"}, 422, ("/id",)),
        ({"name": "x", "client": "nobody"}, 422, ("/client",)),
        ({"name": "x", "schedule_id": "nothing"}, 422, ("/schedule_id",)),
        ({"name": "x", "tariff_id": "nothing"}, 422, ("/tariff_id",)),
        ({"name": "x", "control": "please"}, 422, ("/control",)),
        ({"name": "Container 1"}, 409, ("/name",)),
        ({"name": "container 1"}, 409, ("/name",)),
        ({"name": "x", "id": "container-1"}, 409, ("/id",)),
    ],
)
async def test_a_container_that_cannot_be(
    fleet: FleetHouse, browser: Browser, body: dict[str, Any], status: int, at: tuple[str, ...]
) -> None:
    await refused(await browser.ask("POST", "/api/v1/containers", body), status, *at)
    assert not fleet.managed.exists()
    assert [event for event in await fleet.house.events() if event.category == "inventory"] == []


async def test_what_is_written_by_hand_stays(fleet: FleetHouse, browser: Browser) -> None:
    etag = {"If-Match": (await browser.get("/api/v1/containers/container-1")).headers["ETag"]}
    asked = [
        ("PATCH", "/api/v1/containers/container-1", {"rows": 3}, 4),
        ("DELETE", "/api/v1/containers/container-1?miners=delete", None, 4),
        ("PATCH", "/api/v1/miners/container-1.a2", {"active": False}, 13),
        ("PUT", "/api/v1/miners/container-1.a2", MINER, 13),
        ("DELETE", "/api/v1/miners/container-1.a2", None, 13),
        ("DELETE", "/api/miners/container-1.a2", None, 13),
    ]
    for method, path, body, line in asked:
        response = await browser.ask(method, path, body, headers={} if method == "DELETE" else etag)
        found = await response.json()
        assert (response.status, found["type"]) == (409, "/problems/read-only"), found
        assert found["places"] == [f"{fleet.hand}:{line}"]
    assert not fleet.managed.exists()


async def test_a_miner_is_made_in_a_hand_written_container(fleet: FleetHouse, browser: Browser) -> None:
    response = await browser.ask(
        "POST",
        "/api/v1/miners",
        {**MINER, "position": {"row": 2, "column": 3}, "credentials": "HASHYARD_MINER_A", "web_port": None},
    )
    made = await response.json()
    assert response.status == 201, made
    assert response.headers["Location"] == "/api/v1/miners/container-1.m1"
    assert (made["id"], made["manufacturer"], made["editable"]) == ("container-1.m1", "Whatsminer", True)
    assert (made["position"], made["credentials"], made["answered"]) == (
        {"row": 2, "column": 3},
        "HASHYARD_MINER_A",
        None,
    )
    assert "hunter2" not in await response.text()
    assert managed(fleet) == {
        "containers": [
            {
                "extends": "Container 1",
                "miners": [
                    {
                        "name": "m1",
                        "address": "10.1.9.1",
                        "web_port": None,
                        "credentials": "HASHYARD_MINER_A",
                        "row": 2,
                        "column": 3,
                    }
                ],
            }
        ]
    }
    (event,) = await fleet.house.events("miner.created")
    assert (event.miner, event.miner_address, event.after["credentials"]) == (
        "container-1.m1",
        "10.1.9.1",
        {"file": None, "environment": "HASHYARD_MINER_A"},
    )
    assert (await browser.ask("DELETE", "/api/v1/miners/container-1.m1")).status == 204
    assert managed(fleet) == {"containers": []}


@pytest.mark.parametrize(
    ("body", "status", "at"),
    [
        ({}, 422, ("/name", "/address", "/container")),
        ({**MINER, "container": "nowhere"}, 422, ("/container",)),
        ({**MINER, "port": 70000, "driver": 5}, 422, ("/port", "/driver")),
        ({**MINER, "password": "x"}, 422, ("/password",)),
        ({**MINER, "manufacturer": "Acme", "driver": "none"}, 422, ("/manufacturer", "/driver")),
        ({**MINER, "address": "10.1.9"}, 422, ("/address",)),
        ({**MINER, "address": "miner.example.org"}, 422, ("/address",)),
        ({**MINER, "address": "10.2.0.1"}, 422, ("/address",)),
        ({**MINER, "address": "169.254.169.254"}, 422, ("/address",)),
        ({**MINER, "address": "::ffff:10.1.0.1"}, 422, ("/address",)),
        ({**MINER, "credentials": "root:root"}, 422, ("/credentials",)),
        ({**MINER, "credentials": "HASHYARD_MINER_MISSING"}, 422, ("/credentials",)),
        ({**MINER, "credentials": "PATH"}, 422, ("/credentials",)),
        ({**MINER, "credentials": "file:../../etc/passwd"}, 422, ("/credentials",)),
        ({**MINER, "position": {"row": 5, "column": 1}}, 422, ("/position/row",)),
        ({**MINER, "position": {"row": 1, "column": 1}}, 422, ("/position/row",)),
        ({**MINER, "position": {"row": 1}}, 422, ("/position/column",)),
        ({**MINER, "address": "10.1.7.1"}, 422, ("/address",)),
        ({**MINER, "name": "a1"}, 409, ("/name",)),
        ({**MINER, "name": "A1"}, 409, ("/name",)),
        ({**MINER, "port": None, "web_port": None, "v3_port": None}, 422, ("",)),
    ],
)
async def test_a_miner_that_cannot_be(
    fleet: FleetHouse, browser: Browser, body: dict[str, Any], status: int, at: tuple[str, ...]
) -> None:
    found = await refused(await browser.ask("POST", "/api/v1/miners", body), status, *at)
    assert "root:root" not in str(found)
    assert "hashyard-" not in str(found["errors"])  # the folder in which a change is tried
    assert not fleet.managed.exists()


async def test_without_networks_no_address_may_be_named(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await start(make_house, tmp_path, hand="containers: [{name: Container 1}]\n")
    browser = await fleet.browser()
    found = await refused(await browser.ask("POST", "/api/v1/miners", MINER), 422, "/address")
    assert "write `networks:`" in found["detail"]


async def test_a_miner_is_changed_and_given_anew(fleet: FleetHouse, browser: Browser) -> None:
    await make(browser, "/api/v1/miners", {**MINER, "model": "M50S", "port": 4029})
    path = "/api/v1/miners/container-1.m1"
    assert (await browser.ask("PATCH", path, {"active": False})).status == 428
    etag = {"If-Match": (await browser.get(path)).headers["ETag"]}
    response = await browser.ask("PATCH", path, {"active": False, "model": None}, headers=etag)
    changed = await response.json()
    assert (response.status, changed["active"], changed["model"], changed["port"]) == (200, False, None, 4029)
    assert (await browser.ask("PATCH", path, {"active": True}, headers=etag)).status == 412
    # What else the entry holds stays when it is given anew.
    text = fleet.managed.read_text("utf-8")
    fleet.managed.write_text(text.replace('"name":"m1"', '"name":"m1","standby_power_w":20'), "utf-8")
    assert await fleet.store.reload()
    etag = {"If-Match": (await browser.get(path)).headers["ETag"]}
    response = await browser.ask(
        "PUT", path, {"name": "m9", "address": "10.1.9.9", "container": "container-2"}, headers=etag
    )
    found = await response.json()
    assert (response.status, found["id"], found["port"], found["active"]) == (
        200,
        "container-2.m9",
        4028,
        True,
    )
    assert managed(fleet)["containers"] == [
        {
            "extends": "Container 2",
            "miners": [{"name": "m9", "standby_power_w": 20, "address": "10.1.9.9"}],
        }
    ]
    assert (await browser.get(path)).status == 404
    first, second = reversed(await fleet.house.events("miner.changed"))
    assert (first.before["active"], first.after["active"]) == (True, False)
    assert (second.before["container"], second.after["container"]) == ("container-1", "container-2")


async def test_an_address_outside_the_networks_is_not_reached_by_a_change(
    fleet: FleetHouse, browser: Browser
) -> None:
    await make(browser, "/api/v1/miners", {**MINER, "credentials": "HASHYARD_MINER_A"})
    path = "/api/v1/miners/container-1.m1"
    etag = {"If-Match": (await browser.get(path)).headers["ETag"]}
    await refused(await browser.ask("PATCH", path, {"address": "8.8.8.8"}, headers=etag), 422, "/address")
    body = {**MINER, "address": "8.8.8.8"}
    await refused(await browser.ask("PUT", path + "?check=1", body, headers=etag), 422, "/address")
    await refused(await browser.ask("PUT", "/api/miners/1", {"ip_address": "8.8.8.8"}), 404)


async def test_two_changes_at_once_are_not_both_made(fleet: FleetHouse, browser: Browser) -> None:
    await make(browser, "/api/v1/miners", MINER)
    path = "/api/v1/miners/container-1.m1"
    etag = {"If-Match": (await browser.get(path)).headers["ETag"]}
    answers = await asyncio.gather(
        *(browser.ask("PATCH", path, {"port": port}, headers=etag) for port in range(5000, 5005))
    )
    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412, 412]


async def test_a_miner_is_read_first(fleet: FleetHouse, browser: Browser) -> None:
    refusing = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = refusing.sockets[0].getsockname()[1]
    refusing.close()
    await refusing.wait_closed()
    body = {**MINER, "address": "127.0.0.1", "port": port, "web_port": None, "v3_port": None}
    response = await browser.ask("POST", "/api/v1/miners?check=1", body)
    found = await response.json()
    assert (response.status, found["type"]) == (502, "/problems/miner-failed")
    assert found["failure"]["reason"] == "refused"
    assert not fleet.managed.exists()
    assert (await browser.ask("POST", "/api/v1/miners?check=2", body)).status == 400


async def test_miners_keep_their_container_unless_they_go_too(fleet: FleetHouse, browser: Browser) -> None:
    await make(browser, "/api/v1/containers", {"name": "New"})
    await make(browser, "/api/v1/miners", {**MINER, "container": "new"})
    response = await browser.ask("DELETE", "/api/v1/containers/new")
    assert (response.status, (await response.json())["type"]) == (409, "/problems/in-use")
    assert (await browser.ask("DELETE", "/api/v1/containers/new?miners=delete")).status == 204
    assert [container.name for container in fleet.store.inventory.containers] == [
        "Container 1",
        "Container 2",
    ]
    (event,) = await fleet.house.events("container.deleted")
    assert [miner["name"] for miner in event.before["miners"]] == ["m1"]


async def test_what_changes_at_once_is_planned_first(fleet: FleetHouse, browser: Browser) -> None:
    await make(browser, "/api/v1/containers", {"name": "New"})
    fleet.deeds.coming = plan_of(12)
    path = "/api/v1/containers/new"
    etag = {"If-Match": (await browser.get(path)).headers["ETag"]}
    body: dict[str, Any] = {"control": "enforce", "schedule_id": "default"}
    response = await browser.ask("PATCH", path, body, headers=etag)
    found = await response.json()
    assert (response.status, found["type"]) == (409, "/problems/plan-changed")
    assert found["plan"]["miners"]["will_change"] == 12
    assert fleet.store.inventory.containers[2].control == "observe"
    response = await browser.ask("PATCH", path, {**body, "plan": "f1"}, headers=etag)
    assert (response.status, (await response.json())["control"]) == (200, "enforce")


async def test_what_would_exceed_a_limit_at_once_is_refused_and_what_would_later_is_not(
    fleet: FleetHouse, browser: Browser
) -> None:
    await make(browser, "/api/v1/containers", {"name": "New"})
    path = "/api/v1/containers/new"
    etag = {"If-Match": (await browser.get(path)).headers["ETag"]}
    body: dict[str, Any] = {"control": "enforce", "schedule_id": "default", "plan": "f1"}
    warned = Warned(code=OVER_LIMIT, detail="the container New would draw too much")
    fleet.deeds.coming = msgspec.structs.replace(plan_of(12), warnings=(warned,))
    response = await browser.ask("PATCH", path, body, headers=etag)
    found = await response.json()
    assert (response.status, found["type"], found["detail"]) == (422, "/problems/over-limit", warned.detail)
    assert fleet.store.inventory.containers[2].control == "observe"
    later = msgspec.structs.replace(warned, code=OVER_LIMIT_LATER)
    fleet.deeds.coming = msgspec.structs.replace(plan_of(12), warnings=(later,))
    assert (await browser.ask("PATCH", path, body, headers=etag)).status == 200


async def test_a_token_for_the_inventory_alone_commands_nothing(fleet: FleetHouse) -> None:
    user = await fleet.house.user("boris")
    browser = fleet.house.browser(token=await fleet.house.token(user, "inventory", "read"))
    assert (
        await browser.ask("POST", "/api/v1/containers", {"name": "N", "control": "enforce"})
    ).status == 403
    await make(browser, "/api/v1/containers", {"name": "N"})
    etag = {"If-Match": (await browser.get("/api/v1/containers/n")).headers["ETag"]}
    for body in ({"control": "enforce"}, {"schedule_id": "default"}):
        assert (await browser.ask("PATCH", "/api/v1/containers/n", body, headers=etag)).status == 403


async def test_a_token_for_some_containers_changes_those_alone(fleet: FleetHouse) -> None:
    user = await fleet.house.user("boris")
    text = await fleet.house.token(user, containers=("container-2",))
    browser = fleet.house.browser(token=text)
    assert (await browser.ask("POST", "/api/v1/containers", {"name": "N"})).status == 403
    await refused(await browser.ask("POST", "/api/v1/miners", MINER), 422, "/container")
    await make(browser, "/api/v1/miners", {**MINER, "container": "container-2"})


async def test_a_wrong_hand_written_file_refuses_changes_with_its_line(
    fleet: FleetHouse, browser: Browser
) -> None:
    fleet.hand.write_text(fleet.hand.read_text("utf-8").replace("rows: 4", "rows: many"), "utf-8")
    found = await refused(await browser.ask("POST", "/api/v1/miners", MINER), 422, "")
    assert f"{fleet.hand}:8: containers[0].rows" in found["detail"]


async def test_any_name_comes_back_as_it_went_in(fleet: FleetHouse, browser: Browser) -> None:
    for number, name in enumerate(
        ("1e3", "007", "06:00", "null", "yes", "- a: b", '"', "a'b\\n", "№ 1", "#x")
    ):
        body = {**MINER, "name": name, "address": f"10.1.9.{number}"}
        assert (await make(browser, "/api/v1/miners", body))["name"] == name
    await make(browser, "/api/v1/containers", {"name": "12e03", "id": "1e3"})
    names = [miner.name for miner in load([fleet.hand], managed=fleet.managed).containers[0].miners]
    assert names[2:] == ["1e3", "007", "06:00", "null", "yes", "- a: b", '"', "a'b\\n", "№ 1", "#x"]
