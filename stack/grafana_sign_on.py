"""What Grafana has to be told so that people sign on to it at the controller: one table, from which the demo starts it.

docker-compose.yml and the unit of systemd hold the same; tests compare them. docs/single-sign-on.md gives the reasons.
"""

from collections.abc import Mapping
from typing import Final

EMERGENCY_EMAIL: Final = "emergency@hashyard.invalid"
"""The address of Grafana's own administrator: one for which the controller vouches to nobody."""

FIXED: Final[Mapping[str, str]] = {
    "GF_AUTH_GENERIC_OAUTH_ENABLED": "true",
    "GF_AUTH_GENERIC_OAUTH_NAME": "Hashyard",
    "GF_AUTH_GENERIC_OAUTH_CLIENT_ID": "grafana",
    "GF_AUTH_GENERIC_OAUTH_AUTH_STYLE": "InHeader",
    "GF_AUTH_GENERIC_OAUTH_SCOPES": "openid profile email",
    "GF_AUTH_GENERIC_OAUTH_USE_PKCE": "true",
    "GF_AUTH_GENERIC_OAUTH_ALLOW_SIGN_UP": "false",
    "GF_AUTH_GENERIC_OAUTH_SKIP_ORG_ROLE_SYNC": "true",
    "GF_AUTH_GENERIC_OAUTH_LOGIN_ATTRIBUTE_PATH": "sub",
    "GF_AUTH_GENERIC_OAUTH_NAME_ATTRIBUTE_PATH": "name",
    "GF_AUTH_GENERIC_OAUTH_EMAIL_ATTRIBUTE_PATH": "email",
    "GF_AUTH_OAUTH_ALLOW_INSECURE_EMAIL_LOOKUP": "true",
    "GF_AUTH_LOGIN_MAXIMUM_INACTIVE_LIFETIME_DURATION": "12h",
    "GF_AUTH_LOGIN_MAXIMUM_LIFETIME_DURATION": "7d",
    "GF_SECURITY_ADMIN_EMAIL": EMERGENCY_EMAIL,
}


def settings(browsers: str, server: str, secret: str, *, auto_login: bool = False) -> dict[str, str]:
    """Return Grafana's settings, by environment variable.

    `browsers`, `server`: URLs at which browsers, and Grafana itself, reach the controller. `secret`: the client secret as
    Grafana takes it, such as `$__file{/path}`. `auto_login`: nobody sees Grafana's own form.
    """
    browsers, server = browsers.rstrip("/"), server.rstrip("/")
    return {
        **FIXED,
        "GF_AUTH_GENERIC_OAUTH_AUTO_LOGIN": "true" if auto_login else "false",
        "GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET": secret,
        "GF_AUTH_GENERIC_OAUTH_AUTH_URL": f"{browsers}/sign-on/authorize",
        "GF_AUTH_GENERIC_OAUTH_TOKEN_URL": f"{server}/sign-on/token",
        "GF_AUTH_GENERIC_OAUTH_API_URL": f"{server}/sign-on/userinfo",
    }
