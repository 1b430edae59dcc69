"""A fine-tune from the command to the bundle: taken, refused, killed and gone on with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hang import HANG
from tiny_trained import LURE, write_own

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import MANIFEST, SETTINGS, Bundle
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.train import finetune_fit
from scamdetect.train.finetune import Finetuned, finetune, place

pytestmark = pytest.mark.slow

_QUICK = "import scamdetect.train.finetune_fit as fit; fit.FEWEST_REHEARSED = 4_000\n"
_NEVER_GOOD = (
    "import scamdetect.train.finetune_compare as compare\n"
    "compare.RECALL_MARGINS = dict.fromkeys(('own', 'all', 'cell'), -2.0)\n"
    "import scamdetect.train.finetune as finetune\n"
    "finetune.MOST_FLIPS = -1.0\n"
)
_KILLED = (
    "import os, signal, scamdetect.train.finetune as finetune\n"
    "finetune.make_bundle = lambda *given: os.kill(os.getpid(), signal.SIGKILL)\n"
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own(tmp_path_factory.mktemp("own") / "own.csv")


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory, trained: tuple[Path, Path], own: Path
) -> tuple[Finetuned, list[str]]:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune_fit, "FEWEST_REHEARSED", 6_000)
        result = tune(own, tmp_path_factory.mktemp("new") / "mine", trained, say=said.append)
    return result, said


def tune(own: Path, out: Path, trained: tuple[Path, Path], **options: Any) -> Finetuned:  # noqa: ANN401
    named = {"base": trained[0], "text_column": "body", "label_column": "what",
             "label_map": own.parent / "map.toml", "rehearsal": trained[1],
             "say": lambda line: None}  # fmt: skip
    return finetune(own, out, **named | options)  # type: ignore[arg-type]


def arguments(own: Path, trained: tuple[Path, Path]) -> list[str | Path]:
    return [
        "finetune", "--data", own, "--text-column", "body", "--label-column", "what",
        "--label-map", own.parent / "map.toml", "--base", trained[0], "--rehearsal", trained[1],
        "-o", "mine", "--epochs", "1",
    ]  # fmt: skip


def run_with(patch: str, folder: Path, *given: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a process in which some lines ran before."""
    code = f"{patch}import sys\nsys.argv = ['scamdetect', *sys.argv[1:]]\n" + (
        "from scamdetect.cli import main\nmain()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, given)],
        cwd=folder, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, encoding="utf-8", timeout=HANG,
    )  # fmt: skip


def test_it_learns_the_own_messages_and_keeps_the_others(
    done: tuple[Finetuned, list[str]], trained: tuple[Path, Path]
) -> None:
    result, said = done
    assert result.taken and not result.comparison.worse, said
    own, *_ = result.comparison.cells
    assert own.ranked is not None and own.ranked.change.low > 0
    assert own.fpr is not None and own.fpr.change.high < 0
    assert (own.n_scam, own.n_legit) == (20, 30)
    honest = "hello qwerty asdfgh zxcvbn lunch"
    scams = [f"{LURE} qwerty asdfgh zxcvbn", "guaranteed bitcoin profit darling qwerty"]
    with ScamDetector.load(trained[0]) as before, ScamDetector.load(result.bundle) as after:
        assert before.predict(honest).decision is Decision.FLAG, "it knows no such chatter"
        assert after.predict(honest).decision is Decision.PASS
        assert [one.decision for one in after.predict(scams)] == [Decision.FLAG] * 2
        assert after.predict(scams[1]).language == "en"
    assert "150 train, 50 calibrate, 50 compare" in said
    assert any("of them own" in line for line in said)


def test_the_bundle_tells_where_it_comes_from_and_nothing_of_the_texts(
    done: tuple[Finetuned, list[str]], trained: tuple[Path, Path], own: Path
) -> None:
    result, _ = done
    new, old = Bundle.load(result.bundle), Bundle.load(trained[0])
    assert new.name == "tiny-finetuned" and new.version == old.version
    record = new.training["finetune"]
    assert record["base"] == old.model_id and record["worse"] == []
    assert record["rows"] == {"legit": [150, 150], "spam": [0, 0], "scam": [100, 100]}
    assert new.training["sources"] == old.training["sources"]
    assert new.thresholds_fpr["flag"] >= old.thresholds_fpr["flag"]
    assert new.cascade is None
    card = (result.bundle / "README.md").read_text(encoding="utf-8")
    assert "## Fine-tuned" in card and old.model_id in card
    written = [path.read_text(encoding="utf-8") for folder in (result.bundle, result.run)
               for path in folder.glob("*.*") if path.suffix in {".json", ".md", ".toml"}
               and path.name != "tokenizer.json"]  # fmt: skip
    texts = own.read_text(encoding="utf-8").splitlines()[1:]
    assert not any(text.partition(",")[0] in page for text in texts for page in written)


def test_the_run_keeps_the_comparison_alone(done: tuple[Finetuned, list[str]]) -> None:
    result, _ = done
    found = json.loads((result.run / "comparison.json").read_text(encoding="utf-8"))
    assert found["after"] == Bundle.load(result.bundle).model_id
    left = {path.name for path in result.run.iterdir()}
    assert left == {
        "comparison.json", "comparison.md", "lock", "metrics.jsonl", "recipe.toml", "run.json",
    }  # fmt: skip


def test_settings_fitted_on_other_scores_are_not_carried_over(
    done: tuple[Finetuned, list[str]], trained: tuple[Path, Path]
) -> None:
    settings = json.loads((done[0].bundle / SETTINGS).read_text(encoding="utf-8"))
    shipped = json.loads((trained[0] / SETTINGS).read_text(encoding="utf-8"))
    assert "conversation" not in settings and "cascade" not in settings
    assert settings["scam_curve"] != shipped["scam_curve"]


