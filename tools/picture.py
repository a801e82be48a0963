"""The README's picture and its tables of measured results, all from the records: python -m tools.picture."""

from __future__ import annotations

from pathlib import Path

import typer

from helpers.console import command
from helpers.experiments.distances import best_rate
from helpers.experiments.language_models import pronoun_floors
from helpers.files import writing
from helpers.plots import COLOURS, figure
from helpers.processes import stoppable
from helpers.records import on_what, read_record
from helpers.validation import require

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "picture.png"
MEASURED = (
    "pronouns",
    "english-words",
    "english-characters",
    "ptb-small",
    "ptb-small-lr-decay-1.0",
    "ptb-laptop",
)


def alt_text() -> str:
    """What the picture finds, in one sentence for each half."""
    pronouns, ptb = read_record("pronouns"), read_record("ptb-small")
    context = {row["context"]: row["perplexity"] for row in ptb["results"]["context"]}
    return (
        f"Left: a from-scratch LSTM on stories whose best possible perplexity is known to be "
        f"{validation_floor(pronouns):.2f}; validation falls to {pronouns['valid_perplexity']:.2f} in "
        f"{len(pronouns['curve'])} epochs. Right: the same code on Penn Treebank, perplexity against words "
        f"of context: {context[1]:.0f} with one word, {context[5]:.0f} with 5, {context[55]:.0f} with 55."
    )


def validation_floor(record) -> float:
    """The best possible perplexity on the validation tokens of a `pronouns` record; its own is the test's."""
    floors = pronoun_floors(record["settings"], record["seed"])
    same = abs(floors["test"] - record["floor_perplexity"]) < 1e-9
    require(same, "record", record["name"], "one of the texts that the grammar draws now")
    return floors["valid"]


def draw():
    """The figure, two panels."""
    pronouns, ptb = read_record("pronouns"), read_record("ptb-small")
    fig, (left, right) = figure(columns=2, width=9, height=3.2)
    epochs = [row["epoch"] for row in pronouns["curve"]]
    left.plot(epochs, [row["valid_perplexity"] for row in pronouns["curve"]], "o-", color=COLOURS["lstm"])
    floor = validation_floor(pronouns)
    left.axhline(floor, color=COLOURS["floor"], linewidth=0.9, linestyle=":")
    left.text(1, floor, "exact floor", va="bottom", fontsize=9)
    left.set(title="stories with a known floor", xlabel="epoch", xticks=epochs)
    left.set(ylabel="validation perplexity", ylim=(floor - 0.01, None))
    context = {row["context"]: row["perplexity"] for row in ptb["results"]["context"]}
    right.plot(list(context), list(context.values()), "o-", color=COLOURS["lstm"])
    right.set(title="Penn Treebank: how far back does it look?", xlabel="words of context", xscale="log")
    right.set_ylabel("validation perplexity")
    ticks = [1, 2, 5, 10, 20, 50]
    right.set_xticks(ticks, ticks)
    right.minorticks_off()
    return fig


def table() -> str:
    """The README's rows: run, test perplexity, what to compare with, seconds, command."""
    rows = ["| Run | Test perplexity | Beside it | Time | Command |", "|---|---|---|---|---|"]
    beside = {
        "pronouns": lambda r: f"exact floor {r['floor_perplexity']:.2f}",
        "english-words": lambda r: f"word frequencies {r['results']['unigram_test_perplexity']:.0f}",
        "english-characters": lambda r: f"plain RNN {r['results']['rnn']['test_perplexity']:.2f}; per letter",
        "ptb-small": lambda r: "136 published for this size",
        "ptb-small-lr-decay-1.0": lambda r: "the same with a constant learning rate",
        "ptb-laptop": lambda r: "82.7 published for 2 × 650 with dropout (Zaremba 2014)",
    }
    for name in MEASURED:
        record = read_record(name)
        digits = 2 if record["test_perplexity"] < 10 else 1
        threads = record["hardware"]["threads"]
        time = f"{record['seconds']:.0f} s, {threads} thread{'s' if threads > 1 else ''}"
        result = f"{record['test_perplexity']:.{digits}f}"
        rows.append(f"| {name} | {result} | {beside[name](record)} | {time} | `{record['command']}` |")
    return "\n".join(rows)


def timed_on() -> str:
    """The README's line on what the times of its tables were taken on."""
    places: dict[str, list[str]] = {}
    for name in (*MEASURED, "dates", *FURTHEST):
        places.setdefault(on_what(read_record(name)), []).append(f"`{name}`")
    return "Times: " + "; ".join(f"{', '.join(names)} on {place}" for place, names in places.items()) + "."


