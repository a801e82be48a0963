"""Training a torch language model in an experiment: from its settings to the fields of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from helpers.experiments.registry import Run
from helpers.experiments.settings import require_known
from helpers.experiments.training_runs import (
    begin_or_resume,
    cut,
    finite_perplexity,
    leaving_a_record,
    so_far,
)

DROPOUTS = "input_dropout", "dropout", "output_dropout", "embedding_dropout", "weight_dropout"


def train_on_penn_treebank(run: Run, report: Callable[[str], Any] | None = print) -> dict[str, Any]:
    """`train` on Penn Treebank."""
    from helpers.corpora import penn_treebank

    corpus = penn_treebank.load_all()
    ids = {"train": corpus.train, "valid": corpus.valid, "test": corpus.test}
    return train(run, ids, len(corpus.vocabulary), dict(penn_treebank.SHA256), report)


def build(settings: Mapping[str, Any], vocab_size: int):
    """The `TorchLanguageModel` that `settings` describe; torch's generator draws its weights."""
    from helpers.models.torch_language_model import TorchLanguageModel

    shape = ("embedding_size", "hidden_size")
    options = "num_layers", "tied", "variational", *DROPOUTS
    return TorchLanguageModel(
        vocab_size, *(settings[name] for name in shape), **{name: settings[name] for name in options}
    )


def optimizer_of(settings: Mapping[str, Any], model):
    """The torch optimizer that `settings` describe."""
    import torch

    kinds = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}
    name = settings["optimizer"]
    require_known("optimizer", name, kinds)
    options = {"betas": (0.9, 0.99)} if name == "adamw" else {}
    return kinds[name](
        model.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"], fused=True, **options
    )


def scheduler_of(settings: Mapping[str, Any], optimizer, steps_an_epoch: int):
    """The learning rate over the run, as `settings` describe it."""
    import torch

    from helpers.torch_training.schedules import cosine, stepped

    kind = settings["schedule"]
    if kind == "cosine":
        factor = cosine(steps_an_epoch * settings["epochs"], settings["warmup_steps"])
    elif kind == "stepped":
        factor = stepped(steps_an_epoch, settings["constant_epochs"], settings["lr_decay"])
    elif kind == "constant":
        return None
    else:
        raise ValueError(f"schedule: got {kind!r}, wanted 'cosine', 'stepped' or 'constant'")
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def set_dropout(model, settings: Mapping[str, Any], epochs: float) -> None:
    """Give `model` the dropout of a moment, that after `epochs` (a float): it grows from 0 along a straight
    line to what `settings` say, and from ``settings["dropout_epochs"]`` on it stays. (Morerio, Cavazza,
    Volpi, Vidal & Murino 2017 let it grow along an exponential.)"""
    for name in DROPOUTS:
        setattr(model, name, settings[name] * min(1.0, epochs / settings["dropout_epochs"]))


def train(
    run: Run,
    ids: Mapping[str, Any],
    vocab_size: int,
    data_sha256: Mapping[str, str],
    report: Callable[[str], Any] | None = print,
) -> dict[str, Any]:
    """Train on ``ids["train"]``, keep the best on ``["valid"]``, test once → fields of a record. `report` is
    called with a line of text after each epoch.

    Raises KeyboardInterrupt when the run was stopped; its checkpoint goes on. Diverged when a loss or its
    perplexity was not finite.
    """
    import torch

    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.averaging import WeightAverage
    from helpers.torch_training.language_modelling import LanguageModelLoss, RandomWindows, mean_nats
    from helpers.training import perplexity
    from helpers.word_vectors import counted_start

    s = run.settings
    batches = cut(ids, s)
    torch.manual_seed(run.seed)
    model = build(s, vocab_size)
    if window := s.get("counted_window", 0):
        options = {"window": window, "sides": s["counted_sides"], "seed": run.seed}
        start = counted_start(ids["train"], vocab_size, s["embedding_size"], **options)
        model.embedding.data.copy_(torch.from_numpy(start))
    optimizer = optimizer_of(s, model)
    loss = LanguageModelLoss(
        activation=s["activation"],
        slowness=s["slowness"],
        seq_len=s["seq_len"] if s["random_windows"] else None,
        sampled=lambda: s["sampled"] if trainer.epoch < s.get("sampled_epochs", 0) else 0,
    )

    def growing(model, batch, state):
        set_dropout(model, s, trainer.epoch + trainer.step / len(batches["train"]))
        return loss(model, batch, state)

    trainer = TorchTrainer(
        model,
        optimizer,
        growing if s.get("dropout_epochs", 0) else loss,
        lambda model: {"valid_perplexity": finite_perplexity(mean_nats(model, batches["valid"]))},
        monitor="valid_perplexity",
        scheduler=scheduler_of(s, optimizer, len(batches["train"])),
        max_norm=s["max_norm"],
        average=WeightAverage(s["average_patience"]) if s["average_patience"] else None,
        checkpoint=run.checkpoint.with_suffix(".pt"),
        # A cosine knows where it ends: with more epochs it is another run.
        settings={
            **{name: value for name, value in s.items() if name != "stop_after"},
            "epochs": s["epochs"] if s["schedule"] == "cosine" else None,
            "seed": run.seed,
            "data": dict(data_sha256),
        },
        save_every=run.save_every,
        precision=s["precision"],
        summary=lambda nats: {"train_perplexity": finite_perplexity(nats)},
        report=report,
        bar=run.bar,
    )
    windows = batches["train"]
    if s["random_windows"]:
        windows = RandomWindows(windows, s["seq_len"], run.seed)
    group = trainer.join(restart=not run.resume)
    limit = "stop_after" if s.get("stop_after") else "epochs"
    fields = {"data_sha256": dict(data_sha256), "parameters": model.parameter_count}
    with leaving_a_record(trainer, fields):
        begin_or_resume(run, trainer, limit, group.first)
        trainer.fit(windows, s[limit])
    if trainer.interrupted:
        raise KeyboardInterrupt
    return {
        **fields,
        **so_far(trainer),
        "valid_perplexity": max(1.0, trainer.best_score),   # rounding may make it a little less
        "test_perplexity": max(1.0, perplexity(mean_nats(model, batches["test"]))),
        "results": {
            "tokens": {name: each.tokens for name, each in batches.items()},
            "precision": trainer.precision,
            "device": str(trainer.device),
            "processes": group.count,
        },
    }
