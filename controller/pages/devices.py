"""From which device somebody has signed in, in words a person knows it by: taken from what its browser calls itself.

Browsers call themselves by each other's names, so the order of the tables counts (User-Agent, RFC 9110 10.1.5; the tokens are
those that the makers document). What is not known is said to be so, never guessed.
"""

from typing import Final

from controller.pages.language import Words

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
    ("aiohttp/", "Python"),
    ("PowerShell/", "PowerShell"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_words(user_agent: str | None, words: Words) -> str:
    """Return the device: Firefox on Windows."""
    text = user_agent or ""
    browser = next((name for token, name in _BROWSERS if token in text), None)
    system = next((name for token, name in _SYSTEMS if token in text), None)
    if browser is not None and system is not None:
        return words.gettext("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or words.gettext("a device that is not known")
