"""Bundles that were damaged, or forged with a manifest that fits: refused, or the same answers."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto

from benchmarks.hostile_scene import Ran, Scene, faults
from scamdetect import ScamDetector
from scamdetect.bundle.bundle import MANIFEST, MODEL, SETTINGS
from scamdetect.errors import ScamDetectError
from scamdetect.system.files import file_sha256

TEXTS = ("guaranteed profit bitcoin", "hello lunch tomorrow", "利润", "")
_OTHERS = ("config.json", "tokenizer.json", SETTINGS, MODEL, "README.md", MANIFEST)
_GRAPH, _INITIALIZER, _EXTERNAL, _LOCATION = 7, 5, 13, 14  # fields of onnx.proto
_BIAS = b"bias"
# Numbers that mean the same once a reader has cut them to 32 or 64 bits.
_WAYS = ("high key", "high key", "long key", "high value", "wrapped value", "long size", "plain")


def answers(folder: str, working: str) -> object:
    """Return what a bundle says of the texts, or the class of the refusal; runs in a process."""
    os.chdir(working)
    try:
        with ScamDetector.load(folder, threads=1) as detector:
            found = detector.predict(list(TEXTS))
    except ScamDetectError as problem:
        return type(problem).__name__
    finally:
        os.chdir("/")
    return [[one.decision.value, str(one.scam_probability)] for one in found]


def answers_while(folder: str, working: str, evil: str, name: str) -> object:
    """Return ``answers`` while a file of the bundle is changed as soon as the graph is opened."""
    real = onnxruntime.InferenceSession

    def swapping(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if str(folder) in str(arguments[0])[:4096] or isinstance(arguments[0], bytes):
            shutil.copy(evil, Path(folder) / name)
        return real(*arguments, **options)

    onnxruntime.InferenceSession = swapping
    try:
        return answers(folder, working)
    finally:
        onnxruntime.InferenceSession = real


def answers_racing(folder: str, working: str, good: str, evil: str, name: str) -> object:
    """Return the ``answers`` of loads while another thread keeps changing a file."""
    ended = threading.Event()

    def swap() -> None:
        draft = Path(working) / "draft"
        while not ended.is_set():
            for source in (evil, good):
                shutil.copy(source, draft)
                draft.replace(Path(folder) / name)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        found = [answers(folder, working) for _ in range(25)]
    finally:
        ended.set()
        thread.join()
    return [one for one in found if isinstance(one, list)]


def _copy(scene: Scene, name: str = "bundle") -> Path:
    return shutil.copytree(scene.bundle, scene.folder / name)


def _loaded(scene: Scene, bundle: Path) -> Ran:
    return scene.worker.call(answers, str(bundle), str(scene.folder))


def rehash(bundle: Path) -> None:
    """Write a manifest that fits the files, as whoever forged them would."""
    path = bundle / MANIFEST
    manifest = json.loads(path.read_bytes())
    for name in manifest["files"]:
        file = bundle / name
        if file.is_file():
            manifest["files"][name] = {"sha256": file_sha256(file), "bytes": file.stat().st_size}
    path.write_text(json.dumps(manifest), encoding="utf-8")


def _same_or_refused(scene: Scene, bundle: Path) -> Iterator[str]:
    """Yield what is wrong unless the bundle is refused or answers as the good one does."""
    ran = _loaded(scene, bundle)
    if ran.broken:
        yield ran.broken
    elif ran.value != "BundleError" and ran.value != _loaded(scene, scene.bundle).value:
        yield "other answers from a bundle that was not refused"


def _refused(scene: Scene, bundle: Path) -> Iterator[str]:
    ran = _loaded(scene, bundle)
    if ran.value != "BundleError":
        yield ran.broken or "the bundle was not refused"


def _sane(scene: Scene, bundle: Path) -> Iterator[str]:
    """Yield what is wrong of a bundle whose owner may have changed the answers."""
    ran = _loaded(scene, bundle)
    if ran.broken:
        yield ran.broken
        return
    for arguments in (("doctor",), ("predict", "hello"), ("explain", "guaranteed profit")):
        yield from faults(scene.cli(*arguments, "--model", bundle), codes=(0, 1, 2))


def flipped_bytes(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Change a few bytes of a file, so that it differs from the manifest."""
    bundle = _copy(scene)
    path = bundle / rnd.choice(_OTHERS)
    path.write_bytes(_flipped(path.read_bytes(), rnd))
    yield from _same_or_refused(scene, bundle)


