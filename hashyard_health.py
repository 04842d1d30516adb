"""`hashyard healthcheck`: whether a part answers on this machine, for what watches it and has no other way to ask."""

import http.client
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from hashyard_flags import Flag, seconds
from miners.errors import ConfigurationError, HashyardError


class Unhealthy(HashyardError):
    """The part does not answer, or not well; the message is one line."""


def run_healthcheck(values: Mapping[str, Any], _environment: Mapping[str, str]) -> int:
    """Ask the URL and return 0 if it answers 200. Raises Unhealthy, ConfigurationError."""
    url: str = values["argument"]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    # A URL is ASCII, and who asks a part after itself signs in nowhere; a password is not said again.
    if host is None or parts.scheme != "http" or not url.isascii() or "@" in parts.netloc:
        said = "what is given" if "@" in url else repr(url)
        raise ConfigurationError(f"{said} is no address such as http://127.0.0.1:9428/-/ready")
    # http.client and not urllib, which would ask a proxy named in the environment.
    connection = http.client.HTTPConnection(host, port, timeout=values["timeout"])
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        words = answer.read(200).decode("utf-8", "replace").strip()
    except (
        OSError,
        http.client.HTTPException,
        UnicodeError,
    ) as error:  # UnicodeError: no host has such a name
        why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise Unhealthy(f"{url} does not answer: {why}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise Unhealthy(f"{url} answers {answer.status}: {' '.join(words.split())}")
    return 0


HEALTHCHECK_FLAGS: Final = (
    Flag(
        name="--timeout", help="seconds to wait (default 5)", convert=seconds, default=5.0, metavar="SECONDS"
    ),
)