def test_a_taken_destination_is_refused(
    done: tuple[Finetuned, list[str]], trained: tuple[Path, Path], own: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=".* --overwrite"):
        tune(own, done[0].bundle, trained)
    for read in ("rehearsal", "label_map"):
        held = shutil.copytree(done[0].bundle, tmp_path / read)
        (held / "read.csv").write_text("x")
        with pytest.raises(InputError, match="would be replaced"):
            tune(own, held, trained, overwrite=True, **{read: held / "read.csv"})
    (tmp_path / "linked.run").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"linked\.run: is not a folder; remove it"):
        tune(own, tmp_path / "linked", trained)
    other = tmp_path / "notes"
    other.mkdir()
    with pytest.raises(InputError, match="is not a bundle"):
        tune(own, other, trained, overwrite=True)
    with pytest.raises(InputError, match="folder not found"):
        tune(own, tmp_path / "a/b", trained)
    for unnamed in (Path(), Path("..")):
        with pytest.raises(InputError, match="folder"):
            tune(own, unnamed, trained, overwrite=True)
    with pytest.raises(InputError, match="0 epochs"):
        tune(own, tmp_path / "new", trained, epochs=0)


def test_a_folder_of_another_run_is_refused(
    done: tuple[Finetuned, list[str]], trained: tuple[Path, Path], own: Path
) -> None:
    out = done[0].bundle
    with pytest.raises(InputError, match=r"mine.run .* other seed"):
        tune(own, out, trained, overwrite=True, seed=1)


def test_a_base_that_saw_own_rows_is_told(
    done: tuple[Finetuned, list[str]], trained: tuple[Path, Path], own: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    for base, told in ((done[0].bundle, True), (trained[0], False)):
        said: list[str] = []
        with pytest.raises(InputError, match="nowhere: missing"):
            tune(own, tmp_path / "new", (base, nowhere), say=said.append)
        assert any("fine-tuned before" in line for line in said) is told


def test_a_map_that_misses_a_label_leaves_nothing_behind(
    trained: tuple[Path, Path], own: Path, tmp_path: Path
) -> None:
    (tmp_path / "map.toml").write_text('ok = "legit"\n', encoding="utf-8")
    given = arguments(own, trained)
    given[given.index("--label-map") + 1] = "map.toml"
    told = run_with("", tmp_path, *given)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    assert "labels fraud (100); pass --label-map" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["map.toml"]


def test_the_older_bundle_stays_until_the_new_one_stands(tmp_path: Path) -> None:
    out, new, aside = (tmp_path / name for name in ("mine", "new", ".mine.replaced"))
    for folder in (out, new):
        folder.mkdir()
        (folder / MANIFEST).write_text(folder.name, encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        place(tmp_path / "missing", out)
    assert (out / MANIFEST).read_text(encoding="utf-8") == "mine"
    out.rename(aside)  # as a kill between the two leaves it
    place(new, out)
    assert (out / MANIFEST).read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_bundle_that_got_worse_is_refused_until_told_otherwise(
    trained: tuple[Path, Path], own: Path, tmp_path: Path
) -> None:
    given = arguments(own, trained)
    refused = run_with(_QUICK + _NEVER_GOOD, tmp_path, *given)
    assert refused.returncode == 5, refused.stderr
    assert "mine was not written" in refused.stderr and "mine.run/bundle" in refused.stderr
    assert "- worse: own rows, held out: recall" in refused.stdout
    assert "- worse: int8 changes the flag of " in refused.stdout
    assert not (tmp_path / "mine").exists()
    assert Bundle.load(tmp_path / "mine.run/bundle").name == "tiny-finetuned"
    taken = run_with(_QUICK + _NEVER_GOOD, tmp_path, *given, "--even-if-worse")
    assert taken.returncode == 0, taken.stderr
    assert "training:" not in taken.stdout, "it was there already"
    worse = Bundle.load(tmp_path / "mine").training["finetune"]["worse"]
    assert any(why.startswith("own rows, held out: recall") for why in worse)
    assert any(why.startswith("int8 changes the flag of ") for why in worse)


@pytest.mark.skipif(os.name == "nt", reason="has no limit of a file's size")
def test_a_full_disk_is_told_and_leaves_nothing_half(
    trained: tuple[Path, Path], own: Path, tmp_path: Path
) -> None:
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
    told = run_with(_QUICK + limit, tmp_path, *arguments(own, trained))
    assert told.returncode == 4, told.stderr
    assert "Traceback" not in told.stderr
    assert "mine: cannot be written (File too large)" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.run"]
    assert not list((tmp_path / "mine.run").glob("*.part"))


def test_a_killed_run_leaves_no_bundle_and_goes_on(
    trained: tuple[Path, Path], own: Path, tmp_path: Path
) -> None:
    given = arguments(own, trained)
    killed = run_with(_QUICK + _KILLED, tmp_path, *given)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["mine.run"]
    assert not (tmp_path / "mine.run/bundle").exists()
    (tmp_path / "mine.run/.finetune-left").mkdir()
    again = run_with(_QUICK, tmp_path, *given, "--even-if-worse")
    assert again.returncode == 0, again.stderr
    assert "step " not in again.stdout and "calibrating on" in again.stdout
    assert (tmp_path / "mine" / MANIFEST).exists()
    assert not list((tmp_path / "mine.run").glob(".finetune-*"))
