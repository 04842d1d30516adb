"""How the provider says no, in the words of the protocols: RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6."""

from typing import Literal, TypeAlias

Code: TypeAlias = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "access_denied",
    "unsupported_grant_type",
    "unsupported_response_type",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
    "request_not_supported",
    "request_uri_not_supported",
    "registration_not_supported",
]


class Refused(Exception):
    """The program that asked is told why. `said`: one line of ASCII without quotes or backslashes, for who mends it."""

    def __init__(self, code: Code, said: str) -> None:
        super().__init__(said)
        self.code: Code = code
        self.said = said


class Unanswerable(Exception):
    """It cannot be known that Grafana asks, so nobody is led anywhere: a person sees the reason as a page of ours."""
