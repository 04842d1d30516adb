"""The first page for whoever is signed in: the way to a miner by its name, and to all else that there is."""

from controller.api.route import EVERYBODY, Answer, Call, NoQuery, Route
from controller.pages.frame import HTML, page


async def get_start(call: Call[None, NoQuery]) -> Answer:
    """Answer the page."""
    return page(call, "start", containers=[container.name for container in call.containers()])


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/",
        roles=EVERYBODY,
        scopes=("read",),
        summary="The first page",
        handler=get_start,
        reply_media=HTML,
        page=True,
    ),
)
