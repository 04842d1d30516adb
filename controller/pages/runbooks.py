"""The runbooks: what to do about each alert, one Markdown file an alert, as HTML.

They are files of Hashyard itself (docs/runbooks), read once. Who asks names an alert, never a file, so nothing else of
the disk can be had. HTML in them stays text.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_CHECKOUT: Final = Path(__file__).parents[2] / "docs" / "runbooks"
_INSTALLED: Final = Path(sys.prefix) / "share" / "hashyard" / "runbooks"

SCOPES: Final = ("Miner", "Container", "Hashyard", "Prometheus")
"""With what names of alerts begin, and in which order they are listed; what begins otherwise comes last."""

_NEIGHBOUR: Final = re.compile(r"([A-Za-z]+)\.md(#.*)?")


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """One page. `about`: the first sentence, in plain text. `body`: what follows the title."""

    alert: str
    about: str
    body: Markup


def folder() -> Path:
    """Return where the runbooks are: beside a checkout's code, else where the installation put them."""
    return _CHECKOUT if _CHECKOUT.is_dir() else _INSTALLED


def read(where: Path) -> dict[str, Runbook]:
    """Return the runbooks of a folder by alert; none where there is no such folder."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted(where.glob("*.md"))}
    return {alert: _runbook(alert, text, texts) for alert, text in texts.items()}


def grouped(runbooks: Mapping[str, Runbook]) -> Iterator[tuple[str, Sequence[Runbook]]]:
    """Return them by what their alert is about, for a list."""
    for scope in (*SCOPES, ""):
        of_scope = [runbook for runbook in runbooks.values() if _scope(runbook.alert) == scope]
        if of_scope:
            yield scope, of_scope


def _scope(alert: str) -> str:
    return next((scope for scope in SCOPES if alert.startswith(scope)), "")


def _runbook(alert: str, text: str, alerts: Mapping[str, str]) -> Runbook:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(text)
    if tokens and tokens[0].tag == "h1":
        end = next(at for at, token in enumerate(tokens) if token.type == "heading_close")
        del tokens[: end + 1]
    for token in tokens:
        if token.type == "inline":
            token.children = list(_linked(token.children or (), alerts))
    about = next(
        (
            token.content
            for token in tokens
            if token.type == "inline" and token.level == 1 and not _heads(tokens, token)
        ),
        "",
    )
    body = reader.renderer.render(tokens, reader.options, {})
    return Runbook(alert=alert, about=_first_sentence(about), body=Markup(body))  # noqa: S704  # our own files, and HTML in them is escaped


def _heads(tokens: Sequence[Token], inline: Token) -> bool:
    return tokens[tokens.index(inline) - 1].type == "heading_open"


def _first_sentence(text: str) -> str:
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)|`", r"\1", text).replace("\n", " ")
    return re.split(r"(?<=[.:;])\s", plain, maxsplit=1)[0].rstrip(".:;") + "."


def _linked(tokens: Sequence[Token], alerts: Mapping[str, str]) -> Iterator[Token]:
    """Let links to files of the folder, and names of alerts in code, lead to their pages here."""
    for token in tokens:
        if token.type == "link_open":
            neighbour = _NEIGHBOUR.fullmatch(str(token.attrGet("href") or ""))
            if neighbour is not None:
                token.attrSet("href", f"/runbooks/{neighbour[1]}")
        if token.type == "code_inline" and token.content in alerts:
            yield Token("link_open", "a", 1, attrs={"href": f"/runbooks/{token.content}"})
            yield token
            yield Token("link_close", "a", -1)
        else:
            yield token
