"""The gateway's tokens in the database: whose they are, how many there may be, and how they end."""

from datetime import UTC, datetime, timedelta

import pytest

from controller.model import Client, GatewayToken
from controller.storage.faults import NotKept
from controller.storage.gateway_tokens import TooManyTokens
from controller.storage.storage import Storage

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACME = Client(id="cli_1", slug="acme", name="Acme", created_at=NOON)
BOREALIS = Client(id="cli_2", slug="borealis", name="Borealis", created_at=NOON)


def token(number: int, client: Client = ACME) -> GatewayToken:
    return GatewayToken(id=f"gwt_{number}", client_id=client.id, created_at=NOON + timedelta(minutes=number))


def sum_of(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
async def two_clients(storage: Storage) -> Storage:
    for client in (ACME, BOREALIS):
        await storage.people.clients.add(client)
    return storage


async def test_a_token_is_found_by_its_sum_with_its_client(two_clients: Storage) -> None:
    tokens = two_clients.gateway_tokens
    await tokens.add(token(1), sum_of(1))
    await tokens.add(token(2, BOREALIS), sum_of(2))
    assert await tokens.by_hash(sum_of(1)) == (token(1), ACME)
    assert await tokens.by_hash(sum_of(2)) == (token(2, BOREALIS), BOREALIS)
    assert await tokens.by_hash(sum_of(3)) is None


async def test_a_client_has_two_at_most(two_clients: Storage) -> None:
    tokens = two_clients.gateway_tokens
    for number in (1, 2):
        await tokens.add(token(number), sum_of(number))
    with pytest.raises(TooManyTokens, match="revoke the older one"):
        await tokens.add(token(3), sum_of(3))
    await tokens.add(token(4, BOREALIS), sum_of(4))
    assert [one.id for one in await tokens.of_client(ACME.id)] == ["gwt_2", "gwt_1"]
    assert await tokens.end(ACME.id, "gwt_1")
    await tokens.add(token(3), sum_of(3))
    assert [one.id for one in await tokens.of_client(ACME.id)] == ["gwt_3", "gwt_2"]


async def test_a_token_ends_with_its_own_client_alone(two_clients: Storage) -> None:
    tokens = two_clients.gateway_tokens
    await tokens.add(token(1), sum_of(1))
    assert not await tokens.end(BOREALIS.id, "gwt_1")
    assert await tokens.by_hash(sum_of(1)) is not None
    assert await tokens.end(ACME.id, "gwt_1")
    assert await tokens.by_hash(sum_of(1)) is None
    assert not await tokens.end(ACME.id, "gwt_1")


async def test_the_last_use_is_noted(two_clients: Storage) -> None:
    tokens = two_clients.gateway_tokens
    await tokens.add(token(1), sum_of(1))
    await tokens.touch("gwt_1", NOON + timedelta(hours=1))
    [kept] = await tokens.of_client(ACME.id)
    assert kept.last_used_at == NOON + timedelta(hours=1)


async def test_a_token_needs_a_client_and_a_sum(two_clients: Storage) -> None:
    stranger = GatewayToken(id="gwt_9", client_id="cli_9", created_at=NOON)
    with pytest.raises(NotKept, match="no client cli_9"):
        await two_clients.gateway_tokens.add(stranger, sum_of(9))
    with pytest.raises(ValueError, match="SHA-256"):
        await two_clients.gateway_tokens.add(token(1), "hg_plain")
