"""Users, from outside: made with a one-time password, changed, removed; the last administrator stays; one's own account."""

from typing import Any

import pytest

from tests.unit.controller.api.conftest import PASSWORD, House

USERS = "/api/v1/users"
ME = "/api/v1/me"


async def mistakes(response: Any) -> list[tuple[str, str]]:
    return [(mistake["at"], mistake["code"]) for mistake in (await response.json())["errors"]]


async def test_a_new_user_signs_in_with_a_one_time_password_and_changes_it(house: House) -> None:
    admin = await house.signed_in("root")
    made = await admin.ask("POST", USERS, {"username": "olga", "role": "accountant", "name": "Ольга"})
    assert made.status == 201
    body = await made.json()
    assert made.headers["Location"] == f"{USERS}/{body['id']}"
    olga = house.browser()
    assert (await olga.sign_in("olga", body["password"])).status == 204
    assert (await (await olga.get(ME)).json())["password_change_needed"] is True
    change = {"current": body["password"], "new": "thistle anchor moss ferry"}
    assert (await olga.ask("PUT", f"{ME}/password", change)).status == 204
    shown = await (await admin.get(f"{USERS}/{body['id']}")).json()
    assert shown["password_change_needed"] is False
    assert "password" not in shown
    [event] = await house.events("user.created")
    assert (event.actor.name, event.after["username"], event.after["role"]) == ("root", "olga", "accountant")


async def test_all_mistakes_of_a_new_user_are_named_at_once(house: House) -> None:
    admin = await house.signed_in("root")
    wish = {"username": " ", "role": "boss", "email": "nowhere", "language": "xx", "colour": "red", "name": 7}
    response = await admin.ask("POST", USERS, wish)
    assert response.status == 422
    assert {at for at, _ in await mistakes(response)} == {
        "/username",
        "/role",
        "/email",
        "/language",
        "/colour",
        "/name",
    }
    body = await response.json()
    assert body["detail"] == "6 values need attention"
    said = {mistake["at"]: mistake["detail"] for mistake in body["errors"]}
    assert said["/role"] == "it is none of administrator, accountant, client"
    assert said["/email"].endswith("such as olga@example.org")
    assert said["/name"] == "it is int, and has to be str | null"


async def test_a_name_and_an_address_are_given_once(house: House) -> None:
    admin = await house.signed_in("root")
    await admin.ask("POST", USERS, {"username": "olga", "role": "accountant", "email": "o@example.org"})
    for wish in ({"username": "OLGA"}, {"username": "bert", "email": "O@example.org"}):
        response = await admin.ask("POST", USERS, {"role": "accountant", **wish})
        assert response.status == 409
        assert (await response.json())["type"] == "/problems/exists"


async def test_a_client_belongs_to_a_client_and_nobody_else_does(house: House) -> None:
    admin = await house.signed_in("root")
    first = await admin.ask("POST", USERS, {"username": "nina", "role": "client", "name": "Acme Ltd"})
    client_id = (await first.json())["client_id"]
    client = await house.storage.people.clients.get(client_id)
    assert client is not None
    assert (client.slug, client.name) == ("acme-ltd", "Acme Ltd")
    second = await admin.ask("POST", USERS, {"username": "otto", "role": "client", "client_id": client_id})
    assert (await second.json())["client_id"] == client_id
    third = await admin.ask("POST", USERS, {"username": "piet", "role": "client", "name": "Acme Ltd"})
    assert third.status == 409
    other = await admin.ask("POST", USERS, {"username": "rosa", "role": "accountant", "client_id": client_id})
    assert (other.status, await mistakes(other)) == (422, [("/client_id", "not-allowed")])
    unknown = await admin.ask("POST", USERS, {"username": "rosa", "role": "client", "client_id": "cli_0"})
    assert (unknown.status, await mistakes(unknown)) == (422, [("/client_id", "not-found")])


async def test_a_client_sees_the_containers_of_his_client_only(house: House) -> None:
    client = await house.signed_in("nina", "client")
    assert (await (await client.get(ME)).json())["containers"] == ["container-1"]
    admin = await house.signed_in("root")
    assert len((await (await admin.get(ME)).json())["containers"]) == 3


async def test_another_role_ends_all_that_is_open_and_needs_what_was_read(house: House) -> None:
    admin = await house.signed_in("root")
    carl = await house.signed_in("carl", "accountant")
    user = await house.storage.people.users.by_name("carl")
    assert user is not None
    path = f"{USERS}/{user.id}"
    read = await admin.get(path)
    without = await admin.ask("PATCH", path, {"role": "administrator"})
    assert without.status == 428
    stale = await admin.ask("PATCH", path, {"role": "administrator"}, headers={"If-Match": '"other"'})
    assert stale.status == 412
    headers = {"If-Match": read.headers["ETag"]}
    changed = await admin.ask("PATCH", path, {"role": "administrator"}, headers=headers)
    assert (changed.status, (await changed.json())["role"]) == (200, "administrator")
    assert (await carl.get(ME)).status == 401
    again = await admin.ask("PATCH", path, {"role": "accountant"}, headers=headers)
    assert again.status == 412
    [event] = await house.events("user.changed")
    assert (event.before["role"], event.after["role"]) == ("accountant", "administrator")


async def test_signing_in_does_not_change_what_was_read(house: House) -> None:
    admin = await house.signed_in("root")
    user = await house.user("carl", "accountant")
    before = await admin.get(f"{USERS}/{user.id}")
    house.deeds.pass_time(minutes=5)
    await house.browser().sign_in("carl")
    after = await admin.get(f"{USERS}/{user.id}")
    assert before.headers["ETag"] == after.headers["ETag"]
    assert (await before.json())["last_seen"] != (await after.json())["last_seen"]
    unchanged = await admin.get(f"{USERS}/{user.id}", headers={"If-None-Match": after.headers["ETag"]})
    assert (unchanged.status, await unchanged.read()) == (304, b"")


