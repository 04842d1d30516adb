"""The route of the list of keys: a page by itself, which the script shows as a dialogue."""

from controller.api.route import EVERYBODY, Answer, Call, NoQuery, Route
from controller.pages.frame import HTML, page


async def get_keys(call: Call[None, NoQuery]) -> Answer:
    """Answer the list."""
    return page(call, "keys")


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/keys",
        roles=EVERYBODY,
        scopes=(),
        summary="Which keys do what",
        handler=get_keys,
        reply_media=HTML,
        page=True,
    ),
)
