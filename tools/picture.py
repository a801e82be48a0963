"""The README's picture and numbers, the tables of docs/measured.md, from records: python -m tools.picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

import typer

from helpers import fonts
from helpers.console import command
from helpers.experiments.distances import best_rate
from helpers.experiments.language_models import pronoun_floors
from helpers.files import writing
from helpers.languages import ENGLISH, LANGUAGES, translate, use
from helpers.plots import COLOURS, figure
from helpers.processes import stoppable
from helpers.records import on_what, read_record
from helpers.validation import require

DOCS = Path(__file__).resolve().parents[1] / "docs"
MEASURED = (
    "pronouns",
    "english-words",
    "english-characters",
    "ptb-small",
    "ptb-small-lr-decay-1.0",
    "ptb-laptop",
    "ptb-650",
    "ptb-evening",
)
SEEDS = {"ptb-laptop": 3, "ptb-650": 2, "nsmc-best": 3}
"""An experiment that was run with more than one seed → how many, 0 the first."""


def of_all_seeds(name: str, settings: str = "") -> list[str]:
    """The records of experiment `name`, one a seed; `settings` ends their names where they were others."""
    others = (f"-seed{seed}" for seed in range(1, SEEDS.get(name, 1)))
    return [name + seed + settings for seed in ("", *others)]


def perplexities_of(name: str) -> list[float]:
    """Of experiment `name`, one a seed."""
    return [read_record(record)["test_perplexity"] for record in of_all_seeds(name)]


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
    """The figure, two panels, in the language in use."""
    pronouns, ptb = read_record("pronouns"), read_record("ptb-small")
    fig, (left, right) = figure(columns=2, width=9, height=3.2)
    epochs = [row["epoch"] for row in pronouns["curve"]]
    left.plot(epochs, [row["valid_perplexity"] for row in pronouns["curve"]], "o-", color=COLOURS["lstm"])
    floor = validation_floor(pronouns)
    left.axhline(floor, color=COLOURS["floor"], linewidth=0.9, linestyle=":")
    left.text(1, floor, translate("exact floor"), va="bottom", fontsize=9)
    left.set(title=translate("stories with a known floor"), xlabel=translate("epoch"), xticks=epochs)
    left.set(ylabel=translate("validation perplexity"), ylim=(floor - 0.01, None))
    context = {row["context"]: row["perplexity"] for row in ptb["results"]["context"]}
    right.plot(list(context), list(context.values()), "o-", color=COLOURS["lstm"])
    right.set(title=translate("Penn Treebank: how far back does it look?"), xscale="log")
    right.set(xlabel=translate("words of context"), ylabel=translate("validation perplexity"))
    ticks = [1, 2, 5, 10, 20, 50]
    right.set_xticks(ticks, ticks)
    right.minorticks_off()
    return fig


def drawn(language: str):
    """The figure in `language`, with the letters that it needs."""
    use(language)
    try:
        picture = draw()
    finally:
        use(ENGLISH)
    fonts.lend(picture)
    return picture


def front() -> str:
    """The README's five rows: what was asked, what came out, what to compare with, time, record."""
    small, laptop, best = map(read_record, ("ptb-small", "ptb-laptop", "nsmc-best"))
    evening = read_record("ptb-evening")
    constant = read_record("ptb-small-lr-decay-1.0")
    memory, dates, table = map(read_record, ("pronoun-distance", "dates", "nsmc-table"))
    cells = {cell: _percent(_right_at(memory, cell, "far", 60)) for cell in ("lstm", "rnn")}
    half_near = _percent(_right_at(memory, "rnn", "both", 60))
    decoders = {model: _percent(run[-1]["test"] for run in _runs(dates, model)) for model in DECODERS}
    reviews = _percent(
        read_record(name)["results"]["test_accuracy"] for name in of_all_seeds("nsmc-best")
    )
    lecture = max(100 * share for share in table["results"]["reported"].values())
    rows = (
        ("How far does plain NumPy get on Penn Treebank, with one LSTM layer of 100?",
         f"perplexity {small['test_perplexity']:.1f}",
         f"136 published at a constant rate; ours so {constant['test_perplexity']:.1f}",
         f"{small['seconds'] / 60:.0f} min", small),
        ("And torch with two layers, of 650 and 400 units, tied, on two threads?",
         f"perplexity {fmean(perplexities_of('ptb-laptop')):.1f}; "
         f"2 × 650 in an evening {evening['test_perplexity']:.1f}",
         "73.9 published for 2 × 650 (Inan 2017)",
         f"{laptop['seconds'] / 60:.0f} min; {evening['seconds'] / 60:.0f} min", laptop),
        ("Is it *he* or *she*, 60 words after the name? Asked of cells trained at 0 to 60 words",
         f"LSTM {cells['lstm']:.0f} % right",
         f"plain RNN {cells['rnn']:.0f} %, a guess half; with half the stories near, RNN {half_near:.0f} %",
         f"{memory['seconds'] / 60:.0f} min, all cells and texts", memory),
        ("Which dates, written in 24 ways, come out without a fault?",
         f"with additive attention {decoders['additive']:.1f} %", f"without {decoders['plain']:.1f} %",
         f"{dates['settings']['budget']:.0f} s each", dates),
        ("Was a Korean film review for or against?",
         f"{reviews:.1f} % right",
         f"a lecture's best of seven models, data and split unnamed: {lecture:.1f} %",
         f"{best['seconds'] / 60:.0f} min", best),
    )
    lines = ["| Asked | Measured | Beside it | Time | Record |", "|---|---|---|---|---|"]
    for *cells_, record in rows:
        name = record["name"]
        lines.append(f"| {' | '.join(cells_)} | [{name}](data/runs/{name}.json) |")
    return "\n".join(lines)


