"""The route of the files that pages load: style and icon, named by what is in them and so kept by browsers for a year."""

from controller.api.problems import Problem
from controller.api.route import ANYBODY, Answer, Call, NoQuery, Route
from controller.pages.rendering import assets
from controller.wording import worded


async def get_asset(call: Call[None, NoQuery]) -> Answer:
    """Answer one of the files. Nothing is looked for on the disk: there are those that there are."""
    found = assets().get(call.path["name"])
    if found is None:
        raise Problem("not-found", worded("there is no such file; reload the page"))
    content, media = found
    headers = {"Content-Type": media, "Cache-Control": "public, max-age=31536000, immutable"}
    return Answer(body=content, headers=headers)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/static/{name}",
        roles=ANYBODY,
        scopes=(),
        summary="Style and icon of the pages",
        handler=get_asset,
        reply_media="text/css",
        page=True,
    ),
)
