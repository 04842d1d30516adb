"""The command that changes something: `set`, through the controller's API, or straight to a miner on a bench.

Through the API it is the same deed as on the page: planned, recorded, read back. `--direct` is for an address that no
inventory holds, and says what it will send before it does.
"""

import asyncio
import json
import socket
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
import msgspec
import uvloop
from rich.markup import escape
from rich.table import Table

import hashyard_flags as flags
from hashyard_reading import read_credentials
from hashyard_terminal import console
from miners.actions import (
    Action,
    Locate,
    Outcome,
    Reboot,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    SetPreset,
    Sleep,
    Wake,
    action_name,
)
from miners.client import read_miner
from miners.clock import SystemClock
from miners.driver import Memory
from miners.errors import ConfigurationError, HashyardError, InventoryError
from miners.model import Snapshot, Target
from miners.writing import Session

FOLLOWS: Final = ("running", "queued", "cancelling")
LOOK_EVERY_S: Final = 1.0
GOOD: Final = ("applied", "unchanged")
_WISHES: Final = (
    "profile",
    "end",
    "sleep",
    "wake",
    "power_percent",
    "power_limit",
    "mode",
    "preset",
    "reboot",
    "locate",
)


def run_set(values: Mapping[str, Any]) -> int:
    """Do the one deed that the flags name; return 0 if it was read back everywhere, 1 if not."""
    wish = _wish(values)
    if values["until"] is not None and wish != "profile":
        raise ConfigurationError("--until says when a profile ends: give it with --profile")
    if values["direct"]:
        if values["argument"] is not None:
            raise ConfigurationError("--direct HOST takes the place of CONTAINER/MINER: give one of them")
        action = _action(wish, values)
        if action is None:
            raise ConfigurationError(
                f"--{wish} is the controller's business: --direct takes {', '.join(map(_flag, _WISHES[2:]))}"
            )
        return uvloop.run(_set_directly(values, action))
    if values["argument"] is None:
        raise ConfigurationError("say which miner: CONTAINER/MINER, or CONTAINER for all of it")
    if values["token_file"] is None:
        raise ConfigurationError(
            "--token-file names the file with a token of the controller that has the scope control; "
            "make one on the page Account, or with POST /api/v1/me/tokens"
        )
    return uvloop.run(_set_through_controller(values, wish))


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")


def _wish(values: Mapping[str, Any]) -> str:
    given = [key for key in _WISHES if values[key] not in (None, False)]
    if len(given) != 1:
        said = f"{' and '.join(map(_flag, given))} are too many: " if given else ""
        raise ConfigurationError(f"{said}say one of {', '.join(map(_flag, _WISHES))}")
    return given[0]


def _action(wish: str, values: Mapping[str, Any]) -> Action | None:
    """Return the action of a wish, None for those that only the controller knows."""
    match wish:
        case "sleep":
            return Sleep()
        case "wake":
            return Wake()
        case "power_percent":
            return SetPowerPercent(values["power_percent"])
        case "power_limit":
            return SetPowerLimit(values["power_limit"])
        case "mode":
            return SetMode(values["mode"])
        case "preset":
            return SetPreset(values["preset"])
        case "reboot":
            return Reboot()
        case "locate":
            return Locate(on=values["locate"] == "on")
        case _:
            return None


# Straight to a miner


async def _set_directly(values: Mapping[str, Any], action: Action) -> int:
    from miners.apply import apply  # noqa: PLC0415  # most commands write to no miner

    from miners.writers import WRITERS  # noqa: PLC0415

    try:
        host, port = flags.miner_address(values["direct"])
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    await _refuse_known(host, values["targets"])
    target = Target(
        container="",
        miner=values["direct"],
        address=host,
        port=port or values["port"],
        v3_port=port or values["v3_port"],
        web_port=values["web_port"] or (None if port else 80),
        driver=values["driver"],
        credentials=None
        if values["credentials_file"] is None
        else read_credentials(values["credentials_file"]),
    )
    out = console()
    memory = Memory()
    before = await read_miner(target, memory)
    if not isinstance(before, Snapshot):
        raise HashyardError(f"{host} cannot be read, so nothing is sent: {before.detail}")
    writer = WRITERS.get(before.driver)
    ability = writer.abilities.get(type(action)) if writer else None
    if ability is None:
        able = ", ".join(action_name(kind) for kind in writer.abilities) if writer else "nothing"
        raise HashyardError(f"{before.driver} cannot do {action_name(action)}; it can do: {able}")
    model = before.identity.model or "a miner of unknown model"
    out.print(f"{escape(host)} is {escape(model)}, read by {before.driver}; it is {before.state}.")
    out.print(
        f"It will be told: {escape(_said(action))}" + (f" ({escape(ability.note)})" if ability.note else "")
    )
    if ability.restarts_mining:
        out.print("It stops hashing for some minutes by that.")
    _confirm(values)
    done = await apply(
        target, action, session=Session(), memory=memory, clock=SystemClock(), expected=before.identity
    )
    return _show_outcome(done.outcome)


