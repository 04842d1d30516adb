"""The routes of clients: who they are, and the tokens with which their programs ask the query gateway."""

import secrets
from datetime import datetime
from typing import Annotated, Any

import msgspec

from controller.api.me_routes import Language, PersonName
from controller.api.paging import from_cursor, to_cursor
from controller.api.problems import Mistake, Problem
from controller.api.route import ADMINISTRATORS, OFFICE, Answer, Call, ListQuery, NoQuery, Page, Route
from controller.api.signing_in import sum_of
from controller.gateway.proxy import TOKEN_PREFIX
from controller.model import Client, GatewayToken, Role, Scope, new_id
from controller.wording import worded
from miners.inventory.slugs import slug


class ClientQuery(ListQuery, frozen=True, kw_only=True):
    """Which clients. `q`: text in the name or the slug."""

    q: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class NewClient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client to be made. The slug, which containers name in the inventory, is made of the name, and stays for ever."""

    name: PersonName
    language: Language = "en"


class MadeGatewayToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the query gateway that was made. `token`: shown this once, and nowhere again."""

    token: str
    id: str
    client_id: str
    created_at: datetime


async def get_clients(call: Call[None, ClientQuery]) -> Page[Client]:
    """Return the clients, newest first."""
    query = call.query
    clients, after = await call.storage.people.clients.find(
        q=query.q, after=from_cursor("clients", query.cursor), limit=query.limit
    )
    total = await call.storage.people.clients.count(q=query.q)
    return Page(items=clients, next=to_cursor("clients", after), total=total)


async def post_client(call: Call[NewClient, NoQuery]) -> Answer:
    """Make a client."""
    client = await make_client(call, call.body.name, call.body.language, "/name")
    return Answer(body=client, headers={"Location": f"/api/v1/clients/{client.id}"})


async def make_client(call: Call[Any, Any], name: str, language: str, at: str) -> Client:
    """Make a client of this name. Raises Problem (exists; `at`: the field to look at) when there is one of that slug."""
    of_name = slug(name)
    there = await call.storage.people.clients.by_slug(of_name)
    if there is not None:
        detail = worded(
            "there is a client %(of_name)s already: name it by client_id, %(there)s, or choose another name",
            of_name=of_name,
            there=there.id,
        )
        raise Problem("exists", detail, [Mistake(at, "exists", detail)])
    client = Client(id=new_id("cli"), slug=of_name, name=name, language=language, created_at=call.now)
    await call.storage.people.clients.add(client)
    await _record(call, "client.created", client)
    return client


async def get_client(call: Call[None, NoQuery]) -> Client:
    """Return one client."""
    return await _client(call)


async def get_gateway_tokens(call: Call[None, NoQuery]) -> list[GatewayToken]:
    """Return a client's tokens for the query gateway, without the tokens themselves."""
    client = await _client(call)
    return await call.storage.gateway_tokens.of_client(client.id)


async def post_gateway_token(call: Call[None, NoQuery]) -> MadeGatewayToken:
    """Make a token for the query gateway."""
    client = await _client(call)
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = GatewayToken(id=new_id("gwt"), client_id=client.id, created_at=call.now)
    await call.storage.gateway_tokens.add(token, sum_of(text))
    await _record(call, "client.gateway_token_created", client, token=token.id)
    return MadeGatewayToken(token=text, id=token.id, client_id=client.id, created_at=token.created_at)


async def delete_gateway_token(call: Call[None, NoQuery]) -> Answer:
    """Revoke a token of the query gateway."""
    client = await _client(call)
    token_id = call.path["token_id"]
    if not await call.storage.gateway_tokens.end(client.id, token_id):
        raise Problem("not-found", worded("the client has no such token"))
    await _record(call, "client.gateway_token_revoked", client, token=token_id)
    return Answer(status=204)


async def _client(call: Call[Any, Any]) -> Client:
    client = await call.storage.people.clients.get(call.path["id"])
    if client is None:
        raise Problem("not-found", worded("there is no such client"))
    return client


async def _record(call: Call[Any, Any], kind: str, client: Client, **more: str) -> None:
    params = {"client": client.id, "slug": client.slug, **more}
    await call.record("people", kind, params=params, client=client.slug, outcome="ok")


_TAGS = ("people",)
_SCOPES: tuple[Scope, ...] = ("people",)


def _route(method: Any, path: str, summary: str, handler: Any, **more: Any) -> Route:
    roles: tuple[Role, ...] = more.pop("roles", ADMINISTRATORS)
    return Route(
        method=method,
        path=f"/api/v1/clients{path}",
        roles=roles,
        scopes=_SCOPES,
        summary=summary,
        handler=handler,
        tags=_TAGS,
        step_up=method != "GET",
        everywhere=True,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", "", "Clients", get_clients, query=ClientQuery, reply=Page[Client], roles=OFFICE),
    _route(
        "POST",
        "",
        "Make a client",
        post_client,
        body=NewClient,
        reply=Client,
        status=201,
        problems=("exists",),
        description="Containers name the client by its slug, in the inventory. A slug is never given again.",
        body_example={"name": "Borealis"},
    ),
    _route("GET", "/{id}", "A client", get_client, reply=Client, roles=OFFICE),
    _route(
        "GET",
        "/{id}/gateway-tokens",
        "A client's tokens for the query gateway",
        get_gateway_tokens,
        reply=list[GatewayToken],
        description="Two at most, newest first.",
    ),
    _route(
        "POST",
        "/{id}/gateway-tokens",
        "Make a token for the query gateway",
        post_gateway_token,
        reply=MadeGatewayToken,
        status=201,
        problems=("in-use",),
        description=(
            "For the data source of the client's Grafana; good for /gateway and for nothing else. Shown this once. A client "
            "has two at most: the one in use, and the one that takes its place."
        ),
    ),
    _route(
        "DELETE",
        "/{id}/gateway-tokens/{token_id}",
        "Revoke a token of the query gateway",
        delete_gateway_token,
        status=204,
    ),
)
