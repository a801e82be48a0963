"""Figures that move, moved: at whatever values, the picture stays whole and its sentence is true."""

import itertools
import random
import re
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers.figure_faults import faults, texts
from helpers.live.controls import Slider
from helpers.live.picture import Camera, drawn
from helpers.markup import HANGUL
from tools.bench import controls
from tools.build.source import read_chapter
from tools.editions import collect
from tools.editions.edition import Edition
from tools.editions.pieces import replaced

ROOT = Path(__file__).resolve().parents[1]

QUICK = ("01_rnn_recap", "02_bptt_toy_example", "03_gradient_clipping")
SLOW = ("04_lstm_gru", "05_language_model", "07_attention", "08_sentiment")
CHAPTERS = [
    pytest.param(name, language, marks=[pytest.mark.torture] * (name in SLOW))
    for language in ("", "ko") for name in (*QUICK, *SLOW)
]  # fmt: skip
EDGE = 1.0   # pixels by which a letter's box may stand out


@pytest.fixture(scope="module")
def figures():
    """`figures(chapter)` → {name: (drawing function, its controls)}, run once; in another language than the
    source's with the translations of `language`."""
    known = {}

    def of(chapter, language=""):
        if (chapter, language) not in known:
            with pytest.MonkeyPatch.context() as patch:
                if language:
                    patch.setattr(controls, "read_chapter", lambda *path: translated(language, *path))
                found = {draw.__name__: (draw, moved) for draw, moved in controls.figures_of(chapter)}
            known[chapter, language] = found
        return known[chapter, language]

    return of


def translated(language, *path):
    """A chapter in another language."""
    source, edition = read_chapter(*path), Edition(ROOT, language)
    words = edition.catalogue(source.name).translations
    cells = [replace(cell, source=replaced(cell.source, pieces, words.get))
             for cell, pieces in collect.pieces_of(source)]  # fmt: skip
    return replace(source, cells=tuple(cells))


def settings(controls, count, seed=1):
    """The starting values, each control at its ends with the others as they are, and `count` draws of all."""
    start, rng = {name: control.value for name, control in controls.items()}, random.Random(seed)
    ends = {name: each.sweep(2 if isinstance(each, Slider) else 9) for name, each in controls.items()}
    yield start
    yield from (start | {name: value} for name, values in ends.items() for value in values)
    for _ in range(count):
        yield {name: rng.choice(control.sweep(41)) for name, control in controls.items()}


def cut_off(figure):
    """The texts that do not lie within the figure."""
    width, height = figure.bbox.size
    for text in texts(figure):
        box = text.get_window_extent()
        if min(box.x0, box.y0, width - box.x1, height - box.y1) < -EDGE:
            yield text.get_text()


@pytest.mark.parametrize(("chapter", "language"), CHAPTERS)
def test_nothing_is_cut_off_or_covered(figures, monkeypatch, chapter, language):
    monkeypatch.setenv("UNROLLED_LANGUAGE", language)
    found, sentences = {}, []
    for draw, moved in figures(chapter, language).values():
        camera = Camera()
        for values in settings(moved, count=3):
            figure, sentence = drawn(draw, values)
            camera.png(figure)
            sentences.append(sentence)
            wrong = [*faults(figure), *(f"cut off: {text}" for text in cut_off(figure))]
            found |= {(draw.__name__, fault): values for fault in wrong}
    assert found == {}
    assert all(bool(HANGUL.search(sentence)) == (language == "ko") for sentence in sentences)


def test_the_latch_says_what_it_does(figures):
    """From the states alone: above 0 all the way is held, and so on."""
    draw, controls = figures("01_rnn_recap")["latch"]
    kinds = set()
    for values in settings(controls, count=40):
        figure, sentence = drawn(draw, values)
        states = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 60).get_ydata()
        below = [False, *(states < 0)]
        changes = sum(a != b for a, b in itertools.pairwise(below))
        kind = re.match("The unit (holds|fades|forgets|flips|changes sides)", sentence)[1]
        kinds.add(kind)
        assert f"h = {states[-1] + 0.0:.2f}".replace("-0.00", "0.00") in sentence
        if kind in ("holds", "fades"):
            assert (states > 0).all()
        elif kind == "flips":
            at = int(re.search(r"flips at word (\d+)", sentence)[1])
            assert (states[: at - 1] > 0).all() and (states[at - 1 :] < 0).all()
        elif kind == "changes sides":
            assert f"changes sides {changes} times" in sentence and changes > 1
        else:
            assert abs(states[-1]) < 0.1
        plt.close(figure)
    assert kinds >= {"holds", "forgets", "flips", "changes sides"}


def test_the_scalar_loop_says_what_it_does(figures):
    draw, controls = figures("02_bptt_toy_example")["scalar_loop"]
    for values in settings(controls, count=40):
        figure, sentence = drawn(draw, values)
        back = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == values["T"])
        if values["T"] > 2:
            assert f"= {back.get_ydata()[0]:.2g}, over states" in sentence, "drawn as it is, not cut to fit"
        lengths = [path.vertices[:, 1].max() for path in figure.axes[1].collections[0].get_paths()]
        told = re.search(r"The last (\d*) ?of (\d+) uses", sentence)
        if sum(lengths) == 0:
            assert "gradient is 0" in sentence and told is None
        else:
            last = int(told[1] or 1)
            assert sum(lengths[-last:]) >= 0.9 - 1e-9 > sum(lengths[len(lengths) - last + 1 :])
        plt.close(figure)


def test_the_powers_of_w_say_what_they_do(figures):
    draw, controls = figures("03_gradient_clipping")["powers_of_W"]
    for values in settings(controls, count=20):
        figure, sentence = drawn(draw, values)
        curves = {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[0].lines}
        gradient, bound = curves["gradient"], curves["σ_max to the k"]
        assert (gradient <= bound * (1 + 1e-9)).all(), "which no gradient is longer than"
        assert f"{gradient[-1]:.2g} times as long after 100 steps back" in sentence
        peak = re.search(r"is ([\d.]+) times as long at k = (\d+), and", sentence)
        top = int(gradient.argmax())
        assert (peak is not None) == (0 < top < 90)
        if peak:
            assert peak[1] == f"{gradient[top]:.1f}" and int(peak[2]) == top
        plt.close(figure)
