"""What schemathesis would send and is not sent, and why.

Everything else is in schemathesis.toml. A value is left out here only when it says nothing about
the API: the emulator's gateway, or schemathesis itself, is at fault.
"""

from __future__ import annotations

import re
import uuid
from urllib.parse import unquote

import schemathesis

# The emulator's gateway decodes a path before it looks for a route: a line's end in it matches no
# route, and `?` and `#` cut it short. On AWS the function is asked, and says 404 or 400.
UNROUTABLE = re.compile(r"[\x00-\x1f\x7f?#\u0085\u2028\u2029]")

# The pattern of If-Match in the document. schemathesis sends `0` as a valid example of it where
# the header is optional.
ETAG = re.compile(r'\*|"[0-9]+-[0-9A-HJKMNP-TV-Z]{26}"')


@schemathesis.hook
def filter_case(context, case) -> bool:  # noqa: ANN001, the hook's own types
    """Whether a case is sent."""
    parameters = (case.path_parameters or {}).values()
    if any(UNROUTABLE.search(unquote(str(value))) for value in parameters):
        return False
    tag = (case.headers or {}).get("If-Match")
    return tag is None or not is_positive(case) or ETAG.fullmatch(tag) is not None


@schemathesis.hook
def before_call(context, case, kwargs) -> None:  # noqa: ANN001
    """Gives each request a key of its own: a repeated one is answered as before for a day, by design,
    and so tells of a service that may have been deleted since."""
    if is_positive(case) and "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex


def is_positive(case) -> bool:  # noqa: ANN001
    """Whether a case is meant to be valid."""
    return case.meta is not None and case.meta.generation.mode.is_positive
