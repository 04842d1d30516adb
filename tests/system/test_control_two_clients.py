"""What a client, and a token for one container, see of the others over the whole controller: nothing, on any route.

Every GET route of the table is asked for one's own and for what is another's; a route that is new has to be told here by
which ids it is asked. What happens to the other's then changes nothing of what one is answered.
"""

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from controller.api.passwords import Passwords
from controller.api.route import Open, Route
from controller.api.routes import ROUTES
from controller.api.signing_in import SigningIn
from controller.model import SCOPES, Actor, Event, Role, User, new_id
from simulator.quiet import run_quietly
from tests.system.asking import Asker, free_port
from tests.system.whole_controller import CALM, USUAL, Yard, yard

NOON = 1_780_056_000.0  # 2026-05-29 12:00:00 UTC
OPERATOR = "operator-anna"

TARGETS = f"""\
networks: [127.N.0.0/16]
defaults: {{interval: 10s, control: enforce, {USUAL}, ramp: {{step: 1 MW, every: 1s, batch: 1000}}}}
schedules:
  always: {{otherwise: normal}}
  zephyr-nights: {{otherwise: underclock}}
containers:
  - name: Yard A
    client: acme
    schedule: always
    simulate: {{{CALM}}}
    miners:
      - {{name: m1, address: 127.N.1.1, manufacturer: Whatsminer, model: M30S+}}
      - {{name: m2, address: 127.N.1.2, manufacturer: Whatsminer, model: M30S+}}
  - name: Zephyr Yard
    client: borealis
    schedule: zephyr-nights
    simulate: {{{CALM}}}
    miners:
      - {{name: zephyr1, address: 127.N.2.1, manufacturer: AntMiner, model: S19 Pro}}
      - {{name: zephyr2, address: 127.N.2.2, manufacturer: AntMiner, model: S19 Pro}}
      - {{name: zephyr3, address: 127.N.2.3, manufacturer: AntMiner, model: S19 Pro}}
  - name: Zephyr Annexe
    simulate: {{{CALM}}}
    miners: [{{name: zephyr9, address: 127.N.3.1, manufacturer: AntMiner, model: S19 Pro}}]
"""

OWN, OTHER = "yard-a", "zephyr-yard"
BY_ID: Mapping[str, tuple[str, str]] = {
    "containers/{id}": (OWN, OTHER),
    "miners/{id}": (f"{OWN}.m1", f"{OTHER}.zephyr1"),
    "schedules/{id}": ("always", "zephyr-nights"),
}
"""By which id a route is asked for one's own and for the other's; overrides and operations come with the run."""

SHARED: Mapping[str, str] = {
    "profiles/{name}": "normal",
    "manufacturers/{name}": "Whatsminer",
    "models/{manufacturer}": "Whatsminer",
    "problems/{type}": "invalid",
}
"""What belongs to no client."""

ASKED_WITH: Mapping[str, str] = {
    "/api/v1/reports/energy": "?from=2026-05-28&to=2026-05-29&by=miner",
}
"""What a route has to be asked with."""

CHANGES_BY_ITSELF = re.compile(
    r'"(?:as_of|request_id|instance|last_seen|last_used_at|last_address)":(?:"[^"]*"|null)'
)


class Place:
    """A controller with people, and what was done there."""

    def __init__(self, on: Yard, asker: Asker) -> None:
        self.on, self.asker = on, asker
        self.ids: dict[str, tuple[str, str]] = dict(BY_ID)
        self.signing_in = SigningIn(on.controller.storage, on.controller.engine, Passwords())

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.on.clock.now(), UTC)

    async def user(self, name: str, role: Role, client: str | None = None) -> User:
        people = self.on.controller.storage.people
        client_id = None
        if client is not None:
            made = await people.clients.by_slug(client)
            assert made is not None, "the inventory names it"
            client_id = made.id
        user = User(id=new_id("usr"), username=name, role=role, created_at=self.now, client_id=client_id)
        await people.users.add(user, "")
        return user

    async def token(self, user: User, **more: Any) -> dict[str, str]:
        text, _ = await self.signing_in.issue_token(user, "t", SCOPES, self.now + timedelta(days=9), **more)
        return {"Authorization": f"Bearer {text}"}

    def paths(self, route: Route) -> tuple[str, str | None]:
        """Return the path for one's own, and for the other's if the route is asked by an id."""
        own, other = route.path, route.path
        for begin, (mine, his) in self.ids.items():
            own = own.replace(begin, re.sub(r"{\w+}", mine, begin))
            other = other.replace(begin, re.sub(r"{\w+}", his, begin))
        for begin, name in SHARED.items():
            own, other = (path.replace(begin, re.sub(r"{\w+}", name, begin)) for path in (own, other))
        own, other = (path + ASKED_WITH.get(route.path, "") for path in (own, other))
        assert "{" not in own, f"by which id {route.path} is asked is not said here"
        return own, None if own == other else other

    async def seen(self, who: Mapping[str, str], role: Role) -> dict[str, str]:
        """Return what every GET route answers somebody, his own, without what changes by itself."""
        found: dict[str, str] = {}
        for route in readable(role):
            path, _ = self.paths(route)
            status, headers, _ = await self.asker.ask("GET", path, **who)
            assert status in {200, 503}, f"{path}: {status}"
            found[path] = "\n".join(
                (str(status), headers.get("ETag", ""), headers.get("Link", ""), self.asker.last)
            )
        return {path: CHANGES_BY_ITSELF.sub("", text) for path, text in found.items()}


