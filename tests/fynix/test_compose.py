"""The services of compose.yaml, each by its own command: Ada goes the whole way through TLS, and everything is told."""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from websockets.sync.client import connect

from fynix import env
from fynix.management.commands.pilot import WORKERS
from tests.composed import Composed, services
from tests.receivers import Collector, Span, collector
from tests.servers import find, free_port

ADA, CLICK = "ada@example.org", "click-of-ada-0001"
TRAINERS = ("trainer", "trainer-2")
OURS = {"prepare", "web", "trainer", "reader", "packer", "schedule"}
service = pytest.mark.service


def test_every_service_is_confined_watched_and_pinned() -> None:
    for name, facts in services().items():
        assert facts["cap_drop"] == ["ALL"], name
        assert facts["security_opt"] == ["no-new-privileges:true"], name
        assert facts["user"] not in {"root", "0", "0:0"}, name
        assert facts["read_only"] or name == "s3", name
        assert "healthcheck" in facts or name == "prepare", name
        assert re.search(r":\d[\w.-]*$", facts["image"]), name
        assert "ports" not in facts or name == "proxy", name


def test_the_image_is_built_apart_and_runs_as_nobody_of_importance() -> None:
    stages = (env.ROOT / "Dockerfile").read_text().split("\nFROM ")[1:]
    for stage in stages:
        assert re.match(r"(python:\d[\w.-]+|caddy:\d[\w.-]+) AS \w+", stage)
    product, proxy = stages[1], stages[2]
    for stage in (product, proxy):
        assert stage.count("USER 10001:10001") == 1
    assert "build-essential" not in product
    assert "pip uninstall -y pip" in product


def test_every_queue_has_a_worker_and_every_worker_a_queue() -> None:
    commands = [facts["command"] for facts in services().values() if "rundramatiq" in facts.get("command", ())]
    listened = [word for command in commands for word in command[command.index("--queues") + 1 :]]
    queues = [word for word in listened[: len(listened)] if re.fullmatch(r"[a-z]+", word)]
    assert sorted(queues) == sorted(queue for names, _ in WORKERS.values() for queue in names)


def test_secrets_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder).returncode == 0
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert make_secrets(folder).returncode == 1
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    assert folder.stat().st_mode & 0o077 == 0


def test_the_image_has_what_a_cluster_needs_in_the_trainers_versions() -> None:
    build = (env.ROOT / "Dockerfile").read_text().split("\nFROM ")[1]
    lists = re.findall(r"-r (requirements[\w-]*\.txt)", build)
    assert lists == ["requirements-traces.txt", "requirements-cluster.txt"]
    one, other = (dict(re.findall(r"(?m)^([\w-]+)==([^\s;]+)", (env.ROOT / name).read_text())) for name in lists)
    assert {name for name in one.keys() & other.keys() if one[name] != other[name]} == set()
    profile = {name for name, facts in services().items() if facts.get("profiles") == ["cluster"]}
    assert profile == {"dask", "daskworker"}
    assert {services()[name]["image"] for name in ("trainer", "dask", "daskworker")} == {"fynix-flux-pilot:0.1.0"}


def make_secrets(folder: Path) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, str(env.ROOT / "deploy" / "make_secrets.py"), str(folder)]
    return subprocess.run(argv, capture_output=True, check=False)


@pytest.fixture
def traced() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.fixture
def composed(tmp_path: Path, traced: Collector) -> Iterator[Composed]:
    """All services but the database and the bucket's server by compose.yaml; those two are here under other names."""
    for name in ("bin", "data", "tmp", "certificates", "s3"):
        (tmp_path / name).mkdir()
    for name, program in (("valkey-server", find("redis-server")), ("valkey-cli", shutil.which("redis-cli"))):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name) or program))
    ports = {port: str(free_port()) for port in ("6379", "8000", "8333", "8080", "8081", "8443")}
    places = {
        "/run/secrets": str(tmp_path / "secrets"), "/etc/caddy/Caddyfile": str(tmp_path / "Caddyfile"),
        "/tmp/password": f"{tmp_path}/tmp/password", "/data": str(tmp_path / "data"),
        "//s3:8333": f"//127.0.0.1:{ports['8333']}", "web:8000": f"127.0.0.1:{ports['8000']}",
        "@redis:6379": f"@127.0.0.1:{ports['6379']}", **ports,
    }  # fmt: skip
    variables = {"FYNIX_DOMAIN": "localhost", "OTEL_EXPORTER_OTLP_ENDPOINT": traced.address}
    stack = Composed(tmp_path, variables, places)
    place_files(stack, tmp_path)
    with database(), bucket_server(stack):
        try:
            yield stack
        finally:
            stack.kill()


