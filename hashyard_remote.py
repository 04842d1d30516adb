"""`set` through the controller's API: the deed that is meant, its plan, its progress, and what came of each miner."""

import asyncio
import json
import sys
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
from rich.markup import escape
from rich.table import Table

from hashyard_flags import why_unreadable
from hashyard_terminal import console
from miners.actions import Action
from miners.errors import ConfigurationError, HashyardError

FOLLOWS: Final = ("running", "queued", "cancelling")
LOOK_EVERY_S: Final = 1.0
ANSWER_S: Final = 60.0
PROOF_S: Final = 1800.0
"""One action on one miner is answered when the miner shows it, which takes some of them twenty minutes."""
GOOD: Final = ("applied", "unchanged")
MOST_NAMED: Final = 8
_TIME: Final = "%Y-%m-%d %H:%M %Z"

Target = Mapping[str, Sequence[str]]


def confirm(values: Mapping[str, Any]) -> None:
    """Ask whether to go on, unless --yes has said so. Raises HashyardError where nobody agrees."""
    if values["yes"]:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("nothing was sent: say --yes where nobody can be asked")
    try:
        answer = input("Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise HashyardError("nothing was sent")


async def set_remotely(values: Mapping[str, Any], wish: str, action: Action | None) -> int:
    """Do one deed through the controller; return 0 if it was read back wherever it was to be done, 1 if not.

    `action`: None for `profile` and `end`. Raises HashyardError with what the controller says.
    """
    async with Controller(values["url"], entrance_of(values)) as controller:
        target = await controller.find(values["argument"])
        if wish == "profile":
            return await _set_profile(controller, target, values)
        if wish == "end":
            return await _end(controller, target, values)
        if wish in ("reboot", "locate"):
            return await _begin(controller, target, values, wish)
        if "miners" not in target:
            raise ConfigurationError(
                f"--{wish.replace('_', '-')} is for one miner: CONTAINER/MINER; a container takes --profile"
            )
        return await _act(controller, target["miners"][0], action, values)


async def _act(controller: "Controller", miner: str, action: Action | None, values: Mapping[str, Any]) -> int:
    body = {"action": msgspec.to_builtins(action), "reason": values["reason"]}
    with console(stderr=True).status("waiting until the miner shows it"):
        result = await controller.post(f"/miners/{_quoted(miner)}/actions", body, within_s=PROOF_S)
    return _show_results([result])


async def _begin(controller: "Controller", target: Target, values: Mapping[str, Any], wish: str) -> int:
    order: dict[str, Any] = {"action": wish, "target": target, "reason": values["reason"]}
    if wish == "locate":
        order["on"] = values["locate"] == "on"
    elif "containers" in target:
        plan = await controller.post("/plans", {"operation": order})
        _show_plan(plan, wish)
        confirm(values)
        order["plan"] = plan["fingerprint"]
    operation = await controller.post("/operations", order)
    return await _follow(controller, operation["id"])


async def _set_profile(controller: "Controller", target: Target, values: Mapping[str, Any]) -> int:
    ends: dict[str, Any] = {"ends": "next_change"}
    if values["until"] == "manual":
        ends = {"ends": "manual"}
    elif values["until"] not in (None, "next-change"):
        ends = {"ends": "at", "until": values["until"].isoformat()}
    override = {"target": target, "profile": values["profile"], "reason": values["reason"], **ends}
    plan = await controller.post("/plans", {"override": override})
    _show_plan(plan, values["profile"])
    if "containers" in target:
        confirm(values)
    made = await controller.post("/overrides", {**override, "plan": plan["fingerprint"]})
    _show_end(made)
    miners = plan["miners"]
    if miners["targeted"] and miners["skipped"] == miners["targeted"]:
        console().print(
            "Nothing can be sent now; it is when nothing stands in the way any more, as long as this holds."
        )
        return 1
    return await _follow(controller, made["operation"]["id"])


async def _end(controller: "Controller", target: Target, values: Mapping[str, Any]) -> int:
    """End the override in force there, if it is there alone, or somebody agrees to all that it holds for."""
    kind = "miners" if "miners" in target else "containers"
    (place,) = target[kind]
    shown = await controller.get(f"/{kind}/{_quoted(place)}")
    identifier = (shown.get("profile") or {}).get("override_id")
    if identifier is None:
        console().print("No override is in force there; nothing was changed.")
        return 0
    override = await controller.get(f"/overrides/{_quoted(identifier)}")
    held = [*override["containers"], *override["miners"]]
    if held != [place]:
        named = ", ".join(held[:MOST_NAMED]) + (
            f" and {len(held) - MOST_NAMED} more" if held[MOST_NAMED:] else ""
        )
        console().print(f"This override holds for {escape(named)}, and ends for all of that.")
        confirm(values)
    operation = await controller.delete(f"/overrides/{_quoted(identifier)}")
    return await _follow(controller, operation["id"])


async def _follow(controller: "Controller", operation_id: str) -> int:
    """Wait until the operation has ended, and print what came of it."""
    path = f"/operations/{_quoted(operation_id)}"
    out = console(stderr=True)
    try:
        with out.status("") as shown:
            while True:
                operation = await controller.get(path)
                if operation["state"] not in FOLLOWS:
                    break
                counts = [f"{count} {state}" for state, count in operation["counts"].items() if count]
                shown.update(f"{operation['total']} miners: {', '.join(counts)}")
                await asyncio.sleep(LOOK_EVERY_S)
    except asyncio.CancelledError:
        out.print(f"The operation {escape(operation_id)} goes on without being watched.")
        raise
    return _show_results(await controller.all(f"{path}/results"))


def _show_plan(plan: Mapping[str, Any], what: str) -> None:
    miners = plan["miners"]
    out = console()
    out.print(
        f"{escape(what)}: {miners['will_change']} of {miners['targeted']} miners change, {miners['already']} are so "
        f"already, {miners['skipped']} are skipped; {plan['power_change_w'] / 1000:+.1f} kW"
    )
    for skipped in plan["skipped"]:
        about = " ".join(filter(None, (skipped["reason"], skipped.get("detail"))))
        out.print(f"  skipped: {skipped['miners']} {escape(about)}")
    for warning in plan["warnings"]:
        out.print(f"  note: {escape(warning['detail'])}")


def _show_end(override: Mapping[str, Any]) -> None:
    """Print until when an override holds, in this machine's zone."""
    if override["ends"] == "manual":
        console().print("It holds until a person ends it: --end.")
        return
    at_change: Mapping[str, str] = override.get("until_by_container") or {}
    times = {override["until"]} if override.get("until") else set(at_change.values())
    shown = sorted(datetime.fromisoformat(time).astimezone() for time in times)
    if not shown:
        return
    last = f" or, elsewhere, as late as {shown[-1]:{_TIME}}" if shown[1:] else ""
    console().print(f"It holds until {shown[0]:{_TIME}}{last}, or until --end.")


def _show_results(results: Sequence[Mapping[str, Any]]) -> int:
    """Print what came of it; return 0 if all that was to be done shows, and anything does.

    Of more miners than a few, only those that did not follow have a line of their own.
    """
    if not results:
        console().print("There was nothing to do.")
        return 0
    table = Table(box=None, pad_edge=False)
    for name in ("miner", "outcome", "what came of it"):
        table.add_column(name, overflow="fold")
    told = list(results)
    if results[MOST_NAMED:]:
        counts = Counter(result["state"] for result in results)
        console().print(
            f"{len(results)} miners: {', '.join(f'{count} {state}' for state, count in counts.items())}"
        )
        told = [result for result in results if result["state"] not in GOOD]
    for result in told:
        table.add_row(escape(result["miner"]), escape(result["state"]), escape(result.get("detail") or ""))
    if told:
        console().print(table)
    states = {result["state"] for result in results}
    return 0 if states & set(GOOD) and states <= {*GOOD, "skipped"} else 1


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--token-file: {path} cannot be read: {why_unreadable(error)}") from None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"--token-file: {path} holds no token: one line, such as the page Account shows once"
        )
    return token


