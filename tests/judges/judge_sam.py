"""`sam validate --lint` over SAM templates, offline and without credentials.

Usage: python judge_sam.py [--self-test] TEMPLATE...

Run by the Python of the environment that holds aws-sam-cli. The same rules as cfn-lint, as SAM's own
release bundles them, after SAM has read the template: what it says is what `sam deploy` users see.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from verdict import Finding, Judged, files_in, report, still_bites

SAM = Path(sys.executable).with_name("sam")


def judge(path: str) -> Judged:
    """SAM's verdict on one template; its text is the message, as it has no other form."""
    with tempfile.TemporaryDirectory() as home:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        environment |= {"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0", "HOME": home}
        done = subprocess.run(
            [SAM, "validate", "--lint", "--template-file", str(Path(path).absolute())],
            cwd=home, env=environment, capture_output=True, text=True, check=False,
        )
    # Resources by their first lines alone: SAM judges the file, and this only shows that it is one.
    lines = Path(path).read_text().splitlines()
    resources = {line.strip(" :"): "" for line in lines if line[:2] == "  " and line[2:3].isalpha()}
    findings = []
    if done.returncode != 0:
        text = " ".join((done.stdout + done.stderr).split())
        findings.append(Finding(path, "", "", "INVALID", text))
    return Judged(path, resources, findings)


def main() -> int:
    arguments = sys.argv[1:]
    if "--self-test" in arguments:
        with tempfile.TemporaryDirectory() as folder:
            return still_bites("sam", judge, Path(folder))
    return report("sam", [judge(path) for path in files_in(arguments)])


if __name__ == "__main__":
    sys.exit(main())