def place_files(stack: Composed, folder: Path) -> None:
    """Secrets and the proxy's file, with this machine's places."""
    make_secrets(folder / "secrets")
    urls = {"database_url": at_database("fynix_composed")}
    urls["redis_url"] = stack.text((folder / "secrets" / "redis_url").read_text())
    for name, url in urls.items():
        (folder / "secrets" / name).chmod(0o600)
        (folder / "secrets" / name).write_text(url)
    (folder / "Caddyfile").write_text(stack.text((env.ROOT / "deploy" / "Caddyfile").read_text()))


def at_database(name: str) -> str:
    """The address of another database of the lane's server."""
    return re.sub(r"/[^/]*$", f"/{name}", os.environ["DATABASE_URL"])


@contextmanager
def database() -> Iterator[None]:
    with psycopg.connect(at_database("postgres"), autocommit=True) as server:
        server.execute("CREATE DATABASE fynix_composed")
        try:
            yield
        finally:
            server.execute("DROP DATABASE fynix_composed WITH (FORCE)")


@contextmanager
def bucket_server(stack: Composed) -> Iterator[None]:
    """What stands in for the image of `s3`: another S3 server, which checks signatures too."""
    keys = ",".join((stack.folder / "secrets" / f"s3_{kind}_key").read_text().strip() for kind in ("access", "secret"))
    program = str(Path(sys.executable).parent / "rclone")
    argv = [program, "serve", "s3", "--addr", stack.text("127.0.0.1:8333"), "--auth-key", keys, "--config", "/dev/null"]
    with subprocess.Popen([*argv, str(stack.folder / "s3")], stderr=subprocess.DEVNULL) as server:
        yield
        server.terminate()


@service
@pytest.mark.timeout(600)  # ten processes start, train and stop beside another lane
def test_ada_goes_the_whole_way_through_the_services(composed: Composed, traced: Collector, tmp_path: Path) -> None:
    composed.start("redis")
    composed.wait_for("redis")
    assert composed.run("prepare") == composed.run("prepare") == "Everything is prepared.\n"
    everything = ("web", "trainer", "trainer-2", "reader", "packer", "schedule", "proxy")
    for name in everything:
        composed.start(name)
    for name in everything:
        composed.wait_for(name)
    base = composed.text("https://localhost:8443")
    root = composed.folder / "certificates" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    trust = ssl.create_default_context(cafile=str(root))

    plain = httpx.get(composed.text("http://localhost:8080/"))
    assert plain.headers["Location"].startswith("https://localhost")
    sign_up(base, trust)
    walk(composed, base, root, tmp_path)
    share(composed, base, trust)

    assert "BROKEN" not in composed.run("web", "python", "manage.py", "verify")
    assert "files" in composed.run("web", "python", "manage.py", "backup", str(tmp_path / "backup"))
    ends = composed.stop()
    assert set(ends.values()) <= {0, -15}, ends
    assert_told(composed, traced)


def sign_up(base: str, trust: ssl.SSLContext) -> None:
    """Ada, through TLS: her cookies leave it never again."""
    with httpx.Client(base_url=base, verify=trust, follow_redirects=True, timeout=60) as browser:
        page = browser.get("/accounts/signup/")
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, page.text
        wish = {"csrfmiddlewaretoken": token[1], "email": ADA, "password1": "correct horse battery"}
        done = browser.post("/accounts/signup/", data=wish, headers={"Referer": f"{base}/accounts/signup/"})
        assert done.is_success, done.text
        assert {cookie.name for cookie in browser.cookies.jar if cookie.secure} == {
            "__Host-sessionid", "__Host-csrftoken",
        }  # fmt: skip


