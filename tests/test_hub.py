"""Bundles of the hub, over a small fake of its client."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import run

hub_library = pytest.importorskip("huggingface_hub", reason="needs the extra hub")

from scamdetect import hub  # noqa: E402
from scamdetect.bundle.bundle import Bundle  # noqa: E402
from scamdetect.errors import BundleError, EndpointError, InputError, OutputError  # noqa: E402

COMMIT = "c0ffee" + "0" * 34
REPO = "owner/name"


class FakeHub:
    """The hub as one folder of files, or as an error that each call raises."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.error, self.private = folder, None, False
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        method = getattr(FakeHub, f"_{name}", None)
        if method is None:
            raise AttributeError(name)

        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            self.calls.append(name)
            if self.error is not None:
                raise self.error
            return method(self, *arguments, **options)

        return call

    def _model_info(self, repo_id: str, revision: str | None = None) -> SimpleNamespace:
        return SimpleNamespace(sha=COMMIT, private=self.private)

    def _snapshot_download(
        self, repo_id: str, *, revision: str, allow_patterns: list[str], local_dir: Path
    ) -> None:
        assert revision == COMMIT
        (local_dir / ".cache").mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if any(fnmatch(path.name, pattern) for pattern in allow_patterns):
                shutil.copy(path, local_dir / path.name)

    def _create_repo(self, repo_id: str, private: bool | None, exist_ok: bool) -> None:
        assert exist_ok

    def _upload_folder(
        self, *, folder_path: Path, allow_patterns: list[str], **options: object
    ) -> SimpleNamespace:
        names = [path.name for path in folder_path.iterdir()]
        self.uploaded = {n for n in names if any(fnmatch(n, p) for p in allow_patterns)}
        return SimpleNamespace(oid=COMMIT)


@pytest.fixture
def fake(tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    folder = shutil.copytree(tiny_bundle, tmp_path / "remote")
    (folder / ".gitattributes").write_text("*.onnx lfs", encoding="utf-8")
    fake = FakeHub(folder)
    monkeypatch.setattr(hub_library, "HfApi", lambda **options: fake)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fake


def test_a_downloaded_bundle_is_whole_without_links_and_kept(
    fake: FakeHub, tiny_bundle: Path
) -> None:
    folder = hub.download(REPO)
    assert {path.name for path in folder.iterdir()} == {p.name for p in tiny_bundle.iterdir()}
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert Bundle.load(folder).model_id == Bundle.load(tiny_bundle).model_id
    before = list(fake.calls)
    assert hub.download(REPO) == folder and fake.calls == before
    assert hub.download(REPO, "v1") != folder


def test_a_damaged_download_leaves_nothing(fake: FakeHub, tmp_path: Path) -> None:
    (fake.folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(BundleError, match="model.onnx"):
        hub.download(REPO)
    (fake.folder / "manifest.json").write_text("[]", encoding="utf-8")
    with pytest.raises(BundleError, match="manifest.json"):
        hub.download(REPO)
    assert not any(path.is_file() for path in (tmp_path / "cache").rglob("*"))


@pytest.mark.parametrize("name", ["name", "a/b/c", "../b", "a/..", "/a/b", "a/b?x"])
def test_a_name_that_is_no_repository_is_refused(fake: FakeHub, name: str) -> None:
    with pytest.raises(InputError, match="OWNER/NAME"):
        hub.download(name)
    assert fake.calls == []


def test_a_revision_cannot_leave_the_cache(fake: FakeHub) -> None:
    with pytest.raises(InputError):
        hub.download(REPO, "../../x")


def not_found() -> Exception:
    from huggingface_hub.errors import RepositoryNotFoundError as error

    return error.__new__(error)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (not_found(), InputError),
        (OSError("https://user:password@host"), EndpointError),
        (ValueError("https://user:password@host"), InputError),
        (OSError(28, "No space left on device"), OutputError),
    ],
)
def test_errors_of_the_client_are_replaced(
    fake: FakeHub, tmp_path: Path, error: Exception, kind: type[Exception]
) -> None:
    fake.error = error  # type: ignore[assignment]
    for call in (lambda: hub.download(REPO), lambda: hub.pull(REPO, None, tmp_path / "b")):
        with pytest.raises(kind) as raised:
            call()
        assert "password" not in str(raised.value) and REPO in str(raised.value)
        assert raised.value.__cause__ is None


def test_the_command_pulls_and_pushes(fake: FakeHub, tmp_path: Path, tiny_bundle: Path) -> None:
    pull = ("model", "pull", REPO, "--revision", "v1", "-o", "bundle")
    done = run(*pull, cwd=tmp_path)
    assert done.exit_code == 0 and COMMIT in done.stdout
    assert run(*pull, cwd=tmp_path).exit_code == 2  # exists
    assert run(*pull, "--overwrite", cwd=tmp_path).exit_code == 0
    done = run("model", "push", "bundle", REPO, cwd=tmp_path)
    assert done.exit_code == 0 and COMMIT in done.stdout
    assert fake.uploaded == {p.name for p in tiny_bundle.iterdir()}


def test_nothing_private_is_pushed_into_a_public_repository(
    fake: FakeHub, tiny_bundle: Path
) -> None:
    with pytest.raises(InputError, match="is public"):
        hub.push(tiny_bundle, REPO, private=True)
    fake.private = True
    assert hub.push(tiny_bundle, REPO, private=True) == COMMIT


def test_a_damaged_bundle_is_not_pushed(fake: FakeHub, tmp_path: Path, tiny_bundle: Path) -> None:
    broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(BundleError):
        hub.push(broken, REPO)
    assert fake.calls == []
