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

# The watch above starts before these slow imports.
from ministack.app import main  # noqa: E402
from ministack.core import lambda_runtime  # noqa: E402

# After every invocation ministack waits up to 50 ms for the function's first log line; what
# comes later is taken along with the next invocation's.
for kind in vars(lambda_runtime).values():
    drain = getattr(kind, "_drain_stderr_bounded", None)
    if drain is not None and drain.__defaults__ == (0.05, 0.005, 0.25):
        drain.__defaults__ = (0.002, 0.002, 0.25)
