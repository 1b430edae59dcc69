"""URLs with passwords, keys and signatures in every place: none is printed or written to a file.

All lead to a port of this machine at which nothing listens, or to a server of the harness.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from benchmarks.hostile_scene import CLOSED, QuietHandler, Ran, Scene, faults, listening

_CHAINS = ("", "", "simplecache::", "filecache::", "blockcache::", "SimpleCache::", "zip://a.csv::")
_WEB = ("http", "https", "HTTPS", "HtTp")
_STORES = ("s3", "S3", "s3a", "gs", "abfs", "az", "ftp", "sftp", "smb", "webhdfs", "odd")
_CSV = b"id,text\n1,hello lunch\n2,guaranteed profit\n3\n"


def secret_of(rnd: random.Random) -> str:
    """Return letters that are found nowhere by chance."""
    return "".join(rnd.choices(string.ascii_letters + string.digits, k=14))


def secret_url(rnd: random.Random, host: str, path: str) -> tuple[str, tuple[str, ...]]:
    """Return a URL and the parts of it that must not be shown."""
    one, two = secret_of(rnd), secret_of(rnd)
    web = rnd.random() < 0.5
    scheme = rnd.choice(_WEB if web else _STORES)
    user = rnd.choice(
        (
            f"u:{one}@", f"{one}@", f":{one}@", f"{two}:{one}@", f"u:p@{one}@", f"u:{one}/{two}@",
            f"u:{one}+/{two}==@", f"u%3A{one}@", f"u:{one}%2F{two}@", f"u:{one}%40{two}@",
            f"ghp_{one}@", f"u:{one} {two}@", f"u:{one}?{two}@", f"u:{one}#{two}@", f"u:[{one}]@",
            f"u:{one}\\{two}@", f"u:é{one}@", f"u:{one}\n{two}@",
        )
    )  # fmt: skip
    # Elsewhere what is behind a question mark may be a name with the sign of a glob.
    bare = f"?{one}" if web else f"?sig={one}"
    query = rnd.choice(
        (
            bare,
            f"?sig={one}", f"?X-Amz-Signature={one}&X-Amz-Credential={two}", f"?a=1&token={one}#b",
            f"?sig={one}%2F{two}", f"?sig={quote(one + '+/=')}", f"?a?sig={one}",
        )
    )  # fmt: skip
    with_user = rnd.random() < 0.6
    chain = rnd.choice(_CHAINS)
    url = f"{chain}{scheme}://{user if with_user else ''}{host}/{path}"
    return (url if with_user and rnd.random() < 0.7 else url + query), (one, two)


def _judged(
    scene: Scene, ran: Ran, secrets: Collection[str], codes: Collection[int] = (2, 3, 4)
) -> Iterator[str]:
    yield from faults(ran, codes, secrets)
    for path in scene.folder.rglob("*"):
        if any(one in path.name for one in secrets):
            yield "a secret in the name of a file"
        if path.is_file() and any(one.encode() in path.read_bytes() for one in secrets):
            yield f"a secret in a file ({path.suffix or path.name})"


def source(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Name a dump, a folder or a glob behind a URL that cannot be reached."""
    path = rnd.choice(("x.csv", "x.csv", "x.parquet", "x.json", "a/*.csv", "a/", "x", "x.csv.gz"))
    url, secrets = secret_url(rnd, CLOSED, path)
    options = rnd.choice(((), ("--log-json",), ("--resume",), ("--format", "csv")))
    target = rnd.choice((("-o", str(scene.folder / "out.csv")), ()))
    yield from _judged(scene, scene.model_cli("score", url, *target, *options), secrets)


