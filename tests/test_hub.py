"""Bundles go to a hub and come back the same, or not at all; by the real client and command."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from traceback import format_exception

import pytest
from command_line import command
from fake_hub import TOKEN, FakeHub, Repo, fake_hub
from tiny_bundle import write_tiny_bundle

from scamdetect.bundle.bundle import Bundle
from scamdetect.errors import BundleError, EndpointError, InputError, OutputError

pytest.importorskip("huggingface_hub", reason="needs the extra hub")

from scamdetect.hub import pull, push  # noqa: E402

pytestmark = pytest.mark.network_loopback
REPO = "me/scamdetect-tiny"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with fake_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield running


@pytest.fixture
def stored(hub: FakeHub, tiny_bundle: Path) -> str:
    """Return the commit of the tiny bundle, stored on the hub without a push."""
    hub.repos[REPO] = Repo()
    return hub.repos[REPO].commit({".gitattributes": b"", **_files(tiny_bundle)})


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _run(folder: Path, *arguments: str | Path) -> CompletedProcess[str]:
    done = command(folder, "hub", *arguments)
    assert TOKEN not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize("lfs_from", [1 << 30, 1_000], ids=["regular", "lfs"])
def test_a_bundle_comes_back_as_it_went(
    hub: FakeHub, tiny_bundle: Path, tmp_path: Path, lfs_from: int
) -> None:
    hub.lfs_from = lfs_from
    pushed = _run(tmp_path, "push", tiny_bundle, REPO, "--private", "--tag", "v1")
    assert pushed.returncode == 0, pushed.stderr
    said, again = pushed.stdout.splitlines()
    commit = hub.repos[REPO].branches["main"]
    assert commit in said and hub.repos[REPO].tags == {"v1": commit}
    assert hub.repos[REPO].private
    assert set(hub.repos[REPO].commits[commit]) == {".gitattributes", *_files(tiny_bundle)}
    assert again.split()[:2] == ["scamdetect", "hub"] and f"--revision {commit}" in again
    pulled = _run(tmp_path, *again.split()[2:])
    assert pulled.returncode == 0
    assert pulled.stderr == "next: scamdetect doctor --model scamdetect-tiny\n"
    assert _files(tmp_path / "scamdetect-tiny") == _files(tiny_bundle)
    assert Bundle.load(tiny_bundle).model_id in pulled.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"scamdetect-tiny", "hf"}
    asked = hub.paths()
    assert any("/objects/batch" in path for path in asked) == (lfs_from == 1_000)
    assert not [path for path in asked if "telemetry" in path or "harness" in path]
    assert not [
        path for _, path, headers in hub.seen if "/cdn/" in path and "authorization" in headers
    ]
    agents = {headers["user-agent"] for _, _, headers in hub.seen if "hf_hub" in
              headers["user-agent"]}  # fmt: skip
    assert agents and not [agent for agent in agents if "torch" in agent or "agent/" in agent]


def test_what_is_hidden_or_changed_is_not_pushed(
    hub: FakeHub, tiny_bundle: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    (bundle / ".env").write_text("SECRET=1")
    commit = push(bundle, REPO)
    assert ".env" not in hub.repos[REPO].commits[commit]
    before = len(hub.seen)
    (bundle / "README.md").write_text("# Changed\n")
    with pytest.raises(BundleError, match=r"README\.md"):
        push(bundle, REPO)
    assert len(hub.seen) == before


def test_what_changes_after_it_was_verified_is_not_pushed(
    hub: FakeHub, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    loaded = Bundle.load(folder)
    monkeypatch.setattr("scamdetect.hub.bundles.Bundle.load", lambda _: loaded)
    (folder / "README.md").write_text("# Changed\n")
    with pytest.raises(BundleError, match=r"README\.md: changed since"):
        push(folder, REPO)
    assert not hub.seen


def test_a_second_push_adds_a_commit_and_takes_away_an_unlisted_cascade(
    hub: FakeHub, tiny_bundle: Path, tmp_path: Path
) -> None:
    first = push(write_tiny_bundle(tmp_path / "tiered", proven=True), REPO)
    second = push(tiny_bundle, REPO)
    assert "cascade.arrow" in hub.repos[REPO].commits[first]
    assert "cascade.arrow" not in hub.repos[REPO].commits[second]
    assert push(tiny_bundle, REPO) == second
    assert Bundle.load(pull(REPO, first, tmp_path / "first")).cascade is not None


def test_a_push_that_would_publish_or_move_a_tag_is_refused(
    hub: FakeHub, stored: str, tiny_bundle: Path
) -> None:
    hub.repos[REPO].tags["v1"] = stored
    with pytest.raises(InputError, match="already public"):
        push(tiny_bundle, REPO, private=True)
    with pytest.raises(InputError, match="already has a tag v1"):
        push(tiny_bundle, REPO, tag="v1")
    assert hub.repos[REPO].branches["main"] == stored


def test_a_tag_is_pulled_and_its_commit_named_while_a_branch_is_refused(
    hub: FakeHub, stored: str, tmp_path: Path
) -> None:
    hub.repos[REPO].tags["v1"] = stored
    done = _run(tmp_path, "pull", REPO, "--revision", "v1", "--out", "bundle")
    assert done.returncode == 0 and f"pin this commit use --revision {stored}" in done.stdout
    done = _run(tmp_path, "pull", REPO, "--revision", "main", "--out", "other")
    assert done.returncode == 2 and "main is a branch" in done.stderr
    assert f"--revision {stored}" in done.stderr
    done = _run(tmp_path, "pull", REPO, "--revision", stored[:8], "--out", "other")
    assert done.returncode == 2 and "a commit has 40 hex digits; its tags are: v1" in done.stderr
    assert _run(tmp_path, "pull", REPO, "--out", "other").returncode == 2
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("lfs_from", [1 << 30, 1_000], ids=["regular", "lfs"])
@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"cut": "model.onnx"}, EndpointError, "incomplete"),
        ({"swap": "model.onnx"}, BundleError, r"nothing was saved \(model\.onnx: changed"),
    ],
    ids=["cut", "swapped"],
)
def test_a_download_that_was_cut_or_changed_is_refused(
    hub: FakeHub,
    stored: str,
    tmp_path: Path,
    lfs_from: int,
    fault: dict[str, str],
    error: type[Exception],
    said: str,
) -> None:
    hub.lfs_from = lfs_from
    contents = hub.repos[REPO].commits[stored].values()
    hub.objects = {hashlib.sha256(data).hexdigest(): data for data in contents}
    for name, value in fault.items():
        setattr(hub, name, value)
    with pytest.raises(error, match=said):
        pull(REPO, stored, tmp_path / "bundle")
    assert not [path for path in tmp_path.iterdir() if path.name != "hf"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"README.md": b"# Changed on the hub\n"}, r"README.md has 21 bytes"),
        ({"README.md": None}, r"lacks README\.md"),
        ({"manifest.json": None}, r"contains no manifest.json"),
        ({"manifest.json": b"{}"}, "schema_version"),
    ],
)
def test_a_commit_that_is_no_whole_bundle_is_refused(
    hub: FakeHub, stored: str, tmp_path: Path, change: dict[str, bytes | None], said: str
) -> None:
    files = hub.repos[REPO].commits[stored] | change
    commit = hub.repos[REPO].commit({k: data for k, data in files.items() if data is not None})
    with pytest.raises((BundleError, InputError), match=said):
        pull(REPO, commit, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
    assert "GET /me/scamdetect-tiny/resolve/" + commit + "/model.onnx" not in hub.paths()


def test_a_manifest_that_names_a_place_outside_is_refused_before_it_is_asked_for(
    hub: FakeHub, stored: str, tmp_path: Path
) -> None:
    files = dict(hub.repos[REPO].commits[stored])
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["../outside.json"] = {"sha256": "0" * 64, "bytes": 1}
    files["manifest.json"] = json.dumps(manifest).encode()
    commit = hub.repos[REPO].commit(files)
    with pytest.raises(BundleError, match="outside the folder"):
        pull(REPO, commit, tmp_path / "bundle")
    assert not [path for path in hub.paths() if "outside" in path]


def test_a_hub_that_breaks_off_after_the_manifest_can_be_tried_again(
    hub: FakeHub, stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    hub.no_tree = True
    with pytest.raises(EndpointError, match="incomplete; try again"):
        pull(REPO, stored, tmp_path / "bundle")
    assert not [path for path in tmp_path.iterdir() if path.name != "hf"]


def test_a_folder_is_overwritten_only_where_asked_and_where_it_is_a_bundle(
    hub: FakeHub, stored: str, tmp_path: Path
) -> None:
    out = write_tiny_bundle(tmp_path / "bundle", version="0.0.9")
    with pytest.raises(InputError, match="already exists"):
        pull(REPO, stored, out)
    hub.swap = "model.onnx"
    with pytest.raises(BundleError):
        pull(REPO, stored, out, overwrite=True)
    assert Bundle.load(out).version == "0.0.9"
    hub.swap = None
    assert Bundle.load(pull(REPO, stored, out, overwrite=True)).version == "0.0.1"
    (tmp_path / "home").mkdir()
    with pytest.raises(InputError, match="is not a bundle"):
        pull(REPO, stored, tmp_path / "home", overwrite=True)
    with pytest.raises(InputError, match="folder not found"):
        pull(REPO, stored, tmp_path / "none" / "bundle")
    assert {path.name for path in tmp_path.iterdir()} <= {"bundle", "home", "hf"}


@pytest.mark.parametrize(
    ("token", "revision", "code", "said"),
    [
        (TOKEN, "f" * 40, 2, "revision not found"),
        ("hf_wrong", "f" * 40, 2, "HF_TOKEN"),
        ("", "v1", 2, "repository not found"),
    ],
)
def test_refusals_of_the_hub_name_the_cure(
    hub: FakeHub,
    stored: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    revision: str,
    code: int,
    said: str,
) -> None:
    hub.repos[REPO].private = True
    monkeypatch.setenv("HF_TOKEN", token)
    done = _run(tmp_path, "pull", REPO, "--revision", revision, "--out", "bundle")
    assert done.returncode == code and said in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_pushing_needs_a_right_and_a_name(
    hub: FakeHub, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos["others/theirs"] = Repo()
    hub.repos["others/theirs"].commit({})
    with pytest.raises(InputError, match="denied access .403.*HF_TOKEN"):
        push(tiny_bundle, "others/theirs")
    with pytest.raises(InputError, match="pass OWNER/NAME"):
        push(tiny_bundle, "a/b/c")
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(InputError, match="HF_TOKEN"):
        push(tiny_bundle, REPO)


def test_a_hub_that_is_down_or_gone_can_be_tried_again(
    hub: FakeHub, stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.down = 418
    done = _run(tmp_path, "pull", REPO, "--revision", stored, "--out", "bundle")
    assert done.returncode == 3 and "the hub answered 418" in done.stderr
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    done = _run(tmp_path, "pull", REPO, "--revision", stored, "--out", "bundle")
    assert done.returncode == 3 and "http://127.0.0.1:9: cannot be reached" in done.stderr
    monkeypatch.setenv("HF_ENDPOINT", "http://name:password@127.0.0.1:9")
    done = _run(tmp_path, "pull", REPO, "--revision", stored, "--out", "bundle")
    assert done.returncode == 3 and "127.0.0.1:9: cannot be reached" in done.stderr
    assert "password" not in done.stdout + done.stderr
    monkeypatch.setenv("HF_ENDPOINT", "http://[name:password@127.0.0.1:9")
    done = _run(tmp_path, "pull", REPO, "--revision", stored, "--out", "bundle")
    assert done.returncode == 2 and "HF_ENDPOINT is not a URL" in done.stderr
    assert "password" not in done.stdout + done.stderr
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = _run(tmp_path, "pull", REPO, "--revision", stored, "--out", "bundle")
    assert done.returncode == 2 and "unset HF_HUB_OFFLINE" in done.stderr


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://name:S3KR3T@127.0.0.1:9",
        "http://name:p@S3KR3T@127.0.0.1:9",
        "http://hf_S3KR3T@127.0.0.1:9",
        "HTTP://name:S3KR3T@127.0.0.1:9",
        "http://name:S3K/R3T@127.0.0.1:9",
        "http://name:S3KR3T",
        "http://127.0.0.1:9?key=S3KR3T",
        "name:S3KR3T@127.0.0.1:9",
    ],
)
def test_what_is_secret_in_the_endpoint_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises((EndpointError, InputError), match="HF_ENDPOINT") as caught:
        pull(REPO, "a" * 40, tmp_path / "bundle")
    shown = "".join(format_exception(caught.value))
    assert not [part for part in ("S3K", "R3T") if part in shown]


def test_a_malformed_proxy_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://name:S3K/R3T@127.0.0.1:9")
    done = _run(tmp_path, "pull", REPO, "--revision", "a" * 40, "--out", "bundle")
    assert done.returncode == 2 and "check HTTPS_PROXY" in done.stderr
    assert "S3K" not in done.stderr and done.stderr.count("\n") == 1


def test_what_the_hub_and_its_client_say_is_told_without_secrets(
    hub: FakeHub, stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        logging.getLogger("huggingface_hub").warning("asking http://me:S3KR3T@hub.example/x")
        raise ValueError("no good: https://hub.example/x?X-Amz-Signature=S3KR3T")

    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger("huggingface_hub").addHandler(handler)
    monkeypatch.setattr("huggingface_hub.file_download.http_get", refuse)
    with pytest.raises(InputError, match="no good: https://hub.example/x") as caught:
        pull(REPO, stored, tmp_path / "bundle")
    logging.getLogger("huggingface_hub").removeHandler(handler)
    shown = "".join(format_exception(caught.value)) + written.getvalue()
    assert "asking http://hub.example/x" in shown
    assert "S3KR3T" not in shown


def test_a_full_disk_leaves_nothing(
    hub: FakeHub, stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(OutputError, match="No space left on device"):
        pull(REPO, stored, tmp_path / "bundle")
    assert not [path for path in tmp_path.iterdir() if path.name != "hf"]
