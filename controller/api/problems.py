"""Errors in one form for programs: `application/problem+json` (RFC 9457), every mistake at once.

Whatever a deed, the storage or the inventory refuses is translated here into the answer that it means; nothing of the
inside (paths of our own, SQL, tracebacks) stands in an answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from aiohttp import web

from controller.deeds import Busy, InDoubt, Invalid, NotThere, Observed, OverLimit, PlanChanged
from controller.storage.assignments import AssignmentsChanged
from controller.storage.faults import NotKept, Refusal, StorageAway, Taken, Unstorable
from controller.storage.ledger import ClosedMonth
from controller.storage.people import ChangedMeanwhile, LastAdministrator
from controller.wording import english, text_of, worded, worded_many
from miners.errors import HashyardError, InventoryError

Kind: TypeAlias = Literal[
    "malformed",
    "sign-in-needed",
    "session-ended",
    "not-allowed",
    "cross-site",
    "password-needed",
    "not-found",
    "method",
    "read-only",
    "control-is-observed",
    "plan-changed",
    "exists",
    "in-use",
    "closed",
    "overlap",
    "busy",
    "in-doubt",
    "last-administrator",
    "changed-meanwhile",
    "too-large",
    "media-type",
    "wrong-host",
    "invalid",
    "over-limit",
    "condition-needed",
    "too-many",
    "internal",
    "miner-failed",
    "exporter-away",
    "prometheus-away",
    "storage-away",
    "starting",
]


class About(msgspec.Struct, frozen=True):
    """What is always so of a kind of problem: its status, its title, and the text of the page about it."""

    status: int
    title: str
    text: str


KINDS: dict[Kind, About] = {
    "malformed": About(
        400,
        worded("The request cannot be understood"),
        worded(
            "The body is not JSON, a cursor is not one that was given out, or a parameter of the query has a value that it cannot have. `errors` names each."
        ),
    ),
    "sign-in-needed": About(
        401,
        worded("Signing in is needed"),
        worded(
            "Nobody is signed in, or the token is unknown or has lapsed. Sign in at /api/v1/auth/login, or send a token in the header `Authorization: Bearer`."
        ),
    ),
    "session-ended": About(
        401,
        worded("The session has ended"),
        worded(
            "It was idle too long, has reached its greatest age, or was ended by signing out, a new password, a change of role, or an administrator. Sign in again."
        ),
    ),
    "not-allowed": About(
        403,
        worded("This is not allowed"),
        worded(
            "Your role, or the scopes of the token, do not include this. An administrator can change the role; a token with other scopes can be made."
        ),
    ),
    "cross-site": About(
        403,
        worded("A request from another site"),
        worded(
            "A page of another site made the browser send this, or the header X-CSRF-Token of the session is missing. GET /api/v1/me gives the token of the session."
        ),
    ),
    "password-needed": About(
        403,
        worded("The password is needed again"),
        worded(
            "It was last given more than 15 minutes ago, and this changes who may do what. Confirm it at /api/v1/auth/confirm, then ask again."
        ),
    ),
    "not-found": About(
        404, worded("There is no such thing"), worded("It is not there, or it is not yours to see.")
    ),
    "method": About(
        405,
        worded("This cannot be done here"),
        worded("The header Allow lists the methods that are possible."),
    ),
    "read-only": About(
        409,
        worded("This is written by hand"),
        worded("It stands in a file that people edit. `places` names file and line; edit it there."),
    ),
    "control-is-observed": About(
        409,
        worded("The container is only observed"),
        worded(
            "Nothing is written to miners of a container whose `control` is `observe`. `places` names file and line; write `control: enforce` there if Hashyard is to command it."
        ),
    ),
    "plan-changed": About(
        409,
        worded("The plan has changed"),
        worded(
            "The miners meant are no longer those of the preview. `plan` is the new one; look at it, and send its fingerprint."
        ),
    ),
    "exists": About(
        409, worded("There is one already"), worded("The name or the id is taken. Choose another.")
    ),
    "in-use": About(
        409, worded("It is in use"), worded("Something else still needs it. The detail says what.")
    ),
    "closed": About(
        409,
        worded("The month is closed"),
        worded("Its figures are part of a report that does not change any more. `month` names it."),
    ),
    "overlap": About(
        409,
        worded("The container is another client's then"),
        worded(
            "A container belongs to one client at a time. `container`, `client`, `from` and `to` say whose it is, and from when to when."
        ),
    ),
    "busy": About(
        409,
        worded("Something else is running"),
        worded(
            "An operation that cannot run beside this one is under way, or the first request with this Idempotency-Key is. Wait for it, or cancel it."
        ),
    ),
    "in-doubt": About(
        409,
        worded("Nothing is written in doubt"),
        worded(
            "The controller does not trust what it knows at the moment, so it commands nothing. The detail says why."
        ),
    ),
    "last-administrator": About(
        409,
        worded("The last administrator stays"),
        worded("Without an active administrator nobody could let anybody in again. Make another one first."),
    ),
    "changed-meanwhile": About(
        412,
        worded("It was changed meanwhile"),
        worded("Somebody changed it after you read it. Read it again, and send the new ETag in If-Match."),
    ),
    "too-large": About(413, worded("The request is too large"), worded("A body has at most 1 MiB.")),
    "media-type": About(
        415, worded("The body is of the wrong type"), worded("Send the Content-Type that the detail names.")
    ),
    "wrong-host": About(
        421,
        worded("The request is for another host"),
        worded(
            "The controller answers to its own names only: localhost, its address, and those that it was started with."
        ),
    ),
    "invalid": About(
        422,
        worded("Some values are not usable"),
        worded("`errors` lists every one: where it stands, and what it may be."),
    ),
    "over-limit": About(
        422,
        worded("It is more than is allowed"),
        worded(
            "The plan goes over a limit of a container, of its feed, or of the make. The detail names the limit."
        ),
    ),
    "condition-needed": About(
        428,
        worded("A condition is needed"),
        worded("Send If-Match with the ETag of what you read, so that nobody's change is lost."),
    ),
    "too-many": About(429, worded("Too many requests"), worded("Wait as many seconds as Retry-After says.")),
    "internal": About(
        500,
        worded("The controller has made a mistake"),
        worded("The log of the controller says more, under the request id of the answer."),
    ),
    "miner-failed": About(
        502,
        worded("The miner did not do it"),
        worded("It was asked and failed or refused. The answer holds its own words."),
    ),
    "exporter-away": About(
        503,
        worded("The exporter is away"),
        worded(
            "This needs the exporter, and it does not answer. See whether it runs, and where --exporter points."
        ),
    ),
    "prometheus-away": About(
        503,
        worded("Prometheus is away"),
        worded("History comes from Prometheus, and it does not answer. Live state and control go on."),
    ),
    "storage-away": About(
        503,
        worded("The database is away"),
        worded("Nothing can be recorded, so nothing is done. The controller's log says what to mend."),
    ),
    "starting": About(
        503, worded("Not now"), worded("The controller is starting. Ask again after Retry-After seconds.")
    ),
}
"""Every kind of problem. A test holds this against `Kind`."""


class Mistake(msgspec.Struct, frozen=True):
    """One value that is not usable. `at`: a JSON pointer into the body, `?limit`, or the name of a header."""

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
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """`headers`: as the status asks for them. `more`: further members of the body, such as the new plan."""
        super().__init__(detail)
        self.kind: Kind = kind
        self.detail = detail
        self.mistakes = tuple(mistakes)
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return KINDS[self.kind].status

    def response(self, path: str, request_id: str) -> web.Response:
        """Return the answer to a request for `path`."""
        about = KINDS[self.kind]
        body = {
            "type": f"/problems/{self.kind}",
            "title": about.title,
            "status": about.status,
            "detail": self.detail,
            "instance": path,
            "request_id": request_id,
            "error": self.detail,
            "errors": self.mistakes,
            **self.more,
        }
        return web.Response(
            status=about.status,
            body=msgspec.json.encode(body, enc_hook=english),
            content_type="application/problem+json",
            headers=self.headers,
        )


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is an error, as the OpenAPI document shows it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    error: str
    errors: tuple[Mistake, ...]


def invalid(*mistakes: Mistake) -> Problem:
    """Return the refusal of values in the body: 422 with all of them."""
    return Problem("invalid", said(mistakes), mistakes)


def said(mistakes: Sequence[Mistake]) -> str:
    """Return the one line that stands for several mistakes."""
    if len(mistakes) == 1:
        return mistakes[0].detail
    return worded_many("%(num)s value needs attention", "%(num)s values need attention", len(mistakes))


def problem_of(error: Exception) -> Problem | None:
    """Translate an error of ours into the answer that it means; None for one that no caller is to see."""
    match error:
        case Problem():
            return error
        case NotThere():
            return Problem("not-found", text_of(error))
        case Observed():
            return Problem("control-is-observed", text_of(error), more={"places": error.places})
        case PlanChanged():
            return Problem("plan-changed", text_of(error), more={"plan": error.plan})
        case Busy():
            return Problem("busy", text_of(error), more={"operation_id": error.operation_id})
        case OverLimit():
            return Problem("over-limit", text_of(error))
        case InDoubt():
            return Problem("in-doubt", text_of(error))
        case Invalid():
            return invalid(Mistake(error.at, "invalid", text_of(error)))
        case StorageAway():
            detail = worded("the database does not take or give anything now; the controller's log says why")
            return Problem("storage-away", detail, headers={"Retry-After": "5"})
        case Taken():
            mistakes = [Mistake(f"/{error.field}", "exists", text_of(error))] if error.field else []
            return Problem("exists", text_of(error), mistakes)
        case NotKept():
            return Problem("not-found", worded("there is no such thing"))
        case ClosedMonth():
            return Problem("closed", text_of(error), more={"month": error.month})
        case LastAdministrator():
            return Problem("last-administrator", text_of(error))
        case ChangedMeanwhile() | AssignmentsChanged():
            return Problem("changed-meanwhile", text_of(error))
        case Unstorable():  # its text names the database
            detail = worded("one of the values cannot be kept: it is too large or too long")
            return Problem("invalid", detail, [Mistake("", "refused", detail)])
        case Refusal():
            return Problem("in-use", text_of(error))
        case InventoryError():
            return Problem(
                "invalid",
                worded("the inventory would be wrong"),
                [Mistake("", "inventory", line) for line in error.mistakes],
            )
        case HashyardError():
            return Problem("invalid", text_of(error), [Mistake("", "refused", text_of(error))])
        case _:
            return None
