"""Distil a finished run, the teacher, into a model of fewer layers, the student.

The student starts from evenly spaced layers of the teacher, including the highest (Sanh et al.
2019, arXiv:1910.01108), and learns the teacher's answers (Hinton et al. 2015, arXiv:1503.02531) and
its layers' token states (patient distillation, Sun et al. 2019, arXiv:1908.09355) in addition to
the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from scamdetect.errors import RecipeError
from scamdetect.train.model import SCAM, ScamModel, encoder_layers
from scamdetect.train.recipe import Recipe, TeacherTable
from scamdetect.train.run import load_trained


@dataclass(frozen=True)
class Teacher:
    """A finished run used as teacher; its weights are frozen."""

    model: ScamModel
    record: dict[str, Any]  # its run record
    places: list[int]  # the layers that correspond to the student's
    table: TeacherTable

    @classmethod
    def load(cls, folder: Path | None, recipe: Recipe) -> Self | None:
        """Return the teacher of a recipe that requires one, or None.

        Raises RecipeError if only one of recipe and folder names a teacher, and if student and
        teacher read texts differently or the student has no fewer layers.
        """
        table = recipe.teacher
        if folder is None and not isinstance(table, TeacherTable):
            return None
        if folder is None or not isinstance(table, TeacherTable):
            raise RecipeError(
                f"recipe {recipe.name!r}: a recipe with a table [teacher] needs the folder of "
                "the teacher's run (--teacher), and one without it takes none"
            )
        model, _, record, its = load_trained(folder)
        for key in ("name", "pooling", "prefix"):
            own, other = getattr(recipe.base, key), getattr(its.base, key)
            if own != other:
                raise RecipeError(
                    f"{folder}: the teacher's base.{key} is {other!r}, but the recipe's is "
                    f"{own!r}; a student needs the same"
                )
        layers = len(encoder_layers(model.encoder))
        students = layers if recipe.base.layers is None else recipe.base.layers
        if students >= layers:
            raise RecipeError(
                f"{folder}: the teacher has {layers} layers; set base.layers under that"
            )
        return cls(model, record, evenly(layers, students), table)

    @property
    def identity(self) -> dict[str, Any]:
        """The teacher's entry in a student's record."""
        return {key: self.record[key] for key in ("recipe", "corpus", "seed")}

    def start(self, student: ScamModel, languages: Sequence[str]) -> None:
        """Copy the teacher's embeddings, layers and heads to the student.

        The language head is not copied: it reads another layer. Raises RecipeError if the rows have
        other languages than the teacher's.
        """
        if list(languages) != self.record["languages"]:
            raise RecipeError(
                f"the teacher learned the languages {self.record['languages']}, but the corpus "
                f"has {list(languages)}; use the teacher's corpus"
            )
        taught = encoder_layers(self.model.encoder)
        for place, layer in zip(self.places, encoder_layers(student.encoder), strict=True):
            layer.load_state_dict(taught[place].state_dict())
        for own, other in (
            (_embeddings(student.encoder), _embeddings(self.model.encoder)),
            (student.verdict, self.model.verdict),
            (student.kinds, self.model.kinds),
        ):
            own.load_state_dict(other.state_dict())

    def loss(
        self,
        batch: tuple[torch.Tensor, torch.Tensor],
        states: Sequence[torch.Tensor],
        answers: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss towards the teacher on a batch (ids, mask) and its parts for the log.

        ``states`` are the student's token states after the embeddings and after each layer,
        ``answers`` its logits of verdict, kinds and language.
        """
        ids, mask = batch
        with torch.no_grad():
            taught = self.model.states(ids, mask)
            theirs = self.model.heads(*self.model.pool(taught, mask))
        ours = [block.float() for block in answers]
        parts = {
            "answers": answer_loss(
                (ours[0], ours[1]), (theirs[0].float(), theirs[1].float()), self.table.temperature
            ),
            "states": state_loss(states[1:], [taught[place + 1] for place in self.places], mask),
        }
        total = torch.stack(
            [getattr(self.table, name) * part for name, part in parts.items()]
        ).sum()
        return total, {f"teacher_{name}": part.item() for name, part in parts.items()}


def evenly(layers: int, students: int) -> list[int]:
    """Return which of ``layers`` the ``students`` layers correspond to, including the last."""
    return [round((student + 1) * layers / students) - 1 for student in range(students)]


def answer_loss(
    ours: tuple[torch.Tensor, torch.Tensor],
    theirs: tuple[torch.Tensor, torch.Tensor],
    temperature: float,
) -> torch.Tensor:
    """Return the mean divergence from the teacher's verdicts, and from its kinds on its scams.

    Both are pairs of verdict (n, v) and kind (n, k) logits. The verdict part is the
    Kullback-Leibler divergence at the temperature, times its square; that of a kind is the excess
    cross-entropy, summed over kinds and weighted with the teacher's probability of scam.
    """
    verdict = functional.kl_div(
        functional.log_softmax(ours[0] / temperature, dim=-1),
        functional.log_softmax(theirs[0] / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    asked = torch.sigmoid(theirs[1])
    least = functional.binary_cross_entropy(asked, asked, reduction="none")
    excess = functional.binary_cross_entropy_with_logits(ours[1], asked, reduction="none") - least
    scam = torch.softmax(theirs[0], dim=-1)[:, SCAM]
    kinds = (excess.sum(dim=1) * scam).sum() / scam.sum().clamp(min=1e-6)
    return verdict * temperature**2 + kinds


def state_loss(
    ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor], mask: torch.Tensor
) -> torch.Tensor:
    """Return 1 - cosine of the states (n, tokens, hidden), mean over real tokens and layers."""
    keep = mask.bool()
    apart = [
        1 - functional.cosine_similarity(own.float()[keep], other.float()[keep], dim=-1).mean()
        for own, other in zip(ours, theirs, strict=True)
    ]
    return torch.stack(apart).mean()


def _embeddings(encoder: PreTrainedModel) -> nn.Module:
    found = encoder.embeddings
    assert isinstance(found, nn.Module)
    return found
