# %% [markdown]
# # 7 · Attention
#
# **What if the sentence does not fit in one vector?**
#
# So far a network read a text and wrote on in it. A translator reads one sentence and writes another: in other
# words, in another order, of another length. The obvious plan is to read the sentence into a state, and to let
# a language model write from there. It works, for short sentences. This chapter measures where it stops
# working, and builds what took its place: a decoder that looks back.
#
# **Afterwards you can**
# - build an encoder and a decoder, and train them by teacher forcing,
# - measure what one vector for a whole sentence costs, by length and by position,
# - write attention forward and backward, with a mask, and say what each of its five steps is for,
# - tell additive from dot-product attention, and say which state asks,
# - write a translation greedily and with a beam, and compare sentences of different lengths fairly,
# - read an alignment, and say what it does not tell,
# - find a fault in an attention that trains without complaint.
#
# **Needs:** the GRU of [chapter 4](04_lstm_gru.ipynb), and its backward passes for section 7.4;
# [chapter 5](05_language_model.ipynb) (a language model, softmax and its loss); [chapter 6](06_improvements.ipynb),
# section 1 (the training step in PyTorch).
#
# **Time:** about 260 minutes, 125 of them for the exercises. There is a good place to stop for the day behind
# section 7.5.

# %%
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from helpers.checks import check
from helpers.claims import claim, table
from helpers.layers import softmax
from helpers.plots import COLOURS, figure, show

torch.set_num_threads(1)

# %% [markdown]
# ## 7.1 A language model that is told something first
#
# A language model gives every next word a probability, $P(y_t \mid y_1 … y_{t-1})$. A translator does the same,
# but it has been told something first, the source $x$:
#
# $$P(y \mid x) = \prod_t P(y_t \mid y_1 … y_{t-1}, x)$$
#
# So a translator is a **conditional language model**. The **encoder** is a recurrent network that reads the
# source, S words, and leaves its last state (N, H). The **decoder** is a language model as in chapter 5, whose
# first state is not zeros but what the encoder left (Cho et al. 2014; Sutskever, Vinyals & Le 2014).
#
# A toy whose right answer is always known: write a word backwards. The ids 0, 1 and 2 are reserved, for padding
# and for the beginning and the end of what is written.

# %%
PAD, BOS, EOS = 0, 1, 2
LETTERS = "abcdefgh"
NAMES = ["<pad>", "<bos>", "<eos>", *LETTERS]


def backwards(count, length, rng):
    """Random words → sources (N, S), sentences (N, S + 2): <bos>, the word backwards, <eos>."""
    words = rng.integers(3, len(NAMES), size=(count, length))
    begin, end = np.full((count, 1), BOS), np.full((count, 1), EOS)
    return words, np.concatenate([begin, words[:, ::-1], end], axis=1)


sources, sentences = backwards(2, 4, np.random.default_rng(0))
for source, sentence in zip(sources, sentences, strict=True):
    print(*(NAMES[i] for i in source), "  →  ", *(NAMES[i] for i in sentence))

# %% [markdown]
# When the decoder is trained, it is handed the *right* word before, whatever it would have written itself.
# This is called **teacher forcing** (Williams & Zipser 1989). All steps can then be computed in one go, as in
# a language model:
#
# | step | 1 | 2 | 3 | 4 | 5 |
# |---|---|---|---|---|---|
# | goes in | `<bos>` | d | c | b | a |
# | wanted | d | c | b | a | `<eos>` |
#
# The same row twice, shifted by one place. A batch holds sentences of different lengths; behind the shorter
# ones stands padding, and what the decoder says there counts for nothing.

# %% [markdown]
# ### Exercise 7.1 · `decoder_inputs` · ★☆☆ · 10 min
# Make the decoder's inputs and targets out of padded sentences, and say at which places the loss counts. All three
# are NumPy arrays; the targets keep their padding, 0.
#
# <details><summary>A nudge</summary>Both are slices of the same array. Which column do the inputs not need,
# and which one do the targets not need? A place counts when something real is <em>wanted</em> there.</details>
# <details><summary>A recipe</summary>inputs = sentences[:, :-1], targets = sentences[:, 1:], counts = targets
# != 0.</details>
#
# You are there when
#
# ```python
# inputs, targets, counts = decoder_inputs(np.array([[1, 7, 5, 2], [1, 9, 2, 0]]))
# inputs    # [[1, 7, 5], [1, 9, 2]]
# targets   # [[7, 5, 2], [9, 2, 0]]
# counts    # [[True, True, True], [True, True, False]]
# ```

# %% exercise="decoder_inputs"
def decoder_inputs(sentences):
    """sentences (N, T + 1) int, <bos> = 1 … <eos> = 2, padded with 0
    → inputs, targets, counts, each (N, T): ids of the same dtype, padding 0, and bool.

    counts is True where the target is real, <eos> included.
    """
    ### BEGIN SOLUTION
    targets = sentences[:, 1:]
    return sentences[:, :-1], targets, targets != PAD
    ### END SOLUTION

# %% check="decoder_inputs" points=2
decoder_inputs = check("decoder_inputs", decoder_inputs)

# %% [markdown]
# The model, with GRUs (one state to hand over, not two). Shapes: source (N, S), inputs (N, T), logits (N, T,
# V). Beside it a control that must fail, a decoder that is told nothing: its first state is zeros.

# %%
class EncoderDecoder(nn.Module):
    """source (N, S), inputs (N, T) → logits (N, T, V), and None (later: something)."""

    def __init__(self, vocab_size, embedding_size, hidden_size):
        super().__init__()
        self.source_embedding = nn.Embedding(vocab_size, embedding_size)
        self.encoder = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.target_embedding = nn.Embedding(vocab_size, embedding_size)
        self.decoder = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    def summary(self, source):
        _, last = self.encoder(self.source_embedding(source))
        return last                  # (1, N, H): all that is handed over

    def forward(self, source, inputs):
        h, _ = self.decoder(self.target_embedding(inputs), self.summary(source))   # (N, T, H)
        return self.output(h), None


class ToldNothing(EncoderDecoder):
    """The control."""

    def summary(self, source):
        return torch.zeros(1, len(source), self.encoder.hidden_size)

# %% [markdown]
# The training loop in the open, with the loss as a mean over the places that count:

# %%
from helpers.torch_training.schedules import cosine


def masked_mean_loss(logits, targets, counts):
    """logits (N, T, V), targets, counts (N, T) → mean cross-entropy (nats) where it counts."""
    losses = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return (losses * counts).sum() / counts.sum()


