"""Make the secrets that compose.yaml hands to its services, once: `python3 deploy/make_secrets.py [FOLDER]`.

Compose mounts each file as it is, owner and mode included, and the services run as users of their own. So the files
are readable, and the folder, which no container sees, is yours alone.
"""

import json
import secrets
import sys
from pathlib import Path


def texts() -> dict[str, str]:
    """Name and content of every secret; one password stands in two of them where two services must agree."""
    database, redis, access, key = (secrets.token_urlsafe(32) for _ in range(4))
    identity = {
        "name": "fynix",
        "credentials": [{"accessKey": access, "secretKey": key}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    return {
        "secret_key": secrets.token_urlsafe(64),
        "database_password": database,
        "database_url": f"postgres://fynix:{database}@postgres:5432/fynix",
        "redis_password": redis,
        "redis_url": f"redis://:{redis}@redis:6379",
        "s3_access_key": access,
        "s3_secret_key": key,
        "s3.json": json.dumps({"identities": [identity]}),
    }


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "secrets")
    if folder.exists():
        sys.stderr.write(f"{folder} is there already. New secrets would lock you out of what the old ones opened.\n")
        return 1
    folder.mkdir(mode=0o700, parents=True)
    for name, text in texts().items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
        (folder / name).chmod(0o444)
    sys.stdout.write(f"{folder}: {len(texts())} secrets. Keep a copy apart from your backups.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
