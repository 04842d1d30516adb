"""References to credentials: what they lead to, what is said when they do not, and that no secret is ever in what is said."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.errors import ConfigurationError
from miners.inventory import secrets
from miners.inventory.fleet import Container, CredentialsReference, Inventory, Miner, Origin
from miners.model import Credentials, Target

SECRET = "hunter2"


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file(secrets_dir: Path, ending: str) -> None:
    (secrets_dir / "site").mkdir()
    (secrets_dir / "site" / "antminer").write_bytes(f"root:a:b {SECRET}{ending}".encode())
    found = secrets.resolve(CredentialsReference(file="site/antminer"), secrets_dir, {})
    assert (found.user, found.password) == ("root", f"a:b {SECRET}")


def test_a_variable() -> None:
    reference = CredentialsReference(environment="HASHYARD_MINER_A")
    found = secrets.resolve(reference, None, {"HASHYARD_MINER_A": f":{SECRET}"})
    assert (found.user, found.password) == ("", SECRET)
    assert SECRET not in f"{found} {found!r}"


def test_a_link_inside_the_folder_is_followed(secrets_dir: Path) -> None:
    (secrets_dir / "..data").mkdir()
    (secrets_dir / "..data" / "a").write_text("u:p")
    (secrets_dir / "a").symlink_to("..data/a")
    assert secrets.resolve(CredentialsReference(file="a"), secrets_dir, {}).user == "u"


def test_what_does_not_lead_to_credentials(secrets_dir: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(f"root:{SECRET}")
    (secrets_dir / "away").symlink_to(outside)
    (secrets_dir / "nowhere").symlink_to("nothing")
    (secrets_dir / "loop").symlink_to("loop")
    (secrets_dir / "folder").mkdir()
    os.mkfifo(secrets_dir / "pipe")
    (secrets_dir / "no-colon").write_text(SECRET)
    (secrets_dir / "two-lines").write_text(f"root:{SECRET}\nroot:{SECRET}\n")
    (secrets_dir / "bytes").write_bytes(f"root:{SECRET}".encode() + b"\xff")
    (secrets_dir / "large").write_text(f"root:{SECRET}" + "x" * 5000)
    (secrets_dir / "empty").write_text("")
    expected = {
        "none": f"does not exist (looked for in {secrets_dir})",
        "nowhere": f"does not exist (looked for in {secrets_dir})",
        "away": f"leads out of the secrets folder {secrets_dir}",
        "../outside": f"leads out of the secrets folder {secrets_dir}",
        str(outside): f"leads out of the secrets folder {secrets_dir}",
        "loop": f"is a link that leads nowhere (looked for in {secrets_dir})",
        "folder": "is not a regular file",
        "pipe": "is not a regular file",
        "a\0b": "cannot be followed",
        "no-colon": "does not hold one line of the form user:password",
        "two-lines": "does not hold one line of the form user:password",
        "empty": "does not hold one line of the form user:password",
        "bytes": "is not UTF-8 text",
        "large": "is larger than 4096 bytes: it holds one line, user:password",
    }
    for name, reason in expected.items():
        with pytest.raises(ConfigurationError) as caught:
            secrets.resolve(CredentialsReference(file=name), secrets_dir, {})
        shown = name.replace("\0", "\\x00")
        shown = shown if len(shown) <= 60 else shown[:59] + "…"
        assert str(caught.value) == f"the secrets file {shown} {reason}"
        cause: BaseException | None = caught.value
        while cause is not None:
            assert SECRET not in repr(cause)
            cause = cause.__cause__


def test_without_a_folder_or_a_variable() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^the secrets file a has no folder: say which with --secrets-dir$"
    ):
        secrets.resolve(CredentialsReference(file="a"), None, {})
    with pytest.raises(
        ConfigurationError, match=r"^the variable HASHYARD_MINER_A is not set: it holds user:password$"
    ):
        secrets.resolve(CredentialsReference(environment="HASHYARD_MINER_A"), None, {})


@given(st.text())
def test_any_content_is_credentials_or_refused_without_repeating_it(content: str) -> None:
    marked = f"{SECRET}{content}"
    environ = {"HASHYARD_MINER_A": marked}
    said = ""
    try:
        found = secrets.resolve(CredentialsReference(environment="HASHYARD_MINER_A"), None, environ)
        marked_again = f"{found.user}:{found.password}"
    except ConfigurationError as error:
        said = str(error)
        marked_again = marked
    assert SECRET not in said
    assert marked_again in (marked, marked.removesuffix("\n").removesuffix("\r"))


def fleet(*references: CredentialsReference | None) -> Inventory:
    miners = tuple(
        Miner(
            name=f"a{number}",
            container="C",
            address="10.0.0.1",
            credentials=reference,
            origin=Origin("targets.yml", 10 + number),
        )
        for number, reference in enumerate(references)
    )
    return Inventory(
        containers=(Container(name="C", id="c", miners=miners, origin=Origin("targets.yml", 1)),)
    )


def test_each_missing_reference_is_one_line(secrets_dir: Path) -> None:
    good, bad = CredentialsReference(file="good"), CredentialsReference(file="bad")
    variable = CredentialsReference(environment="HASHYARD_MINER_A")
    (secrets_dir / "good").write_text(f"u:{SECRET}")
    inventory = fleet(None, good, bad, variable, variable, variable)
    assert secrets.missing_credentials(inventory, secrets_dir, {}) == [
        f"targets.yml:12: credentials of C/a2: the secrets file bad does not exist (looked for in {secrets_dir})",
        "targets.yml:13: credentials of C/a3 and 2 more: the variable HASHYARD_MINER_A is not set: it holds user:password",
    ]
    assert secrets.missing_credentials(inventory, secrets_dir, {"HASHYARD_MINER_A": "a:b"}) == [
        f"targets.yml:12: credentials of C/a2: the secrets file bad does not exist (looked for in {secrets_dir})"
    ]
    assert secrets.credentials_of(inventory, secrets_dir, {}) == {good: Credentials("u", SECRET)}


def test_credentials_of_gateways_are_for_writing_alone(secrets_dir: Path) -> None:
    (secrets_dir / "miners").write_text("m:m")
    (secrets_dir / "gate").write_text(f"g:{SECRET}")
    (secrets_dir / "miners").chmod(0o600)
    (secrets_dir / "gate").chmod(0o644)
    miner, gate = CredentialsReference(file="miners"), CredentialsReference(file="gate")
    lost = CredentialsReference(environment="HASHYARD_MINER_LOST")
    miners = [
        Miner(
            name=f"a{number}",
            container="C",
            address="10.0.0.1",
            credentials=miner,
            gateway=gateway,
            gateway_credentials=reference,
            origin=Origin("targets.yml", 10 + number),
        )
        for number, (gateway, reference) in enumerate([("http://g", gate), ("http://g", lost), (None, lost)])
    ]
    container = Container(name="C", id="c", miners=tuple(miners), origin=Origin("targets.yml", 1))
    inventory = Inventory(containers=(container,))
    assert secrets.credentials_of(inventory, secrets_dir, {}) == {
        miner: Credentials("m", "m"),
        gate: Credentials("g", SECRET),
    }
    assert secrets.missing_credentials(inventory, secrets_dir, {}) == [
        "targets.yml:11: gateway_credentials of C/a1: the variable HASHYARD_MINER_LOST is not set: it holds user:password"
    ]
    assert secrets.exposed_credentials(inventory, secrets_dir) == [
        (
            f"targets.yml:10: gateway_credentials of C/a0: the secrets file gate may be read by everybody: "
            f"chmod o-r {secrets_dir}/gate"
        )
    ]
    assert secrets.credentials_of(inventory, secrets_dir, {}, reading_only=True) == {
        miner: Credentials("m", "m")
    }
    assert secrets.missing_credentials(inventory, secrets_dir, {}, reading_only=True) == []
    assert secrets.exposed_credentials(inventory, secrets_dir, reading_only=True) == []


def test_a_file_that_everybody_may_read_is_worth_a_word(secrets_dir: Path) -> None:
    for name, mode in (("open", 0o644), ("closed", 0o640)):
        (secrets_dir / name).write_text(f"u:{SECRET}")
        (secrets_dir / name).chmod(mode)
    inventory = fleet(*(CredentialsReference(file=name) for name in ("open", "closed", "none")))
    assert secrets.exposed_credentials(inventory, secrets_dir) == [
        (
            "targets.yml:10: credentials of C/a0: the secrets file open may be read by everybody: "
            f"chmod o-r {secrets_dir}/open"
        )
    ]
    assert secrets.exposed_credentials(inventory, None) == []


def test_target_of_holds_everything_that_both_know() -> None:
    origin = Origin("targets.yml", 1)
    miner = Miner(
        name="a1",
        container="C",
        address="10.0.0.1",
        port=1,
        web_port=2,
        v3_port=3,
        manufacturer="Avalon",
        model="1246",
        driver="avalon",
        nominal_power_w=4.0,
        nominal_hashrate_hs=5.0,
        standby_power_w=6.0,
        gateway="http://10.0.0.2",
        origin=origin,
    )
    container = Container(
        name="C", id="c", connect_timeout_s=7.0, timeout_s=8.0, miners=(miner,), origin=origin
    )
    credentials = Credentials("u", "p")
    gateway_credentials = Credentials("g", "h")
    target = secrets.target_of(container, miner, credentials, gateway_credentials)
    expected = {
        **{name: getattr(miner, name) for name in Target.__struct_fields__ if hasattr(miner, name)},
        "miner": "a1",
        "credentials": credentials,
        "gateway_credentials": gateway_credentials,
        "connect_timeout_s": 7.0,
        "timeout_s": 8.0,
    }
    assert {name: getattr(target, name) for name in Target.__struct_fields__} == expected
