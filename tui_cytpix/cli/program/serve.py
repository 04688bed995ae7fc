"""`serve [RUN | SAMPLE ...]`: the app in a browser, for this machine only, behind a token.

textual-serve makes the page and, for each tab, an app of its own. Whoever reaches it types into a program that opens
files. So it lies below a path that nobody can guess, and what asks for anything else, by another name of the machine
(DNS rebinding) or from another page, gets nothing: neither page nor websocket.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hmac
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui_cytpix.cli.output import note, say
from tui_cytpix.domain.words import printable
from tui_cytpix.errors import UsageError, refusal

if TYPE_CHECKING:
    from aiohttp import web
    from textual_serve.server import Server

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HERE = "127.0.0.1"
END_SECONDS = 5.0  # for apps to save and leave
INSTALL = "pip install 'tui-cytpix[serve]'"


def serve(arguments: argparse.Namespace) -> int:
    for path in arguments.paths:
        if not os.path.lexists(path):
            raise UsageError("No such run or sample", f"{printable(path)!r}.", "Check the path.")
    try:
        from textual_serve.server import Server
    except ModuleNotFoundError as error:
        way_out = f"`{INSTALL}` installs what it takes."
        raise UsageError("A browser needs another package", f"{error.name} isn't there.", way_out) from error
    address, token = f"{HERE}:{arguments.port}", secrets.token_urlsafe(32)
    server = Server(app_command(arguments), HERE, arguments.port, "tui-cytpix", f"http://{address}")
    try:
        asyncio.run(_serve(server, arguments.port, address, token))
    except OSError as error:
        raise UsageError(*refusal(error, address, "Nothing can be served there", "Give another --port.")) from error
    return 0


async def _serve(server: Server, port: int, address: str, token: str) -> None:
    """Until a signal ends it; the apps save and leave then."""
    from aiohttp import web

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    pages = await server._make_app()
    pages.on_startup.clear()  # it would print the command, and its own name large
    runner = web.AppRunner(guard(pages, address, token), access_log=None, shutdown_timeout=END_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, HERE, port).start()
        say(f"http://{address}/{token}/")
        sys.stdout.flush()
        note("Open this address in a browser of this machine. Whoever knows it can use the app. Ctrl-C ends all.")
        note(f"From elsewhere: `ssh -L {port}:{address} THIS-MACHINE`, then the same address there.")
        await ended.wait()
    finally:
        await runner.cleanup()
        gc.collect()  # pipes of apps that ended: asyncio would complain of those that outlive its loop


def app_command(arguments: argparse.Namespace) -> str:
    """What a shell runs for each tab."""
    graphics = ["--graphics", arguments.graphics] if arguments.graphics else []
    paths = [str(Path(path).absolute()) for path in arguments.paths]
    return shlex.join([sys.executable, "-P", "-m", "tui_cytpix", *graphics, "--", *paths])


def guard(pages: web.Application, address: str, token: str) -> web.Application:
    """The pages below the path `/token/`, and nothing else; under that address only, and for pages from there only."""
    from aiohttp import web

    origin = f"http://{address}"
    inline = "'self' 'unsafe-inline'"
    policy = (
        f"default-src 'self'; script-src {inline}; style-src {inline}; img-src 'self' data:; "
        f"connect-src 'self' ws://{address}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,  # nothing is fetched from elsewhere, fonts neither
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }

    @web.middleware
    async def let_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = request.path.partition("/")[2].partition("/")[0].encode("utf-8", "replace")
        known = hmac.compare_digest(asked, token.encode())
        if not known or request.headers.getall("Host", []) != [address]:
            raise web.HTTPForbidden
        if any(said != origin for said in request.headers.getall("Origin", [])):
            raise web.HTTPForbidden
        return await handler(request)

    async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)

    guarded = web.Application(middlewares=[let_in])
    guarded.add_subapp(f"/{token}", pages)
    guarded.on_response_prepare.append(add_headers)
    return guarded