def readable(role: Role) -> list[Route]:
    own = {"/api/v1/me", "/api/v1/me/sessions", "/api/v1/me/tokens"}
    return [
        route
        for route in ROUTES
        if route.method == "GET"
        and not isinstance(route.roles, Open)
        and role in route.roles
        and not route.everywhere
        and route.reply_media != "text/event-stream"
        and route.path not in own
        and not route.path.startswith("/api/v1/users")
    ]


def test_what_is_anothers_is_not_there(tmp_path: Path) -> None:
    run_quietly(scenario(tmp_path))


async def scenario(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        port = free_port()
        on = await stack.enter_async_context(yard(tmp_path, TARGETS, NOON, port=port))
        await on.pass_(60)
        asker = Asker(on, port)
        stack.push_async_callback(asker.http.close)
        place = Place(on, asker)
        admin = await place.user(OPERATOR, "administrator")
        carl, bo = (
            await place.user("carl", "client", "acme"),
            await place.user("bo-zephyr", "client", "borealis"),
        )
        boss = await place.token(admin)
        client, narrow = await place.token(carl), await place.token(admin, containers=(OWN,))
        await command(place, boss)

        address, others = f"127.{on.network}.1.", f"127.{on.network}.[23]."
        operators = rf"127\.{on.network}\.|{OPERATOR}|why it was|targets\.yml|HASHYARD_|file:rack"
        await look(place, client, "client", re.compile(f"(?i)zephyr|borealis|{others}|{operators}"))
        await look(place, narrow, "administrator", re.compile(f"(?i)zephyr|borealis|{others}"))
        await counts(place, client)
        # The other way round, the same is there.
        shown = await place.seen(boss, "administrator")
        assert all(word in "".join(shown.values()) for word in ("zephyr1", "borealis", address, OPERATOR))
        other = await place.token(bo)
        assert "zephyr1" in (await asker.ask("GET", "/api/v1/miners", **other), asker.last)[1]

        for who, role in ((client, "client"), (narrow, "administrator")):
            before = await place.seen(who, role)  # type: ignore[arg-type]
            await disturb(place, boss)
            after = await place.seen(who, role)  # type: ignore[arg-type]
            assert before.keys() == after.keys()
            for path, text in before.items():
                assert after[path] == text, f"{path} tells of another's"


async def command(place: Place, boss: dict[str, str]) -> None:
    """Have things done to one's own, to the other's, and to both at once."""
    made = []
    for containers in ([OTHER], [OWN], [OWN, OTHER]):
        reason = "why it was zephyr" if containers == [OTHER] else "why it was"
        order = {
            "target": {"containers": containers},
            "profile": "curtail",
            "ends": "manual",
            "reason": reason,
        }
        status, _, answer = await place.asker.ask("POST", "/api/v1/overrides", order, seconds=120.0, **boss)
        assert status == 201, answer
        made.append(answer)
    his, mine, both = made
    place.ids |= {
        "overrides/{id}": (mine["id"], his["id"]),
        "operations/{id}": (both["operation"]["id"], his["operation"]["id"]),
    }
    body = {"action": {"type": "locate", "on": True}, "reason": "why it was zephyr"}
    await place.asker.ask("POST", f"/api/v1/miners/{OTHER}.zephyr2/actions", body, seconds=60.0, **boss)


async def disturb(place: Place, boss: dict[str, str]) -> None:
    """Do to the other's whatever can be done while no time passes."""
    ask = place.asker.ask
    order = {
        "target": {"containers": [OTHER, "zephyr-annexe"]},
        "profile": "normal",
        "ends": "manual",
        "from": (place.now + timedelta(days=1)).isoformat(),
        "reason": "another",
    }
    assert (await ask("POST", "/api/v1/overrides", order, **boss))[0] == 201
    assert (await ask("POST", "/api/v1/holds", {"containers": [OTHER], "reason": "x"}, **boss))[0] == 201
    status, _, _ = await ask("POST", f"/api/v1/miners/{OTHER}.zephyr3/service", {"reason": "x"}, **boss)
    assert status == 201
    names = [f"new-{len(await place.on.events('user.created'))}", "x"]
    await ask("POST", "/api/v1/users", {"username": names[0], "role": "client"}, **boss)
    miner = {
        "name": f"zephyr-{names[0]}",
        "address": f"127.{place.on.network}.2.{100 + len(place.on.controller.live.all())}",
        "container": OTHER,
    }
    status, _, answer = await ask("POST", "/api/v1/miners", miner, seconds=0.0, **boss)
    assert status == 201, answer
    at = place.now
    await place.on.controller.storage.events.add(
        *(
            Event(
                id=new_id("evt"),
                at=at,
                category="command",
                kind="command.finished",
                actor=Actor("user", OPERATOR, "usr_1"),
                container=container,
                client=client,
                miner=miner_id,
            )
            for container, client, miner_id in (
                (OTHER, "borealis", f"{OTHER}.zephyr1"),
                (OTHER, None, None),
                (None, "borealis", None),
                (None, None, None),
            )
        )
    )


async def look(place: Place, who: Mapping[str, str], role: Role, hidden: re.Pattern[str]) -> None:
    """Ask every route for one's own and for the other's: the one holds nothing hidden, the other is as if it were not."""
    for route in readable(role):
        own, other = place.paths(route)
        await place.asker.ask("GET", own, **who)
        found = hidden.search(place.asker.last)
        assert found is None, (
            f"{own} shows {place.asker.last[max(0, found.start() - 200) : found.end() + 100]}"
        )
        if other is None:
            continue
        status, headers, answer = await place.asker.ask("GET", other, **who)
        nowhere = re.sub(r"(?<=/)(zephyr[\w.-]*|ov_\w+|op_\w+)", "nowhere", other)
        assert status == 404, f"{other}: {status} {place.asker.last}"
        none_status, none_headers, none = await place.asker.ask("GET", nowhere, **who)
        assert none_status == 404
        for one in (answer, none):
            del one["instance"], one["request_id"]
        assert answer == none, other
        assert headers.keys() == none_headers.keys()
    for query in (
        f"/api/v1/miners?container={OTHER}",
        "/api/v1/miners?q=zephyr",
        "/api/v1/containers?client=borealis",
        f"/api/v1/events?container={OTHER}",
        f"/api/v1/events?miner={OTHER}.zephyr1",
        "/api/v1/events?client=borealis",
        f"/api/v1/operations?container={OTHER}",
        f"/api/v1/overrides?container={OTHER}",
    ):
        status, _, answer = await place.asker.ask("GET", query, **who)
        assert (status, answer["items"], answer["total"]) == (200, [], 0), query
    for path in (f"/api/miners?container_id={OTHER}",):
        assert (await place.asker.ask("GET", path, **who))[2] == []


async def counts(place: Place, client: Mapping[str, str]) -> None:
    """Hold what is counted against what is his."""
    ask = place.asker.ask
    _, _, overview = await ask("GET", "/api/v1/overview", **client)
    assert (overview["containers"], overview["miners"]["total"]) == (1, 2)
    kept = place.on.controller.storage.operations
    operations, _ = await kept.find(limit=100)
    results_of = {one.id: await kept.all_results(one.id) for one in operations}
    own_operations = sum(any(one.miner.startswith(OWN) for one in found) for found in results_of.values())
    assert own_operations < len(operations)
    for path, total in (
        ("containers", 1),
        ("miners", 2),
        ("overrides", 2),
        ("operations", own_operations),
        ("schedules", 2),  # his, and the one that is built in
    ):
        _, _, answer = await ask("GET", f"/api/v1/{path}", **client)
        assert (answer["total"], len(answer["items"])) == (total, total), path
    _, _, both = await ask("GET", f"/api/v1/operations/{place.ids['operations/{id}'][0]}", **client)
    assert (both["total"], sum(both["counts"].values()), both["power_before_w"]) == (2, 2, None)
    _, _, results = await ask("GET", f"/api/v1/operations/{both['id']}/results", **client)
    assert (results["total"], {one["miner"] for one in results["items"]}) == (2, {f"{OWN}.m1", f"{OWN}.m2"})
    _, _, events = await ask("GET", "/api/v1/events?limit=500", **client)
    assert events["items"]
    assert {event["client"] for event in events["items"]} == {"acme"}
    _, _, csv = await ask("GET", "/api/v1/events.csv", **client)
    assert len(csv.strip().splitlines()) == events["total"] + 1
