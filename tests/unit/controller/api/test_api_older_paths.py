"""The calls of the older tools as their documents show them, with credentials added."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from controller.history import History
from miners.actions import SetPreset, Sleep, Wake
from miners.hand import TcpHand
from miners.model import Credentials, Target
from miners.writers.token_gateway import leave, send
from miners.writing import CommandRefused, NoPermission, ReadOnly, Session
from tests.unit.controller.api.conftest import PASSWORD, Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start

AT = "10.1.7.1"


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    found = await start(make_house, tmp_path)
    found.deeds.snapshot("container-1.a1")
    found.deeds.failure("container-1.a2")
    return found


async def ask(browser: Browser, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    response = await browser.ask(method, path, body, **more)
    return response.status, await response.json() if response.content_type.endswith("json") else None


def basic(username: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


async def miner_token(fleet: FleetHouse, address: str = AT) -> str:
    status, found = await ask(
        fleet.house.browser(), "POST", "/api/login", {"miner_ip": address}, headers=basic("anna")
    )
    assert status == 200, found
    token: str = found["token"]
    return token


async def test_state_and_logs(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    status, found = await ask(browser, "GET", "/state")
    assert status == 200
    assert found[0] == {
        "miner_ip": AT,
        "miner": "a1",
        "container": "Container 1",
        "profile": "normal",
        "mode": "active",
        "state": "mining",
        "updated_at": "2026-03-02T11:59:55Z",
    }
    assert [row["state"] for row in found] == ["mining", "unreachable", "unknown"]
    fleet.deeds.profile = "curtail"
    assert (await ask(browser, "GET", "/state"))[1][0]["mode"] == "sleep"
    await miner_token(fleet)
    status, found = await ask(browser, "GET", "/logs")
    assert status == 200
    assert found[0]["event"] == "auth.signed_in"
    assert (await ask(browser, "GET", "/logs?miner_ip=10.9.9.9"))[1] == []
    for path, page in (("/state", "/"), ("/logs", "/log")):
        response = await browser.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
        assert (response.status, response.headers["Location"]) == (303, page)
    assert (await browser.get("/state")).headers["Link"] == '</api/v1/miners>; rel="canonical"'


async def test_a_client_sees_his_own_and_no_addresses(fleet: FleetHouse) -> None:
    browser = await fleet.browser("clara", "client")
    _, state = await ask(browser, "GET", "/state")
    assert [(row["miner"], row["miner_ip"]) for row in state] == [("a1", None), ("a2", None)]
    _, miners = await ask(browser, "GET", "/api/miners")
    assert [(row["name"], row["ip"], row["ip_address"], row["port"]) for row in miners] == [
        ("a1", None, None, None),
        ("a2", None, None, None),
    ]
    _, containers = await ask(browser, "GET", "/api/containers")
    assert [row["name"] for row in containers] == ["Container 1"]
    assert (await ask(browser, "GET", "/logs?miner_ip=10.1.8.1"))[1] == []
    assert (await ask(browser, "GET", "/api/containers/container-2"))[0] == 404
    assert (await ask(browser, "GET", "/api/miners/container-2.b1"))[0] == 404


async def test_login_asks_who_is_there(fleet: FleetHouse) -> None:
    user = await fleet.house.user("anna")
    await fleet.house.user("otto", "accountant")
    body = {"miner_ip": AT}
    nobody = fleet.house.browser()
    control = await fleet.house.token(user, "control")
    asked: list[tuple[dict[str, Any], dict[str, str], int]] = [
        (body, {}, 401),
        (body, basic("anna"), 200),
        (body, basic("anna", "wrong"), 401),
        (body, {"Authorization": "Basic !!"}, 401),
        (body, basic("otto"), 403),
        ({**body, "username": "anna", "password": PASSWORD}, {}, 200),
        ({**body, "username": "anna", "password": "wrong"}, {}, 401),
        (body, {"Authorization": f"Bearer {control}"}, 200),
        (body, {"Authorization": f"Bearer {await fleet.house.token(user, 'read')}"}, 403),
        (body, {"Authorization": f"Bearer {await miner_token(fleet)}"}, 403),
        (body, {"Authorization": "Bearer hy_nothing"}, 401),
        ({"miner_ip": "10.9.9.9"}, basic("anna"), 400),
        ({}, basic("anna"), 422),
    ]
    for sent, headers, expected in asked:
        status, found = await ask(nobody, "POST", "/api/login", sent, headers=headers)
        assert status == expected, (sent, found)
        if status != 200:
            assert found["error"]


async def test_profileset_and_curtail(fleet: FleetHouse) -> None:
    await fleet.house.user("anna")
    nobody, token = fleet.house.browser(), await miner_token(fleet)
    status, found = await ask(nobody, "POST", "/api/profileset", {"token": token, "profile": "underclock"})
    assert (status, found["outcome"], found["message"]) == (200, "applied", "as it says")
    assert found["operation_id"] in fleet.deeds.running
    wish = fleet.deeds.wishes[-1]
    assert (wish.choice.miners, wish.profile, wish.ends) == (("container-1.a1",), "underclock", "next_change")  # type: ignore[union-attr]
    status, found = await ask(nobody, "POST", "/api/curtail", {"token": token, "mode": "sleep"})
    assert (status, fleet.deeds.overrides()[-1].profile) == (200, "curtail")
    status, found = await ask(nobody, "POST", "/api/curtail", {"token": token, "mode": "active"})
    assert status == 200
    assert [one.profile for one in fleet.deeds.overrides()] == ["underclock"]
    status, found = await ask(nobody, "POST", "/api/curtail", {"token": token, "mode": "active"})
    assert (status, found["outcome"], found["operation_id"]) == (200, "unchanged", None)
    fleet.deeds.profile = "curtail"
    status, found = await ask(nobody, "POST", "/api/curtail", {"token": token, "mode": "active"})
    assert (status, fleet.deeds.overrides()[-1].profile) == (200, "normal")


async def test_where_the_schedule_never_changes_a_person_ends_it(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    steady = (
        HAND.replace("schedule: default", "schedule: steady") + "schedules: {steady: {otherwise: normal}}\n"
    )
    fleet = await start(make_house, tmp_path, hand=steady)
    await fleet.house.user("anna")
    body = {"token": await miner_token(fleet), "profile": "underclock"}
    assert (await ask(fleet.house.browser(), "POST", "/api/profileset", body))[0] == 200
    assert fleet.deeds.wishes[-1].ends == "manual"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("unchanged", 200),
        ("accepted_unverified", 202),
        ("verifying", 202),
        ("refused", 502),
        ("auth_failed", 502),
        ("unreachable", 502),
        ("skipped", 409),
    ],
)
async def test_what_came_of_it_is_the_status(fleet: FleetHouse, state: Any, status: int) -> None:
    await fleet.house.user("anna")
    fleet.deeds.outcomes["container-1.a1"] = state
    body = {"token": await miner_token(fleet), "mode": "sleep"}
    answered, found = await ask(fleet.house.browser(), "POST", "/api/curtail", body)
    assert (answered, found["outcome"]) == (status, state)
    assert found["operation_id"]


async def test_bad_tokens_and_values_are_400(fleet: FleetHouse) -> None:
    user = await fleet.house.user("anna")
    nobody, token = fleet.house.browser(), await miner_token(fleet)
    for path, body in (
        ("/api/profileset", {"token": token, "profile": "curtail"}),
        ("/api/profileset", {"token": "hy_no", "profile": "normal"}),
        ("/api/profileset", {"token": await fleet.house.token(user), "profile": "normal"}),
        ("/api/curtail", {"token": token, "mode": "off"}),
    ):
        status, found = await ask(nobody, "POST", path, body)
        assert status == 400, found
        assert found["error"]
    fleet.deeds.pass_time(minutes=15)
    status, found = await ask(nobody, "POST", "/api/profileset", {"token": token, "profile": "normal"})
    assert (status, found["error"]) == (
        400,
        "this token is unknown or has lapsed: /api/login gives a new one",
    )
    assert fleet.deeds.wishes == []


async def test_an_observed_miner_is_409_and_a_dismissed_administrator_commands_nothing(
    fleet: FleetHouse,
) -> None:
    user = await fleet.house.user("anna")
    token = await miner_token(fleet, "10.1.8.1")
    body = {"token": token, "profile": "normal"}
    assert (await ask(fleet.house.browser(), "POST", "/api/profileset", body))[0] == 409
    await fleet.house.user("keeper")
    await fleet.house.storage.people.users.remove(user.id)
    assert (await ask(fleet.house.browser(), "POST", "/api/profileset", body))[0] == 400


def target(fleet: FleetHouse, credentials: Credentials | None, address: str = AT) -> Target:
    return Target(
        container="Container 1",
        miner="a1",
        address=address,
        gateway=str(fleet.house.http._base_url).rstrip("/"),
        gateway_credentials=credentials,
    )


async def test_the_gateways_client_and_our_tokens_talk_to_each_other(fleet: FleetHouse) -> None:
    user = await fleet.house.user("anna")
    session = Session()
    by_password = Credentials(user="anna", password=PASSWORD)
    hand = TcpHand(target(fleet, by_password), now=0.0)
    await send(hand, session, Sleep())
    first = session.token
    assert first is not None
    await send(hand, session, Wake())
    assert session.token == first
    # The token lapses on our side first: the client notices, and gets another one.
    fleet.deeds.pass_time(minutes=16)
    await send(hand, session, SetPreset(preset="overclock"))
    assert session.token != first
    await leave(hand, session)
    assert [token.miner for token in await fleet.house.storage.access.tokens.of_user(user.id)] == []
    fleet.deeds.outcomes["container-1.a1"] = "refused"
    with pytest.raises(CommandRefused, match="as it says"):
        await send(hand, session, Sleep())
    bearer = Credentials(user="", password=await fleet.house.token(user, "control"))
    with pytest.raises(ReadOnly):
        await send(TcpHand(target(fleet, bearer, "10.1.8.1"), now=0.0), Session(), Sleep())
    with pytest.raises(NoPermission):
        await send(TcpHand(target(fleet, None), now=0.0), Session(), Sleep())


async def test_miners_as_both_tools_know_them(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    status, found = await ask(browser, "GET", "/api/miners")
    assert status == 200
    assert found[0] == {
        "id": 1,
        "name": "a1",
        "ip_address": AT,
        "ip": AT,
        "port": 4028,
        "manufacturer": "Whatsminer",
        "model": "M50S",
        "container_id": 1,
        "is_active": True,
        "is_stale": False,
        "age_sec": 5.0,
        "status": "running",
        "last_seen": "2026-03-02T11:59:55Z",
        "created_at": None,
    }
    assert [(row["id"], row["status"]) for row in found] == [(1, "running"), (2, "offline"), (3, "unknown")]
    assert [row["id"] for row in (await ask(browser, "GET", "/api/miners?container_id=2"))[1]] == [3]
    assert [row["id"] for row in (await ask(browser, "GET", "/api/miners?container_id=container-2"))[1]] == [
        3
    ]
    assert (await ask(browser, "GET", "/api/miners?is_active=false"))[1] == []
    for path in ("/api/miners/2", "/api/miners/container-1.a2"):
        assert (await ask(browser, "GET", path))[1]["name"] == "a2"
    assert (await ask(browser, "GET", "/api/miners/99"))[0] == 404
    for state, status_word in (("sleeping", "idle"), ("fault", "error"), ("starting", "starting")):
        fleet.deeds.snapshot("container-1.a1", state=state)
        assert (await ask(browser, "GET", "/api/miners/1"))[1]["status"] == status_word


async def test_miners_are_made_changed_polled_and_deleted(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    body = {
        "name": "n1",
        "ip_address": "10.1.9.1",
        "container_id": 2,
        "port": 4029,
        "manufacturer": "MicroBT",
    }
    assert (await ask(browser, "POST", "/api/miners", body))[0] == 422  # nobody has asked for numbers yet
    await ask(browser, "GET", "/api/containers")
    status, made = await ask(browser, "POST", "/api/miners", body)
    assert (status, made["container_id"], made["manufacturer"], made["port"]) == (201, 2, "Whatsminer", 4029)
    path = f"/api/miners/{made['id']}"
    status, found = await ask(browser, "PUT", path, {"is_active": False, "ip_address": "10.1.9.2"})
    assert (status, found["is_active"], found["ip_address"], found["port"]) == (200, False, "10.1.9.2", 4029)
    status, found = await ask(browser, "PUT", path, {"container_id": "container-1"})
    assert (status, found["container_id"], found["name"]) == (200, 1, "n1")
    path = f"/api/miners/{found['id']}"
    fleet.deeds.polled = fleet.deeds.failure("container-1.n1")
    status, failed = await ask(browser, "POST", f"{path}/poll")
    assert (status, failed["failure"]["reason"]) == (502, "timeout")
    fleet.deeds.polled = fleet.deeds.snapshot("container-1.n1")
    assert (await ask(browser, "POST", f"{path}/poll"))[1]["name"] == "n1"
    assert (await ask(browser, "DELETE", path))[0] == 204
    assert (await ask(browser, "GET", path))[0] == 404
    # A number is given once, and never again.
    status, again = await ask(browser, "POST", "/api/miners", {**body, "name": "n2"})
    assert again["id"] > found["id"]


async def test_containers_manufacturers_and_models(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    status, found = await ask(browser, "POST", "/api/containers", {"name": "New", "location": "north"})
    assert (status, found["name"], found["location"], found["is_active"]) == (201, "New", "north", True)
    assert (await ask(browser, "GET", f"/api/containers/{found['id']}"))[1]["name"] == "New"
    assert [row["name"] for row in (await ask(browser, "GET", "/api/containers"))[1]] == [
        "Container 1",
        "Container 2",
        "New",
    ]
    assert (await ask(browser, "DELETE", f"/api/containers/{found['id']}"))[0] == 204
    assert (await ask(browser, "DELETE", "/api/containers/container-1"))[0] == 409
    assert "Elphapex" in (await ask(browser, "GET", "/api/miners/manufacturers"))[1]
    models = (await ask(browser, "GET", "/api/miners/models/Elhapex"))[1]
    assert "DG1+ 14G" in models
    assert (await ask(browser, "GET", "/api/miners/models/Acme"))[0] == 404


async def test_signing_in_and_registering(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    status, found = await ask(
        fleet.house.browser(), "POST", "/api/auth/login", {"username": "anna", "password": PASSWORD}
    )
    assert (status, found["token_type"], set(found)) == (
        200,
        "bearer",
        {"access_token", "token_type", "expires_at"},
    )
    assert (await fleet.house.browser(token=found["access_token"]).get("/api/v1/me")).status == 200
    new = {"username": "olga", "password": "bicycle apple storm", "email": "o@example.org", "role": "CLIENT"}
    status, made = await ask(browser, "POST", "/api/auth/register", new)
    assert (status, made["role"], made["client_id"][:4]) == (201, "client", "cli_")
    other = fleet.house.browser()
    assert (await other.sign_in("olga", "bicycle apple storm")).status == 204
    assert (await (await other.get("/api/v1/me")).json())["password_change_needed"] is True
    for body, at in (
        ({**new, "username": "piet", "role": "administrator"}, "/role"),
        ({**new, "username": "piet", "password": "password1234"}, "/password"),
        ({**new, "username": "piet", "password": "short"}, "/password"),
    ):
        status, found = await ask(browser, "POST", "/api/auth/register", body)
        assert (status, found["errors"][0]["at"]) == (422, at)
    assert (await ask(browser, "POST", "/api/auth/register", new))[0] == 409
    status, made = await ask(
        browser, "POST", "/api/auth/admin/create", {"username": "root2", "password": "bicycle apple storm"}
    )
    assert (status, made["role"]) == (201, "administrator")
    assert (await ask(other, "POST", "/api/auth/register", {**new, "username": "piet"}))[0] == 403


async def test_statistics_in_the_older_tools_units(make_house: MakeHouse, tmp_path: Path) -> None:
    asked: list[str] = []
    figures = {
        "hashrate": ("110", {"algorithm": "SHA-256"}),
        'result="accepted"': ("1000", {}),
        'result="rejected"': ("3", {}),
        "switches": ("2", {}),
        "temperature": ("81.5", {}),
        "fan_speed": ("4200", {}),
        "power": ("3300", {}),
    }

    async def prometheus(request: web.Request) -> web.Response:
        form = await request.post()
        asked.append(str(form["query"]))
        value, labels = next(given for word, given in figures.items() if word in asked[-1])
        result = [{"metric": labels, "values": [[float(str(form["end"])), value]]}]
        return web.json_response({"status": "success", "data": {"resultType": "matrix", "result": result}})

    app = web.Application()
    app.router.add_post("/api/v1/query_range", prometheus)
    server = TestServer(app)
    await server.start_server()
    history = History(str(server.make_url("/")))
    try:
        fleet = await start(make_house, tmp_path, services={History: history})
        fleet.deeds.snapshot("container-1.a1")
        browser = await fleet.browser()
        status, rows = await ask(browser, "GET", "/api/stats/miners/container-1.a1?hours=2&limit=50")
        assert status == 200
        (row,) = rows
        assert row.pop("timestamp").startswith("2026-03-02T1")
        assert row == {
            "hash_rate": 110.0,
            "accepted_shares": 1000.0,
            "rejected_shares": 3.0,
            "pool_switches": 2.0,
            "temperature": 81.5,
            "fan_speed": 4200.0,
            "power_consumption": 3300.0,
        }
        assert all('container=~"Container\\\\ 1",miner="a1"' in query for query in asked)
        status, found = await ask(browser, "GET", "/api/stats/containers/container-1?hours=2")
        assert (found["now"]["running"], found["now"]["hash_rate"], len(found["rows"])) == (1, 110.0, 1)
        status, found = await ask(browser, "GET", "/api/stats/overview")
        assert (status, found["now"]["miners"], found["container_id"]) == (200, 3, None)
        asked.clear()
        client = await fleet.browser("clara", "client")
        assert (await ask(client, "GET", "/api/stats/overview"))[1]["now"]["miners"] == 2
        assert asked
        assert all('client="acme"' in query for query in asked)
        assert (await ask(client, "GET", "/api/stats/containers/container-2"))[0] == 404
    finally:
        await history.close()
        await server.close()


async def test_statistics_without_prometheus(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    assert (await ask(browser, "GET", "/api/stats/overview"))[0] == 503
    assert (await ask(browser, "GET", "/api/stats/miners/container-1.a1?hours=0"))[0] == 400


async def test_numbers_are_given_once_whoever_asks_at_the_same_time(fleet: FleetHouse) -> None:
    browser = await fleet.browser()
    answers = await asyncio.gather(*(ask(browser, "GET", "/api/miners") for _ in range(8)))
    assert len({tuple(row["id"] for row in found) for _, found in answers}) == 1


async def test_the_numbers_of_a_client_count_his_own_things_alone(fleet: FleetHouse) -> None:
    """Whoever asked before him, and however much there is that he does not see."""
    everything = await fleet.browser("anna")
    assert len(await (await everything.get("/api/containers")).json()) > 1
    own = await fleet.browser("boris", "client", client_id=(await fleet.house.client("borealis")).id)
    containers = await (await own.get("/api/containers")).json()
    miners = await (await own.get("/api/miners")).json()
    assert [one["id"] for one in containers] == [1]
    assert [(one["id"], one["container_id"]) for one in miners] == [(1, 1)]
    assert (await own.get("/api/containers/2")).status == 404
