"""A small model comes close to the lowest perplexity there is on the pronoun stories: with its memory."""

import numpy as np
import pytest

from helpers.corpora.batches import contiguous_batches
from helpers.corpora.pronouns import PronounGrammar, floor_perplexity
from helpers.models.language_model import LanguageModel
from helpers.optim import Adam
from helpers.training import Trainer, evaluate, perplexity

GUESSED = 1.07   # times the floor: who cannot tell he from she stays above (measured: 1.08)
REACHED = 1.05   # measured: 1.01 to 1.02


@pytest.fixture(scope="module")
def stories():
    grammar = PronounGrammar(distance=(0, 5), greetings=0.0)
    rng = np.random.default_rng(0)
    batches = {}
    for name, tokens in [("train", 40_000), ("valid", 4_000), ("test", 4_000)]:
        words, log_probs = grammar.corpus(tokens, rng)
        batches[name] = contiguous_batches(grammar.vocabulary.encode(words), 20 if name == "train" else 4, 12)
    floor = floor_perplexity(log_probs[batches["test"].target_index])
    return batches, floor, len(grammar.vocabulary)


def above_floor(stories, seed, epochs, kind=LanguageModel):
    batches, floor, size = stories
    model = kind(size, 24, 40, rng=np.random.default_rng(seed))
    trainer = Trainer(
        model,
        Adam(model.params),
        max_norm=1.0,
        learning_rate=lambda epoch: 0.03 * 0.4 ** max(0, epoch - 1),
        report=None,
    )
    trainer.fit(batches["train"], batches["valid"], epochs)
    return perplexity(evaluate(model, batches["test"])) / floor


def test_close_to_the_floor(stories):
    """Two seeds of three: now and then a run stalls before it has found out what the pronoun depends on.

    An LSTM whose cell forgets everything can get there too, through h alone, but not with these seeds.
    """
    reached = []
    for seed in (0, 4, 1):
        reached.append(above_floor(stories, seed, epochs=5))
        good = sum(each < REACHED for each in reached)
        if good == 2 or len(reached) - good == 2:
            break
    assert good == 2, reached
    assert min(reached) > 1 / 1.01   # nothing is below the floor, but for chance


class Forgetful(LanguageModel):
    """The state is not carried from window to window."""

    def loss(self, ids, targets, train=False):
        self.reset_state()
        return super().loss(ids, targets, train)


def test_not_without_carrying_the_state(stories):
    assert above_floor(stories, 0, epochs=4, kind=Forgetful) > GUESSED