def learn(model, length, steps=300):
    """Train on random words of one length → the mean loss of the last 20 steps."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, cosine(steps))
    rng, losses = np.random.default_rng(0), []
    for _ in range(steps):
        sources, sentences = backwards(64, length, rng)
        inputs, targets, counts = map(torch.from_numpy, decoder_inputs(sentences))
        logits, _ = model(torch.from_numpy(sources), inputs)
        loss = masked_mean_loss(logits, targets, counts)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return np.mean(losses[-20:])


losses = {}
for kind in (EncoderDecoder, ToldNothing):
    torch.manual_seed(0)
    losses[kind.__name__] = learn(kind(len(NAMES), 16, 48), 4)
    print(f"{kind.__name__:15s} loss {losses[kind.__name__]:.3f}")
nothing_known = 4 * math.log(8) / 5
print(f"knowing nothing of the word: 4 · ln 8 / 5 = {nothing_known:.3f}")
claim("told nothing, the decoder pays what knowing nothing costs, to within one per cent",
      abs(losses["ToldNothing"] / nothing_known - 1) < 0.01)

# %% [markdown]
# Told nothing, the decoder learns only that four letters and an end come: each letter costs ln 8, the end
# nothing, and that makes 4 ln 8 / 5 a place. If a translator of yours stays at the loss of a plain language
# model, look whether its encoder is connected.
#
# ## 7.2 What goes through one vector
#
# The same network with 48 units, as many steps of training, on words of 4, 8 and 12 letters, the long ones from
# three seeds (five to ten seconds). Before you run the cell: which share of the words will be written without a
# fault? And *which* letters go wrong, those that were read first or those that were read last?

# %%
def letters_right(model, length):
    """Are the letters of 500 new words right, given the right ones before? (500, length)."""
    sources, sentences = backwards(500, length, np.random.default_rng(1))
    inputs, targets, _ = map(torch.from_numpy, decoder_inputs(sentences))
    with torch.no_grad():
        logits, _ = model(torch.from_numpy(sources), inputs)
    return (logits.argmax(dim=-1) == targets)[:, :length].numpy()


def mean_and_range(values, digits=0):
    mean, low, high = (f"{f(values):.{digits}%}" for f in (np.mean, np.min, np.max))
    return f"{mean} ({low}-{high})" if len(values) > 1 else mean


by_place, whole = {}, {}                            # length → (seeds, places); (seeds,)
for length, seeds in ((4, 1), (8, 1), (12, 3)):
    right = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        plain = EncoderDecoder(len(NAMES), 16, 48)
        learn(plain, length)
        right.append(letters_right(plain, length))
    by_place[length] = np.mean(right, axis=1)
    whole[length] = np.all(right, axis=2).mean(axis=1)
    print(f"{length:2d} letters: {mean_and_range(whole[length])} of the words right, "
          f"{mean_and_range(by_place[length].mean(axis=1))} of the letters")

whole_words = whole[12][0]                          # of the first seed
last_read, far = by_place[12][:, 0], by_place[12][:, 4:11].mean(axis=1)
print(f"of 12 letters, the one read last is right in {mean_and_range(last_read)},")
print(f"those written at places 5 to 11 in {mean_and_range(far)}")
claim("of 12 letters, the one read last is right at least 20 points more often than those written at places "
      "5 to 11, in every seed", (last_read > far + 0.2).all(),
      heard="What was read long ago is lost first", verdict="here; or what is written late")

# %% [markdown]
# (Whole words may be counted under teacher forcing: as long as no letter is wrong, the letters before *are*
# those the decoder would have written itself. For single letters it makes a difference, and section 7.7 looks
# at it.)

# %% draws=true
fig, axis = figure(width=7, height=3.2)
for (length, each), colour, marker in zip(by_place.items(), ("gru", "warm", "rnn"), "o^s", strict=True):
    places = range(1, length + 1)
    low, high = each.min(axis=0), each.max(axis=0)
    axis.fill_between(places, low, high, color=COLOURS[colour], alpha=0.2, linewidth=0)
    axis.plot(places, each.mean(axis=0), marker + "-", color=COLOURS[colour], markersize=4)
    axis.text(length + 0.25, each.mean(axis=0)[-1], f"{length} letters", va="center", fontsize=9)
axis.axhline(1 / len(LETTERS), color=COLOURS["control"], linewidth=0.9, linestyle=":")
axis.text(1, 1 / len(LETTERS) + 0.02, "chance", va="bottom", fontsize=9)
axis.set(xlabel="place in what is written (1 was read last)", ylabel="share of letters right", ylim=(0, 1.05),
         xlim=(0.6, 13.9))
axis.set_xticks(range(1, 13))
show(fig, "Letters right by their place in the word written backwards; of 12 letters the mean of three seeds "
     f"with their range. With 4 letters {by_place[4].mean():.0%} are. With 12, {last_read.mean():.0%} of "
     f"those written first (and read last) and {far.mean():.0%} of the fifth to eleventh.")

# %% [markdown]
# What was read last is written first and is nearly always right. The further back a letter was read, the
# longer it has to survive the rest of the reading and the writing, in one state that every step rewrites. (Written
# backwards, what was read long ago is also what is written late; the recorded run below tells the two apart.) The
# share falls for about five places; farther away it makes little difference *how* far. (The very first letter
# often comes out a little better than its neighbours, perhaps because it met an empty state.)
# Sutskever, Vinyals & Le therefore fed their sources in backwards: then at least the first words of both
# sentences are close to each other.
#
# Is the vector too *small*? Twelve letters of eight kinds are 36 bits, and 48 floating-point numbers have room
# for far more. What is missing is a way to pack a word into a state and to take it out again over so many
# steps, and training has to find it. (The first of the further exercises gives it more steps for that.) A recorded
# run shows how far one gets in 2,000 steps: words of 2 to 30 letters out of 26, to be *copied*, models with an encoder
# in both directions and 64 units, whose decoder is given the vector again at every step, one with twice as many, and one
# more, "additive", of the kind that the rest of this chapter is about.

# %%
from helpers.records import read_record

record = read_record("bottleneck")
print(record["command"])
kinds = list(dict.fromkeys(row["model"] for row in record["curve"]))
lengths = sorted({row["length"] for row in record["curve"]})


def recorded(model, length, key):
    """The value of every seed: (seeds,)."""
    of = (model, length)
    return np.array([row[key] for row in record["curve"] if (row["model"], row["length"]) == of])


print(f"\n{'words without a fault':24s}", *(f"{n:5d}" for n in lengths[1::3]), "  letters")
for model in kinds:
    print(f"{model:24s}", *(f"{recorded(model, n, 'exact').mean():5.0%}" for n in lengths[1::3]))

exact = {}                                          # model → (lengths, seeds)
for model in kinds:
    exact[model] = np.array([recorded(model, n, "exact") for n in lengths])
plain, wide, _ = exact.values()
claim("after 2,000 steps one vector carries words of 4 letters with hardly a fault and hardly a word of 22, "
      "twice as wide or not",
      min(plain[1].min(), wide[1].min()) > 0.99 and max(plain[10].max(), wide[10].max()) < 0.05,
      heard="A sentence does not fit in one vector", verdict="a short one does")
claim("with twice the units more words of 10 letters are right, for every seed",
      wide[4].min() > plain[4].max())

# %% draws=true
LONG = 20
fig, (left, at_place) = figure(2, width=9, height=3.4, sharey=True)
for model, name, marker in zip(kinds, ("rnn", "warm", "lstm"), "so^", strict=True):
    at = np.array([recorded(model, LONG, f"at_{i}") for i in range(1, LONG + 1)])
    for axis, x, each in ((left, lengths, exact[model]), (at_place, range(1, LONG + 1), at)):
        axis.fill_between(x, each.min(axis=1), each.max(axis=1), color=COLOURS[name], alpha=0.2, linewidth=0)
        axis.plot(x, each.mean(axis=1), marker + "-", color=COLOURS[name], markersize=3.5, label=model)
left.set(xlabel="letters in the word", ylabel="share", ylim=(0, 1.05))
left.set_title("words without a fault")
fig.legend(*left.get_legend_handles_labels(), frameon=False, fontsize=9, loc="outside lower center", ncols=3)
at_place.set_xticks(range(2, LONG + 1, 3))
at_place.set(xlabel="place", title=f"letters right, words of {LONG}")
at_20 = {model: f"{recorded(model, LONG, 'exact').mean():.0%}" for model in kinds}
show(fig, "Left, words copied without a fault by their length, mean of three seeds with their range. Of "
     f"words of {LONG} letters the plain model copies {at_20[kinds[0]]}, the one twice as wide "
     f"{at_20[kinds[1]]}, the third {at_20[kinds[2]]}. Right, letters right at each place of words of "
     f"{LONG}.")

# %% [markdown]
# Longer words, more faults: a vector of a fixed size is a **bottleneck**, of room or of what can be learned in the time.
# Twice as many units move the curve to the right; they do not make it flat. (On the right: when the task is to copy,
# what stands at the front is written first, and is right most often, though one reading of the encoder has met it
# long ago: here it is being written *late* that does harm.) The third model has seen the same words and makes hardly a
# fault at any length. It does not hand over *one* vector.
#
# ## 7.3 Look back: attention in five steps
#
# The encoder has computed S states, one after each word, and all but the last were thrown away. Keep them, (N,
# S, H), and let the decoder look at them again, at every step, each time at others.
#
# By hand, with three words and two units. The sentence is 동생이 책을 읽는다 (*dongsaengi chaegeul ingneunda*,
# younger-sibling-SUBJ book-OBJ reads), and the encoder left three states, the **keys**. The decoder has written *the
# sibling*; its own state, the **query**, is looking for a verb. Lectures count five steps from here to the next
# word, and so do we, but we begin to count where something is computed:
#
# | in the lecture | here | shape |
# |---|---|---|
# | 1 the encoder's outputs | given: the keys $h_1 … h_S$ | (S, H) |
# | 2 the decoder's state | given: the query $s$ | (H,) |
# | 3 weights | step 1, scores $e$; step 2, weights $α$ | (S,) |
# | 4 weighted sum | step 3, the context $c$ | (H,) |
# | 5 prediction | step 4, combine: $\tilde s$; step 5, predict | (H,), (V,) |
#
# **Step 1, scores.** How well does each state fit the query? A dot product for each word: $e_j = s · h_j$.
#
# **Step 2, weights.** Softmax makes shares of the scores: $α_j = e^{e_j} / \sum_i e^{e_i}$. They are
# positive, and their sum is 1.
#
# Which word will get the largest share? More than half?

# %%
korean = ["dongsaengi (younger sibling)", "chaegeul (book)", "ingneunda (reads)"]
states = np.array([[2.0, 0.3], [-0.6, -1.5], [-1.0, 1.6]])     # (S, H), the keys
query = np.array([-0.5, 0.8])                                  # (H,)

scores = states @ query                                        # (S,)
weights = softmax(scores)                                      # (S,)
for word, score, weight in zip(korean, scores, weights, strict=True):
    print(f"{word:28s} score {score:5.2f}   weight {weight:.2f}")

# %% [markdown]
# **Step 3, the weighted sum.** The **context** is a mixture of the states, each with its share: $c = \sum_j α_j
# h_j$. As the shares are positive and sum to 1, it lies *between* the states. No choice is made anywhere: a
# choice would have no gradient, a mixture has one.

# %%
context = weights @ states                                     # (H,)
print("context", context.round(2))

# %% draws=true
def plane(axis, words, query, weights, context):
    """The states as dots, each as large as its weight; the query as an arrow, the context as a star."""
    axis.fill(*states.T, color=COLOURS["control"], alpha=0.12)
    for word, state, weight in zip(words, states, weights, strict=True):
        axis.plot(*state, "o", color=COLOURS["lstm"], markersize=4 + 16 * weight)
        above = state[1] > 0
        axis.text(state[0], state[1] + (0.4 if above else -0.4), f"{word}\n{weight:.2f}", ha="center",
                  va="bottom" if above else "top", fontsize=9)
    axis.annotate("", query, (0, 0), arrowprops={"arrowstyle": "-|>", "color": COLOURS["rnn"]})
    axis.plot(*context, "*", color=COLOURS["warm"], markersize=15)
    axis.set(xlabel="unit 1", ylabel="unit 2")


fig, axis = figure(width=5.2, height=3.8)
plane(axis, korean, query, weights, context)
axis.text(query[0] - 0.1, query[1], "query", color=COLOURS["rnn"], ha="right", fontsize=9)
axis.text(context[0] + 0.25, context[1], "context", va="top", fontsize=9)
axis.set(xlim=(-2.4, 3.3), ylim=(-2.6, 2.8))
show(fig, "Three states in the plane, each dot as large as its weight. The query points towards the verb, "
     f"which gets {weights[2]:.2f} of the attention; the context lies in their triangle, close to the verb.")

# %% [markdown]
# **Step 4, combine.** The decoder knows what it has written, the context what the source says there. Both go
# into one vector: $\tilde s = \tanh([s; c]\, W_c)$, with $W_c$ (2H, H).
#
# **Step 5, predict.** From there it goes on as ever: logits, softmax. (Both matrices are made up here; a
# network learns them.)

# %%
english = ["the", "sibling", "reads", "book"]
combine = np.array([[0.3, 0.0], [0.0, 0.3], [1.0, 0.0], [0.0, 1.0]])       # (2H, H)
output = np.array([[0.0, 3.0, -2.0, -1.0], [0.0, 0.5, 2.5, -3.0]])         # (H, V)

combined = np.tanh(np.concatenate([query, context]) @ combine)             # (H,)
for word, p in zip(english, softmax(combined @ output), strict=True):
    print(f"{word:8s} {p:.2f}")

# %% [markdown]
# **Move it.** A query has a direction and a length; below, another one than before. Look first at the right: how
# the three weights change while the query grows and its direction stays. What does a query of length zero do, and
# which word is left when it is long? Then turn it, by its angle: can two words share a long query? And where may the
# context never go? (The picture moves in JupyterLab; on a page it stands still.)

# %% draws=true
from helpers.live import explore, slider


def asked(angle, length):
    """Attention with a query of this angle (degrees) and length."""
    direction = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    weights = softmax(states @ (length * direction))
    context = weights @ states
    lengths = np.linspace(0, 3, 61)
    shares = softmax(np.outer(lengths, states @ direction), axis=1)          # (61, S)
    words = [word.split("(")[1].rstrip(")") for word in korean]

    fig, (left, right) = figure(2, width=9, height=3.8)
    plane(left, words, length * direction, weights, context)
    left.set(xlim=(-3.4, 3.4), ylim=(-3.2, 3.4), xticks=(0,), yticks=(0,))
    left.set_title("arrow: the query; star: the context", fontsize=9)
    for word, share, weight, line in zip(words, shares.T, weights, ("-", "--", ":"), strict=True):
        right.plot(lengths, share, line, color=COLOURS["lstm"], label=word)
        right.plot(length, weight, "o", color=COLOURS["lstm"], markersize=4 + 16 * weight)
    right.axvline(length, color=COLOURS["rnn"], linewidth=0.9)
    right.set(xlabel="length of the query, its direction as it is", ylabel="weight", ylim=(-0.04, 1.1),
              xlim=(-0.12, 3.12), xticks=(0, 1, 2, 3), yticks=(0, 1))
    right.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9)
    said = ", ".join(f"{word} {weight:.2f}" for word, weight in zip(words, weights, strict=True))
    longest = ", ".join(f"{word} {weight:.2f}" for word, weight in zip(words, shares[-1], strict=True))
    return fig, (f"A query of length {length:g} at {angle}° gives the weights {said}; the context is at "
                 f"({context[0]:.2f}, {context[1]:.2f}). At length 3 the weights would be {longest}.")


explore(
    asked,
    angle=slider("angle of the query in degrees", -180, 180, value=-70),
    length=slider("length of the query", 0.0, 3.0, value=0.5, step=0.05),
)

# %% [markdown]
# Now for a batch: the query is (N, H), the keys (N, S, H), a score (N, S). Sentences are of different lengths,
# so there is a **mask** (N, S), True at real words. Whatever stands in the padding must not get a share. And
# it would get one: a score of 0 is not nothing, $e^0 = 1$. Only $-∞$ becomes 0. So the mask comes *before* the
# softmax. (`np.einsum("nh,nsh->ns", query, keys)` writes such products with an index for every axis: multiply where the
# letters agree, and sum over those that the result lacks, here h.)

# %% [markdown]
# ### Exercise 7.2 · `attend` · ★★☆ · 15 min
# Write steps 1 to 3 for a batch, with the mask. Every row has at least one real word; padding may stand behind the
# words, before them or between them, and what stands there may be any finite number.
#
# <details><summary>A nudge</summary>Along which axis must the weights sum to 1? And np.where can put −np.inf
# into the places that the mask leaves out.</details>
# <details><summary>A recipe</summary>scores = np.einsum("nh,nsh->ns", query, keys); scores = np.where(mask,
# scores, -np.inf); weights = softmax(scores, axis=1); context = np.einsum("ns,nsh->nh", weights,
# keys).</details>
#
# You are there when
#
# ```python
# query = np.array([[1.0, 0.0]])
# keys = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
# mask = np.array([[True, True, False]])
# context, weights = attend(query, keys, mask)
# context   # ≈ [[0.731, 0.269]]
# weights   # ≈ [[0.731, 0.269, 0.000]]
# ```

# %% exercise="attend"
def attend(query, keys, mask):
    """query (N, H), keys (N, S, H) of floats, mask (N, S) bool, True at real words
    → context (N, H), weights (N, S).
    """
    ### BEGIN SOLUTION
    scores = np.einsum("nh,nsh->ns", query, keys)
    weights = softmax(np.where(mask, scores, -np.inf), axis=1)
    return np.einsum("ns,nsh->nh", weights, keys), weights
    ### END SOLUTION

# %% check="attend" points=3
attend = check("attend", attend)

# %% [markdown]
# What attention promises can be tested, and each of these lines could turn out false:

# %%
rng = np.random.default_rng(2)
N, S, H = 3, 5, 4
query, keys = rng.normal(size=(N, H)), rng.normal(size=(N, S, H))
mask = np.arange(S) < np.array([[5], [3], [1]])              # sentences of 5, 3 and 1 words
context, weights = attend(query, keys, mask)

noise = np.where(mask[:, :, None], keys, 1e3 * rng.normal(size=keys.shape))    # in the padding
moved = keys.copy()
moved[1, 2] += 1.0                                                             # one real state
changed = np.abs(attend(query, moved, mask)[1] - weights).max(axis=1) > 1e-3
print("sentences whose weights change with one state of the second:", changed.tolist())
claim("the weights of a sentence sum to 1, padding has no share, and what stands there does not matter",
      np.allclose(weights.sum(axis=1), 1) and (weights[~mask] == 0).all()
      and np.allclose(attend(query, noise, mask)[0], context))
claim("one state changes the weights of its own sentence and of no other",
      changed.tolist() == [False, True, False])

# %% [markdown]
# And the control: the mask *after* the softmax, a mistake that raises no error.

# %%
scores = np.einsum("nh,nsh->ns", query, keys)
late = softmax(scores, axis=1) * mask
print("sums of the weights, masked before:", weights.sum(axis=1).round(2))
print("                     masked after: ", late.sum(axis=1).round(2))
claim("masked after the softmax, the weights of sentences with padding no longer sum to 1",
      (late.sum(axis=1)[1:] < 0.95).all(),
      heard="The mask sets weights to zero", verdict="it sets scores to −∞")

# %% [markdown]
# Part of the attention is lost in the padding, and the context shrinks with it: a sentence gets another
# context in another batch.
#
# ## 7.4 Back through attention
#
# The context's gradient $dc$ (N, H) arrives. Three things were done to get $c$; go back through them.
#
# **The weighted sum** $c = \sum_j α_j h_j$ has two factors, so two gradients: $dα_j = dc · h_j$ for the
# weights, and for each state a share, $α_j\, dc$.
#
# **The softmax.** All weights depend on all scores, since raising one takes from the others:
# $∂α_i/∂e_j = α_i([i = j] - α_j)$, where $[i = j]$ is 1 if i is j and 0 if not. Multiplied out,
#
# $$de_j = α_j \Big(dα_j - \sum_i α_i\, dα_i\Big)$$
#
# The sum is the *mean* of $dα$ under the weights. So a word's score has a positive gradient exactly if its state
# lies farther along $dc$ than the average of what is looked at; descent then lowers that score and raises others.
# And a word with weight 0 gets no gradient at all, however well it would fit.
#
# **The dot product** $e_j = s · h_j$ has two factors again: $ds = \sum_j de_j\, h_j$, and for each state
# $de_j\, s$.
#
# So a state gets gradient on two paths, as what is mixed and as what is compared. They add:
# $dh_j = α_j\, dc + de_j\, s$. In numbers, for the three words:

# %%
from helpers.gradients import numerical_gradient, relative_error

query = np.array([-0.5, 0.8])
dcontext = np.array([1.0, 0.0])        # the loss grows as the context goes to the right
weights = softmax(states @ query)
dweights = states @ dcontext
dscores = weights * (dweights - weights @ dweights)
print(f"{'':28s} weight  dweight   dscore")
for word, *numbers in zip(korean, weights, dweights, dscores, strict=True):
    print(f"{word:28s} {numbers[0]:6.2f} {numbers[1]:8.2f} {numbers[2]:8.3f}")


def loss(q):
    return float(softmax(states @ q) @ states @ dcontext)


print("gradient of the query ", (dscores @ states).round(4))
print("by central differences", numerical_gradient(loss, query.copy()).round(4))

# %% [markdown]
# ### Exercise 7.3 · `attend_backward` · ★★★ · 20 min
# The way back for a batch. Compute the weights again inside. The gradient of padding must be zero.
#
# <details><summary>A nudge</summary>First dweights, then dscores, each (N, S). The mean under the weights is a
# sum over the words with keepdims=True. Padding has weight 0: where does that appear as a factor?</details>
# <details><summary>A recipe</summary>_, weights = attend(query, keys, mask); dweights =
# np.einsum("nh,nsh->ns", dcontext, keys); dscores = weights * (dweights − (weights * dweights).sum(axis=1,
# keepdims=True)); dquery = np.einsum("ns,nsh->nh", dscores, keys); dkeys = weights[:, :, None] * dcontext[:,
# None] + dscores[:, :, None] * query[:, None].</details>
#
# You are there when the example of exercise 7.2 gives
#
# ```python
# dcontext, query = np.array([[1.0, 3.0]]), np.array([[1.0, 0.0]])
# keys = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
# mask = np.array([[True, True, False]])
# dquery, dkeys = attend_backward(dcontext, query, keys, mask)
# dquery   # ≈ [[-0.393, 0.393]]
# dkeys    # ≈ [[[0.338, 2.193], [0.662, 0.807], [0.000, 0.000]]]
# ```

# %% exercise="attend_backward"
def attend_backward(dcontext, query, keys, mask):
    """Back through attention.

    dcontext (N, H): gradient of the loss in the context; query (N, H), keys (N, S, H), all
    floats; mask (N, S) bool → dquery (N, H), dkeys (N, S, H).
    """
    ### BEGIN SOLUTION
    _, weights = attend(query, keys, mask)
    dweights = np.einsum("nh,nsh->ns", dcontext, keys)
    dscores = weights * (dweights - (weights * dweights).sum(axis=1, keepdims=True))
    dquery = np.einsum("ns,nsh->nh", dscores, keys)
    dkeys = weights[:, :, None] * dcontext[:, None] + dscores[:, :, None] * query[:, None]
    return dquery, dkeys
    ### END SOLUTION

# %% check="attend_backward" points=5
attend_backward = check("attend_backward", attend_backward)

# %% [markdown]
# `helpers.layers.attention` has the same as a layer. Equal, forward and backward? And against central
# differences?

# %%
from helpers.layers.attention import DotProductAttention

query, dcontext = rng.normal(size=(2, N, H))
layer = DotProductAttention(dtype=np.float64)
ours = layer.forward(query, keys, mask), layer.weights, *layer.backward(dcontext)
yours = *attend(query, keys, mask), *attend_backward(dcontext, query, keys, mask)
largest = max(np.abs(a - b).max() for a, b in zip(ours, yours, strict=True))
central = numerical_gradient(lambda k: np.vdot(attend(query, k, mask)[0], dcontext), keys.copy())
claim("the layer and your two functions agree, forward and backward", largest < 1e-12)
claim("your `dkeys` agrees with central differences, and is zero at padding",
      relative_error(yours[3], central) < 1e-7 and (yours[3][~mask] == 0).all())

# %% [markdown]
# Note what this path does not contain: no recurrent matrix, no product over time steps. From any context to
# any state of the encoder it is *one* step. Keep that in mind for the end of the next section.
#
# ## 7.5 Two attentions, and who asks
#
# Attention was published twice within a year, in two forms that are often mixed up. They differ in the score,
# in the state that asks, and in where the context goes:
#
# | what differs | additive | dot product |
# |---|---|---|
# | from | Bahdanau, Cho & Bengio (2015) | Luong, Pham & Manning (2015) |
# | who asks | $s_{t-1}$, the decoder's state *before* the step | $s_t$, the state *after* the step |
# | score | $v · \tanh(s_{t-1} W_q + h_j W_k)$, a small network | $s_t · h_j$ ("dot"), or $s_t · h_j W$ ("general") |
# | the context goes | *into* the cell, beside the word, and on to the output | only *behind* the cell: $\tanh([s_t; c_t]\, W_c)$ |
# | in training | step by step: each needs the context before | all steps of the cell in one call, then all scores |
#
# (Two simplifications: Bahdanau, Cho & Bengio's output layer also sees the word before; Luong, Pham & Manning, who
# call the decoder's state $h_t$, hand the combined vector on to the next step as well.)
#
# "General" learns what to compare, and allows queries and keys of different sizes, as when the encoder reads in both
# directions; it is one matrix more. The additive score does not mind sizes, since it has a matrix for each side: $W_q$ (Q, A), $W_k$
# (K, A), and $v$ (A,).

# %% [markdown]
# ### Exercise 7.4 · `additive_scores` · ★★☆ · 10 min
# Write the additive score for a batch, without mask and softmax.
#
# <details><summary>A nudge</summary>The query's projection is (N, A), the keys' is (N, S, A). Which axis does
# the first one need, to meet the second?</details>
# <details><summary>A recipe</summary>hidden = np.tanh((query @ Wq)[:, None] + keys @ Wk), which is (N, S, A);
# then hidden @ v.</details>
#
# You are there when
#
# ```python
# query, keys = np.ones((1, 3)), np.ones((1, 4, 2))
# Wq, Wk, v = np.full((3, 5), 0.1), np.full((2, 5), 0.2), np.full(5, 2.0)
# additive_scores(query, keys, Wq, Wk, v)   # ≈ [[6.044, 6.044, 6.044, 6.044]]
# ```

# %% exercise="additive_scores"
def additive_scores(query, keys, Wq, Wk, v):
    """query (N, Q), keys (N, S, K), Wq (Q, A), Wk (K, A), v (A,) → scores (N, S)."""
    ### BEGIN SOLUTION
    hidden = np.tanh((query @ Wq)[:, None] + keys @ Wk)      # (N, S, A)
    return hidden @ v
    ### END SOLUTION

# %% check="additive_scores" points=2
additive_scores = check("additive_scores", additive_scores)

# %% [markdown]
# What is the tanh for? Leave it out, and the score is $s W_q v + h_j W_k v$: the query adds the same number to
# every word's score. Two very different queries:

# %%
Q, K, A = 6, 4, 8
Wq, Wk, v = rng.normal(size=(Q, A)), rng.normal(size=(K, A)), rng.normal(size=A)
queries, keys = rng.normal(size=(2, Q)), np.repeat(rng.normal(size=(1, S, K)), 2, axis=0)
bent = softmax(additive_scores(queries, keys, Wq, Wk, v), axis=1)
straight = softmax((queries @ Wq @ v)[:, None] + keys @ Wk @ v, axis=1)
print("with tanh\n", bent.round(2))
print("without\n", straight.round(2))
claim("without tanh two queries get the same weights, with it they do not",
      np.allclose(*straight) and np.abs(bent[0] - bent[1]).max() > 0.1)

# %% [markdown]
# Without it both rows are the same: the softmax does not see what is added to all scores alike, and attention
# would look at the same words at every step. (A dot product needs no tanh: there query and key multiply.)

# %% [markdown]
# ### Exercise 7.5 · `quiz_which_state` · ★☆☆ · 5 min
# A decoder with additive attention (Bahdanau, Cho & Bengio) is about to write its third word, $y_3$. Which state
# is compared with the encoder's states?
#
# - **a** $s_3$, the decoder's state at that word.
# - **b** $s_2$, the decoder's state after the second word.
# - **c** the encoder's last state.
# - **d** none: it is the embedding of $y_2$ that is compared.

# %% exercise="quiz_which_state"
def quiz_which_state():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "b"
    ### END SOLUTION
    return answer

# %% check="quiz_which_state" points=1
quiz_which_state = check("quiz_which_state", quiz_which_state)

# %% [markdown]
# The additive attention as a torch module, in the open; then the one from `helpers`, and your scores:

# %%
from helpers.models import attention


class Additive(nn.Module):
    """query (N, Q), keys (N, S, K), mask (N, S) → context (N, K), weights (N, S)."""

    def __init__(self, query_size, key_size, hidden_size):
        super().__init__()
        self.query = nn.Linear(query_size, hidden_size, bias=False)
        self.key = nn.Linear(key_size, hidden_size)
        self.v = nn.Linear(hidden_size, 1, bias=False)

    def forward(self, query, keys, mask):
        hidden = torch.tanh(self.query(query).unsqueeze(1) + self.key(keys))     # (N, S, A)
        scores = self.v(hidden).squeeze(2).masked_fill(~mask, -torch.inf)        # (N, S)
        weights = scores.softmax(dim=1)
        return (weights.unsqueeze(1) @ keys).squeeze(1), weights


torch.manual_seed(0)
module = Additive(Q, K, A).double()
theirs = attention.AdditiveAttention(Q, K, A).double()
theirs.load_state_dict(module.state_dict())
nn.init.zeros_(module.key.bias)          # your scores have no bias
nn.init.zeros_(theirs.key.bias)
mask = np.arange(S) < np.array([[5], [3]])
given = [torch.from_numpy(array) for array in (queries, keys, mask)]
with torch.no_grad():
    (c1, w1), (c2, w2) = module(*given), theirs(*given)
    Wq, Wk, v = (layer.weight.numpy().T for layer in (module.query, module.key, module.v))
scores = np.where(mask, additive_scores(queries, keys, Wq, Wk, v[:, 0]), -np.inf)
same = torch.allclose(c1, c2) and torch.allclose(w1, w2) and np.allclose(softmax(scores, axis=1), w1)
claim("the module, the one in helpers and your scores give the same weights", same)

dot = attention.DotProductAttention(K, K).double()           # sizes are equal: "dot", no matrix
context, weights = attend(keys[:, 0], keys, mask)
c1, w1 = dot(given[1][:, 0], *given[1:])
claim("dot product: the one in helpers and your `attend` agree",
      np.allclose(c1, context) and np.allclose(w1, weights))

# %% [markdown]
# ### The encoder: both directions, and its padding
#
# After 책을 (book-OBJ) an encoder that reads forwards has not met the verb. Bahdanau, Cho & Bengio let a second
# network read from the end (Schuster & Paliwal 1997), and put the two states of a word side by side: K = 2H
# numbers that know what is on either side. But where does the second network begin? In the padding, if one is
# not careful. A sentence of three words, alone and beside a longer one:

# %%
torch.manual_seed(0)
both_ways = nn.GRU(4, 5, batch_first=True, bidirectional=True)
words = torch.randn(1, 3, 4)
padded = torch.cat([words, torch.zeros(1, 3, 4)], dim=1)
with torch.no_grad():
    alone, beside = both_ways(words)[0], both_ways(padded)[0][:, :3]
difference = (alone - beside).abs()
print(f"forwards:  largest difference {difference[:, :, :5].max():.3f}")
print(f"backwards: largest difference {difference[:, :, 5:].max():.3f}")

# %% [markdown]
# The network that reads from the end comes out of the padding in another state than zero. `Encoder` in
# `helpers` turns every sentence round within its own length (as torch's `pack_padded_sequence` does), so that
# padding is never read:

# %%
from helpers.models.seq2seq import Encoder, Seq2Seq

encoder = Encoder(20, 4, 5)
ids = torch.tensor([[7, 3, 12, 0, 0, 0], [4, 9, 15, 3, 8, 6]])
with torch.no_grad():
    alone, alone_summary = encoder(ids[:1, :3])
    beside, beside_summary = encoder(ids)
print("states", tuple(beside.shape), "summary", tuple(beside_summary.shape))
claim("a sentence has the same states and the same summary in any company",
      torch.allclose(alone[0], beside[0, :3], atol=1e-6)
      and torch.allclose(alone_summary[0], beside_summary[0], atol=1e-6))

# %% [markdown]
# ### The decoder, both ways
#
# `Seq2Seq` puts it together. Its first state is the **summary**: where both readings end, through a tanh layer. What it
# does then, in the open: one step of each kind, from its parts. Find in them two rows of the table: which state goes
# into the attention, and where the context goes.

# %%
def additive_step(model, token, s, memory):
    """token (N,), s (N, H) → logits (N, V), the new state."""
    context, _ = model.attention(s, memory.states, memory.mask)             # s: the state before
    s = model.cell(torch.cat([model.embedding(token), context], dim=1), s)  # the context goes in …
    return model.output(torch.cat([s, context], dim=1)), s                  # … and on to the output


def dot_step(model, token, s, memory):
    """The same for the dot product."""
    _, s = model.cell(model.embedding(token).unsqueeze(1), s.unsqueeze(0))  # first the step
    s = s.squeeze(0)
    context, _ = model.attention(s, memory.states, memory.mask)             # s: the state after
    return model.output(torch.tanh(model.combine(torch.cat([s, context], dim=1)))), s


inputs, same = torch.randint(3, 20, (2, 4)), []
for kind, step in (("additive", additive_step), ("dot", dot_step)):
    model = Seq2Seq(20, 20, embedding_size=4, hidden_size=5, attention=kind)
    with torch.no_grad():
        memory = model.encode(ids)
        s, logits = memory.state[0], []
        for t in range(inputs.shape[1]):
            scores, s = step(model, inputs[:, t], s, memory)
            logits.append(scores)
        whole, weights = model(ids, inputs)
    same.append(torch.allclose(torch.stack(logits, dim=1), whole, atol=1e-5))
    print(f"{kind:8s} logits {tuple(whole.shape)}, weights {tuple(weights.shape)}")
claim("additive attention asks with the state before the step, dot-product attention with the one after: "
      "both equal the model", all(same),
      heard="Attention scores come from *the* decoder's state", verdict="from one of two")

# %% [markdown]
# Now back to the word of twelve letters, with the loop of section 7.1. `Seq2Seq` has fewer weights than the plain
# model and gets as many steps, but attention is not all that is new: its encoder reads in both directions, with 24
# units instead of 48, and the decoder starts from the summary. So a control: the same without attention, which is given
# the summary at every step instead. (Some five seconds.)

# %%
torch.manual_seed(0)
rows = {"plain": (EncoderDecoder(len(NAMES), 16, 48), whole_words)}
for name, kind in (("both directions", None), ("and attention", "dot")):
    torch.manual_seed(0)
    model = Seq2Seq(len(NAMES), len(NAMES), embedding_size=16, hidden_size=24, attention=kind)
    learn(model, 12)
    rows[name] = model, letters_right(model, 12).all(axis=1).mean()
for name, (model, share) in rows.items():
    size = sum(p.numel() for p in model.parameters())
    print(f"{name:15s} {size:6,d} weights, {share:4.0%} without a fault")

# %% [markdown]
# ### On your own attention
#
# Your `attend` and `attend_backward` are a way forwards and a way back, and torch asks no more of anything. An
# `autograd.Function` tells it which is which; then a module that attends with them, step by step, takes the
# place of the model's. The encoder reads in one direction and all sizes are equal (K = H = 48), so that what is
# compared is what is mixed, as in your functions. Twenty steps of training on words of twelve letters, from the
# same weights, with either. The first step's loss tests the way forwards; what tests the way back?

# %%
class YourAttend(torch.autograd.Function):
    """query (N, H), keys (N, S, H), mask (N, S) → context (N, H), weights (N, S): by your two functions."""

    @staticmethod
    def forward(ctx, query, keys, mask):
        ctx.went_in = [tensor.detach().numpy() for tensor in (query, keys, mask)]
        context, weights = map(torch.from_numpy, attend(*ctx.went_in))
        ctx.mark_non_differentiable(weights)         # nothing here learns from them
        return context, weights

    @staticmethod
    def backward(ctx, dcontext, _):
        dquery, dkeys = attend_backward(dcontext.numpy(), *ctx.went_in)
        return torch.from_numpy(dquery), torch.from_numpy(dkeys), None


class YourDotProduct(attention.DotProductAttention):
    """query (N, T, H), keys (N, S, H), mask (N, S) → contexts (N, T, H), weights (N, T, S)."""

    def forward(self, query, keys, mask, projected=None):
        steps = [YourAttend.apply(each, keys, mask) for each in query.unbind(dim=1)]
        return tuple(torch.stack(parts, dim=1) for parts in zip(*steps, strict=True))


def one_way(attend_with):
    """A fresh model for the letters that attends so, in float64."""
    torch.manual_seed(0)
    model = Seq2Seq(len(NAMES), len(NAMES), embedding_size=16, hidden_size=48, attention="dot",
                    bidirectional=False)
    model.attention = attend_with(48, 48)
    return model.double()


by_layer, by_yours = (learn(one_way(attend_with), 12, steps=20)
                      for attend_with in (attention.DotProductAttention, YourDotProduct))
print(f"mean loss of 20 steps: {by_layer:.4f} with the attention of helpers, {by_yours:.4f} with yours")
claim("twenty steps of training have the same mean loss with your attention, forwards and back, to 1e-10",
      abs(by_layer - by_yours) < 1e-10)

# %% [markdown]
# From the second step on the loss is that of weights which your gradients have moved. And all the way, three
# hundred steps on your attention (ten seconds or more): how many words are without a fault?

# %% demo=true
model = one_way(YourDotProduct)
learn(model, 12)
print(f"{letters_right(model, 12).all(axis=1).mean():.0%} of new words without a fault")

# %% [markdown]
# Why does it learn so much faster with attention? One reason may be the path. Take fresh models, a source of 30
# letters, and the loss of the *last* letter to be written: how much gradient reaches each letter of the
# source? (As in [chapter 3](03_gradient_clipping.ipynb), but now from one sequence into another.)

# %%
def reaches(model, length=30):
    """‖gradient of the last letter's loss‖ in the embedding of each source letter: (length,)."""
    sources, sentences = backwards(20, length, np.random.default_rng(3))
    sources, sentences = torch.from_numpy(sources), torch.from_numpy(sentences)
    embedded = model.encoder.embedding(sources).detach().requires_grad_()
    hook = model.encoder.embedding.register_forward_hook(lambda *_: embedded)   # takes the layer's place
    logits, _ = model(sources, sentences[:, :length])
    hook.remove()
    functional.cross_entropy(logits[:, -1], sentences[:, length]).backward()
    return embedded.grad.norm(dim=2).mean(dim=0).numpy()


