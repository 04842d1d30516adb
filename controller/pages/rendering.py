"""Templates into HTML, and the files that pages load beside it, each named by a sum of what is in it.

Whatever is written into a template is escaped unless it is Markup, which only this package makes. A value that a template
names and does not get is an error, never an empty place.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from controller.pages import formats

_HERE: Final = Path(__file__).parent
_MEDIA: Final = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


def prepare() -> None:
    """Read every template and file once, before anybody asks: the first page is to keep nobody waiting."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)
    assets()


def rendered(template: str, **values: Any) -> str:
    """Return a template of `templates/`, by its name without `.html`, filled in."""
    return _environment().get_template(f"{template}.html").render(**values)


@cache
def assets() -> dict[str, tuple[bytes, str]]:
    """Return the files that pages load: content and media type, by the name in the address."""
    found = {}
    for file in sorted((_HERE / "static").iterdir()):
        if file.suffix in _MEDIA:
            content = file.read_bytes()
            name = f"{file.stem}.{hashlib.sha256(content).hexdigest()[:10]}{file.suffix}"
            found[name] = (content, _MEDIA[file.suffix])
    return found


def asset(name: str) -> str:
    """Return the path at which a file of `static/` is served. Raises KeyError."""
    stem, _, suffix = name.rpartition(".")
    for served in assets():
        if served.startswith(f"{stem}.") and served.endswith(f".{suffix}"):
            return f"/static/{served}"
    raise KeyError(name)


@cache
def _environment() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    found.globals["asset"] = asset
    found.filters |= formats.FILTERS
    return found
