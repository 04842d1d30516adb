"""`POST /api/v1/grafana/sync`: who may have Grafana brought in line, and what is said of a Grafana that is away, or none."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hashyard_grafana
from controller.grafana_sync import GrafanaSync
from controller.storage.storage import Storage
from tests.unit.controller.api.conftest import Browser, House, MakeHouse
from tests.unit.controller.api.quiet_deeds import QuietDeeds
from tests.unit.controller.driven_clock import DrivenClock
from tests.unit.grafana.sync import grafana_stand_in as stand_in

PATH = "/api/v1/grafana/sync"


@pytest.fixture
def grafana() -> Iterator[stand_in.Grafana]:
    with stand_in.serving() as served:
        dashboards = served.state.organisations[stand_in.MAIN]["dashboards"]
        dashboards["hashyard-energy"] = {"id": 1, "version": 1, "title": "Energy & money"}
        yield served


async def house_beside(make_house: MakeHouse, tmp_path: Path, url: str | None) -> House:
    """Make a controller that brings the Grafana at `url` in line; with None, nobody has set that up."""
    password = tmp_path / "password"
    password.write_text(f"{stand_in.PASSWORD}\n", encoding="utf-8")
    deeds = QuietDeeds()
    more = {} if url is None else {"grafana_api": url, "grafana_password_file": password}
    made: dict[type, Any] = {}

    def services(storage: Storage) -> dict[type, Any]:
        made[GrafanaSync] = GrafanaSync(storage, DrivenClock(), lambda: deeds.now)
        return made

    house = await make_house(app={"services": services}, deeds=deeds, **more)
    bring = hashyard_grafana.bring_of(house.settings)
    if bring is not None:
        made[GrafanaSync].set_up(bring, "http://127.0.0.1:9/gateway")
    return house


async def test_an_administrator_is_told_what_was_done_and_the_second_time_nothing(
    make_house: MakeHouse, tmp_path: Path, grafana: stand_in.Grafana
) -> None:
    house = await house_beside(make_house, tmp_path, grafana.url)
    anna = await house.signed_in("anna")
    await house.user("carl", "client", name="Carl")
    first = await (await anna.ask("POST", PATH)).json()
    assert (first["in_line"], first["failed"]) == (True, [])
    assert any("Carl" in line for line in first["done"])
    assert grafana.state.named("Acme")["roles"]
    second = await anna.ask("POST", PATH)
    assert second.status == 200
    said = await second.json()
    assert (said["in_line"], said["done"], said["failed"]) == (True, [], [])
    [event] = await house.events("grafana.brought_in_line")
    assert event.actor.name == "anna"
    assert stand_in.PASSWORD not in repr((first, said, event))


@pytest.mark.parametrize("role", ["accountant", "client", None])
async def test_nobody_else_has_it_done(
    make_house: MakeHouse, tmp_path: Path, grafana: stand_in.Grafana, role: Any
) -> None:
    house = await house_beside(make_house, tmp_path, grafana.url)
    asker = house.browser() if role is None else await house.signed_in("olga", role)
    assert (await asker.ask("POST", PATH)).status in ({401, 403} if role is None else {403, 404})
    assert grafana.changes == []


async def test_a_token_needs_the_scope_people(
    make_house: MakeHouse, tmp_path: Path, grafana: stand_in.Grafana
) -> None:
    house = await house_beside(make_house, tmp_path, grafana.url)
    anna = await house.user("anna")
    scant = Browser(house.http, token=await house.token(anna, "read"))
    assert (await scant.ask("POST", PATH)).status == 403
    assert grafana.changes == []
    right = Browser(house.http, token=await house.token(anna, "people"))
    assert (await right.ask("POST", PATH)).status == 200


async def test_a_grafana_that_is_away_is_said_to_be(make_house: MakeHouse, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    house = await house_beside(make_house, tmp_path, f"http://127.0.0.1:{port}")
    anna = await house.signed_in("anna")
    said = await (await anna.ask("POST", PATH)).json()
    assert (said["in_line"], said["done"]) == (False, [])
    [line] = said["failed"]
    assert line.startswith(f"Grafana does not answer at http://127.0.0.1:{port}")


async def test_a_wrong_password_is_said_without_a_word_of_it(
    make_house: MakeHouse, tmp_path: Path, grafana: stand_in.Grafana
) -> None:
    house = await house_beside(make_house, tmp_path, grafana.url)
    (tmp_path / "password").write_text("another horse", encoding="utf-8")
    anna = await house.signed_in("anna")
    said = await (await anna.ask("POST", PATH)).json()
    assert not said["in_line"]
    [line] = said["failed"]
    assert line.startswith("Grafana does not let admin in")
    assert "another horse" not in line


async def test_where_nobody_has_set_it_up_the_answer_says_how(make_house: MakeHouse, tmp_path: Path) -> None:
    house = await house_beside(make_house, tmp_path, None)
    anna = await house.signed_in("anna")
    answer = await anna.ask("POST", PATH)
    assert answer.status == 404
    assert "--grafana-api and --grafana-password-file" in (await answer.json())["detail"]