reached = {}
for name, kind in (("no attention", None), ("additive", "additive"), ("dot", "dot")):
    torch.manual_seed(0)
    fresh = Seq2Seq(len(NAMES), len(NAMES), embedding_size=16, hidden_size=48, attention=kind,
                    bidirectional=False)
    reached[name] = reaches(fresh)
ratios = {name: norms[0] / norms[-1] for name, norms in reached.items()}
for name, ratio in ratios.items():
    print(f"{name:12s} the first letter gets {ratio:.1g} times what the last one gets")
claim("without attention the first letter gets less than a ten-thousandth of what the last one gets, with "
      "either attention more than the last one",
      ratios["no attention"] < 1e-4 and min(ratios["additive"], ratios["dot"]) > 1)

# %% draws=true
STYLES = {"no attention": ("rnn", "s"), "additive": ("gru", "^"), "dot": ("lstm", "o")}
fig, axis = figure(width=7, height=3.2)
for name, norms in reached.items():
    colour, marker = STYLES[name]
    axis.semilogy(range(1, 31), norms, marker + "-", markersize=3, color=COLOURS[colour], label=name)
axis.set(xlabel="letter of the source", ylabel="gradient that reaches it")
axis.legend(frameon=False, loc="lower right")
show(fig, "Gradient of the last written letter's loss in each letter of the source, untrained. Of what the "
     f"last letter gets, the first gets {ratios['no attention']:.0e} times as much without attention, "
     f"{ratios['additive']:.1g} times as much with additive and {ratios['dot']:.1g} times as much with "
     "dot-product attention.")