def _base(url: str) -> str:
    """Return where the API begins. What is wrong is not repeated where it may hold a password."""
    if "@" in url:
        raise ConfigurationError("--url: user and password never stand in a URL; --token-file names a token")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise ConfigurationError("--url: say a URL such as http://127.0.0.1:8000")
    return url.rstrip("/") + "/api/v1"


class Entrance(msgspec.Struct, frozen=True):
    """How to be let in: by a token, or by signing in with a name and a password. Prints as `<secret>`."""

    token: str | None = None
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


def entrance_of(values: Mapping[str, Any], scope: str = "control") -> Entrance:
    """Return how the flags want to be let in; `scope`: what a token has to be good for. Raises ConfigurationError."""
    if values["token_file"] is not None:
        return Entrance(token=_token(values["token_file"]))
    if values["password_file"] is None:
        raise ConfigurationError(
            f"say who you are: --token-file with a token of the scope {scope} (POST /api/v1/me/tokens makes one), "
            "or --user and --password-file"
        )
    path = values["password_file"]
    try:
        password = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--password-file: {path} cannot be read: {why_unreadable(error)}") from None
    if not password:
        raise ConfigurationError(f"--password-file: {path} is empty; it holds the password in one line")
    return Entrance(user=values["user"], password=password)


class Controller:
    """The controller's API, as far as `set` needs it. Problems become HashyardErrors with all their lines.

    Whoever signs in gets a token for this one command, which is given back at its end.
    """

    def __init__(self, url: str, entrance: Entrance) -> None:
        """Take its URL and how to be let in. Raises ConfigurationError for what is no URL."""
        self._url = _base(url)
        self._entrance = entrance
        self._headers = {"Accept": "application/json"}

    async def __aenter__(self) -> Self:
        """Open what is asked over, and sign in."""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        try:
            token = self._entrance.token
            if token is None:
                who = {"username": self._entrance.user, "password": self._entrance.password}
                token = (await self.post("/auth/login?as=token", who))["access_token"]
        except BaseException:
            await self._session.close()
            raise
        self._headers["Authorization"] = f"Bearer {token}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give back a token that was made for this, and close."""
        try:
            if self._entrance.token is None:
                await self.post("/auth/logout", None)
        except HashyardError as error:
            console(stderr=True).print(
                f"The token of this command was not given back, it ends by itself: {escape(str(error))}"
            )
        finally:
            await self._session.close()

    async def get(self, path: str) -> Any:
        """Return what stands at a path below /api/v1."""
        return await self._ask("GET", path, None, ANSWER_S)

    async def text(self, path: str) -> str:
        """Return what stands at a path below /api/v1 and is no JSON, such as CSV."""
        status, raw = await self._exchange("GET", path, None, ANSWER_S)
        if status == 200:
            return raw.decode()
        self._answer(status, raw)
        raise HashyardError(f"{self._url} answers with HTTP status {status}, and nothing to read")

    async def delete(self, path: str) -> Any:
        """Remove what stands at a path."""
        return await self._ask("DELETE", path, None, ANSWER_S)

    async def post(self, path: str, body: Mapping[str, Any] | None, *, within_s: float = ANSWER_S) -> Any:
        """Send an order, which counts once however often it arrives."""
        return await self._ask("POST", path, body, within_s)

    async def all(self, path: str) -> list[Any]:
        """Return the items of all pages of a list."""
        mark = "&" if "?" in path else "?"
        items: list[Any] = []
        after = ""
        while True:
            page = await self.get(f"{path}{mark}limit=500{after}")
            items += page["items"]
            if not page["next"]:
                return items
            after = f"&cursor={_quoted(page['next'])}"

    async def find(self, named: str) -> dict[str, list[str]]:
        """Return the target that a person means by CONTAINER/MINER or CONTAINER, by names or ids.

        Names may hold a `/` themselves: the longest container's name that fits is taken first.
        """
        containers = await self.all("/containers?fields=card")
        there: list[str] = []
        for container in sorted(containers, key=lambda found: -len(found["name"])):
            if named in (container["name"], container["id"]):
                return {"containers": [container["id"]]}
            # A miner's id holds its container's, and is what outcomes name it by.
            begins = (f"{container['name']}/", f"{container['id']}/", f"{container['id']}.")
            for begin in begins:
                if not named.startswith(begin):
                    continue
                wanted = named.removeprefix(begin)
                within = f"/miners?container={_quoted(container['id'])}"
                for miner in await self.all(f"{within}&q={_quoted(wanted[:200])}"):
                    if wanted in (
                        miner["name"],
                        miner["id"],
                        miner["id"].removeprefix(f"{container['id']}."),
                    ):
                        return {"miners": [miner["id"]]}
                there.append(f"{container['name']} has no miner {wanted}")
        if there:
            raise HashyardError("; ".join(there))
        shown = ", ".join(container["name"] for container in containers[:MOST_NAMED])
        raise HashyardError(f"no container is meant by {named!r}; there are {shown or 'none'}")

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, within_s: float) -> Any:
        return self._answer(*await self._exchange(method, path, body, within_s))

    async def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, within_s: float
    ) -> tuple[int, bytes]:
        headers = dict(self._headers)
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        timeout = aiohttp.ClientTimeout(total=within_s, sock_connect=10.0)
        try:
            async with self._session.request(
                method, self._url + path, json=body, headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            known = (
                ""
                if method == "GET" or isinstance(error, aiohttp.ClientConnectorError)
                else ("; what it was told may be done all the same: look at its log")
            )
            raise HashyardError(
                f"the controller at {self._url} does not answer ({type(error).__name__}): is it on, and --url right?{known}"
            ) from None

    def _answer(self, status: int, raw: bytes) -> Any:
        """Return what an answer holds. Raises HashyardError with the problem that it tells."""
        if status == 204:
            return None
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or 300 <= status < 400:
            raise HashyardError(
                f"{self._url} answers with HTTP status {status} and not as a controller does: is --url right?"
            )
        if status >= 400:
            raise HashyardError(_problem(answer))
        return answer


def _problem(answer: Mapping[str, Any]) -> str:
    """Return what a problem says, each of its mistakes on a line of its own, with the place in what was sent."""
    said = str(answer.get("detail") or answer.get("title") or "the controller refuses, and does not say why")
    mistakes = [(one.get("at"), one.get("detail")) for one in answer.get("errors") or ()]
    lines = [
        said,
        *(f"  {at}: {detail}" if at else f"  {detail}" for at, detail in mistakes if detail != said),
    ]
    lines += [f"  {place}" for place in answer.get("places") or () if str(place) not in said]
    return "\n".join(lines)