def walk(composed: Composed, base: str, root: Path, folder: Path) -> None:
    """Upload, profile, train, package, download, predict, promote: docs/walkthrough.sh, trusting the proxy's root."""
    personal = composed.run("web", "python", "manage.py", "token", ADA).strip()
    wishes = {"BASE": base, "PAT": personal, "OUT": str(folder), "CURL_CA_BUNDLE": str(root)}
    walked = subprocess.run(
        ["sh", str(env.ROOT / "docs" / "walkthrough.sh")], cwd=env.ROOT, env={"PATH": os.environ["PATH"], **wishes},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert walked.returncode == 0, walked.stdout + walked.stderr
    assert "344 rows, 7 columns" in walked.stdout
    assert next(folder.glob("*.whl")).stat().st_size > 1000


@contextmanager
def program(composed: Composed, base: str, trust: ssl.SSLContext) -> Iterator[httpx.Client]:
    """Ada's program with a fresh access token."""
    personal = composed.run("web", "python", "manage.py", "token", ADA).strip()
    with httpx.Client(base_url=f"{base}/api/v1", verify=trust, timeout=60) as client:
        access = client.post("/auth/token", headers={"Authorization": f"Bearer {personal}"}).json()["access"]
        client.headers = {"Authorization": f"Bearer {access}"}
        yield client


def share(composed: Composed, base: str, trust: ssl.SSLContext) -> None:
    """The walked run's socket; then three more runs at once: the trainers share them, and train none twice."""
    with program(composed, base, trust) as ada:
        project = ada.get("/projects").json()["data"][0]["slug"]
        [walked] = ada.get(f"/projects/{project}/runs").json()["data"]
        hear(ada, base, trust, walked["run_id"])
        facts = ada.get(f"/runs/{walked['run_id']}").json()
        asked = {
            "dataset_version_id": facts["dataset_version_id"], "target": facts["config"]["target"],
            "task": facts["config"]["task"], "recipe": "quick", "model_name": "shared",
        }  # fmt: skip
        for _ in range(3):
            ada.post(f"/projects/{project}/runs", json=asked).raise_for_status()
    limit = time.monotonic() + 120
    while len(of_event(composed, TRAINERS, "attempt_ended")) < 4:
        assert time.monotonic() < limit, "the trainers do not share the queue"
        time.sleep(0.5)
    took = [[line["job"] for line in of_event(composed, (name,), "attempt_began")] for name in TRAINERS]
    assert all(took), "one trainer had nothing to do"
    trained = list(chain(*took))
    assert len(trained) == len(set(trained)) == 4


def hear(ada: httpx.Client, base: str, trust: ssl.SSLContext, run: str) -> None:
    """The run's socket, through the proxy, from its first event."""
    ticket = ada.post(f"/runs/{run}/ws-ticket", headers={"X-Request-ID": CLICK}).json()["ticket"]
    address = f"{base.replace('https', 'wss')}/ws/v1/runs/{run}/?after_seq=0"
    with connect(address, ssl=trust, subprotocols=["fynix.v1", f"ticket.{ticket}"]) as socket:
        frames = [json.loads(socket.recv(timeout=30))]
        while frames[-1]["type"] != "batch":
            frames.append(json.loads(socket.recv(timeout=30)))
    assert frames[0]["type"] == "subscribed"
    assert frames[-1]["events"][0]["seq"] == 1


def assert_told(composed: Composed, traced: Collector) -> None:
    """One request id of each job and one trace of the first run lead from web to child; all that is logged is JSON."""
    web = told(composed, "web")
    assert CLICK in {line.get("request_id") for line in web}
    for names, kind, jobs in ((TRAINERS, "train", 4), (("reader",), "profile", 1)):
        begun = of_event(composed, names, "attempt_began")
        assert len(begun) == jobs
        for began in begun:
            [worked] = [line for line in of_event(composed, names, "work_began") if line["job"] == began["job"]]
            assert (began["request_id"], began["kind"]) == (worked["request_id"], kind)
            codes = [line["status"] for line in web if (line["event"], line["request_id"]) ==
                     ("answered", began["request_id"])]  # fmt: skip
            assert codes == [202]
            tried, done = (of(traced.named(f"{what} {kind}"), began["job"]) for what in ("attempt", "work"))
            woken = {span.identity for span in traced.named(f"wake {kind}")}  # who waits for long is woken again
            assert done.parent == tried.identity
            assert tried.parent in woken
    [first, *_] = sorted(of_event(composed, TRAINERS, "attempt_began"), key=lambda line: line["ts"])
    [packed] = [
        line for line in of_event(composed, ("packer",), "attempt_began") if line["request_id"] == first["request_id"]
    ]
    trained = of(traced.named("work train"), first["job"])
    assert trained.trace == of(traced.named("work package"), packed["job"]).trace


def of(spans: list[Span], job: str) -> Span:
    """The one span of the job."""
    [found] = [span for span in spans if span.attributes["fynix.job"] == job]
    return found


def of_event(composed: Composed, names: tuple[str, ...], event: str) -> list[Any]:
    """These services' log lines of one event."""
    return [line for name in names for line in told(composed, name) if line["event"] == event]


def told(composed: Composed, name: str) -> list[Any]:
    """The service's log lines; only the launcher of the workers says something that is no JSON."""
    lines = composed.said(name).splitlines()
    assert not [line for line in lines if line and not line.startswith(("{", " * "))], composed.said(name)
    return [json.loads(line) for line in lines if line.startswith("{")]
