"""Cutting whole numbers into parts, so that nothing is lost or made: rows and columns add up exactly.

What is cut are figures that were counted together (a miner's day, a container's hour) where the terms turn out to have
changed in between: the parts stand in the proportion of what is known of them.
"""

from collections.abc import Sequence


def divided(amount: int, shares: Sequence[int]) -> list[int]:
    """Cut one number in proportion to shares (none negative); all into the first where the shares are all nought.

    The parts add up to `amount`, each less than one away from its exact share.
    """
    whole = sum(shares)
    if not whole:
        return [amount, *[0] * (len(shares) - 1)]
    parts, cut, upto = [], 0, 0
    for share in shares:
        upto += share
        parts.append(amount * upto // whole - cut)
        cut += parts[-1]
    return parts


def table(rows: Sequence[int], columns: Sequence[int]) -> list[list[int]]:
    """Cut each of `rows` over the columns, so that rows add up to `rows` and columns to `columns`, none negative.

    Both must have the same sum. Each cell is about its proportional share. Raises ValueError where the sums differ.
    """
    if sum(rows) != sum(columns):
        raise ValueError(f"rows add up to {sum(rows)}, columns to {sum(columns)}")
    left = list(rows)
    cells: list[list[int]] = [[] for _ in rows]
    for column in columns:
        whole, cut, upto = sum(left), 0, 0
        for at, amount in enumerate(left):
            upto += amount
            # Cut from the running sum: what is rounded off one row is given to the next.
            part = upto * column // whole - cut if whole else 0
            cut += part
            cells[at].append(part)
            left[at] = amount - part
    return cells
