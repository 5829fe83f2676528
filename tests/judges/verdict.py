"""What the judges have in common: which files they judge, which findings we have answered, how they report.

A finding is printed unless `exceptions.yaml` answers it. An exception is a debt: one that answers
nothing, although a resource it speaks of was judged, is a finding of its own. A file in which a
judge saw no resource is a finding too, since silence about it would look like praise.

Nothing here knows a judge: cfn-lint, checkov and SAM have environments that cannot be shared, so
this module uses PyYAML and the standard library alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

HERE = Path(__file__).parent
SUFFIXES = {".json", ".yaml", ".yml"}


@dataclass(frozen=True)
class Finding:
    """One complaint of a judge about one resource (or, with an empty one, about a file)."""

    file: str
    resource: str
    type: str
    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.resource or '-'}: {self.check}: {self.message}"


@dataclass
class Judged:
    """What a judge saw in one file, with or without complaint: logical ids and their types."""

    file: str
    resources: dict[str, str]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Exception_:
    """A finding that we do not follow, and the fact or mission row that says why."""

    tool: str
    check: str
    reason: str
    type: str | None = None
    resource: str | None = None
    # A part of the message, where a check says many things of a type and one of them is answered.
    about: str = ""

    def speaks_of(self, resource: str, type_: str) -> bool:
        return (self.type is None or self.type == type_) and (
            self.resource is None or self.resource == resource
        )

    def answers(self, finding: Finding) -> bool:
        return (
            self.check == finding.check
            and self.about in finding.message
            and self.speaks_of(finding.resource, finding.type)
        )


def exceptions_for(tool: str) -> list[Exception_]:
    """The exceptions of one tool; each must give a reason and a scope."""
    every = [Exception_(**entry) for entry in yaml.safe_load((HERE / "exceptions.yaml").read_text())]
    for entry in every:
        if not entry.reason.strip() or not (entry.type or entry.resource):
            sys.exit(f"exceptions.yaml: {entry.tool} {entry.check} needs a reason, and a type or resource")
    return [entry for entry in every if entry.tool == tool]


def files_in(arguments: Iterable[str]) -> list[str]:
    """The templates named, and those in the folders named; an empty folder is an error, not a success."""
    found: list[str] = []
    for argument in arguments:
        path = Path(argument)
        inside = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES)
        if not inside:
            sys.exit(f"{argument}: no template there to judge")
        found += map(str, inside)
    if not found:
        sys.exit("name the templates, or the folders that hold them")
    return found


def report(tool: str, judged: list[Judged]) -> int:
    """Prints the verdict and returns the exit code: 1 on any finding that no exception answers."""
    exceptions = exceptions_for(tool)
    used: set[Exception_] = set()
    open_: list[str] = []
    for one in judged:
        if not one.resources and not one.findings:
            open_.append(f"{one.file}: -: UNSEEN: {tool} found no resource in this file")
        for finding in one.findings:
            answer = next((e for e in exceptions if e.answers(finding)), None)
            if answer is None:
                open_.append(str(finding))
            else:
                used.add(answer)
    for entry in exceptions:
        spoken_of = any(entry.speaks_of(r, t) for one in judged for r, t in one.resources.items())
        if spoken_of and entry not in used:
            scope = entry.resource or entry.type
            open_.append(f"exceptions.yaml: {scope}: STALE: {tool} no longer reports {entry.check} here")
    print(f"JUDGE {tool}: {len(judged)} files, {len(open_)} findings")
    for line in open_:
        print(line)
    return 1 if open_ else 0


def still_bites(tool: str, judge: Callable[[str], Judged], folder: Path) -> int:
    """Judges templates with one planted fault each; a fault that goes unreported fails the judge."""
    planted = [p for p in yaml.safe_load((HERE / "planted.yaml").read_text()) if p["judge"] == tool]
    missed = []
    for number, fault in enumerate(planted):
        path = folder / f"{tool}-{number}.yaml"
        path.write_text(yaml.safe_dump(fault["template"], sort_keys=False))
        seen = {finding.check for finding in judge(str(path)).findings}
        if fault["expect"] not in seen:
            missed.append(f"{fault['fault']}: {fault['expect']} not among {sorted(seen)}")
    if not planted:
        missed.append("planted.yaml has nothing for this judge")
    print(f"JUDGE {tool} self-test: {len(planted)} planted faults, {len(missed)} missed")
    for line in missed:
        print(line)
    return 1 if missed else 0