# %% [markdown]
# (An encoder in one direction here, so that the picture is simple.) Without attention the gradient has one way
# in, at the end of the source, and fades from letter to letter. With it every letter is reached directly, the
# first as much as any. Only the last few get less, the very last about half: a letter lives on in the states
# behind its own, and the last has none.
#
# *A good place to stop for the day: the machinery is complete. What follows puts it to work.*

# %% [markdown]
# ## 7.6 Dates
#
# A real task of modest size: dates, written in two dozen ways, into the one of ISO 8601. Characters in,
# characters out.

# %%
from helpers.corpora import dates

corpus = dates.corpus()
for pair in corpus.train[:6]:
    print(f"{''.join(pair.source):28s} → {''.join(pair.target)}")
parts = {"train": corpus.train, "valid": corpus.valid, "test": corpus.test}
print(len(dates.FORMATS), "formats;", {name: len(pairs) for name, pairs in parts.items()})

# %% [markdown]
# What would be a fair test? Not only new *texts*: 27.9.1994 in training and "september 27, 1994" in the test
# are the same day, and a model that has learned days by heart would pass. Here no day of the test occurs in
# training, in any format:

# %%
train, valid, test = ({pair.target for pair in pairs} for pairs in parts.values())
claim("no day is in two of the three parts", not (train & test or train & valid or valid & test))

# %% [markdown]
# From here on `TorchTrainer` of chapter 6 trains, with `Seq2SeqLoss`. Is this the loss of section 7.1, also
# when there is padding? (All dates are equally long, so one is cut short here.)

# %%
from helpers.torch_training import TorchTrainer
from helpers.torch_training.translation import Seq2SeqLoss, ShuffledPairs, exact_match_of


def build(corpus, kind, seed=0):
    """A fresh model for a corpus; its kind is "additive", "dot" or None."""
    torch.manual_seed(seed)
    sizes = len(corpus.source_vocabulary), len(corpus.target_vocabulary)
    return Seq2Seq(*sizes, embedding_size=32, hidden_size=48, attention=kind)


model = build(corpus, "dot")
sources, sentences = corpus.encode(corpus.train[:5])
sentences[0, -3:] = PAD
batch = torch.from_numpy(sources), torch.from_numpy(sentences)
inputs, targets, counts = map(torch.from_numpy, decoder_inputs(sentences))
with torch.no_grad():
    by_trainer = Seq2SeqLoss()(model, batch, None).value
    in_the_open = masked_mean_loss(model(batch[0], inputs)[0], targets, counts)
print(f"{by_trainer:.4f} and {in_the_open:.4f}; {(~counts).sum()} places of padding do not count")
claim("the trainer's loss is that of section 7.1, also beside padding",
      bool((~counts).any()) and abs(float(by_trainer - in_the_open)) < 1e-6)

# %% [markdown]
# The budget, for both models: one pass over the 20,000 dates in batches of 64, Adam from 0.01 down to 0 along
# half a cosine. Eight times on the way, 300 unseen dates are translated; one counts only if every character is
# right (**exact match**). The plain model also gets the encoder's summary at *every* step, as in Cho et al.
# (2014), and both have an encoder in both directions. The next cell trains them: ten seconds or more.

