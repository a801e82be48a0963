"""Experiments of chapter 6: torch language models on Penn Treebank, laptop and full size."""

from __future__ import annotations

from typing import Any

from helpers.experiments.registry import Run, experiment
from helpers.experiments.torch_runs import train_on_penn_treebank

PLAIN: dict[str, Any] = {
    "num_layers": 2,
    "tied": True,
    "variational": True,
    "weight_dropout": 0.0,
    "activation": 0.0,
    "slowness": 0.0,
    "random_windows": False,
    "batch_size": 20,
    "seq_len": 35,
    "optimizer": "sgd",
    "lr": 20.0,
    "weight_decay": 1.2e-6,
    "schedule": "cosine",
    "warmup_steps": 130,
    "average_patience": 0,
    "max_norm": 0.25,
    "precision": "auto",
}
"""Settings the experiments share."""

FULL_SIZE = {"stop_after": 0}
"""`stop_after` > 0 ends a run after so many of its epochs; the same command without it goes on from there."""

HURRIED: dict[str, Any] = {
    "activation": 1.0,
    "slowness": 0.5,
    "dropout_epochs": 6,
    "counted_window": 1,
    "counted_sides": True,
    "sampled": 1500,
}
"""What makes the most of few epochs, beside the penalties: dropout that grows, an embedding that starts from
which words stand next to each other, and a softmax over a sample of the words."""


@experiment(
    "ptb-laptop",
    chapter="06",
    summary="Penn Treebank, two tied layers, all of chapter 6: under an hour on two cores with bfloat16",
    distributed=True,
    embedding_size=400,
    hidden_size=650,
    input_dropout=0.3,
    dropout=0.35,
    output_dropout=0.45,
    embedding_dropout=0.1,
    epochs=23,
    **PLAIN | HURRIED | {"lr": 25.0, "sampled_epochs": 22},
)
def ptb_laptop(run: Run) -> dict[str, Any]:
    """SGD whose rate falls along half a cosine; the last layer is as wide as the embedding. In all epochs but
    the last one the softmax runs over a sample of the words."""
    return train_on_penn_treebank(run)


@experiment(
    "ptb-650",
    chapter="06",
    summary="Penn Treebank, 2 x 650 tied, the shape with a published 75.8: an hour or two on two cores",
    distributed=True,
    embedding_size=650,
    hidden_size=650,
    input_dropout=0.35,
    dropout=0.4,
    output_dropout=0.5,
    embedding_dropout=0.1,
    epochs=17,
    **PLAIN | HURRIED | {"lr": 25.0, "sampled_epochs": 16},
    **FULL_SIZE,
)
def ptb_650(run: Run) -> dict[str, Any]:
    """The shape is the published one; the training is that of ptb-laptop, with a little more dropout."""
    return train_on_penn_treebank(run)


EVENING: dict[str, Any] = {
    **PLAIN,
    **HURRIED,
    "embedding_size": 650,
    "hidden_size": 650,
    "input_dropout": 0.4,
    "dropout": 0.4,
    "output_dropout": 0.5,
    "embedding_dropout": 0.1,
    "weight_dropout": 0.3,
    "dropout_epochs": 10,
    "batch_size": 32,
    "lr": 30.0,
    "epochs": 44,
    "sampled_epochs": 42,
}


@experiment(
    "ptb-evening",
    chapter="06",
    summary="Penn Treebank, 2 x 650 tied, more epochs and more dropout: two hours and more on two cores",
    distributed=True,
    **EVENING,
)
def ptb_evening(run: Run) -> dict[str, Any]:
    """The model and the training of ptb-650 with time for more than twice the epochs, and dropout to match:
    also on the hidden-to-hidden weights. Batches of 32, at a rate to match."""
    return train_on_penn_treebank(run)


AWD: dict[str, Any] = {
    **PLAIN,
    "num_layers": 3,
    "weight_dropout": 0.5,
    "activation": 2.0,
    "slowness": 1.0,
    "random_windows": True,
    "seq_len": 70,
    "lr": 30.0,
    "schedule": "constant",
    "average_patience": 5,
}


@experiment(
    "ptb-awd",
    chapter="06",
    summary="Penn Treebank, AWD-LSTM's settings, 3 x 1150 (published: 57.3): a day's work for a GPU",
    distributed=True,
    embedding_size=400,
    hidden_size=1150,
    input_dropout=0.4,
    dropout=0.25,
    output_dropout=0.4,
    embedding_dropout=0.1,
    epochs=500,
    **AWD,
    **FULL_SIZE,
)
def ptb_awd(run: Run) -> dict[str, Any]:
    """Merity, Keskar & Socher (2018), with the settings of the command in their repository (their paper has
    batches of 40 and 0.3 between the layers), and without the fine-tuning that follows there."""
    return train_on_penn_treebank(run)
