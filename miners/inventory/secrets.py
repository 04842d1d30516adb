"""Users and passwords of miners: from the references of the inventory to Credentials, and to what the reading side asks.

A reference leads to a file below the secrets folder or to a variable HASHYARD_MINER_…; either holds `user:password`.
Messages name the file or the variable, never what stands in it.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from miners.errors import ConfigurationError
from miners.inventory.fleet import Container, CredentialsReference, Inventory, Miner
from miners.inventory.nodes import shortened
from miners.model import Credentials, Target

MAX_BYTES = 4096

_REASONS = {
    errno.ENOENT: "does not exist",
    errno.EACCES: "may not be read by this user",
    errno.EISDIR: "is a folder",
    errno.ELOOP: "is a link that leads nowhere",
}


def resolve(
    reference: CredentialsReference, secrets_dir: Path | None, environ: Mapping[str, str]
) -> Credentials:
    """Return what a reference leads to. Raises ConfigurationError, one line that says what to mend."""
    if reference.environment is not None:
        source = f"the variable {reference.environment}"
        text = environ.get(reference.environment)
        if text is None:
            raise ConfigurationError(f"{source} is not set: it holds user:password")
    else:
        source, text = _file_text(reference.file or "", secrets_dir)
    return parsed_credentials(text.removesuffix("\n").removesuffix("\r"), source)


def credentials_of(
    inventory: Inventory,
    secrets_dir: Path | None,
    environ: Mapping[str, str],
    *,
    reading_only: bool = False,
) -> dict[CredentialsReference, Credentials]:
    """Return the credentials of every reference in the inventory that can be resolved, each read once.

    `reading_only`: without those of gateways, which are for writing.
    """
    found: dict[CredentialsReference, Credentials] = {}
    for reference in _uses(inventory, reading_only=reading_only):
        try:
            found[reference] = resolve(reference, secrets_dir, environ)
        except ConfigurationError:  # missing_credentials() says which, and why
            continue
    return found


def missing_credentials(
    inventory: Inventory,
    secrets_dir: Path | None,
    environ: Mapping[str, str],
    *,
    reading_only: bool = False,
) -> list[str]:
    """Return a line for each reference that cannot be resolved: where it is first used, and what is wrong with it."""
    missing: list[str] = []
    for reference, uses in _uses(inventory, reading_only=reading_only).items():
        try:
            resolve(reference, secrets_dir, environ)
        except ConfigurationError as error:
            missing.append(f"{_user_of(uses)}: {error}")
    return missing


def exposed_credentials(
    inventory: Inventory, secrets_dir: Path | None, *, reading_only: bool = False
) -> list[str]:
    """Return a warning for each file of credentials that others than its owner and group may read."""
    exposed: list[str] = []
    for reference, uses in _uses(inventory, reading_only=reading_only).items():
        if reference.file is None or secrets_dir is None:
            continue
        try:
            mode = (secrets_dir / reference.file).stat().st_mode
        except OSError:  # missing_credentials() says so
            continue
        if mode & stat.S_IROTH:
            exposed.append(
                f"{_user_of(uses)}: the secrets file {reference.file} may be read by everybody: "
                f"chmod o-r {secrets_dir / reference.file}"
            )
    return exposed


def target_of(
    container: Container,
    miner: Miner,
    credentials: Credentials | None,
    gateway_credentials: Credentials | None = None,
) -> Target:
    """Return what has to be known of a miner to talk to it. Either credentials: what their reference was resolved to."""
    return Target(
        container=container.name,
        miner=miner.name,
        address=miner.address,
        port=miner.port,
        web_port=miner.web_port,
        v3_port=miner.v3_port,
        manufacturer=miner.manufacturer,
        model=miner.model,
        driver=miner.driver,
        credentials=credentials,
        nominal_power_w=miner.nominal_power_w,
        nominal_hashrate_hs=miner.nominal_hashrate_hs,
        standby_power_w=miner.standby_power_w,
        connect_timeout_s=container.connect_timeout_s,
        timeout_s=container.timeout_s,
        gateway=miner.gateway,
        gateway_credentials=gateway_credentials,
    )


def _file_text(name: str, secrets_dir: Path | None) -> tuple[str, str]:
    source = f"the secrets file {shortened(name)}"
    if secrets_dir is None:
        raise ConfigurationError(f"{source} has no folder: say which with --secrets-dir")
    try:
        root = secrets_dir.resolve(strict=True)
        real = (root / name).resolve(strict=True)
        if not real.is_relative_to(root):
            raise ConfigurationError(f"{source} leads out of the secrets folder {secrets_dir}")
        # The links have been followed and looked at: one that has come in between is not.
        descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigurationError(f"{source} is not a regular file")
            content = os.read(descriptor, MAX_BYTES + 1)
        finally:
            os.close(descriptor)
        text = content.decode()
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, "cannot be read")
        raise ConfigurationError(f"{source} {reason} (looked for in {secrets_dir})") from error
    except RuntimeError as error:  # links in a circle, up to Python 3.12; later an OSError
        raise ConfigurationError(f"{source} {_REASONS[errno.ELOOP]} (looked for in {secrets_dir})") from error
    except ValueError as error:
        # From None: the error of decoding holds the file's bytes.
        reason = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "cannot be followed"
        raise ConfigurationError(f"{source} {reason}") from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError(
            f"{source} is larger than {MAX_BYTES} bytes: it holds one line, user:password"
        )
    return source, text


def parsed_credentials(text: str, source: str) -> Credentials:
    """Return the credentials in one line `user:password`. Raises ConfigurationError, naming the source alone."""
    user, colon, password = text.partition(":")
    if not colon or not text.isprintable():
        raise ConfigurationError(f"{source} does not hold one line of the form user:password")
    return Credentials(user=user, password=password)


class _Use(NamedTuple):
    """One miner that needs credentials: those of `key`."""

    key: str
    miner: Miner


def _uses(inventory: Inventory, *, reading_only: bool) -> dict[CredentialsReference, list[_Use]]:
    uses: dict[CredentialsReference, list[_Use]] = {}
    for miner in _miners(inventory):
        if miner.credentials is not None:
            uses.setdefault(miner.credentials, []).append(_Use("credentials", miner))
        if not reading_only and miner.gateway is not None and miner.gateway_credentials is not None:
            uses.setdefault(miner.gateway_credentials, []).append(_Use("gateway_credentials", miner))
    return uses


def _miners(inventory: Inventory) -> Iterator[Miner]:
    for container in inventory.containers:
        yield from container.miners


def _user_of(uses: list[_Use]) -> str:
    key, first = uses[0]
    others = f" and {len(uses) - 1} more" if len(uses) > 1 else ""
    name = f"{shortened(first.container)}/{shortened(first.name)}"
    return f"{first.origin.file}:{first.origin.line}: {key} of {name}{others}"
