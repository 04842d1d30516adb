"""Nobody is vouched for to Grafana before it knows him under the address that is vouched for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from controller.grafana_wish import GrafanaOutcome, GrafanaWish, TokenDesk
from controller.model import SYSTEM
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.pages.reading_pages import read_page
from tests.unit.controller.sign_on.conftest import Grafana, led_back, make_grafana
from tests.unit.controller.sign_on.test_sign_on_authorize import whom

ANNAS, OTHER = "anna@yard.example", "another@yard.example"
WHY = "the address is that of the account secret-name, which was made by hand"


@dataclass
class Follower:
    """Stands for Grafana: everybody is in line but those who are refused, unless it is away."""

    away: str = ""
    refused: set[str] = field(default_factory=set)

    def __call__(self, wish: GrafanaWish, _desk: TokenDesk, _ended: Callable[[], bool]) -> GrafanaOutcome:
        if self.away:
            return GrafanaOutcome(away=self.away, memory=wish.memory)
        people = {one.id: WHY if one.name in self.refused else "" for one in wish.people}
        failed = [words for words in people.values() if words]
        return GrafanaOutcome(people=people, failed=failed, memory=wish.memory)


@dataclass
class Yard:
    """A controller that brings Grafana in line, and its administrator."""

    grafana: Grafana
    follower: Follower
    boss: Browser

    async def follow(self) -> None:
        await self.grafana.sync.bring_in_line(SYSTEM)

    async def refusal(self, browser: Browser) -> str:
        """Return the page that somebody gets in place of Grafana."""
        response = await browser.get(self.grafana.asking())
        assert (response.status, "Location" in response.headers) == (403, False)
        return read_page(await response.text()).words

    async def is_led_on(self, browser: Browser) -> bool:
        return "code" in led_back(await browser.get(self.grafana.asking()))

    async def change(self, username: str, **body: object) -> None:
        """Change an account, as an administrator does."""
        path = f"/api/v1/users/{(await whom(self.grafana.house, username)).id}"
        etag = (await self.boss.get(path)).headers["ETag"]
        answer = await self.boss.ask("PATCH", path, body, headers={"If-Match": etag})
        assert answer.status == 200, await answer.text()


@pytest.fixture
async def yard(make_house: MakeHouse, tmp_path: Path) -> Yard:
    follower = Follower()
    grafana = await make_grafana(make_house, tmp_path, follower)
    return Yard(grafana, follower, await grafana.house.signed_in("boss"))


async def test_who_is_new_waits_until_grafana_has_followed(yard: Yard) -> None:
    anna = await yard.grafana.house.signed_in("anna", "accountant")
    assert "are not in Grafana yet: it follows some seconds after" in await yard.refusal(anna)
    assert await yard.grafana.house.events("auth.signed_on") == []
    await yard.follow()
    assert await yard.is_led_on(anna)


async def test_nobody_given_anothers_old_address_is_vouched_for_before_grafana_knows(yard: Yard) -> None:
    """Until then, the account of whoever had it stands there under that address, and he would land in it."""
    anna = await yard.grafana.house.signed_in("anna", "accountant", email=ANNAS)
    boris = await yard.grafana.house.signed_in("boris", "client")
    await yard.follow()
    assert await yard.is_led_on(boris)
    await yard.change("anna", email=OTHER)
    await yard.change("boris", email=ANNAS)
    for one in (anna, boris):
        assert "it follows some seconds after" in await yard.refusal(one)
    yard.follower.away = "Grafana does not answer"
    await yard.follow()
    for one in (anna, boris):
        assert "it does not answer the controller" in await yard.refusal(one)
    yard.follower.away = ""
    await yard.follow()
    for one in (anna, boris):
        assert await yard.is_led_on(one)


async def test_what_was_given_before_is_worth_nothing_once_the_address_is_another(yard: Yard) -> None:
    anna = await yard.grafana.house.signed_in("anna", "accountant", email=ANNAS)
    await yard.follow()
    access = await yard.grafana.access(anna)
    assert (await yard.grafana.whose(access)).status == 200
    code = await yard.grafana.code(anna)
    await yard.change("anna", email=OTHER)
    refused = await yard.grafana.exchange(code)
    assert (refused.status, (await refused.json())["error"]) == (400, "invalid_grant")
    assert (await yard.grafana.whose(access)).status == 401


async def test_who_could_not_be_brought_in_is_told_whom_to_ask_and_nothing_of_others(yard: Yard) -> None:
    anna = await yard.grafana.house.signed_in("anna", "accountant")
    yard.follower.refused = {"anna"}
    await yard.follow()
    said = await yard.refusal(anna)
    assert "the reason stands beside your name under People" in said
    assert "secret-name" not in said
    silently = led_back(await anna.get(yard.grafana.asking(prompt="none")))
    assert silently["error"] == "access_denied"


async def test_a_client_that_is_none_any_more_has_no_place_there(yard: Yard) -> None:
    carl = await yard.grafana.house.signed_in("carl", "client")
    await yard.follow()
    assert await yard.is_led_on(carl)
    clients = yard.grafana.house.storage.people.clients
    [client] = await clients.all()
    await clients.update(msgspec.structs.replace(client, active=False))
    await yard.follow()
    response = await carl.get(yard.grafana.asking())
    assert "code=" not in response.headers.get("Location", "")
    assert await yard.grafana.sync.standing(await whom(yard.grafana.house, "carl")) == "none"


async def test_who_is_known_stays_so_while_grafana_is_away(yard: Yard) -> None:
    anna = await yard.grafana.house.signed_in("anna", "accountant")
    await yard.follow()
    yard.follower.away = "Grafana does not answer"
    await yard.follow()
    assert await yard.is_led_on(anna)


async def test_where_nobody_brings_grafana_in_line_its_people_are_in_other_hands(grafana: Grafana) -> None:
    anna = await grafana.house.signed_in("anna", "accountant")
    assert "code" in led_back(await anna.get(grafana.asking()))