def _said(action: Action) -> str:
    fields = msgspec.structs.asdict(action)
    return " ".join([action_name(action), *(str(value) for value in fields.values())])


def _show_outcome(outcome: Outcome) -> int:
    console().print(f"{outcome.status}: {escape(outcome.detail)} ({outcome.duration_s:.1f} s)")
    return 0 if outcome.status in GOOD else 1


async def _refuse_known(host: str, targets: Path) -> None:
    """Raise ConfigurationError if an inventory holds the address: then its miner is the controller's alone."""
    from miners.inventory.load import load  # noqa: PLC0415  # only here among the ways of `set`

    if not await asyncio.to_thread(targets.exists):
        return
    try:
        inventory = await asyncio.to_thread(load, [targets])
    except InventoryError as error:
        raise ConfigurationError(
            f"whether {host} belongs to the fleet cannot be told, so nothing is sent:\n{error}"
        ) from None
    meant = {host} | await _addresses(host)
    for container in inventory.containers:
        for miner in container.miners:
            if miner.address in meant:
                raise ConfigurationError(
                    f"{host} is {container.name}/{miner.name} ({miner.origin.file}:{miner.origin.line}): "
                    f"say `hashyard set '{container.name}/{miner.name}' …`, so that it is recorded and not put back"
                )


