"""`make audit`: asks OSV, the open database of vulnerabilities, about every pinned package.

Needs the network, for the index of packages and for the database: without it, it ends with 2 and
says so, and nothing was found out. 0 means that nothing is known; 1 that something is, which it
names. `AUDIT_SERVICE` is the address of another service that speaks like OSV.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PIN = re.compile(r"([A-Za-z0-9][\w.\-]*(?:\[[\w,\-]+\])?==[^\s;\\]+)\s*(?:;\s*([^\\]*))?")


def pins() -> list[str]:
    """Every pinned package of both files, with the platforms that it is for."""
    found = set()
    for path in sorted(HERE.glob("*.txt")):
        for line in path.read_text().splitlines():
            if pin := PIN.match(line):
                found.add(" ; ".join(part.strip() for part in pin.groups() if part))
    return sorted(found)


def audit(uv: list[str], service: str = "") -> int:
    """Lets uv ask about a project of just these; its exit status, or 2 without an answer."""
    with tempfile.TemporaryDirectory() as folder:
        project = {"name": "audited", "version": "0", "requires-python": ">=3.11"}
        lines = [f"{name} = {json.dumps(value)}" for name, value in project.items()]
        lines.append(f"dependencies = {json.dumps(pins())}")
        Path(folder, "pyproject.toml").write_text("[project]\n" + "\n".join(lines) + "\n")
        command = [*uv, "audit", "--preview-features", "audit-command", "--no-progress"]
        command += ["--service-url", service] if service else []
        done = subprocess.run(command, cwd=folder, check=False)
    if done.returncode not in (0, 1):
        print(
            "make audit: could not ask, so nothing was found out; it needs the network", flush=True
        )
        return 2
    print(f"make audit: asked about {len(pins())} packages", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(
        audit([str(Path(sys.executable).with_name("uv"))], os.environ.get("AUDIT_SERVICE", ""))
    )
