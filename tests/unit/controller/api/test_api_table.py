"""Every route of the table, asked as nobody, as each role, and by tokens of each scope: who gets in is written down here.

A route without a line here fails, and so does a line without a route. A: administrator, F: accountant, C: client, –: nobody
signed in. The word behind is the scope that a token must carry.
"""

import json
import re
from collections.abc import Iterator

import pytest

from controller.api.route import Open, Route
from controller.api.routes import ROUTES
from controller.model import ROLES, SCOPES, Role, Scope
from tests.unit.controller.api.conftest import House
from tests.unit.controller.api.who_may import WHO_MAY

LETTERS: dict[str, Role] = {"A": "administrator", "F": "accountant", "C": "client"}


def lines() -> Iterator[tuple[str, str, str, str]]:
    for line in WHO_MAY.splitlines():
        if line.strip():
            method, path, letters, scope = line.split()
            yield method, path, letters, scope


EXPECTED = {(method, path): (letters, scope) for method, path, letters, scope in lines()}


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_every_route_has_a_line_and_every_line_a_route() -> None:
    routes = [(route.method, route.path) for route in ROUTES]
    assert len(set(routes)) == len(routes)
    assert set(routes) == set(EXPECTED)


def test_a_route_cannot_be_made_without_saying_who_may() -> None:
    async def handler(_call: object) -> None:
        return None

    with pytest.raises(TypeError):
        Route(method="GET", path="/x", summary="x", handler=handler)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="who may use it"):
        Route(method="GET", path="/x", summary="x", handler=handler, roles=(), scopes=())


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_nobody_gets_further_than_the_line_says(house: House, route: Route) -> None:
    letters, _ = EXPECTED[route.method, route.path]
    response = await reach(house, route)
    if letters == "–":
        assert response not in {401, 403}
    else:
        assert response == 401


async def test_each_role_gets_where_its_letter_stands(house: House) -> None:
    """As a session and by a token with all scopes."""
    for role in ROLES:
        browser = await house.signed_in(f"user-{role}", role)
        user = await house.storage.people.users.by_name(f"user-{role}")
        assert user is not None
        token = await house.token(user)
        for route in ROUTES:
            letters, _ = EXPECTED[route.method, route.path]
            may = letters == "–" or role in {LETTERS[letter] for letter in letters}
            for credentials in (
                {"Cookie": f"hashyard={browser.cookie}", "X-CSRF-Token": str(browser.csrf)},
                {"Authorization": f"Bearer {token}"},
            ):
                status = await reach(house, route, credentials)
                assert (status in {401, 403}) is not may, f"{named(route)} as {role}: {status}"


async def test_a_token_gets_where_its_scope_stands(house: House) -> None:
    user = await house.user("anna")
    for scope in SCOPES:
        token = await house.token(user, scope)
        await check_scope(house, token, scope)


async def check_scope(house: House, token: str, scope: Scope) -> None:
    for route in ROUTES:
        letters, wanted = EXPECTED[route.method, route.path]
        may = letters == "–" or wanted in {"any", scope}
        house.deeds.pass_time(seconds=1)
        status = await reach(house, route, {"Authorization": f"Bearer {token}"})
        assert (status == 403) is not may, f"{named(route)} with {scope}: {status}"


async def test_a_token_for_one_miner_gets_nowhere(house: House) -> None:
    token = await house.token(await house.user("anna"), miner="container-1.a1")
    for route in ROUTES:
        if not isinstance(route.roles, Open):
            assert await reach(house, route, {"Authorization": f"Bearer {token}"}) == 403


async def reach(house: House, route: Route, credentials: dict[str, str] | None = None) -> int:
    """Return the status of a request that is wrong behind the gate: whoever gets there gets 400, and nothing is done."""
    path = re.sub(r"{\w+}", "x", route.path)
    headers = {"If-Match": '"x"', "Content-Type": route.body_media[0], **(credentials or {})}
    body = b"{" if route.body is not None else None
    response = await house.http.request(
        route.method, path + "?no-such-parameter=1", data=body, headers=headers, allow_redirects=False
    )
    text = await response.text()
    if response.status in {401, 403}:
        assert json.loads(text)["status"] == response.status
    else:
        assert response.status in {400, 404}, f"{named(route)}: {response.status} {text[:200]}"
    return response.status
