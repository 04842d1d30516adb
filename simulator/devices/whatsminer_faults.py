"""What a Whatsminer complains of, as its error codes with the time since when."""

from datetime import UTC, datetime

from simulator.moment import Moment

INTAKE_FAN, HOT_ENVIRONMENT, POOLS_DISABLED, LOW_RATE = 110, 600, 2010, 2320
SLOT_HOT, SLOT_NOT_FOUND, SLOT_BAD_CHIPS = 350, 530, 550  # plus the slot's number


def error_codes(moment: Moment) -> list[tuple[int, str]]:
    """Return each code with its time as the device writes it: `2024-06-15 10:30:00`."""
    since = datetime.fromtimestamp(moment.troubled_since, UTC).strftime("%Y-%m-%d %H:%M:%S")
    codes: list[int] = []
    for trouble in moment.troubles:
        match trouble:
            case "board":
                codes += [SLOT_NOT_FOUND + board.place for board in moment.boards if not board.chips]
            case "chips":
                codes += [
                    SLOT_BAD_CHIPS + board.place
                    for board in moment.boards
                    if 0 < board.chips < board.expected_chips
                ]
            case "fan":
                codes += [INTAKE_FAN + place for place, rpm in enumerate(moment.fans_rpm) if not rpm]
            case "heat":
                codes.append(HOT_ENVIRONMENT if moment.inlet_c > 45 else SLOT_HOT)
            case "pools":
                codes.append(POOLS_DISABLED)
            case "rate":
                codes.append(LOW_RATE)
    return [(code, since) for code in codes]
