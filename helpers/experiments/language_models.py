"""Experiments of chapter 5: language models in NumPy, on three corpora."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers import generation, records
from helpers.experiments.registry import Run, experiment
from helpers.experiments.training_runs import context_curve, cut, train
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD, Adam
from helpers.training import perplexity
from helpers.validation import require

CONTEXT_PLACES = 2000
"""Tokens of the validation text, evenly spread, at which perplexity against context is measured."""


@experiment(
    "ptb-small",
    chapter="05",
    summary="Penn Treebank, one LSTM layer of 100: about 5 minutes on two cores",
    cell="lstm",
    embedding_size=100,
    hidden_size=100,
    batch_size=20,
    seq_len=35,
    lr=20.0,
    constant_epochs=2,
    lr_decay=0.3,
    max_norm=0.25,
    epochs=4,
)
def ptb_small(run: Run) -> dict[str, Any]:
    """SGD with a rate that decays, clipping at 0.25; evaluation with a batch of 10, state carried."""
    from helpers.corpora import penn_treebank

    s = run.settings
    corpus = penn_treebank.load_all()
    ids = {"train": corpus.train, "valid": corpus.valid, "test": corpus.test}
    rng = np.random.default_rng(run.seed)
    size = len(corpus.vocabulary)
    model = LanguageModel(size, s["embedding_size"], s["hidden_size"], cell=s["cell"], rng=rng)
    outcome = train(run, model, SGD(model.params, s["lr"]), ids, dict(penn_treebank.SHA256))
    outcome["results"]["context"] = context_curve(model, corpus.valid, CONTEXT_PLACES)
    outcome["results"]["context_places"] = CONTEXT_PLACES   # a sample: its level is not that of all tokens
    unknown = [corpus.vocabulary.unk_id]
    start = corpus.vocabulary.encode(["<eos>"])
    words = generation.generate(
        model, start, 60, np.random.default_rng(run.seed), temperature=0.8, top_k=50, forbidden=unknown
    )
    outcome["results"]["sample"] = " ".join(corpus.vocabulary.decode(words))
    return outcome


@experiment(
    "english-words",
    chapter="05",
    summary="Words of the language reference inside Python, an LSTM with dropout: less than a minute",
    cell="lstm",
    embedding_size=64,
    hidden_size=128,
    dropout=0.4,
    min_count=2,
    batch_size=20,
    seq_len=30,
    lr=0.004,
    constant_epochs=8,
    lr_decay=0.7,
    max_norm=1.0,
    epochs=16,
)
def english_words(run: Run) -> dict[str, Any]:
    """Adam; words that occur once in the training part are ``<unk>``."""
    from helpers.corpora import english
    from helpers.corpora.vocabulary import Vocabulary

    s = run.settings
    splits = english.reference_splits()._asdict()
    tokens = {name: english.words(text) for name, text in splits.items()}
    vocabulary = Vocabulary.build(tokens["train"], min_count=s["min_count"])
    require(len(vocabulary) > 1, "min_count", s["min_count"], "what some word reaches; all would be <unk>")
    ids = {name: vocabulary.encode(words) for name, words in tokens.items()}
    model = LanguageModel(
        len(vocabulary),
        s["embedding_size"],
        s["hidden_size"],
        cell=s["cell"],
        dropout=s["dropout"],
        rng=np.random.default_rng(run.seed),
    )
    data = {name: records.sha256(text) for name, text in splits.items()}
    outcome = train(run, model, Adam(model.params, s["lr"]), ids, data)
    outcome["results"] |= {
        "vocabulary": len(vocabulary),
        "unknown_share": {name: float((each == vocabulary.unk_id).mean()) for name, each in ids.items()},
        "unigram_test_perplexity": _unigram_perplexity(ids, len(vocabulary)),
    }
    return outcome


def _unigram_perplexity(ids: Mapping[str, np.ndarray], size: int) -> float:
    """Test perplexity of the words' frequencies in training, each count plus one."""
    counts = np.bincount(ids["train"], minlength=size) + 1.0
    return perplexity(float(-np.log(counts / counts.sum())[ids["test"]].mean()))


