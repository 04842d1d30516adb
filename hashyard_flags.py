"""The flags of the command line: one table, from which come the parser, the environment variables and `.env`.

A flag wins over its variable (`--listen`, HASHYARD_LISTEN), a variable over the same name in `.env`, all over the
default. Names that users of older tools have set are taken over, or refused with what takes their place.
"""

import argparse
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from dotenv.parser import parse_stream

from miners.errors import ConfigurationError

Convert: TypeAlias = Callable[[str], Any]


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """One flag. `convert` raises ValueError with words for a person. `older`: names of older tools that mean the same.

    `also`: further spellings on the command line, without variables of their own. `many`: may be given more than once, and in the environment stands as a list parted by commas. A flag whose
    `convert` is None takes no value: it is set or not (in the environment: 1, true, yes, on or 0, false, no, off).
    `typed`: no variable sets it, for it is a deed, which nothing left lying in an environment may do.
    """

    name: str
    help: str
    convert: Convert | None = str
    default: Any = None
    metavar: str | None = None
    many: bool = False
    typed: bool = False
    older: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The attribute under which its value stands."""
        return self.name.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"HASHYARD_{self.key.upper()}"


_REPLACED = {
    "DEFAULT_MINER_PORT": "write `defaults: {port: …}` into targets.yml",
    "CONNECTION_TIMEOUT": "write `defaults: {connect_timeout: …}` into targets.yml",
    "POLLING_INTERVAL": "write `defaults: {interval: …}` into targets.yml",
    "SECRET_KEY": "nothing has to be set: secrets are made at the first start and kept in the data folder",
}
"""Variables of older tools that no flag takes over, and what to do instead."""

ENV_FILE_VARIABLE = "HASHYARD_ENV_FILE"
"""Names the file that is read in place of `.env`, where `--env-file` does not."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def add_flags(parser: argparse.ArgumentParser, flags: Iterable[Flag]) -> None:
    """Add the flags to a parser; what is not typed stays unset, for `resolve` to fill in."""
    for flag in flags:
        text = (flag.help if flag.typed else f"{flag.help} [{flag.variable}]").replace("%", "%%")
        if flag.convert is None:
            parser.add_argument(
                flag.name,
                *flag.also,
                dest=flag.key,
                action="store_true",
                default=argparse.SUPPRESS,
                help=text,
            )
        else:
            parser.add_argument(
                flag.name,
                *flag.also,
                dest=flag.key,
                action="append" if flag.many else "store",
                metavar=flag.metavar or flag.key.upper(),
                default=argparse.SUPPRESS,
                help=text,
            )


