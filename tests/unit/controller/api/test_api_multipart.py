"""Forms in parts: what browsers send is read, and nothing that is not one gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.forms import csrf_in
from controller.api.multipart import MOST_HEAD, MOST_PARTS, Part, parts_of
from controller.api.problems import Problem

TYPE = "multipart/form-data; boundary=----WebKitFormBoundaryAbc"
LINE = b"------WebKitFormBoundaryAbc"


def body(*parts: tuple[bytes, bytes]) -> bytes:
    """Return a form of heads and contents, as a browser writes it."""
    return (
        b"".join(LINE + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
        + LINE
        + b"--\r\n"
    )


def field(name: str, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: text/csv'
    return f'Content-Disposition: form-data; name="{name}"{file}'.encode()


def test_fields_and_files_in_their_order() -> None:
    raw = body(
        (field("csrf"), b"token"),
        (field("file", "Майнеры %22 1.csv"), b"a\r\n--\r\nb\x00\xff"),
        (field("text"), b""),
    )
    assert parts_of(raw, TYPE) == [
        Part(name="csrf", filename=None, content=b"token"),
        Part(name="file", filename='Майнеры " 1.csv', content=b"a\r\n--\r\nb\x00\xff"),
        Part(name="text", filename=None, content=b""),
    ]
    assert parts_of(raw, TYPE.replace("----Web", '"----Web') + '"; charset=utf-8')[0].name == "csrf"
    assert csrf_in(raw, TYPE) == "token"
    assert parts_of(body(), TYPE) == []


@pytest.mark.parametrize(
    ("raw", "media"),
    [
        (b"", TYPE),
        (b"csrf=token", TYPE),
        (body((field("csrf"), b"token")), "multipart/form-data"),
        (body((field("csrf"), b"token")), "multipart/form-data; boundary=other"),
        (body((field("csrf"), b"token"))[:-5], TYPE),
        (LINE + b"\r\n" + field("csrf") + b"\r\n" + LINE + b"--", TYPE),
        (body((b"Content-Type: text/plain", b"x")), TYPE),
        (body((b'Content-Disposition: form-data; filename="x"', b"x")), TYPE),
        (body((b'Content-Disposition: form-data; name="\xff"', b"x")), TYPE),
        (body((field("a") + b"\r\nX: " + b"x" * MOST_HEAD, b"x")), TYPE),
        (body(*[(field("a"), b"")] * (MOST_PARTS + 1)), TYPE),
    ],
)
def test_what_is_no_such_form_is_refused(raw: bytes, media: str) -> None:
    with pytest.raises(Problem) as raised:
        parts_of(raw, media)
    assert raised.value.kind == "malformed"
    assert csrf_in(raw, media) is None


def test_as_many_parts_as_are_allowed() -> None:
    assert len(parts_of(body(*[(field("a"), b"x")] * MOST_PARTS), TYPE)) == MOST_PARTS


@given(st.binary(max_size=300), st.text(max_size=100))
def test_any_octets_are_read_or_refused(raw: bytes, media: str) -> None:
    for given_media in (media, TYPE):
        for given_raw in (raw, LINE + raw, body((raw, raw))):
            try:
                parts_of(given_raw, given_media)
            except Problem as problem:
                assert problem.kind == "malformed"  # noqa: PT017  # either of the two may come


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "file", "csrf"]), st.binary(max_size=60).filter(lambda raw: LINE not in raw)
        ),
        max_size=8,
    )
)
def test_what_was_put_in_comes_out(parts: list[tuple[str, bytes]]) -> None:
    raw = body(*((field(name), content) for name, content in parts))
    assert [(part.name, part.content) for part in parts_of(raw, TYPE)] == parts
