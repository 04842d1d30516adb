"""The first administrator, and the way back in: one-time passwords that lie in a file which only its owner can read."""

import asyncio
import os
import secrets
from datetime import datetime
from pathlib import Path

import structlog

from controller.api.passwords import Passwords, one_time_password
from controller.model import SYSTEM, Event, User, new_id
from controller.storage.people import folded
from controller.storage.storage import Storage
from miners.errors import ConfigurationError

USERNAME = "admin"
PASSWORD_FILE = "initial-admin-password"  # noqa: S105  # the name of the file

_log = structlog.get_logger(__name__)


async def make_first_administrator(
    storage: Storage, data: Path, passwords: Passwords, now: datetime
) -> Path | None:
    """Make the administrator `admin` if there is nobody yet; return the file of his password, None if there was.

    The file is written before the user is kept, so that whoever is interrupted between them begins again. Raises
    ConfigurationError when the file cannot be written.
    """
    if await storage.people.users.count():
        return None
    password = one_time_password()
    file = await asyncio.to_thread(_write, data, password)
    user = User(
        id=new_id("usr"),
        username=USERNAME,
        role="administrator",
        created_at=now,
        password_change_needed=True,
    )
    await storage.people.users.add(user, await passwords.hash(password))
    await storage.events.add(_event("user.created", user, now))
    _log.warning("first administrator made", username=USERNAME, password_file=str(file))
    return file


async def reset_administrator(storage: Storage, data: Path, passwords: Passwords, now: datetime) -> Path:
    """Give `admin` a new one-time password, and every right again; all his sessions, tokens and links end. Return the file.

    For whoever is on the machine itself: `hashyard controller --reset-admin`. Raises ConfigurationError.
    """
    password = one_time_password()
    kept = await passwords.hash(password)
    file = await asyncio.to_thread(_write, data, password)
    user = await storage.people.users.by_name(USERNAME)
    if user is None:
        user = User(
            id=new_id("usr"),
            username=USERNAME,
            role="administrator",
            created_at=now,
            password_change_needed=True,
        )
        await storage.people.users.add(user, kept)
    else:
        await storage.people.invitations.end(user.id)
        await storage.people.users.set_password(user.id, kept, change_needed=True)
        restored = await storage.people.users.get(user.id)
        if restored is None:
            raise ConfigurationError(f"{USERNAME} was removed meanwhile: run --reset-admin again")
        await storage.people.users.update(_with_rights(restored))
        await storage.access.sessions.end_of_user(user.id)
        await storage.access.tokens.end_of_user(user.id)
    await storage.events.add(_event("user.reset", user, now))
    return file


async def forget_first_password(data: Path, username: str) -> None:
    """Delete the file, once the password in it is no longer the administrator's."""
    if folded(username) == USERNAME:
        await asyncio.to_thread((data / PASSWORD_FILE).unlink, missing_ok=True)


def _with_rights(user: User) -> User:
    return User(
        id=user.id,
        username=user.username,
        role="administrator",
        created_at=user.created_at,
        email=user.email,
        name=user.name,
        language=user.language,
        active=True,
        password_change_needed=True,
        last_seen=user.last_seen,
    )


def _write(data: Path, password: str) -> Path:
    """Write the password whole or not at all; nobody but the owner can read it at any moment."""
    file = data / PASSWORD_FILE
    fresh = data / f"{PASSWORD_FILE}.{secrets.token_hex(4)}"
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as out:
                out.write(password + "\n")
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(file)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror or 'unknown error'}; see to the permissions of the data folder"
        ) from error
    return file


def _event(kind: str, user: User, now: datetime) -> Event:
    params = {"user": user.id, "username": user.username, "role": "administrator"}
    return Event(
        id=new_id("evt"), at=now, category="people", kind=kind, actor=SYSTEM, params=params, outcome="ok"
    )
