"""Runs microburst between the functions and the companion, and ends with the program that
started it.

The parent holds the other end of standard input and never writes to it: end of file means that
the parent is gone, however it went.

The first line of standard output is the port: the kernel gives a free one, and the socket
listens before the line is written. microburst draws its lots from Python's one generator and
has no way to seed it, so that is added to what it serves.
"""

import os
import random
import signal
import socket
import sys
import threading


def end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()

# The watch above starts before these slow imports.
from aiohttp import web  # noqa: E402
from microburst.app import make_control_app  # noqa: E402
from microburst.core.pipeline import Microburst  # noqa: E402


async def seed(request: web.Request) -> web.Response:
    random.seed(int(await request.text()))
    return web.Response()


microburst = Microburst(sys.argv[1], resign=False, fired_capacity=100_000)
app = make_control_app(microburst)
app.on_startup.append(microburst.start)
app.on_cleanup.append(microburst.stop)
app.router.add_post("/_slipway/seed", seed)
app.router.add_route("*", "/{tail:.*}", microburst.handle_proxy)

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
web.run_app(app, sock=listener, print=None, access_log=None)
