"""The commands that ask miners without an inventory, `read` one now and `scan` a range of addresses, and their flags."""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import hashyard_flags as flags
from hashyard_flags import Flag
from hashyard_terminal import console, failure_line, found_table, print_document, print_reading, redacted
from miners.client import read_miner
from miners.driver import Memory
from miners.drivers import DRIVERS
from miners.errors import ConfigurationError, HashyardError
from miners.model import Credentials, PollFailure, Reading, Snapshot, Target, to_json
from miners.scan import ScanPorts, answers_as_a_miner, scan


def _driver_name(text: str) -> str:
    if text not in DRIVERS:
        raise ValueError(f"no driver is called {text!r}; there are {', '.join(DRIVERS)}")
    return text


def port_flag(name: str, what: str, default: int | None, older: tuple[str, ...] = ()) -> Flag:
    """Return the flag of a port. `older`: names of older tools that mean the same."""
    said = f" (default {default})" if default else ""
    return Flag(
        name=name,
        help=what + said,
        convert=flags.whole(1, 65535),
        default=default,
        metavar="PORT",
        older=older,
    )


_CONNECT = Flag(
    name="--connect-timeout",
    help="seconds to wait for a connection",
    convert=flags.seconds,
    default=3.0,
    metavar="SECONDS",
    older=("CONNECTION_TIMEOUT",),
)
_TIMEOUT = Flag(
    name="--timeout",
    help="seconds for all of one miner",
    convert=flags.seconds,
    default=10.0,
    metavar="SECONDS",
)


READ_FLAGS: Final = (
    Flag(
        name="--driver",
        help="do not look for the driver, take this one",
        convert=_driver_name,
        metavar="NAME",
    ),
    port_flag("--port", "the cgminer-style port", 4028, ("DEFAULT_MINER_PORT",)),
    port_flag("--v3-port", "Whatsminer's v3 port", 4433),
    port_flag("--web-port", "the web page's port (80, unless HOST has a port)", None),
    Flag(
        name="--credentials-file",
        help="file with user:password of the miner's web page",
        convert=Path,
        metavar="FILE",
    ),
    Flag(name="--json", help="print the reading as JSON", convert=None, default=False),
    Flag(
        name="--raw",
        help="print the replies themselves, passwords and pool users hidden",
        convert=None,
        default=False,
    ),
    _CONNECT,
    _TIMEOUT,
)

SCAN_FLAGS: Final = (
    Flag(name="--yaml", help="print entries for targets.yml", convert=None, default=False),
    Flag(
        name="--container",
        help="the container's name in those entries (default Container 1)",
        default="Container 1",
        metavar="NAME",
    ),
    port_flag("--port", "the cgminer-style port", 4028, ("DEFAULT_MINER_PORT",)),
    port_flag("--v3-port", "Whatsminer's v3 port", 4433),
    port_flag("--web-port", "the web page's port", 80),
    Flag(
        name="--concurrency",
        help="addresses asked at the same time (default 100)",
        convert=flags.whole(1, 4096),
        default=100,
        metavar="N",
        older=("MAX_WORKERS",),
    ),
    msgspec.structs.replace(_CONNECT, default=2.0),
    _TIMEOUT,
)


def run_read(values: Mapping[str, Any]) -> int:
    """Read the miner of `values["argument"]` and print what is asked for; 0, or 1 if it could not be read."""
    try:
        host, port = flags.miner_address(values["argument"])
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    target = Target(
        container="",
        miner=values["argument"],
        address=host,
        port=port or values["port"],
        v3_port=port or values["v3_port"],
        # With a port in the address nothing is asked that was not named.
        web_port=values["web_port"] or (None if port else 80),
        driver=values["driver"],
        credentials=None
        if values["credentials_file"] is None
        else read_credentials(values["credentials_file"]),
        connect_timeout_s=values["connect_timeout"],
        timeout_s=values["timeout"],
    )
    record: list[tuple[str, bytes]] | None = [] if values["raw"] else None
    reading = uvloop.run(read_miner(target, Memory(), record=record))
    return _show_reading(reading, record, as_json=values["json"])


