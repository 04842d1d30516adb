"""The gateway in a running application, with a server in Prometheus' place, and two clients with a token each."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientResponse

from controller.api.signing_in import sum_of
from controller.figures import GatewayCounts
from controller.gateway.proxy import Gateway
from controller.gateway.turns import Turns
from controller.history import History
from controller.model import GatewayToken, new_id
from controller.storage.storage import Storage
from tests.unit.controller.api.conftest import House, MakeHouse, house, make_house
from tests.unit.controller.gateway.prometheus_that_listens import Listening

__all__ = ["house", "make_house"]

GATEWAY = "/gateway/api/v1"


@dataclass
class Doorway:
    """A running gateway, and how a data source asks it."""

    house: House
    prometheus: Listening
    counts: GatewayCounts
    tokens: dict[str, str] = field(default_factory=dict)

    async def make_token(self, slug: str) -> str:
        client = await self.house.client(slug)
        text = f"hg_{new_id('x')[2:]:x<43}"
        token = GatewayToken(id=new_id("gwt"), client_id=client.id, created_at=self.house.deeds.now)
        await self.house.storage.gateway_tokens.add(token, sum_of(text))
        self.tokens[slug] = text
        return text

    async def ask(
        self, path: str, *, of: str | None = "acme", method: str = "GET", **more: Any
    ) -> ClientResponse:
        """Ask as the data source of a client; `of` None: without a token. `path` below /gateway/api/v1/."""
        headers = {} if of is None else {"Authorization": f"Bearer {self.tokens[of]}"}
        headers |= more.pop("headers", {})
        url = path if path.startswith("/") else f"{GATEWAY}/{path}"
        response = await self.house.http.request(method, url, headers=headers, **more)
        await response.read()
        return response


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    found = Listening()
    await found.server.start_server()
    yield found
    found.open.set()
    await found.server.close()


MakeDoorway = Callable[..., Awaitable[Doorway]]


@pytest.fixture
async def make_doorway(make_house: MakeHouse, listening: Listening) -> AsyncIterator[MakeDoorway]:
    """Return what opens a gateway; `url`: of Prometheus, by default the server in its place; `turns`."""
    ends: list[Callable[[], Awaitable[None]]] = []

    async def make(url: str | None = "", turns: Turns | None = None) -> Doorway:
        address = listening.url if url == "" else url
        history = History(address)
        counts = GatewayCounts()
        found: list[Gateway] = []

        class Waiting:
            """Stands in the application's way until the house, whose database the gateway needs, is there."""

            def __getattr__(self, name: str) -> Any:
                return getattr(found[0], name)

        house = await make_house(app={"gateway": Waiting()})
        storage: Storage = house.storage
        found.append(Gateway(storage, history, address, lambda: house.deeds.now, counts=counts, turns=turns))
        ends.extend((history.close, found[0].close))
        doorway = Doorway(house, listening, counts)
        for slug in ("acme", "borealis"):
            await doorway.make_token(slug)
        return doorway

    yield make
    for end in ends:
        await end()


@pytest.fixture
async def doorway(make_doorway: MakeDoorway) -> Doorway:
    return await make_doorway()
