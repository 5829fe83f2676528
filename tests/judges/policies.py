"""How large the platform's policies get.

IAM takes 6,144 characters of a managed policy, and 10,240 of all the policies within a role, blanks not
counted ("IAM and AWS STS quotas", IAM user guide), and says so when the stack is made. cfn-lint does not
fill in names, so that nobody would hear of it before. What is filled in here is long: the longest name a
platform may have, in a region with a long name, and of every choice the longer one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MANAGED = 6144
WITHIN_A_ROLE = 10240
PLATFORM = "p" * 20
KNOWN = {
    "PlatformName": PLATFORM,
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "ap-southeast-1",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
# The template that is looked at: the name of its stack, and what it is given of other stacks.
HERE: dict[str, Any] = {"stack": PLATFORM, "given": set()}
# What a platform is given by those who want the longer one may be of any length: its default counts.
AS_BY_DEFAULT = {"HasPrefixes", "HasResourcePrefixes"}


def arn(logical_id: str) -> str:
    """About what CloudFormation calls a resource that nobody names."""
    stack = PLATFORM if logical_id in HERE["given"] else HERE["stack"]
    return f"arn:aws:dynamodb:ap-southeast-1:111122223333:{stack}-{logical_id}-ABCDEFGHIJKL"


def fill_in(text: str, values: dict[str, Any]) -> str:
    # Policy variables have a colon and are no parameters.
    return re.sub(
        r"\$\{([A-Za-z0-9:.]+)\}",
        lambda found: str(values.get(found[1], found[0] if ":" in found[1] else arn(found[1]))),
        text,
    )


def value(node: Any) -> Any:
    """What a node of the template is once the stack is made; None where it is left out."""
    if isinstance(node, list):
        return [item for item in map(value, node) if item is not None]
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
        case "Fn::ImportValue":
            return arn("Imported")
        case "Fn::Sub" if isinstance(inner, list):
            return fill_in(inner[0], KNOWN | {key: value(item) for key, item in inner[1].items()})
        case "Fn::Sub":
            return fill_in(inner, KNOWN)
        case "Fn::If" if inner[0] in AS_BY_DEFAULT:
            return value(inner[2])
        case "Fn::If":
            return max(value(inner[1]), value(inner[2]), key=size)
        case "Fn::Join":
            return inner[0].join(map(str, value(inner[1])))
        case "Fn::Split":
            return value(inner[1]).split(inner[0])
        case "Fn::Select":
            return value(inner[1])[int(inner[0])]
    raise ValueError(f"{name} in a policy is not known here")


def size(node: Any) -> int:
    return len(re.sub(r"\s", "", json.dumps(node)))


def stack_of(path: Path) -> str:
    """The name of a template's stack, as long as it gets: CloudFormation names nested ones after the platform's."""
    return f"{PLATFORM}-{path.stem.title()}-ABCDEFGHIJKLM" if path.parent.name == "platform" else PLATFORM


def role_of(reference: dict[str, Any]) -> str:
    """Whose policy it is; a role of a nested stack is named by an output."""
    [(_, named)] = reference.items()
    return str(named[1]).removeprefix("Outputs.") if isinstance(named, list) else str(named)


def too_large(template: dict[str, Any], path: Path) -> Iterator[tuple[str, str]]:
    """The policies and roles that IAM would refuse, each with its size."""
    HERE.update(stack=stack_of(path), given=set(template.get("Parameters", {})))
    within: dict[str, int] = {}
    for name, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties") or {}
        match resource.get("Type"):
            case "AWS::IAM::ManagedPolicy":
                count = size(value(properties["PolicyDocument"]))
                if count > MANAGED:
                    yield str(name), f"{count} characters, of which IAM takes {MANAGED}"
            case "AWS::IAM::Policy":
                count = size(value(properties["PolicyDocument"]))
                for role in map(role_of, properties["Roles"]):
                    within[role] = within.get(role, 0) + count
            case "AWS::IAM::Role":
                policies = value(properties.get("Policies", []))
                count = sum(size(policy["PolicyDocument"]) for policy in policies)
                within[str(name)] = within.get(str(name), 0) + count
    for role, count in within.items():
        if count > WITHIN_A_ROLE:
            yield role, f"{count} characters of policies within it, of which IAM takes {WITHIN_A_ROLE}"
