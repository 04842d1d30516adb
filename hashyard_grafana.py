"""`grafana sync`, and the function by which the controller brings Grafana in line: plain data in, plain data out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import uvloop
from rich.markup import escape

from hashyard_flags import Flag, why_unreadable
from hashyard_remote import Controller, entrance_of
from hashyard_terminal import console
from miners.errors import ConfigurationError, HashyardError

if TYPE_CHECKING:
    from controller.grafana_wish import Bring, GrafanaOutcome, GrafanaWish, TokenDesk
    from controller.settings import Settings

SYNC: Final = "sync"
PATIENCE_S: Final = 1800.0
"""Hundreds of clients are thousands of questions to Grafana."""


def bring_of(settings: "Settings") -> "Bring | None":
    """Return what brings Grafana in line as the settings say, None where they name no Grafana.

    The password is read anew each time, so that it can be changed while the controller runs.
    """
    from controller.grafana_wish import GrafanaMemory, GrafanaOutcome  # noqa: PLC0415  # of the controller's room alone
    from grafana.sync.bringing import bring_in_line  # noqa: PLC0415
    from grafana.sync.wish import Access, Wish  # noqa: PLC0415

    url, user, file = settings.grafana_api, settings.grafana_user, settings.grafana_password_file
    if url is None or file is None:
        return None

    def bring(wish: "GrafanaWish", desk: "TokenDesk", ended: Callable[[], bool]) -> "GrafanaOutcome":
        try:
            password = file.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            words = f"--grafana-password-file: {file} cannot be read: {why_unreadable(error)}"
            return GrafanaOutcome(away=words, memory=wish.memory)
        wished = msgspec.convert(msgspec.to_builtins(wish), Wish)
        outcome = bring_in_line(Access(url, user, password), wished, desk, ended)
        memory = GrafanaMemory(people=outcome.memory.people, tokens=outcome.memory.tokens)
        return GrafanaOutcome(
            away=outcome.away,
            silent=outcome.silent,
            shut_out=outcome.shut_out,
            done=outcome.done,
            failed=outcome.failed,
            notes=outcome.notes,
            people=outcome.people,
            clients=outcome.clients,
            memory=memory,
        )

    return bring


def run_grafana(values: Mapping[str, Any]) -> int:
    """Have the controller bring Grafana in line; return 0 if it is, 1 if something is not."""
    if values["argument"] != SYNC:
        raise ConfigurationError(f"grafana: {values['argument']!r} is nothing that can be done: say sync")
    return uvloop.run(_sync(values))


async def _sync(values: Mapping[str, Any]) -> int:
    async with Controller(values["url"], entrance_of(values, "people")) as controller:
        with console(stderr=True).status("Grafana is being brought in line"):
            said = await controller.post("/grafana/sync", None, within_s=PATIENCE_S)
    try:
        done, failed, notes = list(said["done"]), list(said["failed"]), list(said["notes"])
        in_line = bool(said["in_line"])
    except (KeyError, TypeError):
        raise HashyardError(
            "the controller answers something else than what came of it: is it of another version?"
        ) from None
    out, faults = console(), console(stderr=True)
    for line in done:
        out.print(escape(str(line)), highlight=False, soft_wrap=True)
    for line in notes:
        faults.print(f"note: {escape(str(line))}", highlight=False, soft_wrap=True)
    for line in failed:
        faults.print(escape(str(line)), highlight=False, soft_wrap=True)
    if in_line and not done:
        out.print("Grafana is in line; nothing was to be done.")
    return 0 if in_line else 1


GRAFANA_FLAGS: Final = (
    Flag(
        name="--url",
        help="the controller (default http://127.0.0.1:8000)",
        default="http://127.0.0.1:8000",
        metavar="URL",
    ),
    Flag(
        name="--token-file",
        help="file with a token of an administrator, with the scope people",
        convert=Path,
        metavar="FILE",
    ),
    Flag(
        name="--user",
        help="sign in by name, without a token (default admin)",
        default="admin",
        metavar="NAME",
    ),
    Flag(name="--password-file", help="file with the password of --user", convert=Path, metavar="FILE"),
)
