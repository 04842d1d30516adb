"""What the pages that change the inventory have in common: where they lead, and what is said of an entry written by hand."""

from typing import Any

from controller.api.problems import Problem
from controller.api.route import ADMINISTRATORS, Answer, Call, Handler, Method, NoQuery, Route
from controller.deeds import MinerView
from controller.model import Scope
from controller.pages.frame import page, words_of
from controller.pages.page_paths import container_path, miner_path
from controller.pages.page_route import page_route
from miners.inventory.fleet import Container


def crumbs_of(
    call: Call[Any, Any], container: Container, view: MinerView | None = None
) -> list[tuple[str, str]]:
    """Return the pages above one about an entry."""
    found = [("/", words_of(call).gettext("Fleet")), (container_path(container.id), container.name)]
    return found if view is None else [*found, (miner_path(view.id), view.miner.name)]


def by_hand(
    call: Call[Any, Any], problem: Problem, container: Container, view: MinerView | None = None
) -> Answer:
    """Answer that an entry is not ours to change: where it stands, and what can be done about it."""
    origin = container.origin if view is None else view.miner.origin
    return page(
        call,
        "written_by_hand",
        status=problem.status,
        section="/" if view is None else "/miners",
        crumbs=crumbs_of(call, container, view),
        name=container.name if view is None else view.miner.name,
        container=container,
        miner_page=None if view is None else miner_path(view.id),
        origin=origin,
        detail=problem.detail,
    )


def form_route(
    method: Method, path: str, handler: Handler, summary: str, query: Any = NoQuery, **more: Any
) -> Route:
    """Return the route of a form for administrators; `more`: fields of Route in place of the usual ones."""
    scopes: tuple[Scope, ...] = ("read",) if method == "GET" else ("inventory",)
    return page_route(method, path, summary, handler, ADMINISTRATORS, scopes, query=query, **more)
