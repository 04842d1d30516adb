"""A page as its reader has it: what stands in it, where its links lead, and whether its HTML is whole."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(("meta", "link", "input", "br", "wbr", "hr", "img"))
NO_TEXT = frozenset(("style", "script", "title"))


@dataclass
class Element:
    """One element, its attributes, and its text with that of all inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    parent: "Element | None" = None
    inside: list["Element"] = field(default_factory=list)

    def all(self, tag: str = "", **attributes: str) -> list["Element"]:
        """Return the elements inside with this tag and these attributes; `class_` is one of its classes."""
        return [one for one in self._walk() if one._is(tag, attributes)]

    def one(self, tag: str = "", **attributes: str) -> "Element":
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    @property
    def pieces(self) -> int:
        """Of how many elements and stretches of bare text it is made: as many boxes it is where its contents are laid out."""
        bare = self.text
        for one in self.inside:
            bare = bare.replace(one.text, "\n", 1) if one.text else bare
        return len(self.inside) + bool(bare.strip(" \n\t"))

    def _walk(self) -> Iterator["Element"]:
        for one in self.inside:
            yield one
            yield from one._walk()

    def _is(self, tag: str, attributes: dict[str, str]) -> bool:
        wanted = dict(attributes)
        classes = wanted.pop("class_", None)
        return (
            tag in ("", self.tag)
            and (classes is None or classes in self.attributes.get("class", "").split())
            and all(self.attributes.get(name) == value for name, value in wanted.items())
        )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, parent=self.at)
        self.at.inside.append(made)
        if tag not in VOID:
            self.at = made

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.inside.append(Element(tag, {name: value or "" for name, value in attrs}, parent=self.at))

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.at.tag, f"</{tag}> within <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        one: Element | None = self.at
        while one is not None:
            one.text += data
            one = one.parent


def read_page(text: str) -> Element:
    """Return a page. Fails where an element is not closed, and where a style or a script that runs stands in the page."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.at is reader.root, f"<{reader.at.tag}> is not closed"
    for one in reader.root._walk():
        assert one.tag != "style", one
        if one.tag == "script":
            ours = one.attributes.get("src", "").startswith("/static/hashyard.") and not one.text
            assert ours or one.attributes.get("type") == "application/json", one
        assert not any(name == "style" or name.startswith("on") for name in one.attributes), one
    return reader.root
