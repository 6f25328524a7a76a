"""The server of the page: files, forms, runs as streams of events, exports. It computes nothing itself."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import mimetypes
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import saddlescope
from saddlescope.arguments import RefusedError
from saddlescope.explorer import export
from saddlescope.explorer.forms import form, lessons, shown_families, starting_specs
from saddlescope.explorer.given import Given
from saddlescope.explorer.limits import LOG_BYTES, SPEC_BYTES, as_json, checked
from saddlescope.explorer.session import Event, Session
from saddlescope.plot.parts.palette import DEGREES, INK, PREDICTED, REST

_BEAT = 10.0  # seconds between signs of life on a stream
_NAME = 100  # letters of a name that comes from the page


class Server:
    """The app, and who is looking at it.

    Args:
        given: what the command line named.
    """

    def __init__(self, given: Given):
        self._given = given
        self._session = Session()
        self._folder = tempfile.TemporaryDirectory(prefix="saddlescope-explorer-", ignore_cleanup_errors=True)
        self._files = _static()
        self._closing = asyncio.Event()
        self.watching = 0  # pages that are open
        self.left = time.monotonic()  # when the last was closed
        self.seen = False  # whether there was one
        routes = [
            Route("/", self._file("index.html")),
            *(Route(f"/static/{name}", self._file(name)) for name in self._files),
            Route("/setup.json", self._setup),
            Route("/alive", self._alive),
            Route("/run", self._run, methods=["POST"]),
            Route("/open", self._open, methods=["POST"]),
            Route("/curve", self._curve, methods=["POST"]),
            Route("/export", self._export, methods=["POST"]),
            Route("/viewer.html", self._viewer),
        ]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        warm = asyncio.create_task(self._session.warm_up())
        yield
        warm.cancel()
        await self.close()

    async def close(self) -> None:
        """End all streams and processes."""
        self._closing.set()
        await self._session.stop()
        self._folder.cleanup()

    def _file(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        content, kind = self._files[name]

        async def send(request: Request) -> Response:
            del request
            return Response(content, media_type=kind)

        return send

    async def _setup(self, request: Request) -> Response:
        del request
        families = shown_families()
        setup = {
            "palette": {"degrees": DEGREES, "rest": REST, "predicted": PREDICTED, "ink": INK},
            "families": [form(family) | {"starts": starting_specs(family)} for family in families],
            "lessons": lessons(),
            "given": self._given.plain(),
            "most_log": LOG_BYTES,
            "version": saddlescope.__version__,
        }
        return Response(as_json(_without_infinity(setup)), media_type="application/json")

    async def _alive(self, request: Request) -> Response:
        """A stream that lasts as long as a page is open; the page knows by it whether the server is there."""
        del request

        async def beats() -> AsyncIterator[bytes]:
            self.watching += 1
            self.seen = True
            try:
                while not self._closing.is_set():
                    yield b"event: alive\ndata: {}\n\n"
                    with contextlib.suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self._closing.wait(), _BEAT)
                yield b"event: closed\ndata: {}\n\n"
            finally:
                self.watching -= 1
                self.left = time.monotonic()

        return StreamingResponse(beats(), media_type="text/event-stream")

    async def _run(self, request: Request) -> Response:
        return await self._job(request, "run")

    async def _export(self, request: Request) -> Response:
        """Python, TOML and sweeps at once; pictures and netCDF by a worker, as a stream."""
        try:
            told = await _told(request)
            what = told.get("what")
            if what not in ("python", "toml", "sweep", "png", "svg", "netcdf"):
                raise RefusedError(f"There is no export {str(what)[:_NAME]!r}.")
            if what in ("png", "svg", "netcdf"):
                return await self._job(request, "export", {"what": what})
            spec = checked(_with_infinity(told.get("spec")), self._given.files)
            if what == "sweep":
                content, name = export.as_sweep(spec, str(told.get("key"))), "sweep.toml"
            elif what == "toml":
                content, name = export.as_toml(spec), "spec.toml"
            else:
                content, name = export.as_python(spec), "run.py"
        except RefusedError as error:
            return JSONResponse({"sentence": str(error)}, status_code=400)
        return JSONResponse({"name": name, "text": content})

    async def _open(self, request: Request) -> Response:
        """A result that the command line named, by its number."""
        try:
            told = await _told(request)
            path = self._given.result(told.get("number"))
        except RefusedError as error:
            return JSONResponse({"sentence": str(error)}, status_code=400)
        return self._stream(_page(request), {"do": "open", "path": path, "key": path})

    async def _curve(self, request: Request) -> Response:
        """A log that was dropped on the page, or one that the command line named by its number."""
        told = request.query_params
        job: dict[str, Any] = {"do": "curve", "named": False, "name": told.get("name", "log")[:_NAME]}
        job |= {"y": told.get("y", "")[:200], "run": told.get("run", "")[:9], "key": told.get("key", "")[:64]}
        job |= {"time_axis": axis if (axis := told.get("time_axis")) in ("log", "linear") else None}
        try:
            if told.get("number") is not None:
                job |= {"named": True, "path": self._given.log(told["number"])}
                return self._stream(_page(request), job)
            body = await _body(request, LOG_BYTES, "A log")
        except RefusedError as error:
            return JSONResponse({"sentence": str(error)}, status_code=400)
        # its name does not come from the page, and is of this request alone, which removes it
        path = Path(self._folder.name) / f"{secrets.token_hex(16)}.log"
        path.write_bytes(body)
        return self._stream(_page(request), job | {"path": str(path)}, finally_remove=path)

    async def _viewer(self, request: Request) -> Response:
        """The page that is exported, without data: nothing runs in it before it is saved and opened as a file."""
        del request
        return PlainTextResponse(export.viewer())

    async def _job(self, request: Request, do: str, more: dict[str, Any] | None = None) -> Response:
        try:
            told = await _told(request)
            content = _with_infinity(told.get("spec"))
            spec = checked(content, self._given.files)
        except RefusedError as error:
            return JSONResponse({"sentence": str(error)}, status_code=400)
        tables = spec.model_dump(exclude_none=True)
        key = hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()[:32]
        return self._stream(_page(request), {"do": do, "spec": tables, "key": key, **(more or {})}, alone=do == "run")

    def _stream(
        self, page: str, job: dict[str, Any], *, alone: bool = True, finally_remove: Path | None = None
    ) -> Response:
        async def lines() -> AsyncIterator[bytes]:
            events = self._session.events(page, job, alone=alone)
            if job["do"] != "curve":
                yield _event("key", json.dumps({"key": job["key"]}))
            try:
                async for name, content in _beating(events):
                    yield _event(name, content)
            finally:
                await events.aclose()  # pyright: ignore[reportAttributeAccessIssue]
                if finally_remove is not None:
                    finally_remove.unlink(missing_ok=True)

        return StreamingResponse(lines(), media_type="text/event-stream")


async def _beating(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """The events, and a sign of life where there is none for a while, so that a page that left is noticed."""
    coming: asyncio.Task[Event] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(events))  # pyright: ignore[reportArgumentType]
            done, _ = await asyncio.wait({coming}, timeout=_BEAT)
            if not done:
                yield "beat", "{}"
                continue
            try:
                event = coming.result()
            except StopAsyncIteration:
                return
            finally:
                coming = None
            yield event
    finally:
        if coming is not None:
            coming.cancel()
            with contextlib.suppress(BaseException):
                await coming


def _event(name: str, content: str) -> bytes:
    return f"event: {name}\ndata: {content}\n\n".encode()


def _static() -> dict[str, tuple[bytes, str]]:
    """All files of the page, read once: no path of a request ever reaches the file system."""
    result = {}
    for entry in (resources.files("saddlescope.explorer") / "static").iterdir():
        if entry.is_file():
            kind = "text/javascript" if entry.name.endswith(".js") else mimetypes.guess_type(entry.name)[0]
            result[entry.name] = entry.read_bytes(), kind or "text/plain"
    return result


def _page(request: Request) -> str:
    return request.headers.get("x-page", "")[:64]


async def _told(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise RefusedError("A request to this server is JSON, with the content type application/json.")
    body = await _body(request, SPEC_BYTES, "A spec from the page")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("What came from the page is no JSON.") from None
    if not isinstance(told, dict):
        raise RefusedError("What came from the page is no table.")
    return told


async def _body(request: Request, most: int, what: str) -> bytes:
    """The content of a request, which is not read further than it may be long."""
    if hasattr(request, "_body"):
        return await request.body()
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            unit, by = ("MB", 1024**2) if most >= 1024**2 else ("kB", 1024)
            raise RefusedError(f"{what} has at most {most // by} {unit}.")
        parts.append(part)
    request._body = b"".join(parts)
    return request._body


def _with_infinity(value: Any) -> Any:
    """JSON has no infinity; the page writes it as a word, and only a number is written so in a spec."""
    if isinstance(value, dict):
        return {k: float("inf") if k == "dimension" and v == "inf" else _with_infinity(v) for k, v in value.items()}
    return [_with_infinity(v) for v in value] if isinstance(value, list) else value


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_infinity(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinity(v) for v in value]
    return "inf" if value == float("inf") else value
