"""The checks of `make check`: style, types, floor plan, templates, migrations, deployment settings."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
DEPLOYED = {
    "FYNIX_PUBLIC_URL": "https://fynix.example",
    "FYNIX_HOSTS": "fynix.example",
    "FYNIX_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-",
}


@dataclass(frozen=True)
class Check:
    """One command that must end well."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, data: str) -> str:
        """What it complained about; empty when it is content."""
        environment = {**os.environ, "FYNIX_DATA": data, "FYNIX_LOG_LEVEL": "WARNING", **self.environment}
        done = subprocess.run(self.argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"exit status {done.returncode}"


def tool(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(BIN / name), *arguments)


def manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "manage.py", *arguments)


CHECKS = (
    Check("style", tool("ruff", "check", "--quiet", ".")),
    Check("format", tool("ruff", "format", "--check", "--quiet", ".")),
    Check("types", tool("mypy", "--no-error-summary", ".")),
    Check("floor plan", tool("lint-imports", "--no-cache")),
    Check("templates", tool("djlint", "templates", "--lint", "--quiet")),
    Check("migrations", manage("makemigrations", "--check", "--dry-run")),
    Check("system", manage("check", "--fail-level", "WARNING")),
    Check("deployment", manage("check", "--deploy", "--fail-level", "WARNING"), DEPLOYED),
)


def main() -> int:
    """Run all, say one line each, and print what failed."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fynix-check-") as data:
        for check in CHECKS:
            complaint = check.run(data)
            print(f"{'FAILED' if complaint else 'ok':7}{check.name}", flush=True)
            if complaint:
                failed += 1
                print(complaint, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
