"""Listening for people and programs: the socket, TLS, and words for a person when either does not work."""

import errno
import socket
import ssl
from collections.abc import Sequence

import structlog
from aiohttp import web

from controller.settings import Settings
from miners.errors import ConfigurationError

_BACKLOG = 1024

_log = structlog.get_logger(__name__)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return what TLS needs, None where the controller does not end it. Raises ConfigurationError."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    for flag, file in (("--tls-cert", settings.tls_cert), ("--tls-key", settings.tls_key)):
        try:
            file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{flag}: {file} cannot be read: {error.strerror}") from error
    if settings.tls_key.stat().st_mode & 0o007:
        _log.warning(
            "the key of the certificate may be read by everybody", remedy=f"chmod o-rwx {settings.tls_key}"
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            f"--tls-cert, --tls-key: {settings.tls_cert} and {settings.tls_key} are no certificate and its key in PEM, "
            "without a password"
        ) from error
    return context


def _no_password() -> str:
    """Return no password: OpenSSL would ask for one on the terminal, where nobody may be."""
    return ""


def bind(settings: Settings) -> list[socket.socket]:
    """Return sockets on the address to serve on, bound: connections wait there until somebody serves them.

    A name may stand for several addresses. Raises ConfigurationError for one that cannot be had.
    """
    where = f"--listen: {settings.host}:{settings.port}"
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise ConfigurationError(f"{where} is no address of this machine: {error.strerror}") from error
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            sockets.append(socket.create_server(address[:2], family=family, backlog=_BACKLOG))
    except OSError as error:
        close(sockets)
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(f"{where} is in use by another program; give another port") from error
        raise ConfigurationError(f"{where} cannot be listened on: {error.strerror or error}") from error
    return sockets


async def serve(
    runner: web.AppRunner, sockets: Sequence[socket.socket], context: ssl.SSLContext | None
) -> int:
    """Begin to answer on bound sockets; return the port of the first."""
    for one in sockets:
        await web.SockSite(runner, one, backlog=_BACKLOG, ssl_context=context).start()
    port: int = sockets[0].getsockname()[1]
    return port


def close(sockets: Sequence[socket.socket]) -> None:
    """Let go of sockets, whether anybody served them or not."""
    for one in sockets:
        one.close()