def table() -> str:
    """Rows on language models: run, test perplexity (of several seeds: mean, lowest–highest), what to compare
    with, seconds, command."""
    rows = ["| Run | Test perplexity | Beside it | Time | Command |", "|---|---|---|---|---|"]
    beside = {
        "pronouns": lambda r: f"exact floor {r['floor_perplexity']:.2f}",
        "english-words": lambda r: f"word frequencies {r['results']['unigram_test_perplexity']:.0f}",
        "english-characters": lambda r: f"plain RNN {r['results']['rnn']['test_perplexity']:.2f}; per letter",
        "ptb-small": lambda r: "the next one with a rate that decays",
        "ptb-small-lr-decay-1.0": lambda r: "136 published for this size and a constant rate",
        "ptb-laptop": lambda r: "73.9 published for the next one's shape",
        "ptb-650": lambda r: "75.8 published for this shape (Saito 2018), 73.9 with one mask (Inan 2017); "
                             "82.7 with plain dropout, not tied (Zaremba 2014)",
        "ptb-evening": lambda r: "75.2 published for 2 × 1,500 with one mask (Gal 2016)",
    }
    for name in MEASURED:
        record = read_record(name)
        digits = 2 if record["test_perplexity"] < 10 else 1
        threads = record["hardware"]["threads"]
        time = f"{record['seconds']:.0f} s, {threads} thread{'s' if threads > 1 else ''}"
        found = perplexities_of(name)
        result = f"{fmean(found):.{digits}f}"
        if len(found) > 1:
            result += f" ({min(found):.{digits}f}–{max(found):.{digits}f}, {len(found)} seeds)"
        rows.append(f"| {name} | {result} | {beside[name](record)} | {time} | `{record['command']}` |")
    return "\n".join(rows)


def timed_on() -> str:
    """A line on what the times of its tables were taken on."""
    places: dict[str, list[str]] = {}
    for experiment in (*MEASURED, "dates", "nsmc-best"):
        for name in of_all_seeds(experiment):
            places.setdefault(on_what(read_record(name)), []).append(f"`{name}`")
    return "Times: " + "; ".join(f"{', '.join(names)} on {place}" for place, names in places.items()) + "."


ADAPTED = {
    "valid": "validation",
    "test": "test",
    "shuffled": "test, its sentences in another order",
    "written": "drawn from the model itself",
}


READERS = ("ptb-650", "ptb-evening")


def adapted_table() -> str:
    """Rows on what a text teaches while it is read: text, perplexity as it is, with a cache, learning on,
    with both."""
    results = read_record("ptb-test-text")["results"]
    texts = [(words, results[text]) for text, words in ADAPTED.items()]
    texts += [
        (f"test, read by `{model}`", read_record(f"ptb-test-text-model-{model}")["results"]["test"])
        for model in READERS
    ]
    rows = ["| Text | As it is | Neural cache | Learning on | Both |", "|---|---|---|---|---|"]
    for words, found in texts:
        cells = (f"{found[kind]:.1f}" for kind in ("static", "cache", "dynamic", "both"))
        rows.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(rows)


def parts_table() -> str:
    """Rows on the recipe without one of its parts, what is missed least first: what is left out, test
    perplexity, how far it is above the whole's with the same seed."""
    tests: dict[str, list[float]] = {}
    for name in of_all_seeds("ptb-parts"):
        for row in read_record(name)["curve"]:
            tests.setdefault(row["without"], []).append(row["test_perplexity"])
    above = {
        without: [a - b for a, b in zip(found, tests["nothing"], strict=True)]
        for without, found in tests.items()
    }
    rows = ["| Without | Test perplexity | Above the whole |", "|---|---|---|"]
    for without in sorted(tests, key=lambda each: fmean(above[each])):
        more = _points(above[without], "+") if without != "nothing" else "–"
        rows.append(f"| {without} | {_points(tests[without])} | {more} |")
    return "\n".join(rows)


