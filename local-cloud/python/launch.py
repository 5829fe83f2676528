"""Runs ministack, and ends with the program that started it.

The parent holds the other end of standard input and never writes to it: end of
file means that the parent is gone, however it went, and takes this process
group with it (ministack and the functions it started).

Nothing of the parent's own AWS configuration or proxies may reach ministack,
or the functions, which inherit its environment: only what is named here stays.
"""

import os
import signal
import socketserver
import sys
import threading

KEPT = {
    "AWS_ENDPOINT_URL",
    "BIND_HOST",
    "GATEWAY_PORT",
    "HOME",
    "IOT_MTLS_ENABLED",
    "LANG",
    "MINISTACK_ACCOUNT_ID",
    "MINISTACK_EDITION",
    "MINISTACK_HOST",
    "MINISTACK_REGION",
    "PATH",
    "PYTHONUNBUFFERED",
    "RUST_BACKTRACE",
    "S3_DATA_DIR",
    "TMPDIR",
}


def end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


for name in set(os.environ) - KEPT:
    del os.environ[name]
# The Lambda runtime API answers in two packets: without this, the second waits 40 ms for the
# first one's delayed acknowledgement, at every invocation.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True
threading.Thread(target=end_with_parent, daemon=True).start()
sys.argv = ["ministack"]

from ministack.app import main  # noqa: E402  (the watch starts before the slow import)

main()