def destination(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Name a destination behind a URL; what a job leaves for it is looked at too."""
    dump = scene.write("in.csv", _CSV)
    url, secrets = secret_url(rnd, CLOSED, rnd.choice(("out.csv", "out.parquet", "a/b/out.jsonl")))
    options = rnd.choice(((), ("--log-json",), ("--max-rejects", "0"), ("--resume",)))
    ran = scene.model_cli("score", dump, "-o", url, *options)
    yield from _judged(scene, ran, secrets, codes=(0, 2, 3, 4))


def other_commands(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Give URLs to commands that take files of this machine, and to options."""
    url, secrets = secret_url(rnd, CLOSED, rnd.choice(("x.csv", "x.parquet", "x")))
    dump = scene.write("in.csv", _CSV)
    commands = (
        ("report", url), ("queue", url, "-o", str(scene.folder / "q.csv")), ("labels", url),
        ("drift", url, str(dump)), ("predict", "a", "--model", url), ("doctor", "--model", url),
        ("explain", "a", "--html", url), ("score", str(dump), "--allow-list", url),
        ("score", str(dump), "--work-folder", url), ("card", url), ("calibrate", url, url),
        ("hub", "push", url, "a/b"), ("hub", "pull", url, "--revision", "v1", "--out", "x"),
        ("report", str(dump), "-o", url), ("score", str(dump), "--text-column", "text", "-o", url),
        ("score", url, "--engine", "ray", "-o", url), ("evaluate", url),
    )  # fmt: skip
    ran = scene.cli(*rnd.choice(commands))
    # A name that no file has may stand in an error as it was given, but it is a URL.
    yield from _judged(scene, ran, secrets, codes=(0, 1, 2, 3, 4))


def hub(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Set ``HF_ENDPOINT`` with a password or a key, and a token, on ``hub pull``."""
    one, two = secret_of(rnd), secret_of(rnd)
    endpoint = rnd.choice(
        (
            f"http://u:{one}@{CLOSED}", f"http://{CLOSED}?key={one}", f"http://{one}@{CLOSED}/a",
            f"http://u:p@{one}@{CLOSED}", f"HTTP://u:{one}@{CLOSED}/", f"u:{one}@{CLOSED}",
            f"http://u:{one}/{two}@{CLOSED}", f"http://{CLOSED}/a?sig={one}&b={two}", f"://{one}@",
            f"http://u:{one}@[::1", f"ftp://u:{one}@{CLOSED}", f"http://u:{one}@{CLOSED}:{two}",
            f"http://u:{one}@{CLOSED}#{two}",
        )
    )  # fmt: skip
    revision = rnd.choice(("v1", "a" * 40))
    pull = ("hub", "pull", "me/bundle", "--revision", revision, "--out", scene.folder / "b")
    named = {"HF_ENDPOINT": endpoint, "HF_TOKEN": f"hf_{two}"}
    # The client's library reads the endpoint when it is imported, so now and then in a new process.
    run = scene.process if rnd.random() < 0.3 else scene.cli
    yield from _judged(scene, run(*pull, **named), (one, two))


def served(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score what a server gives, or refuses, at a URL with a password or a signature."""
    one, two = secret_of(rnd), secret_of(rnd)
    status = rnd.choice((200, 200, 200, 401, 403, 404, 500, 302))
    with _server(status, {"Location": f"http://u:{one}@{CLOSED}/?sig={two}"}) as host:
        url = rnd.choice(
            (
                f"http://{host}/x.csv?sig={one}&b={two}", f"http://u:{one}@{host}/x.csv",
                f"HTTP://{host}/x.csv?sig={one}", f"simplecache::http://{host}/x.csv?sig={one}",
                f"http://{host}/x.csv?{one}#{two}",
            )
        )  # fmt: skip
        options = rnd.choice(((), ("--log-json",), ("--max-rejects", "0")))
        target = scene.folder / rnd.choice(("out.csv", "out.parquet"))
        ran = scene.model_cli("score", url, "-o", target, *options)
    yield from _judged(scene, ran, (one, two), codes=(0, 2, 3, 4))


@contextmanager
def _server(status: int, headers: dict[str, str]) -> Iterator[str]:
    """Serve the dump at every address, in parts too, and give the host."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802
            body, answered = _CSV, status
            part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if part and status == 200:
                start, end = int(part[1]), int(part[2]) + 1
                body, answered = _CSV[start:end], 206
            self.send_response(answered)
            self.send_header("Accept-Ranges", "bytes")
            if answered == 206:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(_CSV)}")
            if status == 302:
                self.send_header("Location", headers["Location"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

    with listening(Handler) as host:
        yield host


CASES = (source, destination, other_commands, hub, served)
