"""The routes that change the fleet: containers and miners made, changed and taken away, in the managed inventory."""

from typing import Any, Literal

import msgspec

from controller.api.fleet_routes import miner_detail, shown_container
from controller.api.inventory_changes import (
    change_container,
    change_miner,
    make_container,
    make_miner,
    take_container,
    take_miner,
)
from controller.api.inventory_orders import Answered, ContainerChange, MinerChange, NewContainer, NewMiner
from controller.api.problems import Kind
from controller.api.route import ADMINISTRATORS, Answer, Call, Handler, Method, NoQuery, Route
from controller.api.shapes import Container, MinerDetail
from controller.api.versions import container_etag, miner_etag
from controller.deeds import MinerView
from miners.inventory import fleet


class WithMiners(msgspec.Struct, frozen=True):
    """`miners=delete`: the miners of the container go too."""

    miners: Literal["delete"] | None = None


class Check(msgspec.Struct, frozen=True):
    """`check=1`: read the miner first, and go on only if it answers."""

    check: Literal[0, 1] = 0


class MadeMiner(MinerDetail, frozen=True, kw_only=True):
    """A miner as it is now. `answered`: what was read there first, null where that was not asked for."""

    answered: Answered | None


async def post_container(call: Call[NewContainer, NoQuery]) -> Answer:
    """Make a container."""
    made = await make_container(call, call.body)
    return await _shown(call, made, Location=f"/api/v1/containers/{made.id}")


async def patch_container(call: Call[ContainerChange, NoQuery]) -> Answer:
    """Change a container."""
    return await _shown(call, await change_container(call, call.container(call.path["id"]), call.body))


async def delete_container(call: Call[None, WithMiners]) -> Answer:
    """Take a container away."""
    await take_container(call, call.container(call.path["id"]), with_miners=call.query.miners is not None)
    return Answer(status=204)


async def post_miner(call: Call[NewMiner, Check]) -> Answer:
    """Make a miner."""
    view, found = await make_miner(call, call.body, check=bool(call.query.check))
    return await _shown_miner(call, view, found, Location=f"/api/v1/miners/{view.id}")


async def put_miner(call: Call[NewMiner, Check]) -> Answer:
    """Give a miner anew: what is not given is taken away."""
    view, found = await change_miner(
        call, call.miner(call.path["id"]), call.body, check=bool(call.query.check)
    )
    return await _shown_miner(call, view, found)


async def patch_miner(call: Call[MinerChange, Check]) -> Answer:
    """Change a miner."""
    view, found = await change_miner(
        call, call.miner(call.path["id"]), call.body, check=bool(call.query.check)
    )
    return await _shown_miner(call, view, found)


async def delete_miner(call: Call[None, NoQuery]) -> Answer:
    """Take a miner away."""
    await take_miner(call, call.miner(call.path["id"]))
    return Answer(status=204)


async def _shown(call: Call[Any, Any], container: fleet.Container, **headers: str) -> Answer:
    body = await shown_container(call, container, grid=True)
    return Answer(body=body, headers={**headers, "ETag": container_etag(container)})


async def _shown_miner(
    call: Call[Any, Any], view: MinerView, found: Answered | None, **headers: str
) -> Answer:
    detail = await miner_detail(call, view)
    body = MadeMiner(**msgspec.structs.asdict(detail), answered=found)
    return Answer(body=body, headers={**headers, "ETag": miner_etag(view)})


_REFUSALS: tuple[Kind, ...] = ("not-found", "read-only", "exists")

_MINER = {
    "name": "a3-12",
    "address": "10.1.7.16",
    "container": "container-7",
    "manufacturer": "Whatsminer",
    "model": "M50S",
    "position": {"row": 3, "column": 12},
    "credentials": "HASHYARD_MINER_WHATSMINER",
}


def _route(method: Method, path: str, handler: Handler, summary: str, **more: Any) -> Route:
    return Route(
        method=method,
        path=f"/api/v1{path}",
        roles=ADMINISTRATORS,
        scopes=("inventory",),
        summary=summary,
        tags=("inventory",),
        handler=handler,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "POST",
        "/containers",
        post_container,
        "Make a container",
        body=NewContainer,
        reply=Container,
        status=201,
        problems=("exists",),
        body_example={"name": "Container 7", "time_zone": "Europe/Moscow", "rows": 8, "columns": 25},
    ),
    _route(
        "PATCH",
        "/containers/{id}",
        patch_container,
        "Change a container",
        description="The id stays. Where miners would change at once, the answer is 409 plan-changed with the plan; send "
        "it again with the plan's fingerprint.",
        body=ContainerChange,
        reply=Container,
        conditional=True,
        problems=(*_REFUSALS, "plan-changed", "over-limit"),
        body_example={"control": "enforce", "schedule_id": "default"},
    ),
    _route(
        "DELETE",
        "/containers/{id}",
        delete_container,
        "Take a container away",
        description="409 in-use while it has miners, unless `miners=delete` takes them too. History stays.",
        query=WithMiners,
        status=204,
        problems=("not-found", "read-only", "in-use"),
    ),
    _route(
        "POST",
        "/miners",
        post_miner,
        "Make a miner",
        description="Only in the inventory's `networks`, and with a reference to credentials, never with a password. "
        "With `check=1` it is read first: 502 where nothing answers, and nothing is made.",
        body=NewMiner,
        query=Check,
        reply=MadeMiner,
        status=201,
        problems=("exists", "miner-failed"),
        body_example=_MINER,
    ),
    _route(
        "PUT",
        "/miners/{id}",
        put_miner,
        "Give a miner anew",
        description="What is not given is taken away. Another name or container gives it another id.",
        body=NewMiner,
        query=Check,
        reply=MadeMiner,
        conditional=True,
        problems=(*_REFUSALS, "miner-failed"),
        body_example=_MINER,
    ),
    _route(
        "PATCH",
        "/miners/{id}",
        patch_miner,
        "Change a miner",
        description="What is not given stays. Another name or container gives it another id.",
        body=MinerChange,
        query=Check,
        reply=MadeMiner,
        conditional=True,
        problems=(*_REFUSALS, "miner-failed"),
        body_example={"active": False},
    ),
    _route(
        "DELETE",
        "/miners/{id}",
        delete_miner,
        "Take a miner away",
        description="History stays.",
        status=204,
        problems=("not-found", "read-only"),
    ),
)
