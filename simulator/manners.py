"""How a reply leaves, when a fault has spoilt a miner's manners: late, cut, in drops, as something else, or not at all."""

import asyncio
from collections.abc import Callable

from simulator.fault import Manners
from simulator.hostility import hostile_reply
from simulator.orders import NoAnswerError


async def misbehave(
    manners: Manners, answer: Callable[[], bytes], transport: asyncio.WriteTransport, *, keep: bool
) -> None:
    """Send what `answer` gives in the manner asked for, and close unless `keep`; silence lasts until the other leaves."""
    if manners.silent:
        return
    if manners.delay_s:
        await asyncio.sleep(manners.delay_s)
    try:
        reply = hostile_reply(manners.hostility) if manners.hostility else answer()
    except NoAnswerError as lost:
        if lost.how == "closed":
            transport.close()
        return
    if manners.cut_ratio is not None:
        reply = reply[: int(len(reply) * manners.cut_ratio)]
        keep = False
    if manners.drip_s:
        for place in range(len(reply)):
            if transport.is_closing():
                return
            transport.write(reply[place : place + 1])
            await asyncio.sleep(manners.drip_s)
    elif not transport.is_closing():
        transport.write(reply)
    if not keep or manners.hostility:
        transport.close()
