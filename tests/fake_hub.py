"""A hub on this machine, speaking what huggingface_hub asks for: repositories, commits, files.

It keeps commits as whole trees in memory. Small files come in the commit itself, files from
``lfs_from`` bytes on through the LFS batch API, as on the real hub; xet is left out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_invented_token_of_the_tests"
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Repo:
    """A repository: commits by id, branches and tags by name."""

    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        """Add a commit on main and return its id."""
        names = "".join(f"{name}{hashlib.sha1(files[name]).hexdigest()}" for name in sorted(files))
        sha = hashlib.sha1(f"{len(self.commits)}{names}".encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.branches["main"] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a branch, tag or commit is."""
        found = self.branches.get(revision) or self.tags.get(revision) or revision
        return found if found in self.commits else None


@dataclass
class FakeHub:
    """What the hub holds, what it was asked, and how it misbehaves."""

    url: str = ""
    lfs_from: int = 1 << 30
    repos: dict[str, Repo] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)  # LFS, by sha256
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    down: int | None = None  # answer everything with this status
    said: str = "the hub has a bad day"  # and this message
    no_tree: bool = False  # answer no listing of a commit
    cut: str | None = None  # send half of this file
    swap: str | None = None  # send other bytes of the same length for this file

    def paths(self) -> list[str]:
        """Return "METHOD path" of every request."""
        return [f"{method} {path}" for method, path, _ in self.seen]

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Return status, headers and body for a request."""
        self.seen.append((method, path, headers))
        if self.down is not None:
            return _error(self.down, "", self.said)
        signed_in = headers.get("authorization") == f"Bearer {TOKEN}"
        if headers.get("authorization") and not signed_in:
            return _error(401, "", "Invalid credentials in Authorization header")
        for pattern, name in _ROUTES:
            if found := re.fullmatch(pattern, f"{method} {unquote(path)}"):
                asked = _Asked(found.groupdict(), headers, body, signed_in)
                answer: Answer = getattr(self, name)(asked)
                return answer
        return _error(404, "", f"no {method} {path}")

    def _create(self, asked: _Asked) -> Answer:
        if not asked.signed_in:
            return _error(401, "", "Unauthorized")
        wanted = asked.json()
        repo_id = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        if repo_id in self.repos:
            return _json({"url": f"{self.url}/{repo_id}", "error": "exists"}, 409)
        self.repos[repo_id] = Repo(private=wanted.get("visibility") == "private")
        self.repos[repo_id].commit({".gitattributes": b"*.onnx filter=lfs\n"})
        return _json({"url": f"{self.url}/{repo_id}"})

    def _validate(self, asked: _Asked) -> Answer:
        if asked.json()["content"].startswith("---\nbad"):
            return _json({"errors": [{"message": "bad metadata"}]}, 400)
        return _json({"warnings": [], "errors": []})

    def _info(self, asked: _Asked) -> Answer:
        repo = self._repo(asked)
        if repo is None:
            return _missing_repo(asked)
        sha = repo.resolve(asked.match.get("revision") or "main")
        if sha is None:
            return _error(404, "RevisionNotFound", "no such revision")
        files = [
            {"rfilename": name, "size": len(data), "blobId": _git_hash(data)}
            for name, data in repo.commits[sha].items()
        ]
        return _json(
            {"id": asked.match["repo"], "sha": sha, "private": repo.private, "siblings": files}
        )

    def _tree(self, asked: _Asked) -> Answer:
        repo = self._repo(asked)
        if repo is None:
            return _missing_repo(asked)
        if self.no_tree:
            return _error(503, "", self.said)
        tree = repo.commits[asked.match["revision"]]
        return _json(
            [
                {"type": "file", "path": name, "size": len(data), "oid": _git_hash(data)}
                for name, data in tree.items()
            ]
        )

    def _refs(self, asked: _Asked) -> Answer:
        repo = self._repo(asked)
        if repo is None:
            return _missing_repo(asked)

        def refs(names: dict[str, str], kind: str) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha}
                for name, sha in names.items()
            ]

        branches, tags = refs(repo.branches, "heads"), refs(repo.tags, "tags")
        return _json({"branches": branches, "tags": tags, "converts": []})

    def _preupload(self, asked: _Asked) -> Answer:
        repo = self._writable(asked)
        if repo is None:
            return _error(403, "", "you may not write here")
        tree = repo.commits[repo.branches["main"]]
        answers = []
        for one in asked.json()["files"]:
            large, old = one["size"] >= self.lfs_from, tree.get(one["path"])
            oid = old and (hashlib.sha256(old).hexdigest() if large else _git_hash(old))
            mode = "lfs" if large else "regular"
            answers.append(
                {"path": one["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}
            )
        return _json({"files": answers})

    def _batch(self, asked: _Asked) -> Answer:
        if self._writable(asked) is None:
            return _error(403, "", "you may not write here")
        objects: list[dict[str, Any]] = []
        for one in asked.json()["objects"]:
            if one["oid"] not in self.objects:
                here = f"{self.url}/lfs/{one['oid']}"
                upload = {"upload": {"href": here}, "verify": {"href": f"{here}/verify"}}
                one = one | {"actions": upload}
            objects.append(one)
        return _json({"transfer": "basic", "objects": objects})

    def _put_object(self, asked: _Asked) -> Answer:
        if hashlib.sha256(asked.body).hexdigest() != asked.match["oid"]:
            return _error(400, "", "the content is not that of its name")
        self.objects[asked.match["oid"]] = asked.body
        return _json({})

    def _verify_object(self, asked: _Asked) -> Answer:
        known = asked.match["oid"] in self.objects
        return _json({}) if known else _error(404, "", "no such object")

    def _commit(self, asked: _Asked) -> Answer:
        repo = self._writable(asked)
        if repo is None:
            return _error(403, "", "you may not write here")
        tree = dict(repo.commits[repo.branches["main"]])
        for line in asked.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "file":
                    tree[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    tree[value["path"]] = self.objects[value["oid"]]
                case "deletedFile":
                    del tree[value["path"]]
        sha = repo.commit(tree)
        return _json(
            {"commitUrl": f"{self.url}/{asked.match['repo']}/commit/{sha}", "commitOid": sha}
        )

    def _tag(self, asked: _Asked) -> Answer:
        repo, name = self._writable(asked), asked.json()["tag"]
        if repo is None:
            return _error(403, "", "you may not write here")
        if name in repo.tags:
            return _error(409, "", "the tag exists")
        repo.tags[name] = repo.resolve(asked.match["revision"]) or ""
        return _json({})

    def _file(self, asked: _Asked) -> Answer:
        repo, name = self._repo(asked), asked.match["file"]
        if repo is None:
            return _missing_repo(asked)
        sha = repo.resolve(asked.match["revision"])
        if sha is None:
            return _error(404, "RevisionNotFound", "no such revision")
        if name not in repo.commits[sha]:
            return _error(404, "EntryNotFound", "no such file")
        data = repo.commits[sha][name]
        headers = {"X-Repo-Commit": sha, "ETag": f'"{_git_hash(data)}"'}
        if len(data) >= self.lfs_from:
            oid = hashlib.sha256(data).hexdigest()
            linked = {"X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{oid}"'}
            # Of another host, as the hub's store is: the client must not show it the token.
            cdn = self.url.replace("127.0.0.1", "localhost")
            return 302, headers | linked | {"Location": f"{cdn}/cdn/{oid}"}, b""
        return 200, headers, self._spoilt(name, data, asked.match["method"])

    def _cdn(self, asked: _Asked) -> Answer:
        data = self.objects[asked.match["oid"]]
        names = {name for repo in self.repos.values() for tree in repo.commits.values()
                 for name, stored in tree.items() if stored == data}  # fmt: skip
        return 200, {}, self._spoilt(min(names), data, asked.match["method"])

    def _spoilt(self, name: str, data: bytes, method: str) -> bytes:
        if method == "GET" and name == self.cut:
            return data[: len(data) // 2]
        if method == "GET" and name == self.swap:
            return bytes([data[0] ^ 1]) + data[1:]
        return data

    def _repo(self, asked: _Asked) -> Repo | None:
        repo = self.repos.get(asked.match["repo"])
        return None if repo is None or (repo.private and not asked.signed_in) else repo

    def _writable(self, asked: _Asked) -> Repo | None:
        mine = asked.match["repo"].startswith("me/")
        return self._repo(asked) if asked.signed_in and mine else None


@dataclass(frozen=True)
class _Asked:
    match: dict[str, str]
    headers: dict[str, str]
    body: bytes
    signed_in: bool

    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.body)


_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
_ROUTES = (
    (r"POST /api/repos/create", "_create"),
    (r"POST /api/validate-yaml", "_validate"),
    (rf"GET /api/models/{_REPO}/refs", "_refs"),
    (rf"GET /api/models/{_REPO}/tree/(?P<revision>[^/]+)", "_tree"),
    (rf"GET /api/models/{_REPO}(/revision/(?P<revision>.+))?", "_info"),
    (rf"POST /api/models/{_REPO}/preupload/main", "_preupload"),
    (rf"POST /api/models/{_REPO}/commit/main", "_commit"),
    (rf"POST /api/models/{_REPO}/tag/(?P<revision>.+)", "_tag"),
    (rf"POST /{_REPO}\.git/info/lfs/objects/batch", "_batch"),
    (r"PUT /lfs/(?P<oid>\w+)", "_put_object"),
    (r"POST /lfs/(?P<oid>\w+)/verify", "_verify_object"),
    (r"(?P<method>GET|HEAD) /cdn/(?P<oid>\w+)", "_cdn"),
    (rf"(?P<method>GET|HEAD) /{_REPO}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", "_file"),
)


def _json(value: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _error(status: int, code: str, said: str) -> Answer:
    headers = {"X-Error-Code": code} if code else {}
    body = json.dumps({"error": said}).encode()
    said = "".join(c for c in said if " " <= c <= "~")  # no header holds others
    return status, headers | {"X-Error-Message": said, "Content-Type": "application/json"}, body


def _missing_repo(asked: _Asked) -> Answer:
    # The hub tells strangers nothing of what is private.
    return _error(404 if asked.signed_in else 401, "RepoNotFound", "Repository not found")


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@contextmanager
def fake_hub(**options: Any) -> Iterator[FakeHub]:  # noqa: ANN401
    """Run a hub and give it; ``url`` is what HF_ENDPOINT has to be."""
    hub = FakeHub(**options)

    class Handler(_Handler):
        pass

    Handler.hub = hub
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        hub.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    hub: FakeHub

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urlsplit(self.path).path
        status, answered, content = self.hub.answer(self.command, path, headers, body)
        with suppress(OSError):
            self.send_response(status)
            for name, value in answered.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
