"""cfn-lint over any number of templates: schemas, references, limits, IAM action names.

Usage: python judge_cfn_lint.py [--self-test] PATH...

One process loads cfn-lint's rules once (two seconds) and forks one worker a core, which share them:
starting cfn-lint for each template would cost that again for each. Every level counts, warnings
too, in both regions of the mission. It is blind to trust policies, wildcards and house policy;
checkov and the tests beside the renderer look there.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode
from cfnlint.runner import Runner
from cfnlint.runner.template import run_template_by_file_path
from cfnlint.template import Template

from policies import too_large
from rights import missing
from texts import refused
from verdict import Finding, Judged, files_in, report, still_bites

REGIONS = ["us-east-1", "us-west-2"]
RULES = Runner(ConfigMixIn(regions=REGIONS)).rules


def judge(path: str) -> Judged:
    """All of cfn-lint's complaints about one file."""
    template, _ = decode(path)
    types = {}
    findings = []
    if isinstance(template, dict):
        resources = Template(path, template).get_resources()
        # Plain strings: cfn-lint's own carry positions, which cannot pass between processes.
        types = {str(name): str(body.get("Type", "")) for name, body in resources.items()}
        # What is said of outputs can be answered like what is said of resources.
        types |= {f"Outputs.{name}": "Output" for name in template.get("Outputs") or {}}
        for name, large in too_large(template, Path(path)):
            findings.append(Finding(path, name, types.get(name, ""), "POLICY", large))
        for name, words in refused(template):
            findings.append(Finding(path, name, types.get(name, ""), "TEXT", words))
    # A fresh configuration: a template's Metadata may change it, and must not for the next one.
    matches = run_template_by_file_path(path, ConfigMixIn(regions=REGIONS), RULES, False)
    for match in matches:
        where = list(match.path or [])
        name = str(where[1]) if len(where) > 1 else ""
        resource = {"Resources": name, "Outputs": f"Outputs.{name}"}.get(str(where[0]) if where else "", "")
        message = f"{match.message} (line {match.linenumber})"
        findings.append(Finding(path, resource, types.get(resource, ""), match.rule.id, message))
    return Judged(path, types, findings)


def rights(files: list[str], judged: list[Judged]) -> Judged:
    """What the platform's roles lack for the types in the templates that were rendered for them."""
    # The platform itself is made by whoever deploys it.
    rendered = [
        one
        for one in judged
        if one.file.endswith(".json") and not Path(one.file).name.startswith("platform")
    ]
    platform = [decode(file)[0] for file in files if not file.endswith(".json")]
    types = {type_ for one in rendered for type_ in one.resources.values()} - {"Output"}
    findings = [Finding("rights", role, "", "RIGHTS", what) for role, what in missing(platform, types)]
    return Judged("rights", {"ServiceRole": ""}, findings)


def main() -> int:
    arguments = sys.argv[1:]
    if "--self-test" in arguments:
        with tempfile.TemporaryDirectory() as folder:
            return still_bites("cfn-lint", judge, Path(folder))
    files = files_in(arguments)
    workers = min(len(files), os.cpu_count() or 1)
    # The first file is judged here: the schemas it loads are then the workers' too.
    first = judge(files[0])
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        judged = [first, *pool.map(judge, files[1:], chunksize=4)]
    if len(judged) > 1:
        judged.append(rights(files, judged))
    return report("cfn-lint", judged)


if __name__ == "__main__":
    sys.exit(main())
