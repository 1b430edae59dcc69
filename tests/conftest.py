"""What all tests share: a tiny bundle, a detector over it, and no network."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hang import ending
from hypothesis import HealthCheck, settings
from tiny_bundle import write_tiny_bundle

from scamdetect import ScamDetector

# Set before torch is loaded: as many processes as cores need no threads of their own.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# A busy machine is no fault: an example may take as long as it needs.
settings.register_profile(
    "patient",
    deadline=None,
    max_examples=100 if "CI" in os.environ else 15,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection; a test marked ``network_loopback`` may reach this machine."""
    loopback = request.node.get_closest_marker("network_loopback") is not None

    def guard(name: str) -> None:
        real = getattr(socket.socket, name)

        def guarded(self: socket.socket, *arguments: Any) -> object:  # noqa: ANN401
            address = arguments[-1]
            here = self.family == socket.AF_UNIX or (loopback and address[0] in _LOOPBACK)
            if not here:
                pytest.fail(f"the test reached for the network: {address!r}")
            return real(self, *arguments)

        monkeypatch.setattr(socket.socket, name, guarded)

    for name in ("connect", "connect_ex", "sendto"):
        guard(name)


@pytest.fixture
def no_hang() -> Iterator[None]:
    """Fail the test where it works without end; see ``hang.ending``."""
    with ending():
        yield


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small, deterministic bundle; copy it before changing it."""
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "scamdetect-tiny")


@pytest.fixture(scope="session")
def detector(tiny_bundle: Path) -> ScamDetector:
    """Return a detector over the tiny bundle with one thread, which scores in every call."""
    return ScamDetector.load(tiny_bundle, threads=1, cache_size=0)


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Any:  # noqa: ANN401
    """Return the Evaluated of the tiny bundle."""
    pytest.importorskip("matplotlib", reason="needs the extra report")
    from evaluated import evaluate

    return evaluate(tiny_bundle, tmp_path_factory.mktemp("evaluated"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a bundle of a network that was trained, and the corpus; copy it before changing it."""
    pytest.importorskip("torch", reason="needs the extra train")
    from tiny_trained import write_trained_bundle

    return write_trained_bundle(tmp_path_factory.mktemp("trained"))