TEXTS = {
    "near": "0 to 5 words of filler",
    "far": "0 to 60 words",
    "both": "half near, half far",
    "other names": "the same, with two other names in between",
}


def memory_table(distance: int = 60) -> str:
    """The README's rows on memory: kind of training text, pronouns right at `distance` for each cell."""
    record = read_record("pronoun-distance")
    rows = ["| Trained on | LSTM | GRU | plain RNN |", "|---|---|---|---|"]
    for text, words in TEXTS.items():
        shares = []
        for cell in ("lstm", "gru", "rnn"):
            tried = [row for row in record["curve"] if (row["cell"], row["text"]) == (cell, text)]
            lr = best_rate(tried)
            found = [row[f"at_{distance}"] for row in tried if row["lr"] == lr]
            mean = sum(found) / len(found)
            shares.append(f"{100 * mean:.0f} ({100 * min(found):.0f}–{100 * max(found):.0f})")
        rows.append(f"| {words} | {' | '.join(shares)} |")
    return "\n".join(rows)


DECODERS = {"plain": "no attention", "additive": "additive attention", "dot": "dot-product attention"}


def dates_table(enough: float = 0.995) -> str:
    """The README's rows on attention: decoder, unseen dates right, seconds until `enough` are."""
    record = read_record("dates")
    rows = [f"| Decoder | Dates right | Seconds to {enough:.1%} on validation |", "|---|---|---|"]
    for model, words in DECODERS.items():
        runs: dict[int, list] = {}
        for row in record["curve"]:
            if row["model"] == model:
                runs.setdefault(row["seed"], []).append(row)
        tests = [run[-1]["test"] for run in runs.values()]
        times = [_seconds(run, enough) for run in runs.values()]
        rows.append(f"| {words} | {_share(tests)} | {', '.join(times)} |")
    return "\n".join(rows)


CLASSIFIERS = {
    "ann": "flattened, no cell",
    "pre-trained": "the same, embedding pre-trained and frozen",
    "trained": "the same, embedding pre-trained and trained on",
    "rnn": "SimpleRNN",
    "lstm": "LSTM",
    "gru": "GRU",
    "two-gru": "two GRU layers",
}


FURTHEST = ("nsmc-best", "nsmc-best-seed1", "nsmc-best-seed2")
WITHOUT_CELL = tuple(f"{name}-num-layers-0" for name in FURTHEST)


def reviews_table() -> str:
    """The README's rows on reviews: model, the lecture's best validation accuracy, ours, test accuracy."""
    results = read_record("nsmc-table")["results"]
    rows = ["| Model | Lecture | Validation | Test |", "|---|---|---|---|"]
    for model, words in CLASSIFIERS.items():
        runs = [run for run in results["runs"] if run["model"] == model]
        shares = (_share([run[key] for run in runs]) for key in ("valid_accuracy", "test_accuracy"))
        rows.append(f"| {words} | {100 * results['reported'][model]:.1f} | {' | '.join(shares)} |")
    for names, words in (
        (FURTHEST, "`nsmc-best`: bidirectional LSTM over character n-grams"),
        (WITHOUT_CELL, "the same without its LSTM: a bag of n-grams"),
    ):
        best = [read_record(name)["results"] for name in names]
        shares = (_share([run[key] for run in best]) for key in ("valid_accuracy", "test_accuracy"))
        rows.append(f"| {words} | – | {' | '.join(shares)} |")
    return "\n".join(rows)


def _seconds(run: list[dict], enough: float) -> str:
    return next((f"{row['seconds']:.0f}" for row in run if row["valid"] >= enough), "never")


def _share(found: list[float]) -> str:
    """Per cent: mean (lowest–highest)."""
    return f"{100 * sum(found) / len(found):.1f} ({100 * min(found):.1f}–{100 * max(found):.1f})"


@stoppable()
def main() -> None:
    """Write the picture; print the alternative text and the tables for the README."""
    try:
        tables = (table(), timed_on(), memory_table(), dates_table(), reviews_table())
        text, picture = alt_text(), draw()
    except (FileNotFoundError, ValueError) as error:   # of a record
        print(error)
        raise typer.Exit(1) from None
    with writing(PICTURE, "wb") as file:
        picture.savefig(file, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    print("\n\n".join([f"![{text}](docs/picture.png)", *tables]))


if __name__ == "__main__":
    command(lambda: typer.run(main))
