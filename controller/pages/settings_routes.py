"""The routes of Hashyard itself, for the administrator: how its parts are, what it was started with, and reading the inventory again."""

import platform
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from controller.api.forms import FORM, decode_form
from controller.api.route import ADMINISTRATORS, Answer, Call, Method, NoQuery, Route
from controller.api.status_routes import SettingShown, get_settings, reload_inventory
from controller.model import Scope
from controller.pages.frame import HTML, page, words_of
from controller.pages.health import MOST_DOUBTS, MOST_MISTAKES, health_of, health_state, state_words
from controller.pages.language import Words, words
from controller.pages.page_route import led

SECTION: Final = "/settings"
HEALTH: Final = "/settings/health"


class HealthQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`done`: what was done just now."""

    done: str = ""


class NoFields(msgspec.Struct, frozen=True):
    """A form that is all button."""


async def get_settings_page(call: Call[None, NoQuery]) -> Answer:
    """Answer what the controller was started with, and which flag or variable sets each."""
    language = words_of(call)
    shown = (await get_settings(call)).settings
    rows = [
        (
            words_of_setting(language).get(name, name),
            _value(name, setting, language),
            setting.flag,
            variable(setting.flag),
        )
        for name, setting in shown.items()
    ]
    return page(call, "settings", section=SECTION, rows=rows)


async def get_health(call: Call[None, HealthQuery]) -> Answer:
    """Answer how the parts are."""
    language = words_of(call)
    health = await health_of(call, language)
    return page(
        call,
        "health",
        section=SECTION,
        crumbs=[(SECTION, language.gettext("Settings"))],
        live=health_state(health, language),
        live_page="health",
        health=health,
        most_doubts=MOST_DOUBTS,
        most_mistakes=MOST_MISTAKES,
        state_words=lambda state: state_words(language, state),
        done=call.query.done,
        targets=[str(path) for path in call.settings.targets],
        support=await _support(call),
    )


async def post_reload(call: Call[bytes, NoQuery]) -> web.Response:
    """Read the inventory and the credentials again, and lead to how that went."""
    decode_form(call.body, NoFields)
    error = await reload_inventory(call)
    done = "reloaded" if error is None else "refused"
    return led(f"{HEALTH}?done={done}")


def words_of_setting(words: Words) -> Mapping[str, str]:
    """Return what each setting is called."""
    return {
        "targets": words.gettext("Inventory files"),
        "data": words.gettext("Data folder"),
        "exporters": words.gettext("Exporters"),
        "prometheus": words.gettext("Prometheus"),
        "database": words.gettext("Database"),
        "tls": words.gettext("TLS ended here"),
        "public_url": words.gettext("Address that people use"),
        "grafana": words.gettext("Grafana's address"),
        "grafana_api": words.gettext("Grafana's address for the controller"),
        "grafana_gateway": words.gettext("Address of the query gateway for Grafana"),
        "trusted_proxies": words.gettext("Trusted proxies"),
        "retention_days": words.gettext("Days for which events are kept"),
        "restarts_a_day": words.gettext("Restarts of one miner's mining a day, at most"),
        "cool_down_s": words.gettext("Seconds between two commands to one miner"),
        "max_commands": words.gettext("Miners commanded at once, at most"),
    }


def variable(flag: str) -> str:
    """Return the environment variable that sets what a flag sets."""
    return "HASHYARD_" + flag.removeprefix("--").replace("-", "_").upper()


def _value(name: str, setting: SettingShown, words: Words) -> str | None:
    if isinstance(setting.value, bool):
        if name == "prometheus":
            return words.gettext("set") if setting.value else None
        return words.gettext("yes") if setting.value else words.gettext("no")
    if isinstance(setting.value, int | float):
        return words.formats.number(setting.value)
    return setting.value


async def _support(call: Call[Any, Any]) -> str:
    """Return what somebody who helps needs to know: in English, whoever reads it, and without a secret."""
    english = words("en")
    health = await health_of(call, english)
    lines = [
        f"Hashyard {health.version}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"{call.now:%Y-%m-%dT%H:%M:%SZ}",
    ]
    for line in health.lines:
        told = "; ".join(part for part in (line.since, line.reason, *line.notes) if part)
        lines.append(f"{line.name}: {state_words(english, line.state)}" + (f" ({told})" if told else ""))
    lines += [f"Inventory: {mistake}" for mistake in health.mistakes]
    lines += [f"In doubt: {doubt}" for doubt in health.doubts]
    for name, setting in (await get_settings(call)).settings.items():
        lines.append(f"{setting.flag}: {_value(name, setting, english) or 'not set'}")
    return "\n".join(lines)


def _route(method: Method, path: str, summary: str, handler: Any, scope: Scope, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        roles=ADMINISTRATORS,
        scopes=(scope,),
        everywhere=True,
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", SECTION, "What the controller was started with", get_settings_page, "read"),
    _route("GET", HEALTH, "How the parts of Hashyard are", get_health, "read", query=HealthQuery),
    _route(
        "POST",
        "/settings/reload",
        "Read the inventory again",
        post_reload,
        "inventory",
        body=bytes,
        body_media=(FORM,),
    ),
)
