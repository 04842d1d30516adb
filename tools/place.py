"""Where a demo runs: its folder, its ports and its fleet's addresses, next to whatever else runs on the machine.

Each running demo of a checkout holds a numbered folder below .demo/ and keeps its history there for the next start.
"""

import errno
import fcntl
import ipaddress
import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

LOOPBACK = "127.0.0.1"
_LAST_NETWORK = 255  # 127.255.0.0/16 ends the loopback network
_MOST_DEMOS = 9

Say: TypeAlias = Callable[[str], None]
Endpoint: TypeAlias = tuple[str, int]


class NoPlace(Exception):
    """There is no room for another demo; the message is one line that says what stands in the way."""


@dataclass(frozen=True)
class Folder:
    """A demo's own folder, held by a lock that ends with the process."""

    path: Path
    lock: IO[str]


def take_folder(root: Path, say: Say) -> Folder:
    """Return the first numbered folder below `root` that no running demo holds; raise NoPlace."""
    for number in range(1, _MOST_DEMOS + 1):
        path = root / str(number)
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            say(f"Another demo (process {lock.read().strip() or 'unknown'}) runs in {path}.")
            lock.close()
            continue
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return Folder(path, lock)
    raise NoPlace(f"{_MOST_DEMOS} demos run in {root} already")


class Turn:
    """The right to choose ports and addresses, which one demo of the machine has at a time.

    From choosing a port until a part listens there, another demo would find it free as well. The lock is on the folder for
    temporary files, which every demo of the machine sees and in which nothing is made; it ends with the process.
    """

    def __init__(self, say: Say) -> None:
        """Wait until no other demo is starting, and say so."""
        self._folder = os.open(tempfile.gettempdir(), os.O_RDONLY)
        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another demo is just starting: this one waits until that has its ports.")
            fcntl.flock(self._folder, fcntl.LOCK_EX)

    def give_back(self) -> None:
        """Let the next demo choose; also for the processes that have been forked since."""
        fcntl.flock(self._folder, fcntl.LOCK_UN)


def is_free(address: str, port: int) -> bool:
    """Tell whether nobody listens here now (whether this user may listen here is another question)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: a connection just ended is no hindrance
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def take_port(wanted: int, who: str, taken: set[int], say: Say) -> int:
    """Return the port wanted, or the next free one after naming the busy one; what is returned joins `taken`."""
    for port in range(wanted, min(wanted + 100, 65536)):
        if port not in taken and is_free(LOOPBACK, port):
            if port != wanted:
                say(f"Port {wanted} is busy: {who} takes {port}.")
            taken.add(port)
            return port
    raise NoPlace(f"no port from {wanted} to {wanted + 99} is free for {who}")


def network_of(endpoints: Iterable[Endpoint]) -> int | None:
    """Return N where the fleet's addresses are in 127.N.0.0/16, N from 1; None where it has none such.

    Raises NoPlace when they are in more than one: such a fleet cannot be moved out of another's way.
    """
    networks = sorted({int(address.split(".")[1]) for address, _ in endpoints if _movable(address)})
    if len(networks) > 1:
        found = " and ".join(f"127.{network}.0.0/16" for network in networks)
        raise NoPlace(f"the fleet's addresses are in {found}: keep them in one of these")
    return networks[0] if networks else None


def free_network(wanted: int, endpoints: Iterable[Endpoint]) -> int:
    """Return the first N, from the one wanted, for which all the fleet's addresses are free as 127.N.…; raise NoPlace."""
    fleet = [(address.split(".", 2)[2], port) for address, port in endpoints if _movable(address)]
    for network in range(wanted, _LAST_NETWORK + 1):
        if all(is_free(f"127.{network}.{rest}", port) for rest, port in fleet):
            return network
    raise NoPlace(
        f"the fleet's addresses are busy from 127.{wanted}.0.0/16 to the end of the loopback network"
    )


def moved(inventory: str, old: int, new: int) -> str:
    """Return the inventory's text with every address 127.OLD.… made 127.NEW.…."""
    return re.sub(rf"(?<![\d.])127\.{old}\.(?=\d)", f"127.{new}.", inventory)


def _movable(address: str) -> bool:
    try:
        found = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return found.is_loopback and found.packed[1] > 0