# %% tags=["nbval-ignore-output"]
def fit(corpus, model, *, passes, parts, batch_size=64, seed=0):
    """Train; `parts` times a pass, exact match on 300 unseen pairs → list of shares."""
    pairs = ShuffledPairs(*corpus.encode(corpus.train), batch_size, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, cosine(passes * len(pairs(0))))
    trainer = TorchTrainer(
        model,
        optimizer,
        Seq2SeqLoss(),
        lambda model: {"exact": exact_match_of(model, corpus, corpus.valid[:300], 20)},
        monitor="exact",
        higher_is_better=True,
        scheduler=schedule,
        max_norm=1.0,
        device="cpu",
        report=None,
        bar=False,
    )
    curve = trainer.fit(lambda n: pairs(n // parts)[n % parts :: parts], passes * parts)
    return [row["exact"] for row in curve]


date_models = {"no attention": build(corpus, None), "dot": build(corpus, "dot")}
date_curves = {name: fit(corpus, model, passes=1, parts=8) for name, model in date_models.items()}
for name, curve in date_curves.items():
    print(f"{name:12s}", *(f"{share:4.0%}" for share in curve))

# %%
ends = {name: curve[-1] for name, curve in date_curves.items()}
claim("after one pass over the dates more than nine unseen days in ten are right with attention, fewer than "
      "half without", ends["dot"] > 0.9 and ends["no attention"] < 0.5,
      heard="Attention learns faster", verdict="yes, here")

# %% draws=true
fig, axis = figure(width=6.5, height=3)
for name, curve in date_curves.items():
    colour, marker = STYLES[name]
    axis.plot(np.arange(1, 9) * 2_500, curve, marker + "-", color=COLOURS[colour], label=name)
axis.set(xlabel="dates seen", ylabel="exact match, unseen days", ylim=(0, 1.03))
axis.legend(frameon=False, loc="center right")
show(fig, "Exact match on 300 dates of unseen days during one pass over 20,000, one seed. With dot-product "
     f"attention it reaches {ends['dot']:.0%}, without attention {ends['no attention']:.0%}.")

# %% [markdown]
# After the same 20,000 dates nearly every one is right with attention; without, most are still wrong.
#
# Where does it look? In the figure below each row is a character written, each column one that was read; the
# darker, the more weight (· is a space). What do you expect in the row of the month's second digit? First
# counted, over the 1,000 dates of the test: on what is the heaviest weight at each place of what is written?

# %% tags=["nbval-ignore-output"]
def weights_of(corpus, model, pair):
    """The weights (T, S) with which the model predicts the target's tokens, <eos> last."""
    source, sentence = map(torch.from_numpy, corpus.encode([pair]))
    with torch.no_grad():
        return model(source, sentence[:, :-1])[1][0].numpy()


texts = ["".join(pair.source) for pair in corpus.test]
source, sentence = map(torch.from_numpy, corpus.encode(corpus.test))
with torch.no_grad():
    heaviest = date_models["dot"](source, sentence[:, :-1])[1].argmax(dim=2).numpy()    # (1000, T)


def kind_of(read, written):
    if read.isalpha():
        return "a letter"
    if not read.isdigit():
        return "a gap or a sign"
    return "the same digit" if read == written else "another digit"


found = ("the same digit", "another digit", "a letter", "a gap or a sign")
looked_at = {kind: np.zeros(10) for kind in found}
for text, pair, row in zip(texts, corpus.test, heaviest, strict=True):
    for place in range(10):
        looked_at[kind_of(text[row[place]], pair.target[place])][place] += 1 / len(texts)
print(f"{'':16s}", *(f"{c:>4s}" for c in "YYYY-MM-DD"))
for kind, shares in looked_at.items():
    print(f"{kind:16s}", *(f"{share:4.0%}" for share in shares))

zeros = [(text[row[8]], pair.target[9]) for text, pair, row in zip(texts, corpus.test, heaviest, strict=True)
         if pair.target[8] == "0"]
near = np.mean([read in ("0", digit) or not read.isalnum() for read, digit in zeros])
print(f"leading zeros of the day that look at a zero, a digit like the day's, a gap or a sign: {near:.0%}")

# %%
with_a_name = np.array([any(c.isalpha() for c in text) for text in texts])
at_letters = np.mean([texts[n][heaviest[n, 6]].isalpha() for n in np.flatnonzero(with_a_name)])
same = looked_at["the same digit"]
claim("the digits of the year, and the last of the day, mostly look at the same digit of what was read",
      min(same[:4].mean(), same[9]) > 0.75)
claim("where the month is a word, its second digit nearly always looks at a letter", at_letters > 0.9)
claim("a leading zero of the day mostly looks at one of these", near > 0.75)

# %% draws=true
def heat(axis, weights, columns, rows):
    """A heatmap: one column for each source token, one row for each token written."""
    axis.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    axis.tick_params(length=0)
    axis.grid(False)


shown = [next(n for n, text in enumerate(texts) if has in text) for has in ("day, ", ".")]
fig, axes = figure(2, width=10, height=3.4, width_ratios=[2.3, 1])
for axis, n in zip(axes, shown, strict=True):
    weights = weights_of(corpus, date_models["dot"], corpus.test[n])
    heat(axis, weights[:-1], texts[n].replace(" ", "·"), corpus.test[n].target)
    axis.set(xlabel="character read", ylabel="character written")
show(fig, f"Attention weights for two dates, {texts[shown[0]]} and {texts[shown[1]]}. "
     "Most digits of year and day look at the same digit of what was read.")

# %% [markdown]
# The year is mostly copied digit by digit, as far as it is written (in some formats it has two digits); the month, where
# it is a word, is read off at a letter. A leading zero often has no digit to copy; it looks at a digit like the day's, or at a
# gap or a sign. Nothing in the task says at which of them, and another seed may choose otherwise. The hyphens are always
# the same and need no source: where their rows look tells nothing.
#
# One seed is one seed. The recorded run has three, and gives every model the same *time*:

# %%
from helpers.processor import on_what

record = read_record("dates")
settings = record["settings"]
print(record["command"])
print(f"{settings['budget']:.0f} seconds of training each, {settings['jobs']} at once on {on_what(record)}\n")


def runs(record, model):
    """The rows of a model, a list for each seed."""
    found = {}
    for row in record["curve"]:
        if row["model"] == model:
            found.setdefault(row["seed"], []).append(row)
    return list(found.values())


kinds = list(dict.fromkeys(row["model"] for row in record["curve"]))
print(f"{'':9s} best on unseen days: mean (range)   test, mean   seconds to 99.5 %")
best, reached = {}, {}
for model in kinds:
    best[model] = mean_and_range([run[-1]["best_valid"] for run in runs(record, model)], digits=1)
    test = np.mean([run[-1]["test"] for run in runs(record, model)])
    reached[model] = [next((row["seconds"] for row in run if row["valid"] >= 0.995), math.inf)
                      for run in runs(record, model)]
    times = ["never" if at == math.inf else f"{at:.0f}" for at in reached[model]]
    print(f"{model:9s} {best[model]:35s} {test:.1%}   ", ", ".join(times))

# %%
claim("with attention every run gets 99.5 % within 16 seconds, without it none within 20",
      max(reached["additive"] + reached["dot"]) < 16 and min(reached["plain"]) > 20)
claim("in half a minute every run without attention gets 97 % at least",
      min(run[-1]["best_valid"] for run in runs(record, "plain")) > 0.97)

# %% draws=true
fig, axis = figure(width=6.5, height=3)
for model, (colour, line) in zip(kinds, (("rnn", "-"), ("gru", "--"), ("lstm", "-")), strict=True):
    for number, run in enumerate(runs(record, model)):
        x, y = ([row[key] for row in run] for key in ("seconds", "valid"))
        axis.plot(x, y, line, color=COLOURS[colour], linewidth=1.2, label=None if number else model)
axis.set(xlabel="seconds of training", ylabel="exact match, unseen days", ylim=(0, 1.03))
axis.legend(frameon=False, loc="lower right")
said = ", ".join(f"{model} {share}" for model, share in best.items())
show(fig, f"Exact match on unseen days against seconds of training, a line for every seed. Best: {said}.")

# %% [markdown]
# With attention, 199 of 200 unseen dates are right after nine to fourteen seconds on that machine. Without it one run of
# three gets there, after 27, and two do not quite in half a minute: for a text as short as a date, one vector is a
# matter of patience more than of room. (The learning rate stays as it is to the end, and the curves jump; the
# trainer keeps the best weights.)
#
# ## 7.7 Writing without a teacher
#
# At work nobody hands the decoder the right word before. It gets its own, right or wrong, and a wrong one
# changes everything behind it.

# %% [markdown]
# ### Exercise 7.6 · `greedy_decode` · ★★☆ · 15 min
# Write a sentence greedily: at every step the word with the largest score, which goes in at the next. It ends with
# `<eos>`, or after `max_length` steps. Only `<eos>` ends it; whatever else wins is written, a 0 as well. (`<bos>` only
# goes in first; no model here writes it.) As when one evaluates, you are handed a whole pair (source, target); what
# of it may you use?
#
# <details><summary>A nudge</summary>Two things go round in the loop: the state, and the word that was just
# written. The first word in is &lt;bos&gt;.</details>
# <details><summary>A recipe</summary>state, token, written = model.start(source), 1, []. Then max_length
# times: scores, state = model.step(token, state); token = int(np.argmax(scores)); if token == 2, stop;
# otherwise append it.</details>
#
# You are there when
#
# ```python
# class Adder:   # its state is a number; after a word it writes the sum of the two
#     def start(self, source):
#         return len(source)
#
#     def step(self, token, state):
#         return np.eye(20)[token + state], state + 1
#
# greedy_decode(Adder(), ([9, 9, 9], [1, 7, 2]), 3)   # [4, 8, 13]
# greedy_decode(Adder(), ([9], [1, 7, 2]), 3)         # []
# ```

# %% exercise="greedy_decode"
def greedy_decode(model, pair, max_length):
    """The likeliest word at every step → list of ids (ints), without <bos> = 1 and <eos> = 2.

    model.start(source) → state; model.step(token, state) → scores (V,), new state; token is
    one id. pair is (source, target), lists of ids; at most max_length steps, <eos> counted.
    """
    ### BEGIN SOLUTION
    source, _ = pair
    state, token, written = model.start(source), BOS, []
    for _ in range(max_length):
        scores, state = model.step(token, state)
        token = int(np.argmax(scores))
        if token == EOS:
            break
        written.append(token)
    return written
    ### END SOLUTION

# %% check="greedy_decode" points=3
greedy_decode = check("greedy_decode", greedy_decode)

# %% [markdown]
# The model of the dates in this form, and `helpers.decoding`, which does it for a whole batch (and keeps the
# weights):

# %%
from helpers import decoding


class OneSentence:
    """A Seq2Seq as `greedy_decode` wants it."""

    def __init__(self, model):
        self.model = model

    def start(self, source):
        return self.model.encode(torch.tensor([source])), None

    def step(self, token, state):
        memory, s = state
        logits, s, _ = self.model.step(torch.tensor([token]), s, memory)
        return logits[0].numpy(), (memory, s)


tested = corpus.test[:200]
sources, sentences = corpus.encode(tested)
model = date_models["no attention"]
pairs = [(source[source > 0].tolist(), sentence.tolist())
         for source, sentence in zip(sources[:40], sentences[:40], strict=True)]
with torch.no_grad():
    one_by_one = [greedy_decode(OneSentence(model), pair, 12) for pair in pairs]
at_once = decoding.greedy_decode(model, torch.from_numpy(sources), max_length=12).ids
claim("your greedy decoder and the one in helpers write the same 40 dates", one_by_one == at_once[:40])

# %% [markdown]
# The attention can be yours as well: the trained model, its weights as they are, attends by your `attend` and
# writes by your `greedy_decode`. (Its encoder reads both ways, and a matrix brings a state's 96 numbers to the
# query's 48 before the two are compared. So from `attend` we take the weights, and mix the states themselves.)

# %%
class YourWeights(attention.DotProductAttention):
    """query (N, 1, Q), keys (N, S, K), mask (N, S) → context (N, 1, K), weights (N, 1, S): by `attend`."""

    def forward(self, query, keys, mask, projected):
        _, weights = attend(query[:, 0].numpy(), projected.numpy(), mask.numpy())
        weights = torch.from_numpy(weights).to(keys.dtype)[:, None]
        return weights @ keys, weights


on_yours = build(corpus, "dot")
on_yours.attention = YourWeights(48, 96)
on_yours.load_state_dict(date_models["dot"].state_dict())
with torch.no_grad():
    by_yours = [greedy_decode(OneSentence(on_yours), pair, 12) for pair in pairs]
by_helpers = decoding.greedy_decode(date_models["dot"], torch.from_numpy(sources[:40]), max_length=12).ids
claim("your attention and your decoder write the 40 dates that the trained model writes",
      by_yours == by_helpers)

# %% [markdown]
# Now with dates of your own. The same `greedy_decode` writes them, and beside it is kept what the model looks at
# and how sure it is:

# %%
from helpers.boards.alignment import date_board, typed_characters


class Watched(OneSentence):
    """A sentence that also keeps the weights of every step, and how probable the likeliest character was."""

    def start(self, source):
        self.weights, self.sure = [], []
        return super().start(source)

    def step(self, token, state):
        memory, s = state
        logits, s, weights = self.model.step(torch.tensor([token]), s, memory)
        self.weights.append(weights[0].numpy())                                   # (S,)
        self.sure.append(logits[0].softmax(dim=0).max().item())
        return logits[0].numpy(), (memory, s)


all_dates = corpus                                   # 7.8 has another corpus


def date_by(model, typed):
    """What a model, as `greedy_decode` wants it, writes for a date as somebody types it."""
    source = all_dates.source_vocabulary.encode(tuple(typed)).tolist()
    with torch.no_grad():
        return "".join(all_dates.decode_target(greedy_decode(model, (source, []), 12)))


def my_date(typed):
    """A date as somebody types it → a figure, and what it shows."""
    typed = typed_characters("date", typed, all_dates.source_vocabulary.tokens)
    looking = Watched(date_models["dot"])
    fig, said = date_board(typed, date_by(looking, typed), np.array(looking.weights), np.array(looking.sure))
    without = date_by(OneSentence(date_models["no attention"]), typed) or "nothing"
    beside = f"The model without attention writes {without}."
    return fig, f"{said} ({beside})"

# %% [markdown]
# **Move it.** Look first at the two rows of the month, behind the first hyphen: which letters do they look at, and
# does the one that is missing matter? Then type (Enter draws), and guess before you look:
#
# - one day in other forms, *27.9.94*, *9/27/94*, *19940927*. Where do the first two digits of the year look when
#   only its last two are there?
# - a form that it has never seen, *1994-09-27*, and a month that it has to guess, *27 Smptebrer 1994*;
# - a day that there is not, *31.2.1999*, and *tomorrow*. What tells you that something is wrong: what it writes, how
#   sure it is, or where it looks?

# %% draws=true tags=["nbval-ignore-output"]
from helpers.live import text

explore(
    my_date,
    typed=text(
        "date", "Septmber 27 1994",
        examples=("the 27th of september, 1994", "27.9.94", "19940927", "1994-09-27", "27 Smptebrer 1994",
                  "31.2.1999", "4 july 1776", "tomorrow"),
    ),
)

# %% tags=["nbval-ignore-output"]
whole_date = {}
for typed in ("september 27, 1994", "31.2.1999", "tomorrow"):
    watched = Watched(date_models["dot"])
    answer = date_by(watched, typed)
    whole_date[typed] = np.prod(watched.sure[: len(answer)])           # without that of <eos>, as above
    print(f"{typed:18s} → {answer}, with probability {whole_date[typed]:.2f}")

# %%
claim("the 31st of February is written with a probability above a half, \"tomorrow\" with less",
      whole_date["31.2.1999"] > 0.5 > whole_date["tomorrow"])

# %% [markdown]
# It has learned no calendar: to the model the 31st of February is a day like any other. And it has no way to say that
# it does not know; whatever is typed becomes something like a date. Only the probability of the whole may give it
# away, and of these two only the one that is far from every date.
#
# What does teacher forcing hide? The model without attention makes mistakes enough to look at. Its characters,
# place by place: given the right ones before, and given its own. Where will the two rows differ, and will the
# shares of whole dates?

# %%
def written(model, source, sentence, *, forced):
    """The ten characters of each date: (N, 10); with the true ones before, or with its own."""
    with torch.no_grad():
        if forced:
            return model(source, sentence[:, :-1])[0].argmax(dim=2)[:, :10]
    rows = decoding.greedy_decode(model, source, max_length=12).ids
    return torch.tensor([(ids + [PAD] * 10)[:10] for ids in rows])


print("place         ", *(f"{c:>4s}" for c in "YYYY-MM-DD"), "   the whole date")
places, whole = {}, {}
for name, forced in (("teacher forced", True), ("on its own", False)):
    good = (written(model, source, sentence, forced=forced) == sentence[:, 1:11]).float()
    places[name], whole[name] = good.mean(dim=0), good.prod(dim=1).mean().item()
    print(f"{name:14s}", *(f"{p:4.0%}" for p in places[name]), f"   {whole[name]:.1%}")
taught, alone = places.values()
claim("the last digit of a date is right at least 10 points less often without the teacher",
      taught[9] > alone[9] + 0.1,
      heard="Good under teacher forcing is good", verdict="characters no, whole sentences yes")
claim("of whole dates it writes the same share with the teacher and without",
      abs(whole["teacher forced"] - whole["on its own"]) < 1e-6,
      heard="Good under teacher forcing is good", verdict="characters no, whole sentences yes")

# %% [markdown]
# On its own it is clearly worse towards the end. For one thing, the teacher's right digit also tells which day is meant.
# For another, a beginning with a wrong character does not fit the source; training has never shown such a thing, and
# one mistake may lead to the next (**exposure bias**, Ranzato et al. 2016). The table does not part the two. The last
# column is the same in both rows, and must be: a whole date is right exactly if no step went
# wrong, and up to the first mistake both read the same. So measure characters, or a score like BLEU
# (how many runs of one to four words a translation shares with a right one), on what the decoder writes *by
# itself*.
#
# ### A beam
#
# Greedy is not always best, even if the model is right. A decoder whose first word is "3" with 0.6 or "4" with
# 0.4:

# %%
def forked(tokens):
    """Words written so far → log-probabilities (V,) of the next; 2 is <eos>."""
    table = {
        (): [0, 0, 0, 0.6, 0.4],
        (3,): [0, 0, 0.4, 0.3, 0.3],
        (4,): [0, 0, 0.9, 0.05, 0.05],
    }
    with np.errstate(divide="ignore"):
        return np.log(np.array(table.get(tuple(tokens), [0, 0, 1, 0, 0])))


for first in (3, 4):
    p = [np.exp(forked([])[first]), np.exp(forked([first])[EOS])]
    print(f"{first}, <eos>:  {p[0]:.1f} · {p[1]:.1f} = {p[0] * p[1]:.2f}")

# %% [markdown]
# Greedy takes the 3 and cannot go back. The likeliest sentence begins with the 4. To try every sentence is out
# of the question; **beam search** keeps the few best beginnings. At every step each of them is continued by
# every word, all these candidates compete, and the best `beam_size` stay. One that ends with `<eos>` is
# finished: it is put aside, and its place with it. At the end, all that is finished (and what is still open
# after `max_length` steps) is compared.
#
# Compared by what? Probabilities multiply, so their logarithms add, and each further word makes the sum more
# negative. Within one step that is fair: all candidates are equally long. At the end they are not, and compared by
# the sum, short sentences win:

# %%
for words, each in ((3, 0.5), (10, 0.8)):
    total = words * math.log(each)
    print(f"{words:2d} words of probability {each}: sum {total:.2f}, a word {total / words:.2f}")

# %% [markdown]
# **Length normalisation** divides by the number of words, `<eos>` counted: the mean log-probability of a word. So
# there are two scores: at every step the *sum* says which beginnings stay, at the end the *mean* says which
# sentence wins. (Wu et al. 2016 use a power of the length. None of these is derived from anything; they are
# remedies.)

# %% [markdown]
# ### Exercise 7.7 · `beam_search` · ★★★ · 30 min
# Write it. A beginning is a list of words and the sum of their log-probabilities.
#
# <details><summary>A nudge</summary>Two lists: what is open, at first only ([], 0.0), and what is done. At
# each step: make all candidates, sort by the sum, cut, and sort into the two lists.</details>
# <details><summary>A recipe</summary>candidates = [(tokens + [w], total + lp) for tokens, total in beams for
# w, lp in enumerate(log_probs_after(tokens))]; sort them by −total; keep the first beam_size − len(done);
# those whose last word is 2 go to done, the others are the new beams; stop when there are none. After the loop
# take the largest total / len(tokens) in done + beams. Return its tokens without the 2, and that
# score.</details>
#
# You are there when
#
# ```python
# def after(tokens):   # 3 is the likelier beginning, 4 goes on better
#     table = {(): [0.1, 0.1, 0.1, 0.4, 0.3], (4,): [0.1, 0.1, 0.6, 0.1, 0.1]}
#     return np.log(table.get(tuple(tokens), [0.25, 0.15, 0.1, 0.2, 0.3]))
#
# beam_search(after, 2, 3)   # ≈ ([4], -0.857)
# ```

# %% exercise="beam_search"
def beam_search(log_probs_after, beam_size, max_length):
    """The best sentence, a list of ids without <eos> = 2, and its score.

    log_probs_after(tokens) → log-probabilities (V,) of the next word; tokens is a list, without
    <bos>. The score is the mean log-probability of the words, <eos> counted. A finished sentence
    leaves the beam with its place. At most max_length steps; what is open then competes as it is.
    """
    ### BEGIN SOLUTION
    beams, done = [([], 0.0)], []
    for _ in range(max_length):
        candidates = [
            ([*tokens, word], total + log_prob)
            for tokens, total in beams
            for word, log_prob in enumerate(log_probs_after(tokens))
        ]
        candidates.sort(key=lambda candidate: -candidate[1])
        kept = candidates[: beam_size - len(done)]
        done += [each for each in kept if each[0][-1] == EOS]
        beams = [each for each in kept if each[0][-1] != EOS]
        if not beams:
            break
    tokens, total = max(done + beams, key=lambda each: each[1] / len(each[0]))
    score = total / len(tokens)
    return (tokens[:-1] if tokens[-1] == EOS else tokens), score
    ### END SOLUTION

# %% check="beam_search" points=5
beam_search = check("beam_search", beam_search)

# %%
def continuations(model, source):
    """The model as `beam_search` wants it, for one source (S,)."""

    def log_probs_after(tokens):
        with torch.no_grad():
            logits, _ = model(source[None], torch.tensor([[BOS, *tokens]]))
        return logits[0, -1].double().log_softmax(dim=0).numpy()

    return log_probs_after


rows = [torch.from_numpy(source[source > 0]) for source in sources]
agree = 0
for row in rows[:10]:
    tokens, score = beam_search(continuations(model, row), 3, 12)
    best = decoding.beam_search(model, row, beam_size=3, max_length=12)[0]
    agree += tokens == best.tokens and abs(score - best.score) < 1e-5
claim("your beam search and the one in helpers find the same for ten dates", agree == 10)

# %% [markdown]
# Does it help? Guess first, for the model without attention (which has much to gain) and the one with. A beam
# of five, 200 dates, a few seconds:

# %% tags=["nbval-ignore-output"]
truths = [sentence[1:11].tolist() for sentence in sentences]
found = {}
print(f"{'':14s} greedy   beam of 5   likelier than greedy's   the truth among the five")
for name, model in date_models.items():
    numbers = []
    for row, truth in zip(rows, truths, strict=True):
        greedy = decoding.beam_search(model, row, beam_size=1, max_length=12)[0]
        beam = decoding.beam_search(model, row, beam_size=5, max_length=12)
        numbers.append([
            greedy.tokens == truth,
            beam[0].tokens == truth,
            beam[0].log_prob > greedy.log_prob + 1e-4,
            any(each.tokens == truth for each in beam),
        ])
    a, b, c, d = found[name] = np.mean(numbers, axis=0)
    print(f"{name:14s} {a:6.1%} {b:11.1%} {c:24.1%} {d:26.1%}")

# %%
greedy_right, beam_right, likelier, among = found["no attention"]
claim("without attention a beam of five finds a likelier date for more than one day in ten, and the share "
      "that is right grows by less than a tenth", likelier > 0.1 and beam_right - greedy_right < 0.1,
      heard="Beam search finds better translations", verdict="likelier ones")
claim("there the truth is among the five more often than not", among > 0.5)

# %% [markdown]
# For many days the model without attention finds a likelier date with the beam, and hardly more dates are right.
# Yet more often than not the truth is among the five. There it is not the search that fails; the model gives more
# probability to a wrong date, and no search mends that. With attention the first guess is nearly always right,
# and a beam has little to gain. (All dates are equally long, so the length has no say here. In translation,
# where many wordings compete, Sutskever, Vinyals & Le report most of the gain with a beam of two already.)
#
# ## 7.8 Korean to English
#
# Korean puts the verb last, English puts it second. A small grammar writes both, and knows which word comes
# from which: subject with 은/는 or 이/가, perhaps a time, a place, an adjective; object with 을/를; the verb in past,
# present or future, or in the progressive for what is going on (grammars call that an aspect, not a tense). Korean
# says whether a sibling is younger (동생) or a sister older (언니); as English mostly does, the translation leaves
# it out. Three of its sentences:

# %%
from helpers.corpora import korean_english

corpus = korean_english.corpus()
for pair in corpus.train[:3]:
    romanised, gloss = korean_english.gloss(pair.source)
    print(" ".join(pair.source), romanised, gloss, "→ " + " ".join(pair.target), "", sep="\n")
parts = {"train": corpus.train, "valid": corpus.valid, "test": corpus.test}
print(f"{korean_english.SENTENCES:,d} sentences are possible; of them we use",
      {name: len(pairs) for name, pairs in parts.items()})
train, valid, test = ({pair.source for pair in pairs} for pairs in parts.values())
claim("no sentence is in two of the three parts", not (train & test or train & valid or valid & test))

# %% [markdown]
# Three passes over 4,000 sentences, without attention, and with the additive kind from three seeds (section 7.9
# needs them). About ten seconds; what is printed is the share of unseen sentences without a fault, twice a pass.

# %%
translators, curves = {}, {}
for name, kind, seed in (("no attention", None, 0), ("additive, seed 0", "additive", 0),
                         ("additive, seed 1", "additive", 1), ("additive, seed 2", "additive", 2)):
    translators[name] = build(corpus, kind, seed)
    curves[name] = fit(corpus, translators[name], passes=3, parts=2, batch_size=50, seed=seed)
    print(f"{name:18s}", *(f"{share:5.0%}" for share in curves[name]))
with_attention = [name for name in translators if name != "no attention"]
claim("after three passes more than 95 Korean sentences in 100 are right with attention, from every seed, "
      "and fewer than 30 without",
      min(curves[name][-1] for name in with_attention) > 0.95 and curves["no attention"][-1] < 0.3)

# %% [markdown]
# Now the figure of this chapter: one of the longest sentences of the test, and the attention of the first of the three.
# On the left the weights, with a frame where the grammar says a word comes from; on the right the heavy ones as
# lines, in orange those of the last two words of Korean, the verb and its auxiliary. English has them behind
# the subject: there the lines must **cross**.

# %%
pair = max(corpus.test, key=lambda pair: len(pair.source))
print(" ".join(pair.source), *korean_english.gloss(pair.source), " ".join(pair.target), sep="\n")
roman, gloss = (line.split() for line in korean_english.gloss(pair.source))
columns = [f"{a} ({b.rsplit('-', 1)[0]})" for a, b in zip(roman, gloss, strict=True)]
true = korean_english.alignment(pair)             # for each English word the index of the Korean one
weights = weights_of(corpus, translators["additive, seed 0"], pair)[:-1]
heaviest = weights.argmax(axis=1)
off = [word for word, wanted, got in zip(pair.target, true, heaviest, strict=True)
       if wanted not in (None, got)]
print("heaviest weight outside the frame:", ", ".join(off) or "none")
verb, thing = (pair.target.index(word) for word in ("eat", "apple"))
claim("in English the verb stands before its object, and it looks behind it in Korean: the lines cross",
      verb < thing and heaviest[verb] > heaviest[thing])

# %% draws=true
def crossing(axis, weights, columns, rows, marked=()):
    """The source above, the translation below, a line for every weight from 0.2 on."""
    top, bottom = np.linspace(0, 1, len(columns)), np.linspace(0, 1, len(rows))
    for t, j in np.argwhere(weights >= 0.2):
        colour = COLOURS["rnn" if j in marked else "lstm"]
        ends = [top[j], bottom[t]]
        axis.plot(ends, [1, 0], color=colour, alpha=0.8, linewidth=5 * weights[t, j])
    for x, word in zip(top, columns, strict=True):
        axis.text(x, 1.04, word, ha="left", va="bottom", rotation=35, fontsize=10)
    for x, word in zip(bottom, rows, strict=True):
        axis.text(x, -0.04, word, ha="right", va="top", rotation=35, fontsize=10)
    axis.set(xlim=(-0.12, 1.2), ylim=(-0.22, 1.38))
    axis.axis("off")


fig, axes = figure(2, width=11.5, height=5, width_ratios=[1, 1.25])
heat(axes[0], weights, columns, pair.target)
axes[0].set_xticks(range(len(columns)), columns, rotation=35, ha="right")
axes[0].set(xlabel="Korean word read", ylabel="English word written")
for t, j in enumerate(true):
    if j is not None:
        frame = np.array([[-0.5, 0.5, 0.5, -0.5, -0.5], [-0.5, -0.5, 0.5, 0.5, -0.5]])
        axes[0].plot(j + frame[0], t + frame[1], color=COLOURS["warm"], linewidth=1.5)
crossing(axes[1], weights, columns, pair.target, marked={len(roman) - 2, len(roman) - 1})
found = ", ".join(f"{word} on {roman[j]}" for word, j in zip(pair.target, heaviest, strict=True))
show(fig, f"Attention from a Korean sentence to its translation. Heaviest weights: {found}. The "
     "verb's lines, last in Korean and early in English, cross those of object and place.")

# %% [markdown]
# Nobody told the model which word comes from which; it found this order by learning to predict. The verb
# and its auxiliary come from the far right to the left, over the object, which hardly moves, and over the place, which
# goes the other way.
#
# Not every frame has to be dark: a row may be written rightly while its heaviest weight is at the other end of the
# sentence (the line "outside the frame" names such words). Section 7.9 comes back to such rows.
#
# How often is the heaviest weight where it belongs? "The" does not count; Korean does not have it.

# %%
def looks(model, pairs):
    """For every English word but "the": the word, the index of the Korean word it translates, the
    index of the heaviest weight, whether it is written rightly, how many words the Korean sentence has."""
    source, sentence = map(torch.from_numpy, corpus.encode(pairs))
    with torch.no_grad():
        logits, weights = model(source, sentence[:, :-1])
    right = (logits.argmax(dim=2) == sentence[:, 1:]).tolist()
    found = []
    for pair, places, good in zip(pairs, weights.argmax(dim=2).tolist(), right, strict=True):
        true = korean_english.alignment(pair)
        for word, wanted, got, fine in zip(pair.target, true, places, good, strict=False):
            if wanted is not None:
                found.append((word, wanted, got, fine, len(pair.source)))
    return found


looked = {name: looks(translators[name], corpus.test) for name in with_attention}
hits = {name: np.mean([wanted == got for _, wanted, got, *_ in each]) for name, each in looked.items()}
chance = np.mean([1 / size for *_, size in looked["additive, seed 0"]])
print(f"{'':18s} sentences right   words that look at the true one")
for name, share in hits.items():
    exact = exact_match_of(translators[name], corpus, corpus.test, 20)
    print(f"{name:18s} {exact:15.1%} {share:32.0%}")
print(f"{'by chance':18s} {chance:48.0%}")
claim("the heaviest weight is on the true word for more than 75 words in 100, from every seed (by chance: "
      "19)", min(hits.values()) > 0.75 and round(chance, 2) == 0.19,
      heard="The weights align the words", verdict="mostly")

# %% [markdown]
# The recorded run, with more training, three seeds, and the dot product beside it:

# %%
record = read_record("korean-english")
print(record["command"])
print(f"{'':9s} exact match on the test: mean (range)   heaviest weight on the true word")
exact = {}
for model in dict.fromkeys(row["model"] for row in record["curve"]):
    last = [run[-1] for run in runs(record, model)]
    exact[model] = [row["test"] for row in last]
    aligned = mean_and_range([row["aligned"] for row in last], 1) if "aligned" in last[0] else "-"
    print(f"{model:9s} {mean_and_range(exact[model], 1):37s} {aligned}")
print(f"by chance {record['results']['aligned_by_chance']:41.1%}")
claim("with fifteen passes more than 97 Korean sentences in 100 are right without attention, too",
      min(exact["plain"]) > 0.97, heard="A sentence does not fit in one vector", verdict="a short one does")

# %% [markdown]
# With fifteen passes in place of three, 64 units in place of 48, and another rate, the model *without* attention gets
# nearly there as well. Sentences of up to eight words do fit in a vector, if there is time to learn how. What attention
# brings on sentences this short is the training it saves; what it brings on long ones was the figure of section 7.2.

# %% [markdown]
# ## 7.9 Attention is not explanation
#
# A heatmap is tempting: "the model wrote *drank* because of 마셨다". May one say so?

# %% [markdown]
# ### Exercise 7.8 · `quiz_attention_explains` · ★☆☆ · 5 min
# A translator with attention reads 삼촌은 어제 커피를 마셨다 (uncle-TOPIC yesterday coffee-OBJ drank). As it writes
# *drank*, its heaviest weight, 0.8, is on 마셨다. What follows from that, without any further measurement?
#
# - **a** It wrote *drank* because of 마셨다.
# - **b** With another word in place of 마셨다 it would not have written *drank*.
# - **c** In the sum that makes the context of this step, the encoder's state at 마셨다 has the factor 0.8.
# - **d** The other words had next to no influence on what it wrote.

# %% exercise="quiz_attention_explains"
def quiz_attention_explains():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "c"
    ### END SOLUTION
    return answer

# %% check="quiz_attention_explains" points=1
quiz_attention_explains = check("quiz_attention_explains", quiz_attention_explains)

# %% [markdown]
# Four measurements on our translators.
#
# **One: right words, wrong places.** Which words are looked for elsewhere than in their true source, and are they
# written rightly all the same? For each model, of the words that occur 20 times or more, the three that look elsewhere
# most often:

# %%
def by_word(each):
    """English word that occurs 20 times or more → how often it looks at its source, and is right."""
    rows = {}
    for word, wanted, got, fine, _ in each:
        rows.setdefault(word, []).append((wanted == got, fine))
    return {word: np.mean(found, axis=0) for word, found in rows.items() if len(found) >= 20}


strayed = []
print(f"{'':18s} {'word':10s} at its source   written rightly")
for name, each in looked.items():
    shares = by_word(each)
    least = sorted(shares, key=lambda word: shares[word][0])[:3]
    for word in least:
        print(f"{name:18s} {word:10s} {shares[word][0]:13.0%} {shares[word][1]:17.0%}")
    strayed.append(any(shares[word][0] < 0.5 and shares[word][1] > 0.85 for word in least))
claim("in at least two of the three models some word looks elsewhere more often than not, and is still right "
      "85 times in 100", sum(strayed) >= 2, heard="The weights align the words", verdict="mostly")

# %% [markdown]
# How can a word be right if the model does not look at its source? Because the encoder's state at a word is not
# that word. It has read the neighbours, in both directions, and what the decoder needs may have been passed on. Besides,
# the decoder began with a summary of all.
#
# **Two: the same translations, weights that differ in places.** The three models differ in nothing but the seed. Two
# at a time: how often do they write the same sentence, and how often is the heaviest weight of a word in the
# same place?

# %%
from itertools import combinations

from helpers.torch_training.translation import translations

written_by = {name: translations(translators[name], corpus, corpus.test, 20) for name in looked}
agreements = []
for one, two in combinations(looked, 2):
    same_text = np.mean([a == b for a, b in zip(written_by[one], written_by[two], strict=True)])
    same_place = np.mean([a[2] == b[2] for a, b in zip(looked[one], looked[two], strict=True)])
    agreements.append((same_text, same_place))
    print(f"{one} and {two[-6:]}: same sentence {same_text:.1%}, "
          f"heaviest weight on the same word {same_place:.1%}")
texts_agree, places_agree = np.transpose(agreements)
claim("two seeds write at least 95 sentences in 100 alike, and the heaviest weight of 4 to 30 words in 100 "
      "is elsewhere",
      (texts_agree > 0.95).all() and ((places_agree > 0.7) & (places_agree < 0.96)).all(),
      heard="The weights explain the output", verdict="not by themselves")

# %% [markdown]
# For most words the heatmaps of two seeds agree, for some they do not, and the translation is the same. So where one
# looks is not a matter of the sentences alone. (Two models may have two reasons. What counts in *one* model, only
# a change in it can tell.)
#
# **Three: change the weights.** If the output stays the same under quite other weights, they were no reason
# for it: this was Jain & Wallace's (2019) test, on classifiers that read a text. So something is done to the
# weights of a trained model, at every step, before they mix. Four changes, each a function of the weights and the
# mask, tried on one sentence of four words and one place of padding:

# %%
def even(weights, mask):
    """The same for every real word."""
    return mask / mask.sum(dim=-1, keepdim=True)


def shuffled(weights, mask):
    """The same weights, on other words: in the order of random numbers, with the padding (2 > all) last."""
    order = torch.rand(weights.shape).masked_fill(~mask, 2.0).argsort(dim=-1)
    return weights.gather(-1, order)


def without(weights, word):
    """One word gets nothing, the others share its weight as they shared before."""
    left = weights.scatter(-1, word, 0.0).clamp(min=1e-9)
    return left / left.sum(dim=-1, keepdim=True)


def without_heaviest(weights, mask):
    return without(weights, weights.argmax(dim=-1, keepdim=True))


def without_a_lighter(weights, mask):
    """Any real word but the heaviest is drawn, all with the same chance."""
    chances = mask.float().scatter(-1, weights.argmax(dim=-1, keepdim=True), 1e-9)
    return without(weights, torch.multinomial(chances, 1))


changes = (even, shuffled, without_a_lighter, without_heaviest)
row, real = torch.tensor([[0.1, 0.7, 0.15, 0.05, 0.0]]), torch.tensor([[True, True, True, True, False]])
print(f"{'as trained':18s}", *(f"{w:5.2f}" for w in row[0]))
torch.manual_seed(0)
for change in changes:
    print(f"{change.__name__:18s}", *(f"{w:5.2f}" for w in change(row, real)[0]))

# %% [markdown]
# `Changed` puts such a change into a model: it asks the model's own attention for the weights, changes them, and
# mixes anew. (`project` prepares the keys for the scores, once a sentence; it is handed through. The weights are (N,
# S) when one step is written at a time, and (N, T, S) when all T are computed in one call: the mask gets the same
# shape, and the `...` stands for the T that may be there.) Which of the four does most harm to the
# translations, and which least? For the three seeds, mean and range:

# %%
class Changed(nn.Module):
    """An attention whose weights go through `change(weights, mask)` before they mix."""

    def __init__(self, attention, change):
        super().__init__()
        self.attention, self.change = attention, change

    def project(self, keys):
        return self.attention.project(keys)

    def forward(self, query, keys, mask, projected=None):
        _, weights = self.attention(query, keys, mask, projected)
        if weights.ndim == 3:
            mask = mask.unsqueeze(1).expand_as(weights)
        weights = self.change(weights, mask)
        return torch.einsum("n...s,nsk->n...k", weights, keys), weights


def after(change):
    """The share of test sentences that are right with changed weights: (seeds,)."""
    shares = []
    for name in with_attention:
        model = translators[name]
        kept = model.attention
        torch.manual_seed(0)
        model.attention = kept if change is None else Changed(kept, change)
        shares.append(exact_match_of(model, corpus, corpus.test, 20))
        model.attention = kept
    return np.array(shares)


print(f"{'as trained':18s} {mean_and_range(after(None), 1)}")
changed = {change.__name__: after(change) for change in changes}
for name, shares in changed.items():
    print(f"{name:18s} {mean_and_range(shares, 1)}")
claim("for every seed: without the heaviest word at each step fewer than 15 sentences in 100 are right, "
      "without a lighter one more than 85",
      changed["without_heaviest"].max() < 0.15 and changed["without_a_lighter"].min() > 0.85)

# %% [markdown]
# So *here* the weights matter, very much: take the heaviest word from every step, and hardly a sentence
# comes out right; take another one, and nearly all still do (most of the others had next to no weight, so that changes
# little). Jain & Wallace found many classifiers where it
# was otherwise. But careful, also with this result: the decoder was trained with these weights and has never
# met other ones. That it stumbles over strange mixtures does not say that it *needs* to look where it looks.
#
# **Four: train without a choice.** Wiegreffe & Pinter (2019) answered that the question has to be put in
# training: if a model whose weights are even from the start does as well, the learned ones cannot tell much.
# Guess again, for our two tasks (ten seconds).

# %%
unchosen = {}
for task, kind, options in (
    (corpus, "additive", {"passes": 3, "parts": 2, "batch_size": 50}),
    (dates.corpus(), "dot", {"passes": 1, "parts": 4}),
):
    model = build(task, kind)
    model.attention = Changed(model.attention, even)
    name = "Korean" if task is corpus else "dates"
    unchosen[name] = fit(task, model, **options)
    print(f"{name:7s} even weights from the start:", *(f"{share:4.0%}" for share in unchosen[name]))
claim("with even weights from the start more than 85 Korean sentences in 100 are right, and fewer than 60 "
      "dates", unchosen["Korean"][-1] > 0.85 and unchosen["dates"][-1] < 0.6,
      heard="The weights explain the output", verdict="not by themselves")

# %% [markdown]
# For Korean sentences of three to eight words the plain *mean* of the encoder's states, beside the summary that the
# decoder starts from, is nearly enough, and far better than the summary alone at the same budget. So it seems that much
# of what attention brought there was the short way to every word, not the choice between them; what stands where is in
# the states, since the encoder is recurrent. For dates of up to 29 characters it is the other way round: without a
# choice little is left, after one pass, of what attention brings. There it is pointing that saves the training.
#
# What may one say of a heatmap, then? What was mixed. Where one expects a correspondence, as between words of
# two languages, it often shows it. Why a model decides is another question, and is answered by changing
# something and looking, as above.
#
# ## 7.10 Without the recurrence
#
# One more step, and it leads out of this course. In all our models the decoder looked at the *encoder's*
# states, and those were made by a recurrence. What if, in place of it, each word of a sentence looks at
# all of the sentence, itself included? Queries and keys are then the same vectors: **self-attention**. With what you have written:

# %%
def self_attention(x, mask):
    """x (N, S, H), mask (N, S) → (N, S, H): every word becomes a mixture of all of them."""
    return np.stack([attend(x[:, t], x, mask)[0] for t in range(x.shape[1])], axis=1)


x = rng.normal(size=(1, 6, 4))
mask = np.ones((1, 6), dtype=bool)
mixed = self_attention(x, mask)
scores = x @ x.transpose(0, 2, 1)                       # (N, S, S), all pairs in one product
claim("no loop over the words is needed: all pairs in one product give the same",
      np.allclose(softmax(scores, axis=2) @ x, mixed))

order = rng.permutation(6)
shuffled_first = self_attention(x[:, order], mask)
claim("another order in, the same mixtures out", np.allclose(shuffled_first, mixed[:, order]))

# %% [markdown]
# The first line is a reason why the field moved on: nothing has to wait for the word before, so a whole sentence takes
# two matrix products, and any two words are one step apart. The second line is the price: a recurrent network knows
# what came first, self-attention sees a *bag* of words. Positions have to be put back in, as numbers added to
# $x$. And the S × S scores grow with the square of the length, where a recurrent layer grows linearly:

# %%
print("multiplications for the mixing, H = 64, and steps that wait for each other")
for length in (10, 100, 1_000):
    print(f"{length:6,d} words: recurrent {length * 64 * 64:12,d} and {length:5,d},"
          f"   self-attention {2 * length**2 * 64:12,d} and 1")

# %% [markdown]
# Three matrices to give every word a query, a key and a value of its own, the scores divided by the root of a key's
# size, several attentions side by side, positions, a mask that hides the future from a decoder, a small network behind
# each layer, shortcuts past both and a normalisation: that, roughly, is the Transformer (Vaswani et al. 2017). Its heart
# you have written above.

# %% [markdown]
# ## 7.11 Find the fault
#
# A colleague has written dot-product attention for all steps of the decoder in one call, (N, T, H) queries at once,
# as `Seq2Seq` does in training. Her code raises no error, and it trains: words of eight letters, written backwards.
# `Looking` puts a function into a `Seq2Seq` as its attention; the colleague's is beside ours.
#
# Look at what comes out before you look at the code. Three ways to count letters that are right: all steps in one
# call, as in training; one step a call, each with the *right* letter before; one step a call, with the letter the
# model has just written itself. (Two short trainings, a few seconds.)

# %%
from helpers.colleague import chapter_07 as colleague
from helpers.colleague import show_source


class Looking(nn.Module):
    """An attention for `Seq2Seq` out of one function, look_back(query, keys, mask)."""

    def __init__(self, look_back):
        super().__init__()
        self.look_back = look_back

    def project(self, keys):
        return keys

    def forward(self, query, keys, mask, projected=None):
        return self.look_back(query, keys, mask)             # query (N, T, H): T = 1 for a single step


def step_by_step(model, length, *, forced):
    """The share of letters that are right when every step is a call of its own."""
    sources, sentences = backwards(500, length, np.random.default_rng(1))
    sentences = torch.from_numpy(sentences)
    good = []
    with torch.no_grad():
        memory, state, token = model.encode(torch.from_numpy(sources)), None, sentences[:, 0]
        for t in range(length):
            logits, state, _ = model.step(token, state, memory)
            written = logits.argmax(dim=1)
            good.append(written == sentences[:, t + 1])
            token = sentences[:, t + 1] if forced else written
    return torch.stack(good).float().mean().item()


def symptom(name, attention=None):
    """Train a model with this attention, print a row of the table → (in one call, step by step)."""
    torch.manual_seed(0)
    model = Seq2Seq(len(NAMES), len(NAMES), embedding_size=16, hidden_size=48, attention="dot",
                    bidirectional=False)
    model.attention = model.attention if attention is None else attention
    loss = learn(model, 8, steps=200)
    in_one = letters_right(model, 8).mean()
    single, own = (step_by_step(model, 8, forced=forced) for forced in (True, False))
    print(f"{name:12s} loss {loss:.3f}   in one call {in_one:4.0%}   step by step {single:4.0%}   "
          f"own letters {own:4.0%}")
    return in_one, single


symptom("ours")
hers = symptom("colleague's", Looking(colleague.look_back))

# %% [markdown]
# ### Exercise 7.9 · `quiz_one_call` · ★★☆ · 5 min
# In training and in one call the colleague's model is as good as ours. One step a call, it is lost. What is wrong?
#
# - **a** Nothing in the attention: this is exposure bias. A wrong letter leads to the next.
# - **b** Padding gets a share of the weights, so what a word gets depends on its company in the batch.
# - **c** The softmax runs along the wrong axis: over the decoder's steps, not over the source's letters.
# - **d** The wrong state asks: the one before the step, as in additive attention.

# %% exercise="quiz_one_call"
def quiz_one_call():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "c"
    ### END SOLUTION
    return answer

# %% check="quiz_one_call" points=1
quiz_one_call = check("quiz_one_call", quiz_one_call)

# %% [markdown]
# Now the code.

# %%
show_source(colleague.look_back)

# %% [markdown]
# ### Exercise 7.10 · `look_back` · ★★☆ · 10 min
# Mend it. The shapes are in the docstring, the mask is the one of exercise 7.2 (every row has a real word), and
# everything is a torch tensor, of the dtype that goes in; gradients have to come back through it.
#
# <details><summary>A nudge</summary>Which of the three axes of the scores, N, T or S, holds the things between which
# one step has to choose? Print weights.sum(dim=…) for each.</details>
# <details><summary>A recipe</summary>In exercise 7.2 the scores were (N, S), and the words on axis 1. Here they are
# (N, T, S), and axis 1 holds the steps: the softmax belongs on dim=2 (or −1). Nothing else is wrong.</details>
#
# You are there when two steps that ask the same look at the same words:
#
# ```python
# query = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
# keys = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
# mask = torch.tensor([[True, True, False]])
# context, weights = look_back(query, keys, mask)
# context   # ≈ [[[0.731, 0.269], [0.731, 0.269]]]
# weights   # ≈ [[[0.731, 0.269, 0.000], [0.731, 0.269, 0.000]]]
# ```

# %% exercise="look_back"
def look_back(query, keys, mask):
    """Dot-product attention for all steps of the decoder at once, in torch.

    query (N, T, H), keys (N, S, H), mask (N, S) bool, True at real words
    → context (N, T, H), weights (N, T, S).
    """
    ### BEGIN SOLUTION
    scores = query @ keys.transpose(1, 2)                    # (N, T, S)
    scores = scores.masked_fill(~mask[:, None], -torch.inf)
    weights = scores.softmax(dim=2)
    return weights @ keys, weights
    ### END SOLUTION

# %% check="look_back" points=3
look_back = check("look_back", look_back)

# %% [markdown]
# The same table with your function:

# %%
mended = symptom("mended", Looking(look_back))
claim("mended, the model is right in one call and step by step; the colleague's is in one call only",
      min(mended) > 0.95 and hers[0] > 0.95 and hers[1] < 0.6)

# %% [markdown]
# In training the fault does no harm and may even help: a step's weights depend on the steps after it, whose states
# have been handed the letters that are still to be written. At work there are no steps after it, and the softmax over
# a single step is 1 for every letter: all choice is gone. A falling loss says that the model does well what *training*
# asks of it; test it in the way it will be used.

# %% [markdown]
# ## What was claimed, what was measured
#
# Each line was measured above, in this run or in a record.

# %%
table()

# %% [markdown]
# ## Recap
# - A translator is a language model that has been told something. Training: the right word in, the next one out,
#   padding left out. At work: its own word in, until `<eos>`.
# - Attention: scores, softmax, weighted sum, combine, predict. The mask goes into the scores.
# - Backward it has two paths to every state, and no matrix that is multiplied again and again.
# - Additive: asks with the state before, the context goes into the cell and on to the output. Dot product: asks with
#   the state after, the context comes behind the cell only.
# - A beam keeps several beginnings, by their sums of logarithms; among finished sentences the mean decides. It finds
#   what the model holds likely, right or wrong.
# - A heatmap is a measurement of the mixture. An explanation needs an experiment.
# - Attention in one call and step by step must agree: each step chooses among the words, not among the steps.
#
# ## What next
# [Chapter 8](08_sentiment.ipynb) reads a whole review and says one thing about it: which cell should one choose for
# that? And what [chapter 6](06_improvements.ipynb) says of budgets and of the spread between seeds goes for every
# table here, too: some of the live ones show one seed, the recorded ones three.
#
# ## Further exercises
# 1. `learn` a plain model on words of 12 letters with 96 units, and with 1,000 steps. What helps more?
# 2. Turn the source round before it goes into the plain model of 7.1 (then the toy is copying). Which letters are
#    right now?
# 3. Give the additive model of 7.8 an encoder in one direction (`bidirectional=False`). Which words look elsewhere
#    then, and is the exact match lower?
# 4. Write Luong's *local* attention: set the scores of all words but the five around a position to −∞. For the dates,
#    which position?
# 5. Train a model of the dates on 20 formats and test it on the other four. Does attention help there, too?
# 6. Use `self_attention` with random vectors for positions added to x. Are the mixtures still the same in any order?
#
# ## References
# - Cho, van Merriënboer, Gulcehre, Bahdanau, Bougares, Schwenk & Bengio (2014), *Learning phrase representations using
#   RNN encoder–decoder for statistical machine translation*, EMNLP.
# - Sutskever, Vinyals & Le (2014), *Sequence to sequence learning with neural networks*, NeurIPS.
# - Schuster & Paliwal (1997), *Bidirectional recurrent neural networks*, IEEE Transactions on Signal Processing 45.
# - Bahdanau, Cho & Bengio (2015), *Neural machine translation by jointly learning to align and translate*, ICLR.
# - Luong, Pham & Manning (2015), *Effective approaches to attention-based neural machine translation*, EMNLP.
# - Williams & Zipser (1989), *A learning algorithm for continually running fully recurrent neural networks*, Neural
#   Computation 1 (teacher forcing).
# - Ranzato, Chopra, Auli & Zaremba (2016), *Sequence level training with recurrent neural networks*, ICLR (exposure
#   bias).
# - Wu et al. (2016), *Google's neural machine translation system: bridging the gap between human and machine
#   translation*, arXiv:1609.08144 (length normalisation).
# - Jain & Wallace (2019), *Attention is not explanation*, NAACL.
# - Wiegreffe & Pinter (2019), *Attention is not not explanation*, EMNLP.
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser & Polosukhin (2017), *Attention is all you need*, NeurIPS.
