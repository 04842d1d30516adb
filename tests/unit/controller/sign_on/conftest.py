"""A controller that signs people on to a Grafana, over a real socket, and a Grafana that asks it as the protocol says."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from aiohttp import ClientResponse
from joserfc.jwk import RSAKey
from yarl import URL

from controller.grafana_sync import GrafanaSync
from controller.grafana_wish import Bring
from controller.sign_on.client import RelyingParty
from controller.sign_on.keys import BITS, KEYS_FILE, SigningKey, SigningKeys
from controller.sign_on.provider import AUTHORIZE, TOKEN, USERINFO, SignOn
from controller.storage.storage import Storage
from tests.unit.controller.api.conftest import Browser, House, MakeHouse, house, make_house
from tests.unit.controller.api.quiet_deeds import QuietDeeds
from tests.unit.controller.driven_clock import DrivenClock

__all__ = ["house", "make_house"]

ISSUER = "http://127.0.0.1:8000"
GRAFANA = "http://grafana.example:3000"
CALLBACK = f"{GRAFANA}/login/generic_oauth"
SECRET = "a secret of Grafana: 100% & more"
BASIC = "grafana:a+secret+of+Grafana%3A+100%25+%26+more"


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


@cache
def rsa_key() -> RSAKey:
    return RSAKey.generate_key(BITS)


@dataclass
class Grafana:
    """Asks as Grafana does. `verifier`: of the sign-on that it began last."""

    house: House
    sign_on: SignOn
    sync: GrafanaSync
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64))

    def asking(self, **changed: str | None) -> str:
        """Return the address to which it sends somebody; None leaves a parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=")
        given = {
            "client_id": "grafana",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile email",
            "state": "as it came / & = ",
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
            "nonce": "n-0S6_WzA2Mj",
            **changed,
        }
        sent = {name: value for name, value in given.items() if value is not None}
        return str(URL(f"{AUTHORIZE}?{urlencode(sent)}"))

    async def code(self, browser: Browser, **changed: str | None) -> str:
        """Return the code with which somebody signed in comes back."""
        answer = led_back(await browser.get(self.asking(**changed)))
        return answer["code"]

    async def exchange(
        self,
        code: str,
        *,
        auth: str | None = BASIC,
        headers: Mapping[str, str] | None = None,
        **changed: str | None,
    ) -> ClientResponse:
        """Give a code for tokens; None leaves a field out. `auth`: what a Basic header says."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            **changed,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        shown = {} if auth is None else basic(auth.encode())
        response = await self.house.http.post(TOKEN, data=sent, headers=shown | dict(headers or {}))
        await response.read()
        return response

    async def access(self, browser: Browser) -> str:
        """Return the access token of a whole sign-on."""
        response = await self.exchange(await self.code(browser))
        assert response.status == 200, await response.text()
        token: str = (await response.json())["access_token"]
        return token

    async def whose(self, token: str, method: str = "GET") -> ClientResponse:
        """Ask whose an access token is."""
        headers = {"Authorization": f"Bearer {token}"}
        response = await self.house.http.request(method, USERINFO, headers=headers)
        await response.read()
        return response


def led_back(response: ClientResponse) -> dict[str, str]:
    """Return what Grafana is told by the address that a browser is led to; it must be Grafana's."""
    assert response.status == 303
    where, _, told = response.headers["Location"].partition("?")
    assert where == CALLBACK
    found = parse_qs(told, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def led_to(response: ClientResponse) -> tuple[str, str]:
    """Return the page of ours that a browser is led to, and the path that it comes back to."""
    assert response.status == 303
    parts = urlsplit(response.headers["Location"])
    assert not parts.netloc
    assert not parts.scheme
    return parts.path, parse_qs(parts.query)["next"][0]


@pytest.fixture
async def grafana(make_house: MakeHouse, tmp_path: Path) -> Grafana:
    return await make_grafana(make_house, tmp_path)


async def make_grafana(
    make_house: MakeHouse, tmp_path: Path, bring: Bring | None = None, **settings: Any
) -> Grafana:
    """Make both. `bring`: has the controller bring Grafana in line; nobody has set that up without it."""
    deeds = QuietDeeds()
    keys = SigningKeys(tmp_path / KEYS_FILE, [SigningKey(deeds.now, rsa_key())])
    sign_on = SignOn(ISSUER, RelyingParty.at(GRAFANA, SECRET), keys, lambda: deeds.now)
    made: list[GrafanaSync] = []

    def services(storage: Storage) -> dict[type, Any]:
        sync = GrafanaSync(storage, DrivenClock(), lambda: deeds.now)
        if bring is not None:
            sync.set_up(bring, f"{ISSUER}/gateway")
        made.append(sync)
        return {SignOn: sign_on, GrafanaSync: sync}

    house = await make_house(app={"services": services}, deeds=deeds, grafana_url=GRAFANA, **settings)
    return Grafana(house, sign_on, made[0])
