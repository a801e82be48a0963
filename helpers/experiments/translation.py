"""Experiments of chapter 7: dates, and Korean to English, with attention and without (also: `bottleneck`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from helpers import records
from helpers.corpora.parallel import Pair, ParallelCorpus
from helpers.experiments.registry import Run, experiment
from helpers.experiments.sweep import Row, sweep
from helpers.validation import require

MODELS = {"plain": None, "additive": "additive", "dot": "dot"}
"""Name in the records → `attention` of `helpers.models.seq2seq.Seq2Seq`."""


def cases(settings: Mapping[str, Any], first_seed: int, models: Iterable[str] = MODELS) -> list[Row]:
    """Every model with every seed."""
    return [{"model": model, "seed": first_seed + n} for n in range(settings["seeds"]) for model in models]


# ---- dates ---------------------------------------------------------------------------------------------

DATE_LENGTH = 11   # YYYY-MM-DD and <eos>


@experiment(
    "dates",
    chapter="07",
    summary="Dates into ISO 8601: three models, 30 seconds each on a core of its own, three seeds: 3 minutes",
    examples=20_000,
    held_out=1_000,
    embedding_size=32,
    hidden_size=64,
    batch_size=64,
    lr=0.003,
    max_norm=1.0,
    budget=30.0,
    parts=4,
    seeds=3,
    jobs=2,
)
def dates(run: Run) -> dict[str, Any]:
    """The same seconds for every model, on a core of its own: `budget` counts training, not validation.

    A row of the curve is a model after some seconds, its exact match on the unseen days of `valid` measured
    `parts` times in a pass over the examples. The model's last row also has `test`, `best_valid` and
    `best_seconds`: those of the weights best on `valid`.
    """
    from helpers.corpora import dates as corpora

    s = run.settings
    _require_room(s, corpora.DAYS, "days")
    batches = -(-s["examples"] // s["batch_size"])
    require(s["parts"] <= batches, "parts", s["parts"], f"at most {batches}, the batches of a pass")
    corpus = corpora.corpus(run.seed, train=s["examples"], valid=s["held_out"], test=s["held_out"])
    encoded = corpus.encode(corpus.train)

    def measure(model: str, seed: int) -> list[Row]:
        from helpers.torch_training.translation import ShuffledPairs

        pairs = ShuffledPairs(*encoded, s["batch_size"], seed)
        network = _network(corpus, s, model, seed)
        rows, best = _train_for(network, corpus, pairs, s, DATE_LENGTH)
        return _labelled(rows, best, {"model": model, "seed": seed})

    return {**sweep(run, cases(s, run.seed), measure, jobs=s["jobs"]), "data_sha256": _sums(corpus)}


def _train_for(network, corpus: ParallelCorpus, pairs: Callable, s: Mapping[str, Any], max_length: int):
    """Train for `budget` seconds, at least one part of a pass → rows of the curve, fields of the best."""
    from helpers.torch_training.translation import exact_match_of

    validating: list[float] = []

    def evaluate(network) -> dict[str, float]:
        started = time.perf_counter()
        share = exact_match_of(network, corpus, corpus.valid, max_length)
        validating.append(time.perf_counter() - started)
        return {"valid": share}

    def part(number: int) -> list:
        return pairs(number // s["parts"])[number % s["parts"] :: s["parts"]]

    trainer = trainer_for(network, s, evaluate)
    rows: list[Row] = []
    seconds = longest = 0.0
    while not rows or seconds + longest <= s["budget"]:
        curve = trainer.fit(part, trainer.epoch + 1)
        if trainer.interrupted:
            raise KeyboardInterrupt
        before, seconds = seconds, trainer.seconds - sum(validating)
        longest = max(longest, seconds - before)
        rows.append({
            "passes": trainer.epoch / s["parts"],
            "seconds": seconds,
            "train_loss": curve[-1]["train_loss"],
            "valid": curve[-1]["valid"],
        })
    best = max(rows, key=lambda row: row["valid"])   # the first of them, as the trainer has it
    test = exact_match_of(network, corpus, corpus.test, max_length)
    return rows, {"best_valid": best["valid"], "best_seconds": best["seconds"], "test": test}


# ---- Korean to English ---------------------------------------------------------------------------------

SENTENCE_LENGTH = 15   # 14 words and <eos>


@experiment(
    "korean-english",
    chapter="07",
    summary="Generated Korean into English: exact match and alignment, three models and seeds: a minute",
    examples=4_000,
    held_out=500,
    embedding_size=32,
    hidden_size=64,
    batch_size=64,
    lr=0.003,
    max_norm=1.0,
    passes=15,
    seeds=3,
    jobs=2,
)
def korean_english(run: Run) -> dict[str, Any]:
    """Every model reads the same sentences equally often, in the same order.

    A row of the curve is a model after some passes. Its last row also has `test`, `best_valid` and
    `best_passes` of the weights best on `valid`, and, of a model with attention, `aligned`: the share of
    English words in the test sentences whose heaviest weight is on the Korean word they come from ("the",
    which comes from none, does not count). `results` says how large it would be by chance.
    """
    from helpers.corpora import korean_english as corpora

    s = run.settings
    _require_room(s, corpora.SENTENCES // 10, "sentences")
    corpus = corpora.corpus(run.seed, train=s["examples"], valid=s["held_out"], test=s["held_out"])
    encoded = corpus.encode(corpus.train)

    def measure(model: str, seed: int) -> list[Row]:
        from helpers.torch_training.translation import ShuffledPairs, exact_match_of

        def share(network, pairs: Sequence[Pair]) -> float:
            return exact_match_of(network, corpus, pairs, SENTENCE_LENGTH)

        pairs = ShuffledPairs(*encoded, s["batch_size"], seed)
        network = _network(corpus, s, model, seed)
        trainer = trainer_for(network, s, lambda network: {"valid": share(network, corpus.valid)})
        curve = trainer.fit(pairs, s["passes"])
        if trainer.interrupted:
            raise KeyboardInterrupt
        names = {"epoch": "passes", "seconds": "seconds", "train_loss": "train_loss", "valid": "valid"}
        rows = [{new: row[old] for old, new in names.items()} for row in curve]
        best = max(rows, key=lambda row: row["valid"])
        fields = {"best_valid": best["valid"], "best_passes": best["passes"]}
        fields["test"] = share(network, corpus.test)
        if MODELS[model]:
            fields["aligned"] = aligned(network, corpus, corpus.test)
        return _labelled(rows, fields, {"model": model, "seed": seed})

    return {
        **sweep(run, cases(s, run.seed), measure, jobs=s["jobs"]),
        "data_sha256": _sums(corpus),
        "results": {"aligned_by_chance": aligned_by_chance(corpus.test)},
    }


def aligned(network, corpus: ParallelCorpus, pairs: Sequence[Pair]) -> float:
    """The share of target words with a source word of their own whose heaviest weight is on it.

    The weights are those with which the network, given the true words before, predicts the word.
    """
    import torch

    from helpers.corpora.korean_english import alignment

    sources, targets = (torch.from_numpy(ids) for ids in corpus.encode(pairs))
    with torch.no_grad():
        _, weights = network(sources, targets[:, :-1])
    heaviest = weights.argmax(dim=-1).tolist()
    hits = [
        heaviest[row][t] == wanted
        for row, pair in enumerate(pairs)
        for t, wanted in enumerate(alignment(pair))
        if wanted is not None
    ]
    return sum(hits) / len(hits)


def aligned_by_chance(pairs: Sequence[Pair]) -> float:
    """What `aligned` would be on average if a word of the source were drawn for every word."""
    from helpers.corpora.korean_english import alignment

    chances = [1 / len(p.source) for p in pairs for wanted in alignment(p) if wanted is not None]
    return sum(chances) / len(chances)


# ---- what they share -----------------------------------------------------------------------------------


def _require_room(s: Mapping[str, Any], most: int, things: str) -> None:
    """The three splits share nothing, so `things` must last for all of them."""
    total = s["examples"] + 2 * s["held_out"]
    require(total <= most, "examples + 2 held_out", total, f"at most {most} different {things}")


def _network(corpus: ParallelCorpus, s: Mapping[str, Any], model: str, seed: int):
    import torch

    from helpers.models.seq2seq import Seq2Seq

    torch.manual_seed(seed)
    return Seq2Seq(
        len(corpus.source_vocabulary),
        len(corpus.target_vocabulary),
        embedding_size=s["embedding_size"],
        hidden_size=s["hidden_size"],
        attention=MODELS[model],
    )


def trainer_for(network, s: Mapping[str, Any], evaluate: Callable, steps: int | None = None):
    """A trainer with Adam, at a constant rate or one that falls to zero over `steps`; silent."""
    import torch

    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.schedules import cosine
    from helpers.torch_training.translation import Seq2SeqLoss

    optimizer = torch.optim.Adam(network.parameters(), lr=s["lr"], fused=True)
    falling = None if steps is None else torch.optim.lr_scheduler.LambdaLR(optimizer, cosine(steps))
    return TorchTrainer(
        network,
        optimizer,
        Seq2SeqLoss(),
        evaluate,
        monitor="valid",
        higher_is_better=True,
        scheduler=falling,
        max_norm=s["max_norm"],
        device="cpu",
        report=None,
        bar=False,
    )


def _labelled(rows: Sequence[Row], best: Row, fields: Row) -> list[Row]:
    """The rows with `fields` in front, the last one with `best` behind."""
    return [{**fields, **row, **(best if row is rows[-1] else {})} for row in rows]


def _sums(corpus: ParallelCorpus) -> dict[str, str]:
    """SHA-256 of every split, a pair a line."""
    return {
        name: records.sha256("\n".join(f"{' '.join(s)}\t{' '.join(t)}" for s, t in getattr(corpus, name)))
        for name in ("train", "valid", "test")
    }
