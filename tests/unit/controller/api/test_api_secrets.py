"""Planted secrets are looked for in all that comes out: answers, log, record, metrics and the database's file."""

from pathlib import Path
from typing import Any

import pytest

from controller.api.first_administrator import make_first_administrator, reset_administrator
from controller.api.signing_in import sum_of
from controller.events import to_csv
from controller.storage.storage import Storage
from tests.unit.controller.api.conftest import PASSWORD, House

WRONG = "wrong-planted-3f9c1d"
NEXT = "next planted 77a0be"
NAME_FIELD = "typed-into-the-name-field-51c2"


class Answers:
    """Keeps every answer but those whose purpose is to show a secret once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def keep(self, response: Any, *, but_header: str = "") -> None:
        headers = [f"{name}: {value}" for name, value in response.headers.items() if name != but_header]
        self.texts.append("\n".join([*headers, await response.text()]))


async def test_no_secret_leaves(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    answers, secrets = Answers(), {"password": PASSWORD, "wrong": WRONG, "next": NEXT, "name": NAME_FIELD}
    first = await make_first_administrator(
        house.storage, house.settings.data, house.passwords, house.deeds.now
    )
    assert first is not None
    secrets["first"] = first.read_text().strip()
    secrets["reset"] = (
        (await reset_administrator(house.storage, house.settings.data, house.passwords, house.deeds.now))
        .read_text()
        .strip()
    )

    browser = await house.signed_in("anna")
    secrets |= {"cookie": str(browser.cookie), "csrf": str(browser.csrf)}
    await answers.keep(await house.browser().sign_in("anna", WRONG))
    await answers.keep(await house.browser().sign_in(NAME_FIELD, WRONG))
    await answers.keep(await browser.ask("POST", "/api/v1/auth/confirm", {"password": WRONG}))
    await answers.keep(await browser.ask("POST", "/api/v1/auth/confirm", {"password": PASSWORD}))
    await answers.keep(await browser.ask("POST", "/api/v1/auth/confirm", {"passwort": WRONG}))
    made = await (await browser.ask("POST", "/api/v1/me/tokens", {"name": "t", "scopes": ["people"]})).json()
    secrets["token"] = made["token"]
    user = await (
        await browser.ask("POST", "/api/v1/users", {"username": "olga", "role": "accountant"})
    ).json()
    secrets["one-time"] = user["password"]
    path = f"/api/v1/users/{user['id']}"
    reset = await (await browser.ask("POST", f"{path}/password")).json()
    secrets["one-time again"] = reset["password"]
    token = house.browser(token=made["token"])
    for asked in (
        "/api/v1/me",
        "/api/v1/me/tokens",
        "/api/v1/me/sessions",
        "/api/v1/users",
        path,
        "/nothing",
    ):
        await answers.keep(await token.get(asked))
    await answers.keep(await token.get("/api/v1/me", headers={"Cookie": f"hashyard={browser.cookie}"}))
    await answers.keep(await house.browser(token=f"hy_{WRONG}").get("/api/v1/me"))
    await answers.keep(await house.browser(cookie=WRONG).get("/api/v1/me"))
    await answers.keep(await token.ask("PUT", "/api/v1/me/password", {"current": WRONG, "new": NEXT}))
    await answers.keep(
        await token.ask("PUT", "/api/v1/me/password", {"current": PASSWORD, "new": "x", "q": NEXT})
    )
    await answers.keep(await token.ask("PUT", "/api/v1/me/password", {"current": PASSWORD, "new": NEXT}))
    await answers.keep(await browser.get(f"/api/v1/me?token={made['token']}x"))
    await answers.keep(await house.browser().get("/metrics"))
    house.storage.close()
    await answers.keep(await token.get("/api/v1/me"))
    await answers.keep(await house.browser().sign_in("anna", PASSWORD))

    again = Storage.open(house.settings.database)
    events, _ = await again.events.find(all_events(), after=None, limit=1000)
    again.close()
    assert len(events) > 10
    written = "".join(to_csv(events))
    out, err = capfd.readouterr()
    kept = b"".join(file.read_bytes() for file in house.settings.data.glob("hashyard.db*"))
    for name, secret in secrets.items():
        assert all(secret not in text for text in answers.texts), f"{name} in an answer"
        assert secret not in out + err, f"{name} in the log"
        assert secret not in written, f"{name} in the record"
        assert secret.encode() not in kept, f"{name} in the database"
    assert sum_of(secrets["token"]) not in written
    assert sum_of(secrets["token"]).encode() in kept


def all_events() -> Any:
    from controller.events import EventFilter  # noqa: PLC0415

    return EventFilter()


async def test_the_password_file_is_the_only_place_of_the_first_password(house: House) -> None:
    file = await make_first_administrator(
        house.storage, house.settings.data, house.passwords, house.deeds.now
    )
    assert file is not None
    secret = file.read_text().strip().encode()
    holding = [path.name for path in files_in(house.settings.data) if secret in path.read_bytes()]
    assert holding == ["initial-admin-password"]


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
