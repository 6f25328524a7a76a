"""Who may talk to the server: this machine's browser on our own page, and nobody else's page through it."""

from __future__ import annotations

import contextlib
import http.cookies
import ipaddress
import os
import re
import secrets
import socket
import stat
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Any, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_KEPT = 365 * 24 * 3600  # seconds for which a browser knows the token
_LOCAL = {"127.0.0.1", "localhost", "::1"}


class Guard:
    """Wraps an app: refuses what does not come from our own page, and sends headers that bind the page.

    Args:
        app: what is guarded.
        host: that the server listens on, None for this machine only.
        port: that it listens on.
        token: that every request must know, in its address or a cookie.
    """

    def __init__(self, app: App, host: str | None, port: int, token: str):
        self._app, self._port, self._token = app, port, token
        self._names = set(_LOCAL)
        self._any_address = False
        if host is not None:
            self._names |= {host.lower(), socket.gethostname().lower()}
            with contextlib.suppress(ValueError):  # a name
                self._any_address = ipaddress.ip_address(host).is_unspecified

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        """Pass a request on, or answer it with 403 and a sentence."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        cookie = f"saddlescope-{self._port}"
        why = self._refusal(scope, headers, cookie)
        if why is not None:
            await _refuse(send, why)
            return

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                if scope["path"] == "/":
                    held = f"{cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={_KEPT}"
                    added.append((b"set-cookie", held.encode()))
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: dict[str, str], cookie: str) -> str | None:
        """Why a request is refused, in a sentence."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            # a name that an attacker lets point here (DNS rebinding) is not ours
            return "This server answers to its own address only."
        own = {f"http://{host}", f"https://{host}"}
        origin = headers.get("origin")
        if origin is not None and origin not in own:
            return "This server answers to its own page only."
        if scope["method"] not in ("GET", "HEAD") and origin is None:
            return "A request that asks for work must say which page it comes from."
        arriving = scope["method"] == "GET" and scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") and not arriving:
            return "This server answers to its own page only."
        query = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        jar = http.cookies.SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except http.cookies.CookieError:
            jar.clear()
        held = jar[cookie].value if cookie in jar else ""
        known = [secrets.compare_digest(told.encode(), self._token.encode()) for told in (query, held)]
        return None if any(known) else "Open the address that the server printed, its token included."

    def _is_ours(self, host: str) -> bool:
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not name:
            name, port = host, "80"
        if (port or "80") != str(self._port):
            return False
        name = name.strip("[]").lower()
        if name in self._names:
            return True
        if not self._any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def own_token() -> str:
    """Return the token of this user's pages on this machine, by which its other users cannot ask them.

    It is kept in the user's cache folder, so that addresses still work when the server is started again; where that
    cannot be, or others may read it, it is a new one each time.
    """
    import platformdirs

    new = secrets.token_urlsafe(24)
    path = platformdirs.user_cache_path("saddlescope") / "page-token"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(new)
            return new
        about = path.lstat()
        private = stat.S_ISREG(about.st_mode) and (os.name != "posix" or about.st_mode & 0o077 == 0)
        kept = path.read_text(encoding="ascii") if private else ""
    except (OSError, ValueError):
        return new
    return kept if re.fullmatch(r"[\w-]{32}", kept) else new


async def _refuse(send: Send, why: str) -> None:
    body = why.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
