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
        for name, large in too_large(template, Path(path)):
            findings.append(Finding(path, name, types.get(name, ""), "POLICY", large))
    # A fresh configuration: a template's Metadata may change it, and must not for the next one.
    matches = run_template_by_file_path(path, ConfigMixIn(regions=REGIONS), RULES, False)
    for match in matches:
        where = list(match.path or [])
        resource = str(where[1]) if where[:1] == ["Resources"] and len(where) > 1 else ""
        message = f"{match.message} (line {match.linenumber})"
        findings.append(Finding(path, resource, types.get(resource, ""), match.rule.id, message))
    return Judged(path, types, findings)


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
        return report("cfn-lint", [first, *pool.map(judge, files[1:], chunksize=4)])


if __name__ == "__main__":
    sys.exit(main())
