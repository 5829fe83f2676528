"""checkov over any number of templates: encryption, exposure, wildcards in IAM.

Usage: python judge_checkov.py [--self-test] PATH...

One process, nothing downloaded. It knows no permissions boundary and little of ECS, and leaves out
templates of more than 500 resources; cfn-lint and the tests beside the renderer look there.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from checkov.cloudformation.runner import Runner
from checkov.runner_filter import RunnerFilter

from verdict import Finding, Judged, files_in, report, still_bites


def judge_all(paths: list[str]) -> list[Judged]:
    """All of checkov's complaints about these files, and the files that it could not read."""
    wanted = RunnerFilter(framework=["cloudformation"], show_progress_bar=False)
    outcome = Runner().run(root_folder=None, files=[str(Path(p).absolute()) for p in paths], runner_filter=wanted)
    judged = {str(Path(p).absolute()): Judged(p, {}) for p in paths}
    for record in [*outcome.passed_checks, *outcome.failed_checks]:
        type_, _, resource = record.resource.rpartition(".")
        judged[record.file_abs_path].resources[resource] = type_
    for record in outcome.failed_checks:
        type_, _, resource = record.resource.rpartition(".")
        one = judged[record.file_abs_path]
        one.findings.append(Finding(one.file, resource, type_, record.check_id, record.check_name))
    # A comment or Metadata that silences checkov would be an exception outside of exceptions.yaml.
    for record in outcome.skipped_checks:
        one = judged[record.file_abs_path]
        one.findings.append(Finding(one.file, record.resource, "", record.check_id, "skipped by the template itself"))
    for path in outcome.parsing_errors:
        one = judged[str(Path(path).absolute())]
        one.findings.append(Finding(one.file, "", "", "UNREADABLE", "checkov cannot parse this file"))
    return list(judged.values())


def main() -> int:
    logging.disable(logging.WARNING)
    arguments = sys.argv[1:]
    if "--self-test" in arguments:
        with tempfile.TemporaryDirectory() as folder:
            return still_bites("checkov", lambda path: judge_all([path])[0], Path(folder))
    return report("checkov", judge_all(files_in(arguments)))


if __name__ == "__main__":
    sys.exit(main())