def resolve(
    flags: Sequence[Flag], typed: argparse.Namespace, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the value of each flag by its key. Raise ConfigurationError with every mistake, a line each."""
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for flag in flags:
        try:
            values[flag.key] = _value(flag, typed, environment)
        except ValueError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    return values


def replaced_variables(
    flags: Sequence[Flag], names: Iterable[str], environment: Mapping[str, str]
) -> list[str]:
    """Return a sentence for each of the named older variables that is set and that no flag here takes over."""
    taken = {older for flag in flags for older in flag.older}
    return [
        f"{name} is set, and Hashyard does not read it: {_REPLACED[name]}"
        for name in names
        if name in environment and name not in taken
    ]


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file that a flag names cannot be read, in the system's words."""
    return (error.strerror if isinstance(error, OSError) else None) or "it is no text"


def read_environment(env_file: Path | None) -> dict[str, str]:
    """Return the process's environment over that of the `.env` file (by default the one in this folder, if any)."""
    named = os.environ.get(ENV_FILE_VARIABLE)
    if env_file is None and named:
        env_file = Path(named)
    path = env_file or Path(".env")
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if env_file is not None:
            raise ConfigurationError(
                f"{env_file}: no such file; --env-file names a file of NAME=value lines"
            ) from None
        return dict(os.environ)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {why_unreadable(error)}") from None
    found: dict[str, str] = {}
    mistakes: list[str] = []
    for binding in parse_stream(io.StringIO(content)):
        if binding.error or (binding.key is not None and binding.value is None):
            # The line itself is not shown: it may hold a password.
            mistakes.append(f"{path}:{binding.original.line}: is not of the form NAME=value")
        elif binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    return found | dict(os.environ)


def _value(flag: Flag, typed: argparse.Namespace, environment: Mapping[str, str]) -> Any:
    if hasattr(typed, flag.key):
        given = getattr(typed, flag.key)
        return given if flag.convert is None else _converted(flag, flag.name, given)
    for name in () if flag.typed else (flag.variable, *flag.older):
        if name not in environment:
            continue
        text = environment[name]
        if flag.convert is None:
            if text.lower() not in _TRUE + _FALSE:
                raise ValueError(f"{name}: say 1 or 0")
            return text.lower() in _TRUE
        if text == "":
            continue
        return _converted(flag, name, [part.strip() for part in text.split(",")] if flag.many else text)
    return flag.default


def _converted(flag: Flag, source: str, given: Any) -> Any:
    convert: Convert = flag.convert or str
    if given == "":
        raise ValueError(f"{source}: is empty; say {flag.metavar or 'a value'}, or leave it away")
    try:
        return tuple(convert(part) for part in given) if flag.many else convert(given)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def whole(least: int, most: int) -> Convert:
    """Return a conversion to a whole number between two bounds."""

    def convert(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return convert


def seconds(text: str) -> float:
    """Convert to seconds: `2.5` or `2.5s`, over 0 and at most an hour."""
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise ValueError(f"{text!r} is not a number of seconds over 0 and up to 3600")
    return value


def factor(text: str) -> float:
    """Convert to a factor over 0 and at most 100,000."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 100_000:
        raise ValueError(f"{text!r} is not a number over 0 and up to 100000")
    return value


def listen_address(text: str) -> tuple[str, int]:
    """Convert `HOST:PORT`, `[::1]:PORT` or `:PORT` (all addresses); port 0 takes a free one."""
    host, separator, port = text.rpartition(":")
    whole_host = _unbracketed(host)
    if (
        whole_host is None
        or not separator
        or not port.isascii()
        or not port.isdigit()
        or int(port[:6]) > 65535
    ):
        raise ValueError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:9428")
    return whole_host or "0.0.0.0", int(port)  # noqa: S104  # `:9428` says all addresses, as elsewhere; a token is wanted then


def advertised_address(text: str) -> str:
    """Check `HOST:PORT` or `[IPV6]:PORT`, as other machines are told it; return it as it is."""
    try:
        host, port = listen_address(text)
    except ValueError:
        host, port = "", 0
    if not host or port == 0 or text.startswith(":"):
        raise ValueError(f"{text!r} is not HOST:PORT, such as 10.1.0.5:9428")
    return text


def folder(text: str) -> Path:
    """Convert to the path of a folder that is there."""
    path = Path(text)
    if not path.is_dir():
        raise ValueError(f"{text} is not a folder")
    return path


def _unbracketed(host: str) -> str | None:
    """Return a host without the brackets of an IPv6 address; None for what is no host."""
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            return None
    elif ":" in host:
        return None
    return None if any(character.isspace() or character in "[]/@?#" for character in host) else host


def miner_address(text: str) -> tuple[str, int | None]:
    """Convert `HOST`, `HOST:PORT`, `[IPV6]:PORT` or a bare IPv6 address to host and port."""
    host, port = text.strip(), ""
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":")
        if rest and not rest.startswith(":"):
            raise ValueError(f"{text!r} is not HOST or HOST:PORT")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
        if not port:
            raise ValueError(f"{text!r} ends after the colon: say HOST or HOST:PORT")
    if not host or any(character.isspace() or character in "/@?#" for character in host + port):
        raise ValueError(f"{text!r} is not HOST or HOST:PORT")
    if not port:
        return host, None
    try:
        return host, int(whole(1, 65535)(port))
    except ValueError:
        raise ValueError(f"{text!r}: {port!r} is not a TCP port (1–65535)") from None


def shard(text: str) -> tuple[int, int]:
    """Convert `i/n`, counted from 1: this exporter takes the i-th of n shares of the containers."""
    part, _, of = text.partition("/")
    if not (part.isdigit() and of.isdigit() and 1 <= int(part[:5]) <= int(of[:5]) <= 1000):
        raise ValueError(f"{text!r} is not i/n with 1 ≤ i ≤ n, such as 1/4")
    return int(part), int(of)