async def _addresses(host: str) -> set[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:  # reading it will say so
        return set()
    return {str(address[4][0]) for address in found}


def _confirm(values: Mapping[str, Any]) -> None:
    if values["yes"]:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("nothing was sent: say --yes where nobody can be asked")
    if input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise HashyardError("nothing was sent")


# Through the controller


async def _set_through_controller(values: Mapping[str, Any], wish: str) -> int:
    async with _Controller(values["url"], _token(values["token_file"])) as controller:
        target = await controller.find(values["argument"])
        reason = values["reason"]
        if wish == "profile":
            return await _set_profile(controller, target, values)
        if wish == "end":
            return await _end(controller, target)
        action = _action(wish, values)
        if wish in ("reboot", "locate"):
            body: dict[str, Any] = {"action": wish, "target": target, "reason": reason}
            if wish == "locate":
                body["on"] = values["locate"] == "on"
            operation = await controller.post("/operations", body)
            return await _follow(controller, operation["id"])
        if "miners" not in target:
            raise ConfigurationError(
                f"{_flag(wish)} is for one miner: CONTAINER/MINER; a container takes --profile"
            )
        body = {"action": msgspec.to_builtins(action), "reason": reason}
        result = await controller.post(f"/miners/{quote(target['miners'][0], safe='')}/actions", body)
        return _show_results([result])


async def _set_profile(
    controller: "_Controller", target: Mapping[str, Sequence[str]], values: Mapping[str, Any]
) -> int:
    ends: dict[str, Any] = {"ends": "next_change"}
    if values["until"] == "manual":
        ends = {"ends": "manual"}
    elif values["until"] not in (None, "next-change"):
        ends = {"ends": "at", "until": values["until"].isoformat()}
    override = {"target": target, "profile": values["profile"], "reason": values["reason"], **ends}
    plan = await controller.post("/plans", {"override": override})
    _show_plan(plan, values["profile"])
    if "containers" in target:
        _confirm(values)
    made = await controller.post("/overrides", {**override, "plan": plan["fingerprint"]})
    return await _follow(controller, made["operation_id"])


async def _end(controller: "_Controller", target: Mapping[str, Sequence[str]]) -> int:
    if "miners" in target:
        shown = await controller.get(f"/miners/{quote(target['miners'][0], safe='')}")
    else:
        shown = await controller.get(f"/containers/{quote(target['containers'][0], safe='')}")
    override = (shown.get("profile") or {}).get("override_id")
    if override is None:
        console().print("No override is in force there; nothing was changed.")
        return 0
    operation = await controller.delete(f"/overrides/{override}")
    return await _follow(controller, operation["id"])


async def _follow(controller: "_Controller", operation_id: str) -> int:
    """Wait until the operation has ended, and print what came of it."""
    out = console(stderr=True)
    with out.status("") as shown:
        while True:
            operation = await controller.get(f"/operations/{operation_id}")
            if operation["state"] not in FOLLOWS:
                break
            counts = ", ".join(f"{count} {state}" for state, count in operation["counts"].items() if count)
            shown.update(f"{operation['total']} miners: {counts}")
            await asyncio.sleep(LOOK_EVERY_S)
    results = await controller.all(f"/operations/{operation_id}/results")
    return _show_results(results)


def _show_plan(plan: Mapping[str, Any], profile: str) -> None:
    miners = plan["miners"]
    out = console()
    out.print(
        f"{escape(profile)}: {miners['will_change']} of {miners['targeted']} miners change, {miners['already']} are so "
        f"already, {miners['skipped']} are skipped; {plan['power_change_w'] / 1000:+.1f} kW"
    )
    for skipped in plan["skipped"]:
        out.print(
            f"  skipped: {skipped['miners']} {escape(skipped['reason'])} {escape(skipped['detail'] or '')}"
        )
    for warning in plan["warnings"]:
        out.print(f"  note: {escape(warning['detail'])}")


def _show_results(results: Sequence[Mapping[str, Any]]) -> int:
    table = Table(box=None, pad_edge=False)
    for name in ("miner", "outcome", "what the miner said"):
        table.add_column(name, overflow="fold")
    for result in results:
        table.add_row(escape(result["miner"]), result["state"], escape(result["detail"] or ""))
    console().print(table)
    return 0 if all(result["state"] in (*GOOD, "skipped") for result in results) else 1


def _token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--token-file: {path} cannot be read ({type(error).__name__})") from None


class _Controller:
    """The controller's API, as far as `set` needs it. Problems become HashyardErrors with all their lines."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/") + "/api/v1"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path, None)

    async def delete(self, path: str) -> Any:
        return await self._ask("DELETE", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._ask("POST", path, body)

    async def all(self, path: str) -> list[Any]:
        """Return the items of all pages of a list."""
        mark = "&" if "?" in path else "?"
        page = await self.get(f"{path}{mark}limit=500")
        items = list(page["items"])
        while page["next"]:
            page = await self.get(f"{path}{mark}limit=500&cursor={quote(page['next'], safe='')}")
            items += page["items"]
        return items

    async def find(self, named: str) -> dict[str, list[str]]:
        """Return the target that a person means by CONTAINER/MINER or CONTAINER, by names or ids."""
        containers = await self.all("/containers?fields=card")
        for container in sorted(containers, key=lambda found: -len(found["name"])):
            for name in (container["name"], container["id"]):
                if named == name:
                    return {"containers": [container["id"]]}
                if named.startswith(f"{name}/"):
                    wanted = named.removeprefix(f"{name}/")
                    found = await self.all(
                        f"/miners?container={quote(container['id'], safe='')}&q={quote(wanted, safe='')}"
                    )
                    for miner in found:
                        if wanted in (miner["name"], miner["id"]):
                            return {"miners": [miner["id"]]}
                    raise HashyardError(f"{container['name']} has no miner {wanted}")
        shown = ", ".join(container["name"] for container in containers[:8])
        raise HashyardError(f"no container is meant by {named!r}; there are {shown or 'none'}")

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = dict(self._headers)
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        try:
            async with self._session.request(
                method, self._url + path, json=body, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.read()
                if response.status == 204:
                    return None
                answer = json.loads(raw)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HashyardError(
                f"the controller at {self._url} does not answer ({type(error).__name__}): is it on, and --url right?"
            ) from None
        except ValueError:
            raise HashyardError(f"{self._url} does not answer in JSON: is it a controller?") from None
        if response.status >= 400:
            raise HashyardError(_problem(answer))
        return answer


def _problem(answer: Any) -> str:
    if not isinstance(answer, dict):
        return "the controller refuses, and does not say why"
    lines = [str(answer.get("detail") or answer.get("title") or "refused")]
    lines += [f"  {error.get('at')}: {error.get('detail')}" for error in answer.get("errors") or ()]
    return "\n".join(lines)
