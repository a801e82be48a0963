"""What the settings of experiments may be: one rule for each name, checked before anything is trained."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from helpers.validation import require, require_fraction, require_int, require_number

Rule = Callable[[str, Any], object]
"""``rule(name, value)`` raises ValueError where `value` can mean nothing; `value` has the default's type."""

LARGEST = 10**9
LARGEST_SEED = 2**32 - 1


def whole(minimum: int = 1, maximum: int = LARGEST) -> Rule:
    """A whole number from `minimum` to `maximum`."""

    def rule(name: str, value: Any) -> None:
        require_int(name, value, minimum=minimum)
        require(value <= maximum, name, value, f"at most {maximum}")

    return rule


def one_of(*known: str) -> Rule:
    """One of these texts."""
    return lambda name, value: require_known(name, value, known)


def require_known(name: str, got: str, known: Collection[str]) -> None:
    """ValueError unless `got` is one of `known`: it lists them, and says which one was perhaps meant."""
    if got in known:
        return
    spelled = str(got).lower()
    near = [*difflib.get_close_matches(spelled, known, n=1),
            *difflib.get_close_matches(spelled.replace("-", "_"), known, n=1)]
    meant = f". Did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(map(repr, known) if name not in ("name", "setting") else known)
    raise ValueError(f"{name}: got {got!r}, wanted one of {listed}{meant}")


def _part(name: str, value: Any) -> None:
    """More than nothing of a whole, and less than all."""
    require(0 < value < 1, name, value, "a number above 0 and below 1")


COUNT, COUNT_OR_NONE = whole(), whole(0)
POSITIVE, NOT_NEGATIVE = partial(require_number, above=0), partial(require_number, minimum=0)

NUMBERS: dict[str, Rule] = {
    **dict.fromkeys(
        ("batch_size", "both_steps", "dense_size", "embedding_size", "epochs", "every", "examples",
         "far_seq_len", "far_steps", "held_out", "hidden_size", "input_size", "max_length", "min_count",
         "near_seq_len", "near_steps", "num_layers", "others_steps", "parts", "passes", "reviews", "rounds",
         "seeds", "seq_len", "size", "steps", "stories", "stride", "test", "tokens", "valid", "vocab_size",
         "window", "windows", "words"),
        COUNT,
    ),
    **dict.fromkeys(
        ("average_patience", "constant_epochs", "counted_window", "distance", "dropout_epochs", "far", "near",
         "others", "sampled", "sampled_epochs", "stop_after", "warmup_steps"),
        COUNT_OR_NONE,
    ),
    **dict.fromkeys(("epsilon", "hard_norm", "lr", "lr_decay", "lr_gru", "lr_lstm", "max_norm"), POSITIVE),
    **dict.fromkeys(("activation", "budget", "slowness", "weight_decay"), NOT_NEGATIVE),
    **dict.fromkeys(
        ("dropout", "embedding_dropout", "input_dropout", "ngram_dropout", "output_dropout",
         "weight_dropout"),
        require_fraction,
    ),
    **dict.fromkeys(("train_share", "valid_share"), _part),
    "jobs": whole(1, 61),   # more processes than that Windows cannot wait for
}
TEXTS: dict[str, Rule] = {
    "cell": one_of("rnn", "gru", "lstm"),
    "optimizer": one_of("sgd", "adamw"),
    "precision": one_of("auto", "float32", "bfloat16"),
    "schedule": one_of("cosine", "stepped", "constant"),
    "tokens": one_of("morphemes", "words", "characters"),
    "truncate": one_of("pre", "post"),
}
"""Texts; what is a number in one experiment may be a text in another."""

AT_MOST = (
    ("batch_size", "examples"), ("batch_size", "reviews"), ("every", "steps"), ("stop_after", "epochs"),
)
"""(smaller, larger), where an experiment has both."""


def rule_for(name: str, default: Any, own: Mapping[str, Rule]) -> Rule | None:
    """The rule of a setting: the experiment's own, or that of its name. (True or False needs none.)"""
    return own.get(name) or (TEXTS if isinstance(default, str) else NUMBERS).get(name)


def settled(
    defaults: Mapping[str, Any], overrides: Mapping[str, Any], own: Mapping[str, Rule]
) -> dict[str, Any]:
    """The settings of a run: `defaults`, and `overrides` (values, or the texts of a command line).

    ValueError names a setting that there is not, or a value of another type, or one that can mean nothing.
    """
    settings = dict(defaults)
    for name, value in overrides.items():
        require_known("setting", name, settings)
        settings[name] = _as_type_of(name, value, settings[name])
        if rule := rule_for(name, defaults[name], own):
            rule(name, settings[name])
    for small, large in AT_MOST:
        if small in settings and large in settings:
            fits = settings[small] <= settings[large]
            require(fits, small, settings[small], f"at most {large} = {settings[large]}")
    return settings


def _as_type_of(name: str, value: Any, default: Any) -> Any:
    kind = type(default)
    given = isinstance(value, str) or (
        isinstance(value, bool) if kind is bool else kind is not str and isinstance(value, numbers.Real)
    )
    try:
        flags = {"true": True, "false": False}
        converted = flags.get(str(value).lower()) if kind is bool else kind(value)
    except (TypeError, ValueError, OverflowError):
        converted = None
    # int(2.7) would be 2, int(True) 1, and a record holds no nan or inf
    unfit = not given or (kind is not bool and isinstance(value, bool))
    unfit = unfit or (isinstance(value, float) and converted != value)
    if converted is None or unfit or (kind is float and not math.isfinite(converted)):
        raise ValueError(f"{name}: got {value!r}, wanted a value like {default!r}")
    return converted
