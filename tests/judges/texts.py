"""Descriptions of security groups and their rules, as EC2 takes them.

EC2 refuses every other character when the stack is made ("Invalid rule description", CreateSecurityGroup and
IpRange in EC2's API reference), an apostrophe for one. cfn-lint says nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

TAKEN = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
TYPES = {
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
}


def descriptions(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from descriptions(item)
    elif isinstance(node, dict):
        for key, item in node.items():
            if key in ("Description", "GroupDescription"):
                yield item
            else:
                yield from descriptions(item)


def refused(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The resources whose descriptions EC2 would refuse, each with the words."""
    for name, resource in template.get("Resources", {}).items():
        if resource.get("Type") not in TYPES:
            continue
        for text in descriptions(resource.get("Properties")):
            # What is filled in, of a function of CloudFormation's, are names.
            words = text if isinstance(text, str) else str(next(iter(text.values())))
            if not TAKEN.fullmatch(words):
                yield str(name), f"EC2 takes no such description: {words}"
