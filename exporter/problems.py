"""Errors in one form for programs: `application/problem+json` (RFC 9457), every mistake at once."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec
from aiohttp import web

Kind: TypeAlias = Literal[
    "malformed",
    "sign-in-needed",
    "cross-site",
    "wrong-host",
    "not-found",
    "method",
    "media-type",
    "busy",
    "too-large",
    "invalid",
    "internal",
    "starting",
]

_TITLES: dict[Kind, tuple[int, str]] = {
    "malformed": (400, "The request cannot be understood"),
    "sign-in-needed": (401, "A token is needed"),
    "cross-site": (403, "A request from another site"),
    "not-found": (404, "There is no such thing"),
    "method": (405, "This cannot be done here"),
    "busy": (409, "Somebody else is at it"),
    "too-large": (413, "The request is too large"),
    "media-type": (415, "The body is of the wrong type"),
    "wrong-host": (421, "The request is for another host"),
    "invalid": (422, "Some values are not usable"),
    "internal": (500, "The exporter has made a mistake"),
    "starting": (503, "Not now"),
}


class Mistake(msgspec.Struct, frozen=True):
    """One value that is not usable. `at`: a JSON pointer into the body, or `?limit`."""

    at: str
    code: str
    detail: str


class Problem(Exception):
    """An answer that is an error. `detail` is one line for a person, without anything secret."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        mistakes: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> None:
        """`headers`: further ones, as the status asks for them. `request_id`: the one that stands in the log, if any."""
        super().__init__(detail)
        self.kind: Kind = kind
        self.detail = detail
        self.mistakes = tuple(mistakes)
        self.headers = dict(headers or {})
        self.request_id = request_id

    def response(self, path: str) -> web.Response:
        """Return the answer to a request for `path`."""
        status, title = _TITLES[self.kind]
        request_id = self.request_id or secrets.token_hex(8)
        body = {
            "type": f"/problems/{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "instance": path,
            "request_id": request_id,
            "error": self.detail,
            "errors": self.mistakes,
        }
        return web.Response(
            status=status,
            body=msgspec.json.encode(body),
            content_type="application/problem+json",
            headers={"Cache-Control": "no-store", "X-Request-Id": request_id, **self.headers},
        )
