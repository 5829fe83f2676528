"""How large the permissions boundary of services' roles gets.

IAM takes 6,144 characters of a managed policy, blanks not counted ("IAM and AWS STS quotas", IAM user
guide), and says so when the stack is made. cfn-lint does not fill in names, so that nobody would hear
of it before. What is filled in here is long: the longest name a platform may have, in a region with
a long name.
"""

from __future__ import annotations

import json
import re
from typing import Any

MOST = 6144
STACK = "p" * 20
KNOWN = {
    "PlatformName": STACK,
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "ap-southeast-1",
    "AWS::URLSuffix": "amazonaws.com",
    # Empty is the default.
    "SecretPrefixes": "",
    "ResourcePrefixes": "",
}


def arn(logical_id: str) -> str:
    """About what CloudFormation calls a resource that nobody names."""
    return f"arn:aws:dynamodb:ap-southeast-1:111122223333:{STACK}-{logical_id}-ABCDEFGHIJKL"


def fill_in(text: str, values: dict[str, str]) -> str:
    # Policy variables have a colon and are no parameters.
    return re.sub(
        r"\$\{([A-Za-z0-9:.]+)\}",
        lambda found: values.get(found[1], found[0] if ":" in found[1] else arn(found[1])),
        text,
    )


def value(node: Any) -> Any:
    """What a node of the template is once the stack is made."""
    if isinstance(node, list):
        return [value(item) for item in node]
    if not isinstance(node, dict):
        return node
    [(name, inner), *others] = node.items()
    if others or not (name == "Ref" or str(name).startswith("Fn::")):
        return {key: value(item) for key, item in node.items()}
    match name:
        case "Ref":
            return KNOWN.get(inner, arn(inner))
        case "Fn::GetAtt":
            return arn(".".join(inner) if isinstance(inner, list) else inner)
        case "Fn::Sub" if isinstance(inner, list):
            return fill_in(inner[0], KNOWN | {key: value(item) for key, item in inner[1].items()})
        case "Fn::Sub":
            return fill_in(inner, KNOWN)
        case "Fn::If":
            # Every condition in the boundary is whether a parameter was given.
            return value(inner[2])
        case "Fn::Join":
            return inner[0].join(value(inner[1]))
        case "Fn::Split":
            return value(inner[1]).split(inner[0])
        case "Fn::Select":
            return value(inner[1])[int(inner[0])]
    raise ValueError(f"{name} in the boundary is not known here")


def too_large(template: dict[str, Any]) -> str | None:
    """Says so where the template's boundary is larger than IAM takes."""
    boundary = template.get("Resources", {}).get("ServiceBoundary")
    if boundary is None:
        return None
    document = value(boundary["Properties"]["PolicyDocument"])
    size = len(re.sub(r"\s", "", json.dumps(document)))
    return None if size <= MOST else f"{size} characters, of which IAM takes {MOST}"
