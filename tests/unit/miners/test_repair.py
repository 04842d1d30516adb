import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.errors import Malformed, PollError
from miners.repair import MAX_BYTES, MAX_DEPTH, MAX_VALUES, parse_reply


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (b'{"STATS":[{"Type":"Antminer S9"}{"fan3":5880}]}\0', {"STATS": [{"Type": "Antminer S9"}, {"fan3": 5880}]}),
        (b'{"STATS":[,{"a":1}],"id":1}', {"STATS": [{"a": 1}], "id": 1}),
        (b'{,"a":1}', {"a": 1}),
        (b'{"a":[1,2,],"b":{"c":1,},}', {"a": [1, 2], "b": {"c": 1}}),
        (b'{"a":[1,,2],,"b":3}', {"a": [1, 2], "b": 3}),
        (b'{"Type":"Antminer\n S9\r\n","b":1}', {"Type": "Antminer S9", "b": 1}),
        (b'{"Type":"a\x01b\x00c\x1f","b":1}', {"Type": "abc", "b": 1}),
        (b'{"chain_acs8":"oo""temp0":45}', {"chain_acs8": "oo", "temp0": 45}),
        (b'{"chain_acs8":""temp0":45,"b":1}', {"chain_acs8": "", "temp0": 45, "b": 1}),
        (rb"""{"Firmware Version":"\'20210322.22.REL\'"}""", {"Firmware Version": "'20210322.22.REL'"}),
        (rb'{"path":"C:\temp\xy\q","b":}', {"path": "C:\temp\\xy\\q", "b": None}),
        (b'{"a":nan,"b":-nan,"c":inf,"d":-Infinity,"e":NaN,"f":1}', dict.fromkeys("abcde") | {"f": 1}),
        (b'{"a":1e400,"b":-1e400,"c":' + b"9" * 400 + b"}", dict.fromkeys("abc")),
        (b'{"bitmain-freq" : ,"b" : }', {"bitmain-freq": None, "b": None}),
        (b'{"a":"nan","b":"inf",}', {"a": "nan", "b": "inf"}),
        (b'{"a":1"b":2.5"c":true"d":null}', {"a": 1, "b": 2.5, "c": True, "d": None}),
        (b'{"a":[1]{"b":2}"c":3}', {"a": [1], "b": 2, "c": 3}),
        (b'{"a":{"b":1}"c":2}', {"a": {"b": 1}, "c": 2}),
        (b'{"a":1}{"b":[{"c":2}{"d":3}]}', {"a": 1, "b": [{"c": 2}, {"d": 3}]}),
        (b'{"a":1}\n{"a":2,"b":3}', {"a": 1, "b": 3}),
        (b'btminer: ready\r\n{"a":1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'{"a":1}}}]garbage', {"a": 1}),
        (b'{"a":[{"b":1},{"b":2}}', {"a": [{"b": 1}, {"b": 2}]}),
        (b'{"a":1],"b":2}', {"a": 1, "b": 2}),
        (b'{"user":"\xc4\xe3\xba","b":1}', {"user": "\ufffd\ufffd", "b": 1}),
        (rb'{"a":"\ud83d\ude00 \ud800 \ude00 \u0041\ud83d\ude00 \u12"}', {"a": "😀 \ufffd \ufffd A😀 \\u12"}),
        (b'{"error_code":{"329","2022-11-08 10:00:00"},"b":1}', {"error_code": ["329", "2022-11-08 10:00:00"], "b": 1}),
        (b'{"a":1,"lost","b":2}', {"a": 1, "lost": None, "b": 2}),
        (b'{"a":007,"b":+5,"c":.5,"d":5.,"e":1.2.3,"f":0x1f}', {"a": 7, "b": 5, "c": 0.5, "d": 5.0, "e": None, "f": None}),
        (b'{"a":True,"b":False,"c":None,}', {"a": True, "b": False, "c": None}),
        (b"{STATUS:1,fan_num :4}", {"STATUS": 1, "fan_num": 4}),
        (b'[{"index":0}{"index":1}]', [{"index": 0}, {"index": 1}]),
        (b'{"a"::1,"b":2}', {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_what_miners_break_is_read_as_it_was_meant(sent: bytes, meant: object) -> None:
    assert parse_reply(sent) == (meant, False)


def test_what_is_valid_stays_as_it_is() -> None:
    sent = {
        "error_code": ["329", "2022-11-08"],
        "Msg": 'a,}b }{ ,, nan [,{ ""temp0 \\\' \u0001\n',
        "quoted": "nan",
        "big": 1 << 63,
    }
    assert parse_reply(orjson.dumps(sent) + b"\n\0") == (sent, False)
    # Something broken elsewhere gives no leave to touch the strings either.
    assert parse_reply(orjson.dumps(sent)[:-1] + b',"x":nan,}') == ({**sent, "x": None}, False)


@pytest.mark.parametrize(
    ("sent", "whole"),
    [
        (b'{"a":1,"b":12', {"a": 1}),
        (b'{"a":1,"b":"x', {"a": 1}),
        (b'{"a":1,"b"', {"a": 1}),
        (b'{"a":1,"b":', {"a": 1}),
        (b'{"a":1,"b":tru', {"a": 1}),
        (b'{"a":[{"b":1},{"b":2,"c":3', {"a": [{"b": 1}, {"b": 2}]}),
        (b'{"a":1,"DEVS":[{', {"a": 1}),
        (b'{"a":1,"b":"\xe4\xbd', {"a": 1}),
        (b'{"STATS":[{"a":1}{"b":2', {"STATS": [{"a": 1}]}),
        (b'{"summary":[{"a":1}],"id":1}{"stats":[{"b":1', {"summary": [{"a": 1}], "id": 1}),
    ],
)
def test_a_cut_reply_gives_what_was_whole_and_says_so(sent: bytes, whole: object) -> None:
    assert parse_reply(sent) == (whole, True)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "empty reply"),
        (b"\0\r\n", "empty reply"),
        (b"Socket connect failed: Connection refused\n", "not JSON but 'Socket connect failed: Connection refused'"),
        (b'<html><style>b{margin:0}</style>{"a":1}</html>', "not JSON but '<html>"),
        (b'HTTP/1.1 400 Bad Request\r\n\r\n{"a":1}', "not JSON but 'HTTP/1.1 400 Bad Request"),
        (b"\x00\x01\x02\xff\x1b[31m", "not JSON but"),
        (b'"text"', "not JSON"),
        (b"null", "not JSON"),
        (b"{foo bar}", "not JSON"),
        (b'{"STATUS":[{"STA', "ends before anything in it is whole"),
        (b"[" * 100_000, "more than"),
        (b"[" * 2000 + b"1" + b"]" * 2000, "nested deeper than 64"),
        (b'{"a":' * 65 + b"1", "nested deeper than 64"),
        (b'{"a":1' + b" " * MAX_BYTES + b"}", "larger than 1 MiB"),
        (b"[" + b"[]," * 100_000 + b"1]", "more than 65536 values"),
        (b'{"a":' + b"]" * 200_000, "more than 65536 values"),
    ],
)  # fmt: skip
def test_what_is_no_reply_is_said_to_be_none(sent: bytes, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_reply(sent)
    message = str(caught.value)
    assert words in message
    assert message.isprintable()
    assert len(message) < 250


def test_depth_just_under_the_ceiling_passes_repair() -> None:
    deep = b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    assert parse_reply(deep + b"garbage") == (orjson.loads(deep), False)
    with pytest.raises(Malformed, match="nested deeper"):
        parse_reply(b"[" + deep + b"],garbage")


@pytest.mark.parametrize(
    "unit",
    [
        b'""',
        b'"ab"',
        b"a ",
        b":",
        b"]",
        b'"a":',
        b"\\",
        b"\\u00",
        b'{"a":1}',
        b"} ",
        b'"a":""x ',
        b"9",
        b"\0",
        b"1 ",
    ],
)
def test_a_mebibyte_of_anything_ends(unit: bytes) -> None:
    for head in (b"{", b'{"a":', b'{"a":["', b"x"):
        sent = head + unit * ((MAX_BYTES - len(head)) // len(unit))
        try:
            document, _ = parse_reply(sent)
        except PollError:
            continue
        assert len(document) <= MAX_VALUES


_keys = st.text(max_size=6)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip
_objects = st.dictionaries(_keys, _values, min_size=1, max_size=5)
_documents = _objects | st.lists(_objects, min_size=1, max_size=3)


def _plain(document: Any) -> Any:
    """As the plain parser reads it: integers beyond 64 bits are floats."""
    return orjson.loads(_json(document))


def _json(document: Any) -> bytes:
    # orjson refuses to write integers beyond 64 bits.
    return json.dumps(document).encode()


class _Breaker:
    """Writes a document as a careless firmware would: each damage as `draw` decides."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def choose(self, *options: bytes) -> bytes:
        return self.draw(st.sampled_from(options))  # type: ignore[no-any-return]

    def write(self, value: Any, *, in_object: bool = False) -> bytes:
        if isinstance(value, dict):
            pairs = [self.text(key) + self.choose(b":", b" : ") + self.write(inner, in_object=True)
                     for key, inner in value.items()]  # fmt: skip
            return b"{" + self.sequence(pairs) + b"}"
        if isinstance(value, list):
            return b"[" + self.sequence([self.write(inner) for inner in value]) + b"]"
        if isinstance(value, str):
            return self.text(value)
        if value is None:
            words = (b"null", b"nan", b"-nan", b"inf", b"-Infinity", b"1e400")
            return self.choose(*words, b"") if in_object else self.choose(*words)
        return _json(value)

    def sequence(self, parts: list[bytes]) -> bytes:
        out = self.choose(b"", b",", b" , ")
        for index, part in enumerate(parts):
            if index:
                # Two bare words, or a colon with nothing behind it, do need their comma.
                apart = (parts[index - 1][-1:] in b'}]"' or part[:1] in b'{["') and parts[index - 1].rstrip()[
                    -1:
                ] != b":"
                out += self.choose(b",", b", ", b",,", *((b"", b"\n") if apart and part else ()))
            out += part
        if parts and parts[-1].rstrip()[-1:] == b":":
            return out
        return out + self.choose(b"", b",", b" ,")

    def text(self, text: str) -> bytes:
        out = b'"'
        for letter in text:
            out += self.choose(b"", b"", b"", b"", b"\n", b"\x01", b"\0", b"\x1f")
            if letter == "'":
                out += self.choose(b"'", b"\\'")
            else:
                out += _json(letter)[1:-1] if letter < " " or letter in '"\\' else letter.encode()
        return out + b'"'


@given(st.data(), _documents)
def test_any_document_broken_in_these_ways_is_read_as_it_was(data: st.DataObject, document: Any) -> None:
    breaker = _Breaker(data.draw)
    sent = breaker.write(document)
    if isinstance(document, dict):
        sent = breaker.choose(b"", b"", b"log line: ", b"\xff\xfe", b",") + sent
    sent += breaker.choose(b"", b"\0", b"}", b"garbage", b"\n\0\xff]")
    assert parse_reply(sent) == (_plain(document), False)


@given(_documents, st.sampled_from([b"", b"x", b"\xff"]))
def test_valid_json_is_read_the_same_with_and_without_repair(document: Any, behind: bytes) -> None:
    assert parse_reply(_json(document) + behind) == (_plain(document), False)


def _is_within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _is_within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(_is_within(*pair) for pair in zip(part, whole, strict=False))
    return bool(part == whole) and type(part) is type(whole)


@given(_documents, st.floats(min_value=0.0, max_value=1.0, exclude_max=True))
def test_a_prefix_is_part_of_the_document(document: Any, share: float) -> None:
    sent = _json(document)
    try:
        part, truncated = parse_reply(sent[: int(len(sent) * share)])
    except Malformed:
        assert share < 1.0
        return
    assert truncated
    assert part
    assert _is_within(part, _plain(document))


def test_a_prefix_that_holds_a_pair_is_not_malformed() -> None:
    sent = b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"Elapsed":50474,"GHS 5s":110566.89}],"id":1}'
    for end in range(sent.index(b"}"), len(sent)):
        assert parse_reply(sent[:end])[1]


def _is_clean(value: Any) -> bool:
    if isinstance(value, dict):
        return all(
            isinstance(key, str) and _is_clean(key) and _is_clean(inner) for key, inner in value.items()
        )
    if isinstance(value, list):
        return all(_is_clean(inner) for inner in value)
    if isinstance(value, str):
        value.encode()
        return True
    return value is None or (isinstance(value, bool | int | float) and math.isfinite(value))


_fragments = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"b":', b"1", b"nan", b"1e999", b"\\", b"\\u", b"\\ud800",
         b"\xff", b"\0", b" ", b"x", b'{"c":', b"true", b"-", b'""', b"'", b"\xed\xa0\x80", b"NaN", b"\n"]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


@given(st.binary(max_size=200) | _fragments | _fragments.map(lambda raw: b'{"a":' + raw))
def test_any_bytes_end_in_clean_values_or_a_poll_error(raw: bytes) -> None:
    try:
        document, truncated = parse_reply(raw)
    except PollError:
        return
    assert isinstance(document, dict | list)
    assert isinstance(truncated, bool)
    assert _is_clean(document)