def _flipped(content: bytes, rnd: random.Random) -> bytes:
    spoilt = bytearray(content)
    for _ in range(rnd.choice((1, 3, 30))):
        spoilt[rnd.randrange(len(spoilt))] = rnd.randrange(256)
    return bytes(spoilt)


def flipped_and_rehashed(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Change a few bytes of a file, and make a manifest that fits."""
    bundle = _copy(scene)
    path = bundle / rnd.choice(_OTHERS[:4])
    content = path.read_bytes()
    if rnd.random() < 0.3:
        content = content[: rnd.randrange(len(content))]
    path.write_bytes(_flipped(content, rnd) if content else b"")
    rehash(bundle)
    yield from _sane(scene, bundle)


def external_weights(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Keep weights in another file, named in the graph by normal means or by hidden ones."""
    bundle = _copy(scene)
    location = rnd.choice((".w", ".w", "w.json", "../w", "README.md", str(scene.folder / "w")))
    graph = onnx.load(str(bundle / MODEL))
    (bias,) = (one for one in graph.graph.initializer if one.name == _BIAS.decode())
    size = len(bias.raw_data)
    bias.ClearField("raw_data")
    bias.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(size)}.items():
        bias.external_data.add(key=key, value=value)
    way, level = rnd.choice(_WAYS), rnd.choice((_GRAPH, _INITIALIZER, _EXTERNAL))
    (bundle / MODEL).write_bytes(_disguised(graph.SerializeToString(), way, level, rnd))
    found = []
    weights = np.arange(size // 4, dtype=np.float32)
    for content in (weights, -weights):
        for folder in (bundle, scene.folder):  # a graph of bytes looks in the working folder
            (folder / location).write_bytes(content.tobytes())
        rehash(bundle)
        found.append(_loaded(scene, bundle))
    yield from (ran.broken for ran in found if ran.broken)
    if found[0].value != found[1].value:
        yield f"weights from outside of the graph ({way})"


def _disguised(model: bytes, way: str, level: int, rnd: random.Random) -> bytes:
    """Return the model with the keys or values of a level written in another way."""

    def build(message: bytes, depth: int) -> bytes:
        path = (_GRAPH, _INITIALIZER)
        out = b""
        for number, wire, value in split(message):
            into = depth < 2 and number == path[depth] and wire == 2
            if into and (depth == 0 or _BIAS in value):
                value = build(value, depth + 1)
            chosen = number == level and (depth, level) in ((0, _GRAPH), (1, _INITIALIZER))
            chosen |= depth == 2 and level == _EXTERNAL and number in (_EXTERNAL, _LOCATION)
            out += joined(number, wire, value, way if chosen else "plain", rnd)
        return out

    return build(model, 0)


def split(message: bytes) -> Iterator[tuple[int, int, Any]]:
    """Yield field, wire type and value of a sound protocol buffer."""
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        wire = key & 7
        if wire == 0:
            value, place = _read_varint(message, place)
            yield key >> 3, wire, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if size is None:
            size, place = _read_varint(message, place)
        yield key >> 3, wire, message[place : place + size]
        place += size


def joined(number: int, wire: int, value: Any, way: str, rnd: random.Random) -> bytes:  # noqa: ANN401
    """Return a field, its numbers written in that way."""
    key = number << 3 | wire
    high = rnd.randrange(1, 8) << 32
    out = varint(key + high if way == "high key" else key, 5 if way == "long key" else 0)
    if wire == 0:
        value += {"high value": high, "wrapped value": 1 << 64}.get(way, 0)
        return out + varint(value, 9 if way == "long key" else 0)
    if wire == 2:
        out += varint(len(value), 5 if way == "long size" else 0)
    return out + bytes(value)


def varint(value: int, least: int = 0) -> bytes:
    """Return a number as a protocol buffer has it, padded to at least so many bytes."""
    out = []
    while value > 0x7F or len(out) + 1 < least:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def forged_graph(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Forge a graph with groups, deep nesting, huge lengths and other protocol buffers."""
    bundle = _copy(scene)
    model = (bundle / MODEL).read_bytes()
    depth = rnd.choice((50, 2000, 100_000))
    deep = b""
    for _ in range(min(depth, 2000)):  # a graph in an attribute of a node of a graph
        for number in (6, 5, 1):
            deep = joined(number, 2, deep, "plain", rnd)
    change: Callable[[], bytes] = rnd.choice(
        (
            lambda: model + varint(99 << 3 | 3) + b"\x08\x01" + varint(99 << 3 | 4),
            lambda: model + varint(99 << 3 | 3) * depth,
            lambda: model + joined(_GRAPH, 2, deep, "plain", rnd),
            lambda: model + varint(_GRAPH << 3 | 2) + varint(rnd.choice((1 << 31, 1 << 63))),
            lambda: model + b"\xff" * rnd.randrange(1, 40),
            lambda: varint(_GRAPH << 3 | 2) * depth,
            lambda: model + joined(_GRAPH, 2, rnd.randbytes(200), "plain", rnd),
            lambda: model + joined(0, 2, b"a", "plain", rnd),
            lambda: b"",
            lambda: rnd.randbytes(5000),
        )
    )
    (bundle / MODEL).write_bytes(change())
    rehash(bundle)
    yield from _same_or_refused(scene, bundle)
    yield from faults(scene.cli("predict", "hello", "--model", bundle))


def changed_while_loading(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Change a file once it is verified; it must have no say in the answers."""
    bundle, evil = _copy(scene), _copy(scene, "evil")
    graph = onnx.load(str(evil / MODEL))
    for one in graph.graph.initializer:
        if one.name == _BIAS.decode():
            one.raw_data = np.arange(len(one.raw_data) // 4, dtype=np.float32).tobytes()
    (evil / MODEL).write_bytes(graph.SerializeToString())
    tokens = (evil / "tokenizer.json").read_text("utf-8")
    (evil / "tokenizer.json").write_text(tokens.replace("lunch", "zunch"), encoding="utf-8")
    name = rnd.choice((MODEL, "tokenizer.json"))
    expected = _loaded(scene, scene.bundle).value
    paths = (str(bundle), str(scene.folder))
    if rnd.random() < 0.5:
        ran = scene.worker.call(answers_while, *paths, str(evil / name), name)
        found = [ran.value] if isinstance(ran.value, list) else []
    else:
        both = (str(scene.bundle / name), str(evil / name))
        ran = scene.worker.call(answers_racing, *paths, *both, name)
        found = ran.value or []
    if ran.broken:
        yield ran.broken
    if any(one != expected for one in found):
        yield f"{name} was read again after it was verified"


def manifest_names(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Name files in the manifest that are outside, twice there or in other letters."""
    bundle = _copy(scene)
    path = bundle / MANIFEST
    manifest = json.loads(path.read_bytes())
    (scene.folder / "x.json").write_text("{}", encoding="utf-8")
    entry = {"sha256": file_sha256(scene.folder / "x.json"), "bytes": 2}
    name = rnd.choice(
        (
            "../x.json", str(scene.folder / "x.json"), "C:\\x.json", "a/../../x.json", "..", ".",
            "", "MODEL.ONNX", "model.onnx ", "model.onnx/", "./model.onnx", "x\0.json", "\ud83d.md",
            "a" * 5000 + ".json", "con.json", "x.json:stream", "\x1b[31m.json", "ｍodel.onnx", "~",
        )
    )  # fmt: skip
    wrong = rnd.choice((entry, entry, None, [], "a", {"sha256": 1, "bytes": 2}, {"sha256": "x"}))
    manifest["files"][name] = wrong
    text = json.dumps(manifest)
    if rnd.random() < 0.2:
        manifest["files"].pop(name)
        text = json.dumps(manifest).replace('"files":', '"files": {}, "files":', 1)
    path.write_text(text, encoding="utf-8")
    yield from _same_or_refused(scene, bundle)
    yield from faults(scene.cli("doctor", "--model", bundle), codes=(0, 1, 2))


def odd_files(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Remove files, add some, or put links, pipes and folders in their place."""
    bundle = _copy(scene)
    name = rnd.choice(_OTHERS)
    path = bundle / name
    outside = scene.folder / name
    kind = rnd.choice(("missing", "link", "hard link", "pipe", "folder", "empty", "more", "loop"))
    if kind == "more":
        more = rnd.choice(("a.pkl", "b.BIN", "c.json", "d.py", "e.onnx", "f\x1b[31m.md", "g"))
        (bundle / more).write_bytes(b"x")
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        shutil.move(path, outside)
    if kind == "link":
        path.symlink_to(outside)
    elif kind == "hard link":
        path.hardlink_to(outside)  # the same file, so that the answers are the same
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    yield from (_same_or_refused if kind == "hard link" else _refused)(scene, bundle)
    yield from faults(scene.cli("predict", "a", "--model", bundle))


_VALUES = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1", "0", "1" * 400, "9" * 5000, "1.5", "null",
    "true", '""', '"\\ud83d"', '"\\u0000"', '"\\u001b[31m\\u202e"', "[]", "{}", "[null]", "[[]]",
    "[" * 3000 + "]" * 3000, '{"a": 1}', '{"flag": NaN, "review": 0.5}', "[[0, 0], [1, 1e400]]",
    '{"flag": 1e-320, "review": 1e-320}', '["en", "en"]', '["\\u001b[31m"]', "[1, 2]", "0.5",
    '{"flag": true, "review": true}', '{"en": [1e308, 1e308]}', '{"scam": {}}', '"a/../b"',
    '"' + "a" * 100_000 + '"', "[[1e308, 2], [3, 4]]", "18446744073709551616", "1000000000000",
)  # fmt: skip


def settings_values(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Give settings other types and sizes, NaN or a key twice, and a manifest that fits."""
    bundle = _copy(scene)
    name = rnd.choice((SETTINGS, SETTINGS, SETTINGS, "config.json", MANIFEST))
    path = bundle / name
    settings = json.loads(path.read_bytes())
    optional = (
        "known_answers", "scam_curve", "language_calibration", "own_scaling", "cascade",
        "kind_thresholds", "calibration_rows", "thresholds_fpr", "conversation",
    )  # fmt: skip
    keys = [*settings, *optional] if name == SETTINGS else list(settings)
    for _ in range(rnd.choice((1, 1, 3))):
        settings[rnd.choice(keys)] = "HERE"
    parts = json.dumps(settings).split('"HERE"')
    text = parts[0] + "".join(rnd.choice(_VALUES) + part for part in parts[1:])
    form = rnd.random()
    if form < 0.1:
        text = text.replace("{", '{"name": "other", ', 1)
    elif form < 0.2:
        text = text + " " * (8 << 20)
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    if name != MANIFEST:
        rehash(bundle)
    yield from _sane(scene, bundle)


def odd_prefix(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Give a prefix, name, version or language that no tokenizer or terminal expects."""
    bundle = _copy(scene)
    path = bundle / SETTINGS
    settings = json.loads(path.read_bytes())
    odd = rnd.choice(("\ud83d", "\udc00a", "\x00", "\x1b]52;c;aGk=\x07", "\u202e", "a" * 50_000))
    key = rnd.choice(("prefix", "name", "version", "languages"))
    settings[key] = [*settings[key][:-1], odd] if key == "languages" else odd
    path.write_text(json.dumps(settings), encoding="utf-8")
    rehash(bundle)
    yield from _sane(scene, bundle)
    dump = scene.write("in.csv", "text\nhello lunch\n")
    yield from faults(scene.cli("score", dump, "-o", scene.folder / "o.csv", "--model", bundle))


CASES = (
    flipped_bytes, flipped_and_rehashed, external_weights, forged_graph, changed_while_loading,
    manifest_names, odd_files, settings_values, odd_prefix,
)  # fmt: skip
