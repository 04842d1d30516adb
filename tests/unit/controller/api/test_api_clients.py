"""Clients in the API, and the tokens of the query gateway: made, shown once, two at most, revoked, in the record."""

from tests.unit.controller.api.conftest import House


async def test_a_client_is_made_found_and_kept_apart_by_his_slug(house: House) -> None:
    anna = await house.signed_in()
    made = await anna.ask("POST", "/api/v1/clients", {"name": "Бореалис GmbH", "language": "ru"})
    assert made.status == 201
    client = await made.json()
    assert (client["name"], client["language"]) == ("Бореалис GmbH", "ru")
    assert made.headers["Location"] == f"/api/v1/clients/{client['id']}"
    assert await (await anna.get(f"/api/v1/clients/{client['id']}")).json() == client
    again = await anna.ask("POST", "/api/v1/clients", {"name": "бореалис gmbh"})
    assert again.status == 409
    assert (await again.json())["errors"][0]["at"] == "/name"
    for name in ("Acme", "Cirrus"):
        assert (await anna.ask("POST", "/api/v1/clients", {"name": name})).status == 201
    page = await (await anna.get("/api/v1/clients?limit=2")).json()
    assert ([one["name"] for one in page["items"]], page["total"]) == (["Cirrus", "Acme"], 3)
    rest = await (await anna.get(f"/api/v1/clients?cursor={page['next']}")).json()
    assert [one["name"] for one in rest["items"]] == ["Бореалис GmbH"]
    found = await (await anna.get("/api/v1/clients?q=cir")).json()
    assert [one["name"] for one in found["items"]] == ["Cirrus"]
    assert [event.client for event in await house.events("client.created")] == [
        "cirrus",
        "acme",
        client["slug"],
    ]


async def test_a_gateway_token_is_shown_once_and_revoked(house: House) -> None:
    anna = await house.signed_in()
    client = await house.client("acme")
    path = f"/api/v1/clients/{client.id}/gateway-tokens"
    assert await (await anna.get(path)).json() == []
    made = []
    for _ in range(2):
        response = await anna.ask("POST", path)
        assert response.status == 201
        made.append(await response.json())
        house.deeds.pass_time(seconds=1)
    assert all(one["token"].startswith("hg_") and len(one["token"]) == 46 for one in made)
    assert made[0]["token"] != made[1]["token"]
    third = await anna.ask("POST", path)
    assert third.status == 409
    assert "revoke the older one" in (await third.json())["detail"]
    listed = await anna.get(path)
    assert [one["id"] for one in await listed.json()] == [made[1]["id"], made[0]["id"]]
    assert (await anna.ask("DELETE", f"{path}/{made[0]['id']}")).status == 204
    assert (await anna.ask("DELETE", f"{path}/{made[0]['id']}")).status == 404
    assert (await anna.ask("POST", path)).status == 201
    events = await house.events("client.gateway_token_created", "client.gateway_token_revoked")
    assert [event.kind.removeprefix("client.gateway_token_") for event in events] == [
        "created",
        "revoked",
        "created",
        "created",
    ]
    secrets = [one["token"] for one in made]
    assert not any(secret in repr(event) for secret in secrets for event in events)
    shown = await listed.text()
    assert not any(secret in shown for secret in secrets)


async def test_a_token_is_revoked_under_its_own_client_alone(house: House) -> None:
    anna = await house.signed_in()
    acme, borealis = await house.client("acme"), await house.client("borealis")
    made = await (await anna.ask("POST", f"/api/v1/clients/{acme.id}/gateway-tokens")).json()
    other = f"/api/v1/clients/{borealis.id}/gateway-tokens/{made['id']}"
    assert (await anna.ask("DELETE", other)).status == 404
    for method, path in (("GET", "x"), ("GET", "x/gateway-tokens"), ("POST", "x/gateway-tokens")):
        assert (await anna.ask(method, f"/api/v1/clients/{path}")).status == 404
    assert len(await house.storage.gateway_tokens.of_client(acme.id)) == 1


async def test_a_gateway_token_wants_the_password_given_lately(house: House) -> None:
    anna = await house.signed_in()
    client = await house.client("acme")
    house.deeds.pass_time(seconds=16 * 60)
    response = await anna.ask("POST", f"/api/v1/clients/{client.id}/gateway-tokens")
    assert response.status == 403
    assert await house.storage.gateway_tokens.of_client(client.id) == []
