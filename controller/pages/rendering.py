"""Templates into HTML, and the files that pages load beside it, each named by a sum of what is in it.

Whatever is written into a template is escaped unless it is Markup, which only this package makes. A value that a template
names and does not get is an error, never an empty place. There is one set of templates a language, in which sentences and
figures are the language's. Style and script lie in `static/` in pieces, by subject, and are sent as one file each.
"""

import hashlib
import importlib.metadata
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import CodeType
from typing import Any, Final

import jinja2
from markupsafe import Markup

from controller.pages.event_words import actor_words
from controller.pages.language import LANGUAGES, Words, words
from controller.pages.language import prepare as prepare_languages
from controller.pages.state_words import state_words

_HERE: Final = Path(__file__).parent
_MEDIA: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_JOINED: Final = {"style": ".css", "script": ".js"}
"""Folders whose pieces are sent as one file, in the order of their names."""

_COMMENT: Final = re.compile(rb"/\*.*?\*/", re.DOTALL)


def prepare() -> None:
    """Read every template and file once, before anybody asks: the first page is to keep nobody waiting."""
    for code in LANGUAGES:
        environment = _environment(code)
        for name in environment.list_templates():
            environment.get_template(name)
    assets()
    prepare_languages()


def rendered(template: str, language: Words, **values: Any) -> str:
    """Return a template of `templates/`, by its name without `.html`, filled in."""
    return _environment(language.code).get_template(f"{template}.html").render(**values)


@cache
def assets() -> dict[str, tuple[bytes, str]]:
    """Return the files that pages load: content and media type, by the name in the address."""
    static = _HERE / "static"
    whole = {file.name: file.read_bytes() for file in sorted(static.iterdir()) if file.suffix in _MEDIA}
    for folder, suffix in _JOINED.items():
        pieces = [file.read_bytes() for file in sorted((static / folder).glob(f"*{suffix}"))]
        whole[f"hashyard{suffix}"] = b"\n".join(map(_SHORTER[suffix], pieces))
    found = {}
    for name, content in whole.items():
        file = Path(name)
        served = f"{file.stem}.{hashlib.sha256(content).hexdigest()[:10]}{file.suffix}"
        found[served] = (content, _MEDIA[file.suffix])
    return found


def _shorter(style: bytes) -> bytes:
    """Return a style sheet without what is there for those who read its source: comments, and how its lines stand."""
    told = _COMMENT.sub(b"", style)
    return b"".join(
        line if line.endswith((b"{", b"}", b";", b",")) else line + b"\n"
        for line in map(bytes.strip, told.splitlines())
        if line
    )


def _shorter_script(script: bytes) -> bytes:
    """Return a script without lines that are comments, and without what stands before its lines. Ours break no text in two."""
    lines = map(bytes.strip, script.splitlines())
    return b"\n".join(line for line in lines if line and not line.startswith(b"//"))


_SHORTER: Final = {".css": _shorter, ".js": _shorter_script}


def asset(name: str) -> str:
    """Return the path at which a file of `static/` is served. Raises KeyError."""
    stem, _, suffix = name.rpartition(".")
    for served in assets():
        if served.startswith(f"{stem}.") and served.endswith(f".{suffix}"):
            return f"/static/{served}"
    raise KeyError(name)


class _Compiled(jinja2.BytecodeCache):
    """Templates as they were compiled for the first language: that takes most of a start, and the others need the same."""

    def __init__(self) -> None:
        self._kept: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        bucket.code = self._kept.get(bucket.key)

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key] = bucket.code


_COMPILED: Final = _Compiled()


@cache
def _environment(code: str) -> jinja2.Environment:
    language = words(code)
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        bytecode_cache=_COMPILED,
        optimized=False,  # what is worked out beforehand would be written in the first language
        extensions=["jinja2.ext.i18n"],
    )
    found.policies["ext.i18n.trimmed"] = True
    found.newstyle_gettext = True  # type: ignore[attr-defined]  # set by the extension
    found.globals |= _sentences(language)
    found.globals |= {"asset": asset, "words": language, "languages": LANGUAGES}
    found.globals |= {"state_word": partial(_state_word, language), "version": _version()}
    own: dict[str, Callable[..., Any]] = {
        **language.formats.filters(),
        "told": language.told,
        "actor": partial(actor_words, words=language),
    }
    found.filters |= {name: _asked_each_time(made) for name, made in own.items()}
    return found


def _asked_each_time(made: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that is not worked out for what stands in the template itself, in whatever language is compiled first."""

    @jinja2.pass_context
    def asked(_context: jinja2.runtime.Context, *given: Any, **named: Any) -> Any:
        return made(*given, **named)

    return asked


def _state_word(language: Words, state: str) -> str:
    return state_words(language).get(state, state)


@cache
def _version() -> str:
    return importlib.metadata.version("hashyard")


def _sentences(language: Words) -> dict[str, Any]:
    """Return what templates get sentences by: the sentence is ours and safe, what is put into it is escaped."""

    def filled(pattern: str, values: dict[str, Any]) -> Markup:
        return Markup(pattern) % {name: language.written(value) for name, value in values.items()}  # noqa: S704  # ours

    def gettext(pattern: str, **values: Any) -> Markup:
        return filled(language.translations.gettext(pattern), values)

    def ngettext(one: str, many: str, number: float, **values: Any) -> Markup:
        return filled(language.counted(one, many, number), {"num": number, **values})

    def pgettext(context: str, pattern: str, **values: Any) -> Markup:
        return filled(language.translations.pgettext(context, pattern), values)

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext, "pgettext": pgettext}
