"""What the person who starts the exporter decides, checked before anything begins."""

import hashlib
import ipaddress
from collections.abc import Mapping
from pathlib import Path

import msgspec

from miners.errors import ConfigurationError
from miners.inventory.store import MANAGED_FILE

DEFAULT_PORT = 9428

_MIN_TOKEN = 16


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The exporter's settings, one for each flag of `hashyard exporter`.

    `targets`: the hand-written files. `data`: where drivers and nominal hash rates found are remembered over restarts,
    and where the controller writes its managed inventory; None: there is neither. `advertise`: HOST:PORT under which
    Prometheus reaches this exporter, by default the address it listens on, or under which it was reached. `shard`: which share of the containers,
    of how many, counted from 1. `max_polls`: polls at once. `environment`: where HASHYARD_MINER_… variables stand.
    """

    targets: tuple[Path, ...]
    data: Path | None = None
    secrets_dir: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    advertise: str | None = None
    shard: tuple[int, int] = (1, 1)
    token_file: Path | None = None
    no_auth: bool = False
    max_polls: int = 400
    environment: Mapping[str, str] = {}

    @property
    def managed(self) -> Path | None:
        """The inventory that the controller writes; it need not be there."""
        return None if self.data is None else self.data / MANAGED_FILE

    @property
    def advertised(self) -> str | None:
        """The HOST:PORT that `/sd` gives to Prometheus; None where only who reaches us knows it.

        That is so without `advertise` on all addresses (`0.0.0.0`) and on a port that was free.
        """
        if self.advertise is not None:
            return self.advertise
        if self.port == 0 or self.host in ("0.0.0.0", "::"):  # noqa: S104  # compared, not listened on
            return None
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def in_share(container_id: str, shard: tuple[int, int]) -> bool:
    """Return whether a container is in a share: the same in every process, whatever other containers there are."""
    index, count = shard
    digest = hashlib.blake2b(container_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % count == index - 1


def is_loopback(host: str) -> bool:
    """Return whether a host, as it stands in a flag or a Host header without its port, is this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read_token(settings: Settings) -> bytes | None:
    """Return the token that requests must carry, or None if they need none. Raises ConfigurationError.

    On another address than loopback there must be one, or a deliberate `--no-auth`: the fleet's addresses and pool
    users are not for everybody.
    """
    if settings.token_file is not None:
        if settings.no_auth:
            raise ConfigurationError("--token-file and --no-auth exclude each other; leave one away")
        try:
            token = settings.token_file.read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(
                f"--token-file: {settings.token_file} cannot be read: {error.strerror}"
            ) from error
        if len(token) < _MIN_TOKEN or not token.isascii() or b"\n" in token:
            raise ConfigurationError(
                f"--token-file: {settings.token_file} must hold one token of at least {_MIN_TOKEN} ASCII characters "
                "on one line; `openssl rand -hex 32` makes one"
            )
        return token
    if is_loopback(settings.host) or settings.no_auth:
        return None
    raise ConfigurationError(
        f"--listen: {settings.host} can be reached from other machines, and the fleet's addresses and pool users are "
        "not for everybody: give --token-file FILE, or --no-auth if a firewall or a proxy sees to it"
    )


def make_data_folder(settings: Settings) -> None:
    """Make the data folder if it is not there. Raises ConfigurationError."""
    if settings.data is not None:
        try:
            settings.data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"--data: {settings.data} cannot be made: {error.strerror}") from error