@experiment(
    "english-characters",
    chapter="05",
    summary="Characters of the same text, a plain RNN beside an LSTM, and what they write: about a minute",
    embedding_size=32,
    hidden_size=128,
    batch_size=20,
    seq_len=50,
    lr=0.003,
    constant_epochs=6,
    lr_decay=0.7,
    max_norm=1.0,
    epochs=12,
)
def english_characters(run: Run) -> dict[str, Any]:
    """The record's curve and perplexities are the LSTM's; the plain RNN's stand under results."""
    from helpers.corpora import english
    from helpers.corpora.vocabulary import Vocabulary

    s = run.settings
    splits = english.reference_splits()._asdict()
    vocabulary = Vocabulary.build(splits["train"])
    ids = {name: vocabulary.encode(text) for name, text in splits.items()}
    data = {name: records.sha256(text) for name, text in splits.items()}
    outcomes = {}
    for cell in ("rnn", "lstm"):
        rng = np.random.default_rng(run.seed)
        model = LanguageModel(len(vocabulary), s["embedding_size"], s["hidden_size"], cell=cell, rng=rng)
        outcome = train(run, model, Adam(model.params, s["lr"]), ids, data, tag=f"-{cell}")
        outcome["samples"] = {
            str(temperature): _write(model, vocabulary, run.seed, temperature)
            for temperature in (0.3, 0.7, 1.0, 1.5)
        }
        outcomes[cell] = outcome
    record = dict(outcomes["lstm"])
    samples = {cell: outcome.pop("samples") for cell, outcome in outcomes.items()}
    record.pop("samples", None)
    record["seconds"] = sum(outcome["seconds"] for outcome in outcomes.values())
    record["results"] = record["results"] | {
        "vocabulary": len(vocabulary),
        "samples": samples,
        "rnn": {key: outcomes["rnn"][key] for key in ("curve", "valid_perplexity", "test_perplexity")},
    }
    return record


def _write(model, vocabulary, seed: int, temperature: float) -> str:
    """200 characters after "the "."""
    prompt = vocabulary.encode("the ")
    forbidden = [vocabulary.unk_id]
    rng = np.random.default_rng(seed)
    ids = generation.generate(model, prompt, 200, rng, temperature=temperature, forbidden=forbidden)
    return "the " + "".join(vocabulary.decode(ids))


@experiment(
    "pronouns",
    chapter="05",
    summary="The pronoun grammar, whose best possible perplexity is known: less than a minute",
    cell="lstm",
    embedding_size=32,
    hidden_size=64,
    distance=8,
    tokens=100_000,
    batch_size=20,
    seq_len=20,
    lr=0.03,
    constant_epochs=2,
    lr_decay=0.5,
    max_norm=1.0,
    epochs=6,
)
def pronouns(run: Run) -> dict[str, Any]:
    """Adam; distances 0 … `distance`, pronoun stories only. The floor is that of the very test tokens."""
    s = run.settings
    rng = np.random.default_rng(run.seed)
    vocabulary, drawn = pronoun_texts(s, rng)
    ids = {name: vocabulary.encode(tokens) for name, (tokens, _) in drawn.items()}
    data = {name: records.sha256(" ".join(tokens)) for name, (tokens, _) in drawn.items()}
    model = LanguageModel(
        len(vocabulary), s["embedding_size"], s["hidden_size"], cell=s["cell"], rng=rng
    )
    outcome = train(run, model, Adam(model.params, s["lr"]), ids, data)
    floors = pronoun_floors(s, run.seed)
    outcome["floor_perplexity"] = floors["test"]
    outcome["results"]["valid_floor_perplexity"] = floors["valid"]
    outcome["results"]["above_floor"] = outcome["test_perplexity"] / floors["test"] - 1
    return outcome


def pronoun_texts(settings: Mapping[str, Any], rng: np.random.Generator):
    """The vocabulary, and (tokens, log_probs) of the splits train, valid and test, drawn in this order."""
    from helpers.corpora.pronouns import PronounGrammar

    grammar = PronounGrammar(distance=(0, settings["distance"]), greetings=0.0)
    size = settings["tokens"]
    sizes = {"train": size, "valid": size // 5, "test": size // 5}
    return grammar.vocabulary, {name: grammar.corpus(tokens, rng) for name, tokens in sizes.items()}


def pronoun_floors(settings: Mapping[str, Any], seed: int) -> dict[str, float]:
    """The best possible perplexity on the very tokens that a run of `pronouns` predicts, for each split."""
    from helpers.corpora.pronouns import floor_perplexity

    vocabulary, drawn = pronoun_texts(settings, np.random.default_rng(seed))
    batches = cut({name: vocabulary.encode(tokens) for name, (tokens, _) in drawn.items()}, settings)
    return {name: floor_perplexity(drawn[name][1][each.target_index]) for name, each in batches.items()}
