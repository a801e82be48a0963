"""The experiment of chapter 7 on what goes through one vector: copying words of random letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers import records
from helpers.corpora.parallel import BOS_ID, EOS_ID, RESERVED
from helpers.experiments.registry import Run, experiment
from helpers.experiments.sweep import Row, sweep
from helpers.experiments.translation import MODELS, cases, trainer_for

LETTERS = 26
LENGTHS = tuple(range(2, 31, 2))
"""Of the words tested; words of all lengths between the first and the last are trained on."""

SIZES = {"plain": 1, "plain, twice as wide": 2, "additive": 1}
"""Model → factor of the hidden size."""


@experiment(
    "bottleneck",
    chapter="07",
    summary="Copying random letters: exact match and errors against length, three seeds: 4 minutes",
    embedding_size=32,
    hidden_size=64,
    batch_size=64,
    lr=0.003,
    max_norm=1.0,
    steps=2_000,
    words=200,
    reverse=False,
    seeds=3,
    jobs=2,
)
def bottleneck(run: Run) -> dict[str, Any]:
    """Every model sees as many new words, their lengths equally likely; `reverse` has them written backwards.

    A row is a model at a length: the share of words written without a fault (`exact`), of letters that are
    right where they stand (`letters`), and the same for each place of the target (`at_1` …).
    """
    s = run.settings
    rng = np.random.default_rng([run.seed, 1])
    tests = {length: copying(rng, s["words"], length, s["reverse"]) for length in LENGTHS}

    def measure(model: str, seed: int) -> list[Row]:
        network = _copier(s, model, seed)
        trainer = trainer_for(network, s, lambda network: {"valid": 0.0}, s["steps"])
        trainer.fit(copying_batches(s, seed), 1)
        if trainer.interrupted:
            raise KeyboardInterrupt
        fields = {"model": model, "seed": seed, "parameters": network.parameter_count}
        return [{**fields, "length": length, **_copied(network, *test)} for length, test in tests.items()]

    return {
        **sweep(run, cases(s, run.seed, SIZES), measure, jobs=s["jobs"]),
        "data_sha256": {"test": records.sha256(b"".join(words.tobytes() for words, _ in tests.values()))},
    }


def copying(
    rng: np.random.Generator, count: int, length: int, reverse: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """`count` words of random letters → sources (N, length) and targets (N, length + 2), ids.

    A target is ``<bos>``, the letters (from the last to the first if `reverse`), ``<eos>``.
    """
    words = rng.integers(len(RESERVED), len(RESERVED) + LETTERS, (count, length))
    ends = [np.full((count, 1), end) for end in (BOS_ID, EOS_ID)]
    return words, np.concatenate([ends[0], words[:, ::-1] if reverse else words, ends[1]], axis=1)


def copying_batches(settings: Mapping[str, Any], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """`steps` batches of new words, those of a batch of the same length."""
    rng = np.random.default_rng([seed, 0])
    lengths = rng.integers(LENGTHS[0], LENGTHS[-1] + 1, settings["steps"]).tolist()
    return [copying(rng, settings["batch_size"], length, settings["reverse"]) for length in lengths]


def _copier(s: Mapping[str, Any], model: str, seed: int):
    import torch

    from helpers.models.seq2seq import Seq2Seq

    torch.manual_seed(seed)
    return Seq2Seq(
        len(RESERVED) + LETTERS,
        len(RESERVED) + LETTERS,
        embedding_size=s["embedding_size"],
        hidden_size=SIZES[model] * s["hidden_size"],
        attention=MODELS[model.split(",")[0]],
    )


def _copied(network, sources: np.ndarray, targets: np.ndarray) -> Row:
    """What of the targets the network writes: shares of words, of letters, of those in each place."""
    import torch

    from helpers.decoding import greedy_decode

    wanted = targets[:, 1:]
    T = wanted.shape[1]
    decoded = greedy_decode(network, torch.from_numpy(sources), max_length=T)
    # A shorter word has <eos> in its place; what is not written is wrong.
    written = np.array([[*ids, EOS_ID, *[-1] * T][:T] for ids in decoded.ids])
    right = written == wanted
    places = {f"at_{i}": float(share) for i, share in enumerate(right[:, :-1].mean(axis=0), 1)}
    return {"exact": float(right.all(axis=1).mean()), "letters": float(right[:, :-1].mean()), **places}
