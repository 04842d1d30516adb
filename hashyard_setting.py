"""The command that changes something: `set`, through the controller's API, or straight to a miner on a bench.

Through the API it is the same deed as on the page: planned, recorded, read back. `--direct` is for an address that no
inventory holds, and says what it will send before it does.
"""

import asyncio
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from rich.markup import escape

import hashyard_flags as flags
from hashyard_reading import read_credentials
from hashyard_remote import GOOD, confirm, set_remotely
from hashyard_terminal import console, failure_line
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
from miners.drivers import DRIVERS
from miners.errors import ConfigurationError, HashyardError, InventoryError
from miners.model import PollFailure, Snapshot, Target
from miners.writing import Session, Writer

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
    action = _action(wish, values)
    if values["direct"]:
        if values["argument"] is not None:
            raise ConfigurationError("--direct HOST takes the place of CONTAINER/MINER: give one of them")
        if action is None:
            raise ConfigurationError(
                f"--{wish} is the controller's business: --direct takes {', '.join(map(_flag, _WISHES[2:]))}"
            )
        return uvloop.run(_set_directly(values, action))
    if values["argument"] is None:
        raise ConfigurationError("say which miner: CONTAINER/MINER, or CONTAINER for all of it")
    return uvloop.run(set_remotely(values, wish, action))


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


async def _set_directly(values: Mapping[str, Any], action: Action) -> int:
    from miners.apply import apply  # noqa: PLC0415  # most commands write to no miner

    target = _target(values)
    await _refuse_known(target.address, values["targets"], values["data"])
    memory = Memory()
    before = await read_miner(target, memory)
    if isinstance(before, PollFailure):
        raise HashyardError(f"nothing was sent, for it cannot be read: {failure_line(before)}")
    _show_what_will_be_sent(before, action)
    confirm(values)
    done = await apply(
        target, action, session=Session(), memory=memory, clock=SystemClock(), expected=before.identity
    )
    return _show_outcome(done.outcome, given=target.credentials is not None)


def _target(values: Mapping[str, Any]) -> Target:
    try:
        host, port = flags.miner_address(values["direct"])
    except ValueError as error:
        raise ConfigurationError(f"--direct: {error}") from None
    driver = values["driver"]
    if driver is not None and driver not in DRIVERS:
        raise ConfigurationError(f"--driver: no driver is called {driver!r}; there are {', '.join(DRIVERS)}")
    return Target(
        container="",
        miner=values["direct"],
        address=host,
        port=port or values["port"],
        v3_port=port or values["v3_port"],
        # With a port in the address nothing is asked that was not named.
        web_port=values["web_port"] or (None if port else 80),
        driver=driver,
        credentials=None
        if values["credentials_file"] is None
        else read_credentials(values["credentials_file"]),
    )


def _show_what_will_be_sent(before: Snapshot, action: Action) -> None:
    """Say who stands there, and what it will be told. Raises HashyardError where it cannot be told that."""
    writer = _writer(before, action)
    ability = writer.abilities[type(action)]
    out = console()
    model = before.identity.model or "a miner of unknown model"
    out.print(f"{escape(before.address)} is {escape(model)}, read by {before.driver}; it is {before.state}.")
    said = " ".join([action_name(action), *(str(value) for value in msgspec.structs.asdict(action).values())])
    out.print(f"It will be told: {escape(said)}" + (f" ({escape(ability.note)})" if ability.note else ""))
    if ability.restarts_mining:
        out.print("It stops hashing for some minutes by that.")


def _writer(before: Snapshot, action: Action) -> Writer:
    from miners.proof import objection  # noqa: PLC0415  # most commands write to no miner
    from miners.writers import WRITERS  # noqa: PLC0415

    writer = WRITERS.get(before.driver)
    if writer is None:
        raise HashyardError(
            f"miners read by {before.driver} cannot be commanded, only read: nothing was sent"
        )
    wrong = objection(writer, action)
    if wrong is not None:
        raise HashyardError(str(wrong))
    return writer


def _show_outcome(outcome: Outcome, *, given: bool) -> int:
    """Print what came of it. `given`: whether there were credentials."""
    out = console()
    out.print(f"{outcome.status}: {escape(outcome.detail)} ({outcome.duration_s:.1f} s)")
    if outcome.status == "auth_failed" and not given:
        out.print("--credentials-file names a file with the miner's user:password.")
    return 0 if outcome.status in GOOD else 1


async def _refuse_known(host: str, targets: Path, data: Path) -> None:
    """Raise ConfigurationError if the inventory holds the address, under whatever name: then its miner is the controller's."""
    from miners.inventory.load import load  # noqa: PLC0415  # only here among the ways of `set`
    from miners.inventory.store import MANAGED_FILE  # noqa: PLC0415

    managed = data / MANAGED_FILE
    there = [path for path in (targets, managed) if await asyncio.to_thread(path.exists)]
    if not there:
        return
    try:
        inventory = await asyncio.to_thread(load, there)
    except InventoryError as error:
        raise ConfigurationError(
            f"whether {host} belongs to the fleet cannot be told, so nothing is sent:\n{error}"
        ) from None
    meant = await _addresses(host)
    held = [(container, miner) for container in inventory.containers for miner in container.miners]
    for container, miner in held:
        if not meant.isdisjoint(
            {miner.address} if _is_address(miner.address) else await _addresses(miner.address)
        ):
            raise ConfigurationError(
                f"{host} is {container.name}/{miner.name} ({miner.origin.file}:{miner.origin.line}): "
                f"say `hashyard set '{container.name}/{miner.name}' …`, so that it is recorded and not put back"
            )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def _addresses(host: str) -> set[str]:
    """Return a host's name and every address that it has."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:  # reading it will say so
        return {host}
    return {host, *(str(address[4][0]) for address in found)}
