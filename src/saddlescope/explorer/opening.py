"""From the words of the command line to a page that is served until it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from typing import Any

from saddlescope.arguments import RefusedError

_PORT, _TRIED = 8765, 20
_CLOSED = 60.0  # seconds without a page after which the server ends
_MISSING = "The page needs starlette and uvicorn: pip install 'saddlescope[explorer]'."


def explore(
    names: tuple[str, ...] = (), *, port: int | None = None, browser: bool = True, host: str | None = None
) -> int:
    """Serve the page until Ctrl-C, or until it has been closed for a minute; return the exit code.

    The address holds a token that every request must know.

    Args:
        names: specs to start from, results to look at, logs to judge.
        port: to listen on; by default the first free one from 8765.
        browser: whether to open one.
        host: to listen on for other machines, too; the server then stays until Ctrl-C.

    Raises:
        RefusedError: if a library is missing, a name is no file, or the port is taken.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise RefusedError(_MISSING) from None
    from saddlescope.explorer.given import given
    from saddlescope.explorer.security import own_token

    named = given(names)
    with _listening(host, port) as (listener, number):
        token = own_token() if host is None else secrets.token_urlsafe(24)
        address = f"{_address(host, number)}?token={token}"
        print(f"saddlescope explore: {address}", flush=True)
        print("Ctrl-C ends it" + (", closing the page, too." if host is None else "."), flush=True)
        return asyncio.run(_serve(named, listener, host, number, token, address if browser else None))


async def _serve(
    named: Any, listener: socket.socket, host: str | None, number: int, token: str, open_at: str | None
) -> int:
    import uvicorn

    from saddlescope.explorer.security import Guard
    from saddlescope.explorer.server import Server

    server = Server(named)
    config = uvicorn.Config(
        Guard(server.app, host, number, token),
        log_level="error",
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
    )
    loop = _Loop(config)

    async def watch() -> None:
        while not loop.should_exit:
            await asyncio.sleep(0.25)
            if loop.asked:
                break
            gone = not server.watching and time.monotonic() - server.left > _CLOSED
            if host is None and server.seen and gone:
                print("The page was closed.", flush=True)
                break
        await server.close()
        loop.should_exit = True

    async def open_browser() -> None:
        while not loop.started:
            await asyncio.sleep(0.01)
        # a browser may take its time, and one of text would take the terminal
        threading.Thread(target=webbrowser.open, args=(open_at,), daemon=True).start()

    tasks = [asyncio.create_task(watch())]
    if open_at is not None:
        tasks.append(asyncio.create_task(open_browser()))
    await loop.serve(sockets=[listener])
    await tasks[0]
    return 0


class _Loop:
    """uvicorn's server, which ends on a signal instead of raising it again."""

    def __init__(self, config: Any):
        import uvicorn

        outer = self

        class Quiet(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                before: dict[int, Any] = {}
                if threading.current_thread() is threading.main_thread():
                    for number in (signal.SIGINT, signal.SIGTERM):
                        if signal.getsignal(number) is not signal.SIG_IGN:
                            before[number] = signal.signal(number, lambda *_: setattr(outer, "asked", True))
                try:
                    yield
                finally:
                    for number, handler in before.items():
                        signal.signal(number, handler)

        self._server = Quiet(config)
        self.asked = False

    @property
    def started(self) -> bool:
        return self._server.started

    @property
    def should_exit(self) -> bool:
        return self._server.should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._server.should_exit = value

    async def serve(self, sockets: list[socket.socket]) -> None:
        await self._server.serve(sockets)


@contextlib.contextmanager
def _listening(host: str | None, port: int | None) -> Iterator[tuple[socket.socket, int]]:
    """A socket that listens, and its port."""
    where = "127.0.0.1" if host is None else host
    if port is not None and not 0 <= port < 65536:
        raise RefusedError(f"Argument `port` must be a number from 0 to 65535, but got {port}.")
    try:
        family = socket.getaddrinfo(where, None, type=socket.SOCK_STREAM)[0][0]
    except OSError:
        raise RefusedError(f"Argument `host` must be an address of this machine, but got {where!r}.") from None
    for number in [port] if port is not None else range(_PORT, _PORT + _TRIED):
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((where, number))
            listener.listen(128)  # who opens the address at once waits for the server
        except OSError as error:
            listener.close()
            if port is None:
                continue
            raise RefusedError(f"Port {number} of {where} cannot be had: {error.strerror}.") from None
        with listener:
            yield listener, listener.getsockname()[1]
        return
    raise RefusedError(f"No port of {where} from {_PORT} to {_PORT + _TRIED - 1} is free: give one with --port.")


def _address(host: str | None, port: int) -> str:
    where = "127.0.0.1" if host is None else host
    if where in ("0.0.0.0", "::"):
        where = socket.gethostname()
    return f"http://[{where}]:{port}/" if ":" in where else f"http://{where}:{port}/"
