"""The API and its problems as plain pages for people, without scripts and without a style of their own."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from controller.api.problems import KINDS, About, Kind
from controller.api.route import Open, Route


def page(routes: Sequence[Route]) -> str:
    """Return the page of all routes, by their first tag, with who may use each and what it may answer."""
    parts = []
    first_tag = sorted(routes, key=lambda route: (route.tags or ("",))[0])
    for tag, of_tag in groupby(first_tag, key=lambda route: (route.tags or ("",))[0]):
        entries = "".join(_entry(route) for route in of_tag)
        parts.append(f"<h2>{escape(tag.capitalize())}</h2><dl>{entries}</dl>")
    problems = "".join(
        f'<li><a href="/problems/{kind}">{kind}</a> ({about.status}): {escape(about.title)}</li>'
        for kind, about in KINDS.items()
    )
    return _whole(
        "Hashyard's API",
        "<p>The document for programs is <a href='/api/openapi.json'>/api/openapi.json</a> (OpenAPI 3.1). Sign in at "
        "<code>POST /api/v1/auth/login</code>, or send a token as <code>Authorization: Bearer hy_…</code>.</p>"
        f"{''.join(parts)}<h2>Problems</h2><ul>{problems}</ul>",
    )


def problem_page(kind: Kind, about: About) -> str:
    """Return the page of one type of problem."""
    return _whole(
        about.title,
        f"<p>{escape(about.text)}</p><p>Type <code>{escape(kind)}</code>, status {about.status}. "
        "<a href='/api'>The whole API</a>.</p>",
    )


def who(route: Route) -> str:
    """Return in words who may use a route."""
    if isinstance(route.roles, Open):
        return "Anybody."
    scopes = f", by token with the scope {', '.join(route.scopes)}" if route.scopes else ""
    return f"For {', '.join(route.roles)}{scopes}."


def _entry(route: Route) -> str:
    description = f" {escape(route.description)}" if route.description else ""
    return (
        f"<dt><code>{route.method} {escape(route.path)}</code></dt>"
        f"<dd>{escape(route.summary)}. {escape(who(route))}{description}</dd>"
    )


def _whole(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
