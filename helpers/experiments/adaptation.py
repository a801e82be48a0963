"""What the text a model is tested on teaches it: a neural cache and dynamic evaluation of a trained model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.experiments.registry import Run, experiment, get
from helpers.experiments.settings import one_of

if TYPE_CHECKING:
    from helpers.torch_training.dynamic_evaluation import Reading

MODELS = ("ptb-laptop", "ptb-650", "ptb-evening")
"""Experiments whose trained models can be read with."""

THETAS, WEIGHTS = (0.0, 0.3, 0.6, 0.9, 1.2), (0.02, 0.05, 0.1, 0.15, 0.2)
RATES, DECAYS = (6e-5, 1e-4, 1.5e-4), (3e-4, 1e-3)
"""What is tried on validation; what is best there is used on the other texts."""

BEGINNING = 20_000
"""Words of the validation text on which dynamic evaluation is tried."""

STILL = 200
"""Words read at a time where nothing is learned."""

SCALE = 20, 5
"""Rows and words of the windows on which the gradients of the training text are measured."""


@experiment(
    "ptb-test-text",
    chapter="06",
    summary="Neural cache and dynamic evaluation of a trained model on Penn Treebank: half an hour",
    model="ptb-laptop",
    size=2000,
    seq_len=10,
    epsilon=2e-5,
    tokens=10_000,
    rules={"model": one_of(*MODELS)},
)
def ptb_test_text(run: Run) -> dict[str, Any]:
    """The model is the one that the experiment `model` left with the same seed. A row of the curve is one
    setting on the validation text (of dynamic evaluation, on its beginning): what is best there is used.
    `size` is the cache's, `seq_len` the words between two steps of dynamic evaluation.

    Two texts in which there should be less to learn: the test text's sentences in an order drawn by lot, and
    `tokens` words that the model itself has drawn, one after the other.
    """
    from helpers.corpora import penn_treebank

    s, corpus = run.settings, penn_treebank.load_all()
    model = trained(s["model"], run.seed, len(corpus.vocabulary))
    end = corpus.vocabulary.encode(["<eos>"])[0]
    rng = np.random.default_rng(run.seed)
    texts = {
        "valid": corpus.valid,
        "test": corpus.test,
        "shuffled": in_another_order(corpus.test, end, rng),
        "written": written(model, end, s["tokens"], rng),
    }
    curve, results = adapted(model, corpus.train[: len(corpus.train) // 4], texts, s, run.bar)
    return {
        "curve": curve,
        "parameters": model.parameter_count,
        "data_sha256": dict(penn_treebank.SHA256),
        "results": results,
    }


def adapted(
    model, train: np.ndarray, texts: Mapping[str, np.ndarray], settings: Mapping[str, Any], show: bool = False
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Settings tried on ``texts["valid"]``; and of every text the perplexity as it is, with the cache, while
    learning, and with both, and the settings chosen. `train` tells how large gradients usually are."""
    from helpers.torch_training.dynamic_evaluation import read_text, root_mean_squares

    still = {
        name: read_text(model, Watched(ids, 1, STILL, f"{name}, as it is", show))
        for name, ids in texts.items()
    }
    scale = root_mean_squares(model, Watched(train, *SCALE, "gradients of the training text", show))

    def cached(reading: Reading, theta: float, weight: float) -> float:
        return with_cache(reading, settings["size"], theta, weight)

    def learning(ids: np.ndarray, lr: float, decay: float) -> Reading:
        windows = Watched(ids, 1, settings["seq_len"], f"learning, lr {lr:g}, decay {decay:g}", show)
        return read_text(model, windows, lr=lr, decay=decay, scale=scale, epsilon=settings["epsilon"])

    begin = texts["valid"][:BEGINNING]
    curve = [
        {"kind": "cache", "theta": theta, "weight": weight,
         "valid_perplexity": cached(still["valid"], theta, weight)}
        for theta, weight in itertools.product(THETAS, WEIGHTS)
    ] + [
        {"kind": "dynamic", "lr": lr, "decay": decay,
         "valid_perplexity": learning(begin, lr, decay).perplexity}
        for lr, decay in itertools.product(RATES, DECAYS)
    ]  # fmt: skip
    cache, dynamic = (best(curve, kind) for kind in ("cache", "dynamic"))
    moved = {name: learning(ids, dynamic["lr"], dynamic["decay"]) for name, ids in texts.items()}
    both = [
        {"kind": "both", "theta": cache["theta"], "weight": weight,
         "valid_perplexity": cached(moved["valid"], cache["theta"], weight)}
        for weight in WEIGHTS
    ]  # fmt: skip
    chosen = {"cache": cache, "dynamic": dynamic, "both": best(both, "both")}
    results: dict[str, Any] = {"chosen": chosen}
    for name in texts:
        results[name] = {
            "static": still[name].perplexity,
            "cache": cached(still[name], cache["theta"], cache["weight"]),
            "dynamic": moved[name].perplexity,
            "both": cached(moved[name], cache["theta"], chosen["both"]["weight"]),
        }
    return curve + both, results


class Watched:
    """The windows of a text, `words` of each of `rows` rows, with a progress bar on the way through them."""

    def __init__(self, ids: np.ndarray, rows: int, words: int, description: str, show: bool):
        from helpers.corpora.batches import contiguous_batches

        self._batches, self._description, self._show = contiguous_batches(ids, rows, words), description, show

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        from helpers.training.bar import progress_bar

        with progress_bar(len(self._batches), description=self._description, show=self._show) as bar:
            for batch in self._batches:
                yield batch
                bar.update()


def trained(name: str, seed: int, vocab_size: int):
    """The model that the experiment `name` trained with `seed`. FileNotFoundError says how to train it."""
    from helpers.experiments.torch_runs import build
    from helpers.torch_training.checkpoints import load_weights

    made = get(name)
    path = made.checkpoint(seed, made.settings).with_suffix(".pt")
    if not path.exists():
        command = f"python -m helpers.experiments run {name} --seed {seed}"
        raise FileNotFoundError(f"{path}: not there; '{command}' trains the model and leaves it")
    model = build(made.settings, vocab_size)
    load_weights(model, path)
    return model.eval()


def in_another_order(ids: np.ndarray, end: int, rng: np.random.Generator) -> np.ndarray:
    """The same sentences, each with its `end`, in an order drawn by lot: what one sentence tells of the next
    is gone."""
    sentences = np.split(ids, np.flatnonzero(ids == end) + 1)
    rest = sentences.pop()   # what stands after the last end
    return np.concatenate([*(sentences[i] for i in rng.permutation(len(sentences))), rest])


def written(model, first: int, tokens: int, rng: np.random.Generator) -> np.ndarray:
    """`tokens` ids that `model` draws one after the other, behind the word `first`, which is one of them."""
    import torch

    ids, state = [first], None
    with torch.no_grad():
        while len(ids) < tokens:
            logits, state = model(torch.tensor([ids[-1:]]), state)
            shares = torch.softmax(logits[0, 0].double(), -1).cumsum(-1).numpy()
            ids.append(int(np.searchsorted(shares, rng.random() * shares[-1], side="right")))
    return np.array(ids)


def with_cache(reading: Reading, size: int, theta: float, weight: float) -> float:
    """Perplexity with the cache."""
    from helpers.models.neural_cache import cached_log_probs
    from helpers.training import perplexity

    return perplexity(-cached_log_probs(*reading, size=size, theta=theta, weight=weight).mean())


def best(curve: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    """The row of this kind whose validation perplexity is lowest."""
    return dict(min((r for r in curve if r["kind"] == kind), key=lambda row: row["valid_perplexity"]))
