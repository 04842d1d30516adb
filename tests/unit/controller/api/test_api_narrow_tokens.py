"""A token that is for some containers: it does what concerns those, and nothing that concerns the others too.

Which routes concern all containers stands in who_may.py; all others have to cut what they do and show by themselves.
"""

from pathlib import Path
from typing import Any

import pytest

from controller.api.route import Open
from controller.api.routes import ROUTES
from controller.model import Actor, Hold
from tests.unit.controller.api.conftest import Browser, House, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.api.test_api_table import reach
from tests.unit.controller.api.who_may import CONCERN_ALL_CONTAINERS

ANNA = Actor("user", "anna", "usr_anna")
ELSEWHERE = "container-2"
WINDOWS: dict[str, Any] = {"name": "days", "otherwise": "normal"}


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await start(make_house, tmp_path)


@pytest.fixture
async def narrow(fleet: FleetHouse) -> Browser:
    user = await fleet.house.user("anna")
    return fleet.house.browser(token=await fleet.house.token(user, containers=("container-1",)))


async def test_what_concerns_all_containers_is_refused_and_nothing_else(house: House) -> None:
    expected = {tuple(line.split()) for line in CONCERN_ALL_CONTAINERS.splitlines() if line.strip()}
    assert expected <= {(route.method, route.path) for route in ROUTES}
    token = await house.token(await house.user("anna"), containers=("container-1",))
    for route in ROUTES:
        if isinstance(route.roles, Open):
            continue
        house.deeds.pass_time(seconds=1)
        status = await reach(house, route, {"Authorization": f"Bearer {token}"})
        assert (status == 403) is ((route.method, route.path) in expected), f"{route.method} {route.path}"


async def test_a_hold_everywhere_is_neither_made_nor_ended(fleet: FleetHouse, narrow: Browser) -> None:
    everywhere = Hold(id="hold_1", container=None, reason="smoke", created_by=ANNA, created_at=BEGIN)
    fleet.deeds.kept_holds = [everywhere]
    refused = await narrow.ask("POST", "/api/v1/holds", {"all": True, "reason": "x"})
    assert refused.status == 403
    assert (await narrow.ask("DELETE", "/api/v1/holds")).status == 403
    assert fleet.deeds.kept_holds == [everywhere]
    own = await narrow.ask("POST", "/api/v1/holds", {"containers": ["container-1"], "reason": "x"})
    assert own.status == 201
    assert (await narrow.ask("DELETE", "/api/v1/holds?container=container-1")).status == 204


async def test_holds_of_other_containers_are_not_seen_or_touched(fleet: FleetHouse, narrow: Browser) -> None:
    fleet.deeds.kept_holds = [
        Hold(id=f"hold_{at}", container=one, reason=f"why {one}", created_by=ANNA, created_at=BEGIN)
        for at, one in enumerate((None, "container-1", ELSEWHERE))
    ]
    seen = await (await narrow.get("/api/v1/holds")).json()
    assert ([hold["container"] for hold in seen["items"]], seen["total"]) == ([None, "container-1"], 2)
    other = await narrow.ask("POST", "/api/v1/holds", {"containers": [ELSEWHERE], "reason": "x"})
    assert other.status == 404
    assert (await narrow.ask("DELETE", f"/api/v1/holds?container={ELSEWHERE}")).status == 404
    assert len(fleet.deeds.kept_holds) == 3


async def test_it_makes_nobody_who_may_more_than_it(fleet: FleetHouse, narrow: Browser) -> None:
    for path, body in (
        ("/api/v1/users", {"username": "mallory", "role": "administrator"}),
        ("/api/auth/admin/create", {"username": "mallory", "password": "four words that differ"}),
        ("/api/auth/register", {"username": "mallory", "password": "four words that differ"}),
    ):
        assert (await narrow.ask("POST", path, body)).status == 403
    assert await fleet.house.storage.people.users.by_name("mallory") is None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/api/v1/containers/{ELSEWHERE}", None),
        ("GET", f"/api/v1/miners/{ELSEWHERE}.b1", None),
        ("GET", f"/api/v1/timeline?container={ELSEWHERE}", None),
        ("GET", f"/api/v1/stats/containers/{ELSEWHERE}", None),
        ("GET", f"/api/v1/stats/miners/{ELSEWHERE}.b1", None),
        ("GET", f"/api/miners/{ELSEWHERE}.b1", None),
        ("GET", f"/api/containers/{ELSEWHERE}", None),
        ("POST", f"/api/v1/miners/{ELSEWHERE}.b1/poll", None),
        ("POST", f"/api/v1/miners/{ELSEWHERE}.b1/service", {"reason": "x"}),
        ("POST", f"/api/v1/miners/{ELSEWHERE}.b1/actions", {"action": {"type": "sleep"}, "reason": "x"}),
        (
            "POST",
            "/api/v1/overrides",
            {"target": {"containers": [ELSEWHERE]}, "profile": "curtail", "reason": "x"},
        ),
        (
            "POST",
            "/api/v1/operations",
            {"target": {"miners": [f"{ELSEWHERE}.b1"]}, "action": "reboot", "reason": "x"},
        ),
    ],
)
async def test_other_containers_are_not_there(
    fleet: FleetHouse, narrow: Browser, method: str, path: str, body: Any
) -> None:
    response = await narrow.ask(method, path, body)
    text = await response.text()
    assert response.status == 404, text
    assert "10.1.8" not in text
    assert "borealis" not in text
    assert fleet.deeds.wishes == []


async def test_a_key_of_a_wider_token_is_not_answered_again(fleet: FleetHouse, narrow: Browser) -> None:
    user = await fleet.house.storage.people.users.by_name("anna")
    assert user is not None
    wide = fleet.house.browser(token=await fleet.house.token(user))
    order = {"target": {"containers": ["container-1"]}, "profile": "curtail", "reason": "x"}
    key = {"Idempotency-Key": "k1"}
    assert (await wide.ask("POST", "/api/v1/overrides", order, headers=key)).status == 201
    assert (await narrow.ask("POST", "/api/v1/overrides", order, headers=key)).status == 422
    again = await wide.ask("POST", "/api/v1/overrides", order, headers=key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
