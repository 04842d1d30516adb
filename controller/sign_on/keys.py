"""The keys that sign ID tokens: made at the first start in the data folder, for its owner alone, and changed in time.

A new key is published a day before it signs, and an old one a day after it last did, so that whoever keeps a copy of the
published ones can always check. Facts: RFC 7517 (JWK), RFC 7638 (a key's name), RFC 7518 3.3 (RS256, at least 2048 bits).
"""

import asyncio
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from miners.errors import ConfigurationError

KEYS_FILE: Final = "sign-on-keys.json"
ALGORITHM: Final = "RS256"
BITS: Final = 2048
AGE: Final = timedelta(days=90)
PUBLISHED_FIRST: Final = timedelta(days=1)
PUBLISHED_AFTER: Final = timedelta(days=1)
_LARGEST_FILE: Final = 256 * 1024


@dataclass(frozen=True)
class SigningKey:
    """A key with its private part. `name`: its thumbprint, by which tokens say which key signed them."""

    made_at: datetime
    key: RSAKey = field(repr=False)

    @property
    def name(self) -> str:
        """Return the `kid`."""
        return self.key.thumbprint()

    @property
    def public(self) -> dict[str, Any]:
        """Return what anybody may know of it, as a JWK."""
        return {**self.key.as_dict(private=False), "use": "sig", "alg": ALGORITHM, "kid": self.name}


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    made_at: datetime
    jwk: dict[str, str | list[str]]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: list[_Kept]


def signing_of(keys: Sequence[SigningKey], now: datetime) -> SigningKey:
    """Return the key that signs now: the newest that has been published long enough, else the oldest."""
    ready = [key for key in keys if key.made_at + PUBLISHED_FIRST <= now]
    return max(ready, key=_made_at) if ready else min(keys, key=_made_at)


def still_wanted(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    """Return the keys without those that stopped signing long enough ago, oldest first."""
    signing = signing_of(keys, now)
    since = signing.made_at + PUBLISHED_FIRST
    kept = [key for key in keys if key.made_at >= signing.made_at or now - since < PUBLISHED_AFTER]
    return sorted(kept, key=_made_at)


def is_another_due(keys: Sequence[SigningKey], now: datetime) -> bool:
    """Return whether the newest key is old enough to be followed by another."""
    return now - max(keys, key=_made_at).made_at >= AGE


class SigningKeys:
    """The keys of one data folder."""

    def __init__(self, file: Path, keys: Sequence[SigningKey]) -> None:
        """Take what was read of `file`: at least one key."""
        self._file = file
        self._keys = list(keys)

    @classmethod
    async def open(cls, data: Path, now: datetime) -> Self:
        """Return the keys of a data folder; where it has none, one is made. Raises ConfigurationError."""
        file = data / KEYS_FILE
        keys = await asyncio.to_thread(_read, file)
        if not keys:
            keys = [await _made(now)]
            await asyncio.to_thread(_write, file, keys)
        found = cls(file, keys)
        await found.keep_in_time(now)
        return found

    def signing(self, now: datetime) -> SigningKey:
        """Return the key that signs now."""
        return signing_of(self._keys, now)

    def published(self) -> dict[str, Any]:
        """Return the JWK set of all keys, without their private parts."""
        return {"keys": [key.public for key in self._keys]}

    async def keep_in_time(self, now: datetime) -> None:
        """Make the next key when it is due, and forget those that are no longer wanted. Raises ConfigurationError."""
        keys = still_wanted(self._keys, now)
        if is_another_due(keys, now):
            keys.append(await _made(now))
        if keys != self._keys:
            await asyncio.to_thread(_write, self._file, keys)
            self._keys = keys


def _made_at(key: SigningKey) -> datetime:
    return key.made_at


async def _made(now: datetime) -> SigningKey:
    return SigningKey(now, await asyncio.to_thread(RSAKey.generate_key, BITS))


def _read(file: Path) -> list[SigningKey]:
    """Return the keys of a file, [] where there is none. Its content stands in no message. Raises ConfigurationError."""
    mend = "delete it, and a new key is made (who signs on at that moment has to begin again)"
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}; {mend}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{file} is no regular file; {mend}")
        if status.st_mode & 0o077:
            raise ConfigurationError(f"{file} can be read by others, who could sign in its name; {mend}")
        content = os.read(descriptor, _LARGEST_FILE)
    finally:
        os.close(descriptor)
    try:
        keys = [
            SigningKey(kept.made_at, RSAKey.import_key(kept.jwk))
            for kept in msgspec.json.decode(content, type=_File).keys
        ]
        whole = bool(keys) and all(key.key.is_private and key.made_at.tzinfo for key in keys)
    except (msgspec.MsgspecError, JoseError, ValueError, TypeError, KeyError):
        whole = False
    if not whole:
        raise ConfigurationError(f"{file} does not hold the controller's keys; {mend}")
    return keys


def _write(file: Path, keys: Sequence[SigningKey]) -> None:
    """Write the file whole or not at all; nobody but its owner can read it at any moment. Raises ConfigurationError."""
    kept = _File([_Kept(key.made_at, dict(key.key.as_dict(private=True))) for key in keys])
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(msgspec.json.encode(kept) + b"\n")
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
