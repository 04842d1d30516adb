"""Replies that are no replies: what a hostile, broken or foreign thing sends on a miner's port."""

from functools import cache

from simulator.fault import Hostility

HUGE_BYTES = 10 * 1024 * 1024
NESTED = 100_000


@cache
def hostile_reply(kind: Hostility) -> bytes:
    """Return the bytes of one kind; the connection is closed after them."""
    match kind:
        case "html":
            return (
                b"<!DOCTYPE html>\n<html><head><title>Login</title></head><body><form></form></body></html>\n"
            )
        case "garbage":
            return bytes((number * 197 + 31) % 256 for number in range(4096))
        case "not_utf8":
            return b'{"STATUS":[{"STATUS":"S","Msg":"\xff\xfe\x80"}],"SUMMARY":[{"Elapsed":\xc3}],"id":1}'
        case "empty":
            return b""
        case "nested":
            return b"[" * NESTED
        case "huge":
            return b'{"STATUS":[{"Msg":"' + b"A" * HUGE_BYTES + b'"}]}'
        case "wrong_types":
            return b'{"STATUS":7,"SUMMARY":{"GHS 5s":[1],"MHS av":{"a":null}},"STATS":"none","POOLS":[[],4],"id":{}}'
        case "not_finite":
            return b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"MHS av":NaN,"GHS 5s":1e400,"Elapsed":-1e400}],"id":1}'
        case "text":
            return b"Socket connect failed: Connection refused\n"