TEXTS = {
    "near": "0 to 5 words of filler",
    "far": "0 to 60 words",
    "both": "half near, half far",
    "other names": "the same, with two other names in between",
}


def memory_table(distance: int = 60) -> str:
    """Rows on memory: kind of training text, pronouns right at `distance` for each cell."""
    record = read_record("pronoun-distance")
    rows = ["| Trained on | LSTM | GRU | plain RNN |", "|---|---|---|---|"]
    for text, words in TEXTS.items():
        shares = []
        for cell in ("lstm", "gru", "rnn"):
            shares.append(_share(_right_at(record, cell, text, distance), digits=0))
        rows.append(f"| {words} | {' | '.join(shares)} |")
    return "\n".join(rows)


DECODERS = {"plain": "no attention", "additive": "additive attention", "dot": "dot-product attention"}


def dates_table(enough: float = 0.995) -> str:
    """Rows on attention: decoder, unseen dates right, seconds until `enough` are."""
    record = read_record("dates")
    rows = [f"| Decoder | Dates right | Seconds to {enough:.1%} on validation |", "|---|---|---|"]
    for model, words in DECODERS.items():
        runs = _runs(record, model)
        tests = [run[-1]["test"] for run in runs]
        times = [_seconds(run, enough) for run in runs]
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


def reviews_table() -> str:
    """Rows on reviews: model, the lecture's best validation accuracy, ours, test accuracy."""
    results = read_record("nsmc-table")["results"]
    rows = ["| Model | Lecture | Validation | Test |", "|---|---|---|---|"]
    for model, words in CLASSIFIERS.items():
        runs = [run for run in results["runs"] if run["model"] == model]
        shares = (_share([run[key] for run in runs]) for key in ("valid_accuracy", "test_accuracy"))
        rows.append(f"| {words} | {100 * results['reported'][model]:.1f} | {' | '.join(shares)} |")
    for settings, words in (
        ("", "`nsmc-best`: bidirectional LSTM over character n-grams"),
        ("-num-layers-0", "the same without its LSTM: a bag of n-grams"),
    ):
        best = [read_record(name)["results"] for name in of_all_seeds("nsmc-best", settings)]
        shares = (_share([run[key] for run in best]) for key in ("valid_accuracy", "test_accuracy"))
        rows.append(f"| {words} | – | {' | '.join(shares)} |")
    return "\n".join(rows)


def _seconds(run: list[dict], enough: float) -> str:
    return next((f"{row['seconds']:.0f}" for row in run if row["valid"] >= enough), "never")


def _right_at(record, cell: str, text: str, distance: int) -> list[float]:
    """A seed's share of pronouns right at `distance`, with the learning rate that did best."""
    tried = [row for row in record["curve"] if (row["cell"], row["text"]) == (cell, text)]
    lr = best_rate(tried)
    return [row[f"at_{distance}"] for row in tried if row["lr"] == lr]


def _runs(record, model: str) -> list[list[dict]]:
    """The rows of each seed's run of `model`."""
    runs: dict[int, list] = {}
    for row in record["curve"]:
        if row["model"] == model:
            runs.setdefault(row["seed"], []).append(row)
    return list(runs.values())


def _points(found: list[float], sign: str = "") -> str:
    """Perplexity, with `sign` "+" a difference: mean, and of several lowest and highest."""
    mean, low, high = (f"{value:{sign}.1f}" for value in (fmean(found), min(found), max(found)))
    return mean if len(found) == 1 else f"{mean} ({low} to {high})"


def _percent(found: Iterable[float]) -> float:
    """The mean, in per cent."""
    shares = list(found)
    return 100 * sum(shares) / len(shares)


def _share(found: list[float], digits: int = 1) -> str:
    """Per cent: mean (lowest–highest)."""
    mean, low, high = _percent(found), 100 * min(found), 100 * max(found)
    return f"{mean:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


@stoppable()
def main() -> None:
    """Write the picture in each language; print its text, and the tables of README and docs/measured.md."""
    try:
        tables = (
            front(), table(), timed_on(), adapted_table(), parts_table(), memory_table(), dates_table(),
            reviews_table(),
        )
        text, pictures = alt_text(), {language: drawn(language) for language in LANGUAGES}
    except (FileNotFoundError, ValueError) as error:   # of a record
        print(error)
        raise typer.Exit(1) from None
    for language, picture in pictures.items():
        folder = DOCS if language == ENGLISH else DOCS / language
        with writing(folder / "picture.png", "wb") as file:
            picture.savefig(file, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    print("\n\n".join([f"![{text}](docs/picture.png)", *tables]))


if __name__ == "__main__":
    command(lambda: typer.run(main))
