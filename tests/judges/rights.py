"""Whether CloudFormation may do for our stacks what its handlers do, and drift be read.

The schema of a resource type names what each of its handlers calls ("handlers" in the CloudFormation CLI
user guide, resource type schema). The stacks of services are made by one role, and their drift is read
with the rights of the reconciler: what a handler calls and the role may not do fails on AWS, and nowhere
before. Of resources and conditions this knows nothing: an action that is allowed on anything counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

REGION = "us-east-1"
# The roles, and the handlers that call with their rights. Nothing of ours lists resources.
ROLES = {
    "ServiceRole": ("create", "read", "update", "delete"),
    "ReconcilerRole": ("read",),
}


@dataclass(frozen=True)
class Unasked:
    """What a handler can do and does not for the properties that we render."""

    types: tuple[str, ...]
    permissions: tuple[str, ...]
    reason: str
    # Of both, where none is named.
    role: str | None

    def answers(self, role: str, type_: str, permission: str) -> bool:
        return (
            self.role in (None, role)
            and any(fnmatchcase(type_, it) for it in self.types)
            and any(fnmatchcase(permission, it) for it in self.permissions)
        )


def unasked() -> list[Unasked]:
    entries = yaml.safe_load((Path(__file__).parent / "rights.yaml").read_text())
    return [
        Unasked(
            tuple(it["types"]), tuple(p.lower() for p in it["permissions"]), it["reason"], it.get("role")
        )
        for it in entries
    ]


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Those of a document, in every branch of its conditions."""
    if isinstance(node, list):
        for item in node:
            yield from statements(item)
    elif isinstance(node, dict):
        if "Effect" in node:
            yield node
        else:
            yield from statements(list(node.values()))


def belongs(resource: dict[str, Any], name: str, role: str) -> bool:
    match resource.get("Type"):
        case "AWS::IAM::Role":
            return name == role
        case "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy":
            return {"Ref": role} in (resource["Properties"].get("Roles") or [])
    return False


def allowed(templates: Iterable[dict[str, Any]], role: str) -> set[str]:
    """The actions that the role's policies allow on anything, in small letters."""
    actions: set[str] = set()
    for template in templates:
        for name, resource in template.get("Resources", {}).items():
            if not belongs(resource, name, role):
                continue
            properties = resource["Properties"]
            documents = [properties.get("PolicyDocument"), properties.get("Policies")]
            for statement in statements(documents):
                if statement["Effect"] == "Allow":
                    said = statement["Action"]
                    actions.update(str(it).lower() for it in ([said] if isinstance(said, str) else said))
    return actions


def wanted(type_: str, handlers: tuple[str, ...]) -> dict[str, set[str]]:
    """What the handlers of a type call, each with the names of those that do."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    calls: dict[str, set[str]] = {}
    for handler in handlers:
        for permission in schema.get("handlers", {}).get(handler, {}).get("permissions", []):
            calls.setdefault(permission.lower(), set()).add(handler)
    return calls


def missing(platform: list[dict[str, Any]], types: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is missing, each with the role that would need it; and what is answered in vain."""
    answers = unasked()
    used: set[Unasked] = set()
    types = sorted(types)
    for role, handlers in ROLES.items():
        may = allowed(platform, role)
        if not may:
            yield role, "no policy of this role was found"
        for type_ in types:
            for permission, by in sorted(wanted(type_, handlers).items()):
                if any(fnmatchcase(permission, it) for it in may):
                    continue
                answer = next((it for it in answers if it.answers(role, type_, permission)), None)
                if answer is None:
                    yield role, f"{type_}: {permission} ({', '.join(sorted(by))})"
                else:
                    used.add(answer)
    for entry in answers:
        judged = any(fnmatchcase(it, of) for of in entry.types for it in types)
        if judged and entry not in used:
            yield "rights.yaml", f"STALE: nothing wants {', '.join(entry.permissions)} of {', '.join(entry.types)}"
