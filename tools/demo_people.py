"""People of the demo beside its administrator: an accountant, and somebody of each client, to see what they see.

They are made through the controller's API, as an administrator would, while the first password is still in its file.
Their passwords are made up, and stand in a file of the demo's folder that nobody else can read.
"""

import http.cookiejar
import json
import os
import secrets
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.welcome import FIRST_PASSWORD

ADMINISTRATOR = "admin"
ACCOUNTANT = "accountant"
_PATIENCE_S = 30.0


class PeopleFailed(Exception):
    """The people could not be made, and why."""


def make_people(controller: str, data: Path, file: Path) -> list[str] | None:
    """Make them; return their user names, None where there is nothing to do: they are there, or the password was changed.

    `controller`: HOST:PORT. `data`: its folder. `file`: gets a line `user name, password` for each. Raises PeopleFailed.
    """
    first = data / FIRST_PASSWORD
    if file.exists() or not first.exists():
        return None
    try:
        browser = _Browser(f"http://{controller}/api/v1")
        browser.sign_in(ADMINISTRATOR, first.read_text(encoding="utf-8").strip())
        made = dict(_made(browser, controller))
    except (OSError, ValueError, KeyError) as error:
        raise PeopleFailed(f"the controller does not take them ({error})") from error
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as kept:
        kept.writelines(f"{name}  {password}\n" for name, password in made.items())
    return list(made)


def passwords(file: Path) -> dict[str, str]:
    """Return the passwords in the file by user name; raises OSError where there is none."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines)


def _made(browser: "_Browser", controller: str) -> Iterator[tuple[str, str]]:
    """Make each, and choose a password of his own, so that the demo need not show a page for that; yield both."""
    wishes: list[dict[str, Any]] = [{"username": ACCOUNTANT, "role": "accountant"}]
    wishes += [
        {"username": client["slug"], "role": "client", "client_id": client["id"]}
        for client in reversed(browser.ask("GET", "/clients")["items"])
    ]
    for wish in wishes:
        given = browser.ask("POST", "/users", wish)["password"]
        own = _Browser(f"http://{controller}/api/v1")
        own.sign_in(wish["username"], given)
        password = secrets.token_urlsafe(12)
        own.ask("PUT", "/me/password", {"current": given, "new": password})
        yield wish["username"], password


class _Browser:
    """Asks the API with a session, as a page does."""

    def __init__(self, api: str) -> None:
        self._api = api
        self._csrf = ""
        # Without proxies: the environment may name one, and it knows nothing of this machine's loopback.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )

    def sign_in(self, username: str, password: str) -> None:
        self.ask("POST", "/auth/login", {"username": username, "password": password})
        self._csrf = self.ask("GET", "/me")["csrf_token"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  # a URL of ours
            self._api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-CSRF-Token": self._csrf},
        )
        with self._opener.open(request, timeout=_PATIENCE_S) as answer:
            said = answer.read()
        return json.loads(said) if said else None
