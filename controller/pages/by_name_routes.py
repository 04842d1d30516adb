"""The route to a container's page by the name that stands in the labels of its series: dashboards know no ids.

It is no path below `/containers/`, where a container's id stands, and any word may be one.
"""

from typing import Annotated

import msgspec
from aiohttp import web

from controller.api.problems import Problem
from controller.api.route import EVERYBODY, Call, Route
from controller.pages.frame import HTML
from controller.pages.page_paths import container_path
from controller.pages.page_route import led
from controller.wording import worded


class ContainerByName(msgspec.Struct, frozen=True, kw_only=True):
    """A container by its name."""

    container: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


async def get_by_name(call: Call[None, ContainerByName]) -> web.Response:
    """Lead to the page of a container. Raises Problem: 404, also for somebody else's."""
    for container in call.containers():
        if container.name == call.query.container:
            return led(container_path(container.id))
    raise Problem("not-found", worded("there is no such container"))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/by-name",
        roles=EVERYBODY,
        scopes=("read",),
        query=ContainerByName,
        summary="To the page of a container by its name",
        handler=get_by_name,
        reply_media=HTML,
        page=True,
    ),
)
