"""What Grafana asks when it sends somebody to be signed on: the parameters of an authorization request, read and checked.

Pure. Facts: RFC 6749 4.1.1 and 3.1 (none twice, an empty one is none), RFC 7636 (PKCE), OpenID Connect Core 3.1.2.1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from multidict import MultiMapping

from controller.sign_on.client import CLIENT_ID
from controller.sign_on.refusals import Code, Refused, Unanswerable
from controller.wording import worded

SCOPES: Final = ("openid", "profile", "email")
"""What can be asked for; others are passed over, as Core 3.1.2.1 wants it."""

CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""BASE64URL(SHA256(…)) is 43 characters long (RFC 7636 4.2)."""

JUST_NOW_S: Final = 60
"""A password given within so many seconds was given for this sign-on: asking again would lead in a circle."""

_ECHOED: Final = re.compile(r"[ -~]{1,512}")
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_NOT_DONE: Final[Mapping[str, Code]] = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
_NO_PAGE: Final[Mapping[str, Code]] = {
    "consent": "consent_required",
    "select_account": "account_selection_required",
}
_PROMPTS: Final = ("none", "login", *_NO_PAGE)


@dataclass(frozen=True)
class Asked:
    """A request that comes from Grafana. `refused`: why it gets an error and no code; it is led back with it.

    `state`, `nonce`: given back as they came. `challenge`: of the code verifier. `within_s`: the password must have been
    given within so many seconds; None: whenever the session says. `silent`: nothing may be asked of the person.
    """

    state: str | None
    scopes: tuple[str, ...] = ()
    nonce: str | None = None
    challenge: str = ""
    within_s: int | None = None
    silent: bool = False
    refused: Refused | None = None


def read_asked(given: MultiMapping[str], redirect_uri: str) -> Asked:
    """Return what is asked. `redirect_uri`: Grafana's. Raises Unanswerable where an answer might reach somebody else.

    The address to lead back to is compared letter by letter: nothing is decoded, completed or made the same.
    """
    if given.getall("client_id", []) != [CLIENT_ID]:
        raise Unanswerable(
            worded(
                "only Grafana signs people on here: its setting client_id has to be %(name)s", name=CLIENT_ID
            )
        )
    if given.getall("redirect_uri", []) != [redirect_uri]:
        raise Unanswerable(
            worded(
                "nobody is led to the address that was asked for: Grafana's root_url and the controller's --grafana have "
                "to be the same address"
            )
        )
    state = given.getall("state", [])
    if len(state) > 1 or (state and state[0] and not _ECHOED.fullmatch(state[0])):
        raise Unanswerable(worded("state has to be one text of at most 512 printable ASCII characters"))
    kept = (state[0] or None) if state else None
    try:
        return _read(given, kept)
    except Refused as refused:
        return Asked(kept, refused=refused)


def _read(given: MultiMapping[str], state: str | None) -> Asked:
    """Return a request that can be followed. Raises Refused."""
    twice = sorted({name for name in given if len(given.getall(name)) > 1})
    if twice:
        raise Refused("invalid_request", "a parameter is given twice")
    for name, code in _NOT_DONE.items():
        if given.get(name):
            raise Refused(code, f"{name} is not understood here")
    if given.get("response_type") != "code":
        kind: Code = "unsupported_response_type" if given.get("response_type") else "invalid_request"
        raise Refused(kind, "response_type has to be code")
    if given.get("response_mode", "") not in ("", "query"):
        raise Refused("invalid_request", "response_mode has to be query")
    asked = given.get("scope", "").split(" ")
    if "openid" not in asked:
        raise Refused("invalid_scope", "scope has to hold openid")
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        raise Refused("invalid_request", "PKCE is needed: a code_challenge with code_challenge_method S256")
    nonce = given.get("nonce") or None
    if nonce is not None and not _ECHOED.fullmatch(nonce):
        raise Refused("invalid_request", "nonce has at most 512 printable ASCII characters")
    prompts = _prompts(given.get("prompt", ""))
    return Asked(
        state,
        scopes=tuple(scope for scope in SCOPES if scope in asked),
        nonce=nonce,
        challenge=challenge,
        within_s=_within_s(given.get("max_age", ""), prompts),
        silent="none" in prompts,
    )


def _prompts(text: str) -> frozenset[str]:
    prompts = frozenset(text.split())
    if not prompts <= frozenset(_PROMPTS) or ("none" in prompts and len(prompts) > 1):
        raise Refused("invalid_request", "prompt is none, or login")
    for prompt, code in _NO_PAGE.items():
        if prompt in prompts:
            raise Refused(code, f"there is no page for prompt {prompt}")
    return prompts


def _within_s(max_age: str, prompts: frozenset[str]) -> int | None:
    if max_age and not _WHOLE_NUMBER.fullmatch(max_age):
        raise Refused("invalid_request", "max_age is a number of seconds")
    if "login" in prompts:
        return JUST_NOW_S
    return max(int(max_age), JUST_NOW_S) if max_age else None