@pytest.mark.parametrize("change", [{"role": "accountant"}, {"active": False}])
async def test_the_last_administrator_keeps_role_and_account(house: House, change: dict[str, Any]) -> None:
    admin = await house.signed_in("root")
    user = await house.storage.people.users.by_name("root")
    assert user is not None
    path = f"{USERS}/{user.id}"
    headers = {"If-Match": (await admin.get(path)).headers["ETag"]}
    for response in (
        await admin.ask("PATCH", path, change, headers=headers),
        await admin.ask("DELETE", path),
    ):
        assert response.status == 409
        assert (await response.json())["type"] == "/problems/last-administrator"
    assert (await admin.get(path)).status == 200


async def test_removing_takes_all_rights_and_the_record_keeps_the_name(house: House) -> None:
    admin = await house.signed_in("root")
    carl = await house.signed_in("carl", "accountant")
    user = await house.storage.people.users.by_name("carl")
    assert user is not None
    token = house.browser(token=await house.token(user))
    assert (await admin.ask("DELETE", f"{USERS}/{user.id}")).status == 204
    assert (await carl.get(ME)).status == 401
    assert (await token.get(ME)).status == 401
    assert (await house.browser().sign_in("carl")).status == 401
    assert (await admin.get(f"{USERS}/{user.id}")).status == 404
    [event] = await house.events("user.removed")
    assert event.params["username"] == "carl"


async def test_an_administrator_ends_sessions_and_revokes_tokens(house: House) -> None:
    admin = await house.signed_in("root")
    carl = await house.signed_in("carl", "accountant")
    user = await house.storage.people.users.by_name("carl")
    assert user is not None
    sessions = await (await admin.get(f"{USERS}/{user.id}/sessions")).json()
    assert [entry["current"] for entry in sessions["items"]] == [False]
    assert (await admin.ask("DELETE", f"{USERS}/{user.id}/sessions")).status == 204
    assert (await carl.get(ME)).status == 401
    texts = [await house.token(user) for _ in range(3)]
    tokens = (await (await admin.get(f"{USERS}/{user.id}/tokens")).json())["items"]
    assert len(tokens) == 3
    assert (await admin.ask("DELETE", f"{USERS}/{user.id}/tokens/{tokens[-1]['id']}")).status == 204
    statuses = [(await house.browser(token=text).get(ME)).status for text in texts]
    assert statuses == [401, 200, 200]
    assert (await admin.ask("DELETE", f"{USERS}/{user.id}/tokens")).status == 204
    assert (await house.browser(token=texts[1]).get(ME)).status == 401


async def test_a_new_one_time_password_takes_the_place_of_the_old_one(house: House) -> None:
    admin = await house.signed_in("root")
    carl = await house.signed_in("carl", "accountant")
    user = await house.storage.people.users.by_name("carl")
    assert user is not None
    response = await admin.ask("POST", f"{USERS}/{user.id}/password")
    assert (await carl.get(ME)).status == 401
    assert (await house.browser().sign_in("carl", PASSWORD)).status == 401
    assert (await house.browser().sign_in("carl", (await response.json())["password"])).status == 204


async def test_one_ends_ones_own_sessions_and_nobody_elses(house: House) -> None:
    anna, bert = await house.signed_in("anna"), await house.signed_in("bert")
    other = house.browser()
    await other.sign_in("anna")
    sessions = (await (await anna.get(f"{ME}/sessions")).json())["items"]
    assert [entry["current"] for entry in sessions] == [False, True]
    assert (await bert.ask("DELETE", f"{ME}/sessions/{sessions[0]['id']}")).status == 404
    assert (await anna.ask("DELETE", f"{ME}/sessions/{sessions[0]['id']}")).status == 204
    assert (await other.get(ME)).status == 401
    assert (await anna.get(ME)).status == 200


async def test_preferences_are_kept(house: House) -> None:
    anna = await house.signed_in("anna")
    read = await anna.get(ME)
    change = {"language": "ru", "time_zone": "Asia/Almaty", "density": "compact", "name": "Анна"}
    headers = {"If-Match": read.headers["ETag"]}
    wrong = await anna.ask("PATCH", ME, {**change, "time_zone": "Mars/Olympus"}, headers=headers)
    assert await mistakes(wrong) == [("/time_zone", "choice")]
    changed = await anna.ask("PATCH", ME, change, headers=headers)
    assert changed.status == 200
    me = await (await anna.get(ME)).json()
    assert (me["language"], me["name"]) == ("ru", "Анна")
    assert me["preferences"] == {"time_zone": "Asia/Almaty", "density": "compact", "shortcuts": True}
    assert (await anna.ask("PATCH", ME, {"role": "administrator"}, headers={"If-Match": "*"})).status == 422


async def test_users_come_in_pages_and_by_filter(house: House) -> None:
    admin = await house.signed_in("root")
    for number in range(5):
        await house.user(f"user{number}", "accountant", active=number != 3)
    names: list[str] = []
    cursor = ""
    while True:
        page = await (await admin.get(f"{USERS}?limit=2{cursor}")).json()
        assert page["total"] == 6
        names += [user["username"] for user in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert names == ["user4", "user3", "user2", "user1", "user0", "root"]
    for query, wanted in (
        ("role=administrator", ["root"]),
        ("role=administrator&role=accountant&q=USER0", ["user0"]),
        ("active=false", ["user3"]),
        ("role=client", []),
    ):
        page = await (await admin.get(f"{USERS}?{query}")).json()
        assert [user["username"] for user in page["items"]] == wanted, query
        assert page["total"] == len(wanted)
