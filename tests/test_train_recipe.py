"""A recipe is checked when it is read, and named by its content."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from scamdetect.errors import RecipeError
from scamdetect.train.recipe import (
    Recipe,
    load_recipe,
    recipe_hash,
    stated_recipe,
    tokens_needed,
    write_recipe,
)

STABLE = 'name = "x"\n[data]\ntokens = 1_000\n[optimiser]\nschedule = "stable"\n'
RECIPES = Path(__file__).resolve().parent.parent / "models" / "recipes"


def _write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_of_the_repository_load(path: Path) -> None:
    assert load_recipe(path).name


def test_there_is_a_default_recipe() -> None:
    assert load_recipe(RECIPES / "default.toml").data.licences == "default"


def test_the_long_recipe_differs_from_the_default_one_only_in_what_makes_it_long() -> None:
    default, long = load_recipe(RECIPES / "default.toml"), load_recipe(RECIPES / "long.toml")
    assert (long.base, long.loss, long.vocabulary) == (
        default.base,
        default.loss,
        default.vocabulary,
    )
    assert long.optimiser.schedule == "stable"
    assert long.optimiser.keep_at == (6_000_000, 12_000_000, 18_000_000)
    assert long.data.tokens >= tokens_needed(long)
    warmups = [r.data.tokens * r.optimiser.warmup for r in (default, long)]
    assert warmups[0] == pytest.approx(warmups[1])
    same = ("licences", "max_tokens", "authored_weight", "disguised_share", "scam_share")
    assert [getattr(long.data, k) for k in same] == [getattr(default.data, k) for k in same]


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    path = _write(tmp_path, 'name = "x"\n[data]\ntokens = 5\n')
    loaded = load_recipe(path)
    assert loaded.data.tokens == 5
    assert loaded.optimiser == Recipe("x").optimiser


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = 1\n", "`name`"),
        ('name = "x"\nlayers = 3\n', "`layers`"),
        ('name = "x"\n[optimiser]\nrate = 0.1\n', r"`rate`.*optimiser"),
        ('name = "x"\nseed = "one"\n', r"`int`.*seed"),
        ('name = "x"\nseed = -1\n', "seed is -1, allowed is 0 to 4294967294"),
        ('name = "x"\nseed = 4294967295\n', "seed is 4294967295"),
        ('name = "x"\n[data]\nlicences = "mine"\n', r"mine.*licences"),
        ('name = "x"\n[optimiser]\nprecision = "fp8"\n', r"fp8.*precision"),
        ('name = "x"\n[data]\ntokens = 0\n', "data.tokens is 0, allowed is 1"),
        ('name = "x"\n[data]\nmax_tokens = 513\n', "data.max_tokens is 513"),
        ('name = "x"\n[data]\nscam_share = 1.5\n', "data.scam_share is 1.5"),
        ('name = "x"\n[data]\nscam_share = 0.7\nspam_share = 0.3\n', "must be below 1"),
        ('name = "x"\n[data]\nmax_tokens = 256\n[optimiser]\nbatch_tokens = 128\n', "at least"),
        ('name = "x"\n[optimiser]\nlearning_rate = nan\n', "learning_rate is nan"),
        ('name = "x"\n[optimiser]\nclip = 0\n', "optimiser.clip is 0"),
        ('name = "x"\n[optimiser]\nweight_decay = -0.1\n', "optimiser.weight_decay is -0.1"),
        ('name = "x"\n[loss]\nkinds = -1\n', "loss.kinds is -1"),
        ('name = "x"\n[base]\npooling = "max"\n', r"max.*pooling"),
        ('name = "x"\n[loss]\npair = -1\n', "loss.pair is -1"),
        ('name = "x"\n[loss]\nrule_weight = 2\n', "loss.rule_weight is 2"),
        ('name = "x"\n[base]\nlayers = 0\n', "base.layers is 0"),
        ('name = "x"\ncheckpoint_minutes = -1\n', "checkpoint_minutes is -1"),
        ('name = "x"\n[loss]\ncontrastive = 0\n', "`contrastive`.*loss"),
        ('name = "x"\n[loss]\nhonest_margin = 0\n', "`honest_margin`.*loss"),
        ('name = "x"\n[loss]\nsource_adversary = 0\n', "`source_adversary`.*loss"),
        ("name = \n", "not valid TOML"),
        ('name = ""\n', "name is ''; it becomes a folder name"),
        ('name = " "\n', "name is ' '"),
        ('name = "a/b"\n', "name is 'a/b'"),
        ("name = 'a\\b'\n", r"name is 'a\\\\b'"),
        ('name = "..a"\n', r"name is '\.\.a'"),
        ('name = "a\\u0000b"\n', r"name is 'a\\x00b'"),
        ('name = "x"\n[optimiser]\nlearning_rate = 0\n', "learning_rate is 0.0, allowed is 1e-09"),
        ('name = "x"\n[data]\nscam_shares = { real = 0.5, weak = 0.4 }\n', "add up to 0.9, not 1"),
        ('name = "x"\n[data.scam_shares]\nreal = 1.5\n', "scam_shares.real is 1.5"),
        ('name = "x"\n[data.scam_shares]\nfake = 1.0\n', "`fake`.*scam_shares"),
        ('name = "x"\n[data]\nmost_draws = -1\n', "data.most_draws is -1"),
        ('name = "x"\n[optimiser]\nschedule = "cosine"\n', "cosine.*schedule"),
        ('name = "x"\n[optimiser]\naverage = 1.0\n', "optimiser.average is 1.0"),
        ('name = "x"\n[optimiser]\naverage = 0.9\n', "average needs marks"),
        ('name = "x"\n[optimiser]\nkeep_at = [9]\n', 'keep_at needs .*schedule = "stable"'),
        (STABLE + "keep_at = [0]\n", "optimiser.keep_at is 0, allowed is 1"),
        (STABLE + "keep_at = [900, 90]\n", "keep_at must ascend"),
        (STABLE + "keep_at = [950]\n", "data.tokens is 1,000, but .* need 1,045; raise"),
        (STABLE + "decay_share = 0\n", "decay_share is 0.0"),
        ('name = "x"\n[loss]\nverdict = 0\nkinds = 0\nlanguage = 0\n', "every weight .* is 0"),
        ('name = "x"\n[vocabulary]\nwhole_scripts = ["KLINGON"]\n', "'KLINGON'; allowed are"),
        ('name = "x"\n[vocabulary]\nwhole_scripts = ["thai"]\n', "'thai'; allowed are"),
        ('name = "x"\n[vocabulary]\nwhole_scripts = [""]\n', "whole_scripts contains ''"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="none.toml: cannot be read"):
        load_recipe(tmp_path / "none.toml")


def test_the_hash_follows_the_content_and_not_its_form(tmp_path: Path) -> None:
    plain = load_recipe(_write(tmp_path, 'name = "x"\nseed = 3\n[data]\ntokens = 5\n'))
    other = '# a comment\nseed = 3\nname = "x"\n\n[loss]\nkinds = 0.3\n[data]\ntokens = 5\n'
    assert recipe_hash(load_recipe(_write(tmp_path, other))) == recipe_hash(plain)
    changed = load_recipe(_write(tmp_path, 'name = "x"\nseed = 4\n[data]\ntokens = 5\n'))
    assert recipe_hash(changed) != recipe_hash(plain)


def test_keys_that_came_later_change_the_hash_only_if_they_are_used(tmp_path: Path) -> None:
    assert recipe_hash(Recipe("x", seed=3)) == "cf4dc4e7d19c"  # as before there were such keys
    plain = Recipe("x", seed=3)
    for text in (
        "[data.scam_shares]\nreal = 1.0",
        "[data]\nmost_draws = 8",
        '[optimiser]\nschedule = "stable"',
        "[optimiser]\ndecay_share = 0.2",
    ):
        used = load_recipe(_write(tmp_path, f'name = "x"\nseed = 3\n{text}\n'))
        assert recipe_hash(used) != recipe_hash(plain)
    exported = 'name = "x"\nseed = 3\n[words]\nruns = 9\n[vocabulary]\nmax_pieces = 200\n'
    assert recipe_hash(load_recipe(_write(tmp_path, exported))) == recipe_hash(plain)
    empty = load_recipe(_write(tmp_path, 'name = "x"\nseed = 3\n[data.scam_shares]\n'))
    assert recipe_hash(empty) == recipe_hash(plain)


@pytest.mark.parametrize("key", ["contrastive", "honest_margin", "source_adversary"])
def test_a_manifest_of_before_states_its_recipe_where_what_is_gone_was_off(key: str) -> None:
    recipe = load_recipe(RECIPES / "default.toml")
    stated = msgspec.to_builtins(recipe)
    stated["loss"][key] = 0.0
    assert stated_recipe(stated) == recipe
    assert key in stated["loss"], "what was given stays as it was"
    stated["loss"][key] = 0.1
    assert stated_recipe(stated) is None


@pytest.mark.parametrize("stated", [None, "x", {}, {"name": "x", "loss": 3}, {"name": "x", "a": 0}])
def test_what_states_no_known_recipe_is_none(stated: object) -> None:
    assert stated_recipe(stated) is None


def test_the_hash_is_the_same_in_every_process() -> None:
    code = "from scamdetect.train.recipe import *; print(recipe_hash(Recipe('x', seed=3)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=RECIPES.parent.parent,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == recipe_hash(Recipe("x", seed=3))


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.toml")), ids=lambda path: path.stem)
def test_a_written_recipe_reads_like_the_one_before(tmp_path: Path, path: Path) -> None:
    recipe = load_recipe(path)
    write_recipe(recipe, tmp_path / "copy.toml")
    assert load_recipe(tmp_path / "copy.toml") == recipe
