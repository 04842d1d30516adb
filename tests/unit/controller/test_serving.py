"""Where the controller listens: sockets bound before they are answered on, TLS, and words when either does not work."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from controller.serving import bind, close, serve, tls_context
from controller.settings import Settings
from miners.errors import ConfigurationError


def settings(**more: Any) -> Settings:
    given: dict[str, Any] = {"targets": (Path("targets.yml"),), "data": Path("data"), "port": 0} | more
    return Settings(**given)


def certificate(folder: Path, password: bytes | None = None) -> tuple[Path, Path]:
    """Return the files of a certificate for localhost that signs itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secrecy = (
        serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secrecy)
    )
    key_file.chmod(0o600)
    return cert_file, key_file


async def runner() -> web.AppRunner:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=request.scheme)

    app = web.Application()
    app.router.add_get("/", hello)
    made = web.AppRunner(app)
    await made.setup()
    return made


async def test_who_connects_before_it_is_answered_on_waits() -> None:
    sockets = bind(settings())
    port = sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as session:

        async def ask() -> str:
            async with session.get(f"http://127.0.0.1:{port}/") as response:
                return await response.text()

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.05)
        assert not asking.done()
        serving = await runner()
        assert await serve(serving, sockets, None) == port
        assert await asking == "http"
    await serving.cleanup()
    close(sockets)


async def test_a_busy_port_is_said_before_anything_runs() -> None:
    sockets = bind(settings())
    port = sockets[0].getsockname()[1]
    with pytest.raises(ConfigurationError, match=f"--listen: 127.0.0.1:{port} is in use by another program"):
        bind(settings(port=port))
    close(sockets)
    close(bind(settings(port=port)))  # it is free again


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(ConfigurationError, match=r"--listen: 198\.51\.100\.7:0 cannot be listened on"):
        bind(settings(host="198.51.100.7"))
    with pytest.raises(ConfigurationError, match="is no address of this machine"):
        bind(settings(host="no.such.name.invalid"))


async def test_tls_is_ended_with_the_certificate(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    context = tls_context(settings(tls_cert=cert, tls_key=key))
    assert context is not None
    sockets = bind(settings())
    serving = await runner()
    port = await serve(serving, sockets, context)
    trust = ssl.create_default_context(cafile=cert)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"https://127.0.0.1:{port}/", ssl=trust, server_hostname="localhost") as response,
    ):
        assert await response.text() == "https"
    await serving.cleanup()
    close(sockets)


def test_without_a_certificate_there_is_no_tls() -> None:
    assert tls_context(settings()) is None


def test_what_is_wrong_with_a_certificate_is_said(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with pytest.raises(ConfigurationError, match=r"--tls-cert: .*none.pem cannot be read: No such file"):
        tls_context(settings(tls_cert=tmp_path / "none.pem", tls_key=key))
    with pytest.raises(ConfigurationError, match="are no certificate and its key in PEM"):
        tls_context(settings(tls_cert=key, tls_key=cert))
    (tmp_path / "other").mkdir()
    _, other_key = certificate(tmp_path / "other")
    with pytest.raises(ConfigurationError, match="are no certificate and its key in PEM"):
        tls_context(settings(tls_cert=cert, tls_key=other_key))
    cert, key = certificate(tmp_path, b"a password that nobody is there to type")
    with pytest.raises(ConfigurationError, match="without a password"):
        tls_context(settings(tls_cert=cert, tls_key=key))


def test_a_key_that_everybody_may_read_is_warned_of(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    key.chmod(0o644)
    with capture_logs() as logs:
        assert tls_context(settings(tls_cert=cert, tls_key=key)) is not None
    assert logs[0]["remedy"] == f"chmod o-rwx {key}"