def _show_reading(reading: Reading, record: list[tuple[str, bytes]] | None, *, as_json: bool) -> int:
    for question, reply in record or ():
        print(f"--- {question}\n{redacted(reply)}")
    if as_json:
        print_document(f"{to_json(reading).decode()}\n")
    elif isinstance(reading, Snapshot) and record is None:
        print_reading(console(), reading)
    if not isinstance(reading, PollFailure):
        return 0
    if as_json:
        return 1
    raise HashyardError(failure_line(reading))


def read_credentials(path: Path) -> Credentials:
    """Return the user and password that a file holds. Raises ConfigurationError, naming the file alone."""
    from miners.inventory.secrets import parsed_credentials  # noqa: PLC0415  # most readings need no inventory

    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"--credentials-file: {path} cannot be read: {flags.why_unreadable(error)}; it holds user:password"
        ) from None
    return parsed_credentials(text, f"--credentials-file: {path}")


def run_scan(values: Mapping[str, Any]) -> int:
    """Ask the addresses of `values["argument"]`, print the miners found; 0, or 1 if Ctrl-C ended it before its time.

    What was found until then is printed all the same: a large network takes minutes.
    """
    from miners.inventory.ranges import addresses_in  # noqa: PLC0415  # loads what `read` has no use for

    try:
        addresses = addresses_in(values["argument"])
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    ports = ScanPorts(
        values["port"], values["v3_port"], values["web_port"], values["connect_timeout"], values["timeout"]
    )
    errors = console(stderr=True)
    readings: list[Reading] = []
    interrupted = False
    with _progress() as progress:
        task = progress.add_task("", total=len(addresses), found=0)

        def on_asked(reading: Reading) -> None:
            readings.append(reading)
            found = progress.tasks[task].fields["found"] + isinstance(reading, Snapshot)
            progress.update(task, advance=1, found=found)

        try:
            uvloop.run(scan(addresses, ports, concurrency=values["concurrency"], on_asked=on_asked))
        except KeyboardInterrupt:
            interrupted = True
    _print_found(readings, addresses, values, ports)
    asked = f"{len(readings)} of " if interrupted else ""
    found = sum(isinstance(reading, Snapshot) for reading in readings)
    errors.print(
        f"{'interrupted: ' if interrupted else ''}{found} miners at {asked}{len(addresses)} addresses",
        highlight=False,
    )
    return int(interrupted)


def _progress() -> Progress:
    errors = console(stderr=True)
    return Progress(
        TextColumn("asking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[found]} miners"),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def _print_found(
    readings: Sequence[Reading], addresses: Sequence[str], values: Mapping[str, Any], ports: ScanPorts
) -> None:
    place = {address: number for number, address in enumerate(addresses)}
    found = sorted(filter(answers_as_a_miner, readings), key=lambda reading: place[reading.address])
    if values["yaml"]:
        print_document(_entries(found, values["container"], ports))
    elif found:
        console().print(found_table(found))


def _entries(readings: Sequence[Reading], container: str, ports: ScanPorts) -> str:
    """Return what a scan found in the form of targets.yml; what could not be read stands as a comment."""
    entries: list[dict[str, object]] = []
    remarks: list[str] = []
    for reading in readings:
        if not isinstance(reading, Snapshot):
            remarks.append(
                f"# {reading.address} answers, but: {reading.reason}: {' '.join(reading.detail.split())}\n"
            )
            continue
        entry: dict[str, object] = {"name": _miner_name(reading.address), "address": reading.address}
        identity = reading.identity
        if identity.manufacturer:
            entry["manufacturer"] = identity.manufacturer
        if identity.model:
            entry["model"] = identity.model
        usual = ScanPorts()
        for key in ("port", "v3_port", "web_port"):
            if getattr(ports, key) != getattr(usual, key):
                entry[key] = getattr(ports, key)
        entries.append(entry)
    document = {"containers": [{"name": container, "miners": entries}]}
    return "".join(remarks) + yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110)


def _miner_name(address: str) -> str:
    """Return a name that is unique wherever the address is: its last two parts (10.1.7.16 -> m7-16)."""
    try:
        parts = re.split(r"[.:]+", ip_address(address).exploded)
    except ValueError:
        return address
    return "m" + "-".join(parts[-2:])
