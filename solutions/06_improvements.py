# %% [markdown]
# # 6 · Improvements
#
# **From 136 to 75: what buys perplexity?**
#
# One LSTM layer of 100 units, the model of chapter 5, is published with a perplexity of 136 on the Penn
# Treebank. (Ours came to 128.) The same book, *Deep Learning from Scratch 2*, ends at 75.8, with five things
# changed at once: two layers, dropout, one matrix used twice, 650 units, forty epochs. Which of them did it?
# This chapter takes them apart, each in the open first, and then measures one change at a time.
#
# **Afterwards you can**
# - move a model from NumPy to PyTorch and prove that it is the same one,
# - see overfitting in two curves, and name three remedies,
# - put dropout where it helps, and say what it does to a memory when it is put elsewhere,
# - tie two matrices, and count what that saves,
# - read an ablation: a ladder, leave-one-out, and the spread between seeds,
# - train one model on two machines, and say when that is the same as on one.
#
# **Needs:** [chapter 5](05_language_model.ipynb) (the model, its batches, perplexity),
# [chapter 3](03_gradient_clipping.ipynb) (clipping).
#
# **Time:** about 200 minutes, 110 of them for the exercises.

# %%
import copy
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from helpers.checks import check
from helpers.plots import COLOURS, figure, show

torch.set_num_threads(1)

# %% [markdown]
# ## 6.1 The same model in PyTorch
#
# So far every gradient was derived by hand. From here on we change the model every few cells, so autograd may
# do that, and PyTorch trains the larger models faster. But is it still *our* model? Copy the weights and
# compare. What lies where:
#
# | here | PyTorch | |
# |---|---|---|
# | embedding (V, D) | `embedding` (V, D) | as it is |
# | `Wx` (D, 4H), `Wh` (H, 4H) of a layer | `weight_ih_l0` (4H, D), `weight_hh_l0` (4H, H) | transposed |
# | `b` (4H,) | `bias_ih_l0` and `bias_hh_l0`, (4H,) each | b in the first, zeros in the second |
# | output `W` (H, V), `b` (V,) | `output` (V, H), `output_bias` (V,) | transposed; as it is |
#
# The order of the gates is i, f, g, o in both. Two layers, float64 (so that a mistake cannot hide in the
# rounding), and no bias left at zero:

# %%
from helpers.models.language_model import LanguageModel
from helpers.models.torch_language_model import TorchLanguageModel

V, D, H, N, T = 50, 6, 8, 3, 7
rng = np.random.default_rng(0)
ours = LanguageModel(V, D, H, num_layers=2, rng=rng, dtype=np.float64)
for parameter in ours.params.values():
    parameter += 0.1 * rng.normal(size=parameter.shape)
torch.manual_seed(0)
theirs = TorchLanguageModel(V, D, H, num_layers=2).double()


def counterparts(model):
    """Our name of a weight → the parameter of the torch model that holds it."""
    found = {
        "embedding.W": model.embedding,
        "output.W": model.output,
        "output.b": model.output_bias,
    }
    for i, cell in enumerate(model.cells):
        found[f"cells.{i}.Wx"] = cell.weight_ih_l0
        found[f"cells.{i}.Wh"] = cell.weight_hh_l0
        found[f"cells.{i}.b"] = cell.bias_ih_l0
    return found


def turned(name, array):
    """From our layout to torch's, or back: only the embedding lies the same way in both."""
    return array if name == "embedding.W" else array.T     # a vector's .T is the vector


with torch.no_grad():
    for name, parameter in counterparts(theirs).items():
        parameter.copy_(torch.from_numpy(turned(name, ours.params[name])))
    for cell in theirs.cells:
        cell.bias_hh_l0.zero_()
print("ours  ", f"{ours.parameter_count:,}", "numbers")
print("theirs", f"{theirs.parameter_count:,}", "numbers, the second biases among them")

# %% [markdown]
# The same words through both: the scores, the loss, and its gradient in every weight.

# %%
def difference(a, b):
    """The largest difference, rounded up to a power of ten (1e-15 if there is next to none)."""
    largest = np.max(np.abs(np.asarray(a) - np.asarray(b)))
    return f"{10.0 ** math.ceil(math.log10(max(largest, 1e-15))):.0e}"


ids, targets = rng.integers(V, size=(2, N, T))
our_logits = ours.forward(ids)
ours.reset_state()
our_loss = ours.loss(ids, targets, train=True)
ours.backward()

logits, _ = theirs(torch.from_numpy(ids))
loss = functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets).flatten())
loss.backward()

print(f"loss {our_loss:.4f} and {loss.item():.4f}. Largest difference, below:")
print(f"  {'logits':12s} {difference(our_logits, logits.detach())}")
print(f"  {'loss':12s} {difference(our_loss, loss.item())}")
for name, parameter in counterparts(theirs).items():
    gradient = turned(name, parameter.grad.numpy())
    print(f"  {name:12s} {difference(ours.grads[name], gradient)}   (gradient)")

# %% [markdown]
# The same model. Now the training step, in the open, as in chapter 5. In PyTorch the state is an argument: it
# goes in, and a new one comes out.

# %% [markdown]
# ### Exercise 6.1 · `torch_train_step` · ★★☆ · 20 min
# Write one step of truncated BPTT in torch: forwards, mean cross-entropy over all N·T places, backwards, the
# gradient clipped to `max_norm` by its global norm, one step of the optimizer. It returns the loss as a plain
# number, and the state for the next window, **detached**: its values go on, its history does not. Do not count
# on the model to detach it.
#
# <details><summary>A nudge</summary>torch <em>adds</em> every gradient to the one that is already there, so
# something has to be set to zero first. And <code>functional.cross_entropy</code> wants a row of scores for
# each target: (N·T, V) and (N·T,).</details>
# <details><summary>A recipe</summary>logits, state = model(inputs, state); loss =
# functional.cross_entropy(logits.flatten(0, 1), targets.flatten()). Then four calls: optimizer.zero_grad(),
# loss.backward(), torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm), optimizer.step(). Return
# loss.item() and [(h.detach(), c.detach()) for h, c in state].</details>
#
# You are there when a step of SGD at learning rate 1, on a gradient longer than the threshold 0.25,
# moves all weights together by `0.250`.

# %% exercise="torch_train_step"
def torch_train_step(model, optimizer, inputs, targets, state, max_norm):
    """inputs, targets (N, T) ids, state a list of (h, c), each (N, H), or None → loss, new state.

    model(inputs, state) → logits (N, T, V), new state. The loss is a float: nats a token, before
    the step. The model's weights are updated.
    """
    ### BEGIN SOLUTION
    logits, state = model(inputs, state)
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), [(h.detach(), c.detach()) for h, c in state]
    ### END SOLUTION

# %% check="torch_train_step" points=4
torch_train_step = check("torch_train_step", torch_train_step)

# %% [markdown]
# Four windows, the state carried from one to the next, and the same with the NumPy model. One thing must be
# held still for that: PyTorch's second bias, which ours does not have.

# %%
from helpers.optim import SGD
from helpers.training.trainer import train_step

for cell in theirs.cells:
    cell.bias_hh_l0.requires_grad_(False)
our_sgd = SGD(ours.params, lr=1.0)
their_sgd = torch.optim.SGD(theirs.parameters(), lr=1.0)
ours.reset_state()
state = None
for step in range(4):
    ids, targets = rng.integers(V, size=(2, N, T))
    our_loss = train_step(ours, our_sgd, ids, targets, max_norm=0.25)
    inputs, wanted = torch.from_numpy(ids), torch.from_numpy(targets)
    loss, state = torch_train_step(theirs, their_sgd, inputs, wanted, state, 0.25)
    print(f"step {step + 1}: loss {our_loss:.4f} and {loss:.4f}")
largest = max(
    np.abs(ours.params[name] - turned(name, parameter.detach().numpy())).max()
    for name, parameter in counterparts(theirs).items()
)
print("largest difference of any weight, below", difference(largest, 0))

# %% [markdown]
# And left free? Both biases are added to the same sum, so both get the same gradient, and both make the same
# step:

# %%
for cell in theirs.cells:
    cell.bias_hh_l0.requires_grad_(True)
before = [p.detach().clone() for p in (theirs.cells[0].bias_ih_l0, theirs.cells[0].bias_hh_l0)]
torch_train_step(theirs, torch.optim.SGD(theirs.parameters(), lr=1.0), inputs, wanted, None, 0.25)
after = [theirs.cells[0].bias_ih_l0, theirs.cells[0].bias_hh_l0]
first, second = ((b - a).detach() for a, b in zip(before, after, strict=True))
ratio = ((first + second).norm() / first.norm()).item()
print(f"the sum of the two moves {ratio:.2f} times as far as one of them")

# %% [markdown]
# So with SGD PyTorch's LSTM has twice our learning rate for its biases. It can represent nothing more than
# ours; but a "re-implementation" that forgets it gives other numbers.
#
# ### The text of this chapter
# The language reference that ships inside Python, as in [chapter 5](05_language_model.ipynb), but only about
# the first third of its training text: on little text, overfitting shows within seconds. Words that occur once
# or twice become `<unk>`.

# %%
from helpers.corpora import english
from helpers.corpora.batches import contiguous_batches
from helpers.corpora.vocabulary import Vocabulary

words = {name: english.words(part) for name, part in english.reference_splits()._asdict().items()}
all_training_words = words["train"]
words["train"] = all_training_words[:13_000]
vocabulary = Vocabulary.build(words["train"], min_count=3)
V = len(vocabulary)
ids = {name: vocabulary.encode(part) for name, part in words.items()}
batches = {"train": contiguous_batches(ids["train"], 10, 20)}     # 10 rows, windows of 20 words
batches |= {name: contiguous_batches(ids[name], 25, 40) for name in ("valid", "test")}
print("train:", batches["train"])

# %% [markdown]
# That text differs a little from one Python release to the next, and with it **every perplexity on it in this
# chapter**: if your Python is not the one of the stored outputs, expect other digits. What the text below says
# of them was tried with the texts of three releases (3.11, 3.12, 3.13).
#
# `TorchTrainer` in `helpers` is the step you wrote, with what `Trainer` had around it in chapter 5: the best
# weights on validation, checkpoints, a learning rate that may change, and, at the end of this chapter, several
# processes. `LanguageModelLoss` is the forward half of the step, `mean_nats` the evaluation. The same numbers?

# %%
from helpers.torch_training import TorchTrainer
from helpers.torch_training.language_modelling import LanguageModelLoss, mean_nats


def perplexity_on(model, part):
    """Perplexity on a part of the text ("train", "valid", "test"), without dropout."""
    return math.exp(mean_nats(model, batches[part]))


SIZE = 64


def build(seed, *, size=SIZE, **options):
    """A model with `size` units in embedding and layers; `seed` decides its weights and masks."""
    torch.manual_seed(seed)
    model = TorchLanguageModel(V, size, size, **options)
    nn.init.uniform_(model.embedding, -0.5, 0.5)
    return model


trained = build(0)
trainer = TorchTrainer(
    trained,
    torch.optim.SGD(trained.parameters(), lr=1.0),
    LanguageModelLoss(),
    lambda model: {"valid_perplexity": perplexity_on(model, "valid")},
    monitor="valid_perplexity",
    max_norm=0.25,
    device="cpu",
    precision="float32",
    report=None,
)
trainer.fit(batches["train"], epochs=1)

by_hand = build(0)
optimizer = torch.optim.SGD(by_hand.parameters(), lr=1.0)
state, losses = None, []
for inputs, targets in batches["train"]:
    inputs, targets = torch.from_numpy(inputs), torch.from_numpy(targets)
    loss, state = torch_train_step(by_hand, optimizer, inputs, targets, state, 0.25)
    losses.append(loss)
same = np.allclose(losses, trainer.step_losses, rtol=1e-5)
print("the same loss at every step of an epoch:", same)

# %% [markdown]
# (In `build`, the embedding starts in ±0.5. `TorchLanguageModel` alone starts it in ±0.1, which suits rows of
# several hundred numbers; a row of 64 such small numbers is so short that the first layer hardly notices it.)
#
# ## 6.2 One layer, two layers, three
#
# A recurrent layer turns (T, N, D) into (T, N, H), so another one can read what it wrote. The lower layer's
# state at step t is the upper one's input at step t; each carries its own state through time. "Deeper is
# better", says many a lecture. What it costs can be said at once:

# %%
print("layers  parameters  multiplications a word")
for layers in (1, 2, 3):
    cells = build(0, num_layers=layers).cells
    products = sum(w.numel() for cell in cells for w in (cell.weight_ih_l0, cell.weight_hh_l0))
    print(f"{layers:6d} {sum(p.numel() for p in cells.parameters()):11,d} {products:23,d}")

# %% [markdown]
# Embedding and output layer come on top, 2·V·64 + V numbers. And PyTorch needs one layer's step t before the
# next layer's, so the time grows with the number of layers.
#
# What does it bring? The same budget for all: seven passes over the 13,000 words, Adam, a learning rate that
# falls from 0.02 to 0 along half a cosine (6.9 says why). One and two layers are trained with two seeds; three
# layers, which take longest, with one. `measure` remembers what it has trained, because two of these models
# come back in 6.7.

# %%
from helpers.torch_training.schedules import cosine

EPOCHS, RATE, SEEDS = 7, 0.02, (0, 1)


def fit(model, evaluate, *, train=batches["train"], epochs=EPOCHS, lr=RATE, factor=None):
    """Train with Adam → curve. The model keeps the weights that were best on validation."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor or cosine(epochs * len(train)))
    trainer = TorchTrainer(
        model,
        optimizer,
        LanguageModelLoss(),
        evaluate,
        monitor="valid",
        scheduler=schedule,
        max_norm=1.0,
        device="cpu",
        precision="float32",
        report=None,
        bar=False,
    )
    return trainer.fit(train, epochs)


results = {}


def measure(name, seeds=SEEDS, **options):
    """Train the model `name` once for each seed → its numbers of parameters and perplexities."""
    if name not in results:
        results[name] = []
        for seed in seeds:
            model = build(seed, **options)
            curve = fit(model, lambda model: {"valid": perplexity_on(model, "valid")})
            row = {part: perplexity_on(model, part) for part in batches}
            results[name].append({"parameters": model.parameter_count, "curve": curve, **row})
    return results[name]


def line(name, rows):
    """A line of a table: means over the seeds, and the range of the test perplexity."""
    means = "".join(f"{np.mean([row[part] for row in rows]):8.0f}" for part in batches)
    tests = [row["test"] for row in rows]
    return f"{name:15s} {rows[0]['parameters']:10,d}{means}   {min(tests):.0f}-{max(tests):.0f}"


HEADER = f"{'':15s} {'parameters':>10}{'train':>8}{'valid':>8}{'test':>8}   lowest-highest"

# %% tags=["nbval-ignore-output"]
depth = {layers: measure(f"{layers} plain", num_layers=layers) for layers in (1, 2)}
depth[3] = measure("3 plain", seeds=SEEDS[:1], num_layers=3)
print(HEADER)
for layers, rows in depth.items():
    print(line(f"{layers} layer" + "s" * (layers > 1), rows))

share = np.bincount(ids["train"], minlength=V) + 1.0
frequencies = math.exp(-np.log(share / share.sum())[ids["valid"]].mean())
print(f"\nvalidation after pass 1, 2, …, {EPOCHS}; by word frequencies alone {frequencies:.0f}")
for layers, rows in depth.items():
    passes = np.mean([[row["valid"] for row in model["curve"]] for model in rows], axis=0)
    print(f"{layers:2d}  ", *(f"{value:5.0f}" for value in passes))

# %% [markdown]
# Here deeper is worse, and the column `train` says why. Not because two layers fit the text too well: after
# seven passes they have not fitted it *yet*. The lower table shows where the time goes. After the first pass two
# layers know little more than how frequent each word is; three layers stay there longer still. With the same
# number of passes, one layer has learned more. That is no law: with more text and more passes a second layer may
# pay. But "deeper is better" needs a budget beside it. (6.8 asks again, with more text.)
#
# ## 6.3 Overfitting
#
# Take one layer, hold the learning rate at 0.01, and watch two numbers after every pass over the text: the
# perplexity on the words the model trains on, and on words it has never seen. Three remedies are known for what
# you will see; each gets one run:
#
# - **more data**: all 39,000 training words in place of 13,000 (a third of the passes, so the number of steps
#   is the same),
# - **a smaller model**: 16 units in place of 64,
# - **regularisation**: dropout, which sets half of the entries of the LSTM's input and output to zero, other
#   ones at every step, while it trains (6.4 looks at it closely).

# %%
from helpers.torch_training.schedules import stepped


def both(model):
    """Perplexity on training and on validation text, both without dropout."""
    return {part: perplexity_on(model, part) for part in ("train", "valid")}


def unseen(model):
    """Perplexity on validation text alone."""
    return {"valid": perplexity_on(model, "valid")}


def constant(step):
    """A learning rate that stays."""
    return 1.0


PASSES = 9
everything = contiguous_batches(vocabulary.encode(all_training_words), 10, 20)
long = {"lr": 0.01, "factor": constant}
models = {
    "plain": build(0),
    "more data": build(0),
    "smaller model": build(0, size=16),
    "dropout": build(0, dropout=0.5, variational=False),
}
curves = {
    "plain": fit(models["plain"], both, epochs=PASSES, **long),
    "more data": fit(models["more data"], unseen, train=everything, epochs=PASSES // 3, **long),
    "smaller model": fit(models["smaller model"], unseen, epochs=PASSES, **long),
    "dropout": fit(models["dropout"], unseen, epochs=PASSES, **long),
}

# %% tags=["nbval-ignore-output"]
fig, (left, right) = figure(2, width=8.5, height=3.3, sharey=True)
passes = range(1, PASSES + 1)
for part, style in (("train", "o--"), ("valid", "o-")):
    values = [row[part] for row in curves["plain"]]
    left.plot(passes, values, style, color=COLOURS["lstm"], markersize=4, label=part)
colours = dict(zip(curves, ("lstm", "gru", "warm", "accent"), strict=True))
for name, curve in curves.items():
    at = [3 * row["epoch"] if name == "more data" else row["epoch"] for row in curve]
    values = [row["valid"] for row in curve]
    right.plot(at, values, "o-", color=COLOURS[colours[name]], markersize=4, label=name)
left.set(xlabel="passes over 13,000 words", ylabel="perplexity", yscale="log", title="plain")
right.set(xlabel="passes, or as many steps", title="on validation: plain, and three remedies")
left.set_yticks([20, 50, 100, 200], [20, 50, 100, 200])
left.minorticks_off()
for axis in (left, right):
    axis.legend(frameon=False)
best = {name: min(curve, key=lambda row: row["valid"]) for name, curve in curves.items()}
show(
    fig,
    f"The plain model's training perplexity falls to {curves['plain'][-1]['train']:.0f}; on "
    f"validation it is lowest after {best['plain']['epoch']} passes, at "
    f"{best['plain']['valid']:.0f}, and then rises to {curves['plain'][-1]['valid']:.0f}. Lowest with "
    + ", ".join(f"{name} {row['valid']:.0f}" for name, row in best.items() if name != "plain")
    + ".",
)

# %%
plain = curves["plain"]
falls = all(a["train"] > b["train"] for a, b in itertools.pairwise(plain))
lowest = {name: row["valid"] for name, row in best.items()}
print("training falls with every pass:     ", falls)
print("validation turns upwards on the way:", plain[-1]["valid"] > 1.05 * lowest["plain"])
print("more data is best, by 10 % or more: ", lowest["more data"] < 0.9 * lowest["plain"])

# %% tags=["nbval-ignore-output"]
end = plain[-1]
print("perplexity on          train   valid")
print(f"plain, at the end    {end['train']:7.0f} {end['valid']:7.0f}")
for name, model in models.items():      # which keeps its best weights
    print(f"{name + ', best':20s} {perplexity_on(model, 'train'):7.0f} {lowest[name]:7.0f}")

# %% [markdown]
# The model goes on learning its 13,000 words, more and more of them by heart; of other words it knows most after
# five or six passes, and then less and less. That is **overfitting**: what is learned last is true of the
# training text only. The cheapest remedy you know from chapter 5: keep the weights that were best on validation.
#
# - **More data** helps by far the most. As many steps, but words seen three times rather than nine.
# - **The smaller model** does not overfit: its two numbers stay close together. It is not better for it; what it
#   lacks is units.
# - **Dropout** makes learning slower. It gets to where the plain model was at its best, or a little below, and
#   its validation has not turned upwards.
#
# ### Do recurrent networks overfit more easily?
#
# So it is said, and dropout for them took years to get right. More easily than what? Here is a rival without a
# recurrence: the next word from the last four (Bengio et al. 2003), four embeddings side by side, one tanh
# layer, the same output layer. Its hidden layer is made as wide as gives it as many numbers as the LSTM has.

# %%
class WindowModel(nn.Module):
    """The next word from the last `n`; a module with the same methods as `TorchLanguageModel`."""

    def __init__(self, vocab_size, embedding_size, hidden_size, n):
        super().__init__()
        self.n = n
        self.embedding = nn.Parameter(torch.empty(vocab_size, embedding_size).uniform_(-0.5, 0.5))
        self.layer = nn.Linear(n * embedding_size, hidden_size)
        self.output = nn.Parameter(torch.empty(vocab_size, hidden_size).uniform_(-0.1, 0.1))
        self.output_bias = nn.Parameter(torch.zeros(vocab_size))

    def hidden(self, ids, state=None):
        """ids (N, T); the state is the n − 1 words before them (N, n − 1)."""
        before = ids.new_zeros(len(ids), self.n - 1) if state is None else state
        seen = torch.cat([before, ids], dim=1)
        windows = functional.embedding(seen.unfold(1, self.n, 1), self.embedding)   # (N, T, n, D)
        h = torch.tanh(self.layer(windows.flatten(2))).transpose(0, 1)              # (T, N, H)
        return h, h, seen[:, -(self.n - 1) :]

    def forward(self, ids, state=None):
        h, _, state = self.hidden(ids, state)
        return functional.linear(h, self.output, self.output_bias).transpose(0, 1), state


def count(model):
    return sum(p.numel() for p in model.parameters())


target = count(build(0))
width = min(range(32, 128), key=lambda h: abs(count(WindowModel(V, SIZE, h, 4)) - target))
torch.manual_seed(0)
window_model = WindowModel(V, SIZE, width, 4)
print(f"as many numbers, within 1 %: {abs(count(window_model) / target - 1) < 0.01}")
curves["window of 4"] = fit(window_model, both, epochs=PASSES, **long)

# %% tags=["nbval-ignore-output"]
print(f"{'':15s} best valid   after   then train/valid   at the end train/valid")
for name in ("plain", "window of 4"):
    curve = curves[name]
    row = min(curve, key=lambda row: row["valid"])
    end = curve[-1]
    print(f"{'LSTM' if name == 'plain' else name:15s} {row['valid']:10.0f} {row['epoch']:7d} "
          f"{row['train']:11.0f}/{row['valid']:.0f} {end['train']:17.0f}/{end['valid']:.0f}")

# %% [markdown]
# Here it is the other way round. The window model soon knows its text by heart, and its validation perplexity
# then rises to several times its best; the LSTM's rises a little. One rival, one size, one learning rate, one
# text: no proof that recurrent networks overfit *less*. But having a recurrence does not by itself make a
# network overfit more. It uses the same weights at every step, where the window model has separate ones for
# each of its four places. What is true: the usual remedy, put in the usual way, does something unusual in them.
# That is next.
#
# ## 6.4 Dropout: upwards, and through time
#
# Dropout (Srivastava et al. 2014) zeroes each entry of a vector with probability p while the network trains,
# and multiplies the others by 1/(1 − p), so that the sums stay the same on average. No unit can rely on one
# other unit. At evaluation nothing is dropped. In a recurrent network there are two kinds of connections to put
# it on:
#
# ```
#            y₁      y₂      y₃
#            ↑       ↑       ↑       upwards: once a layer
#     h₀ →  [ ]  →  [ ]  →  [ ]      through time: once a step
#            ↑       ↑       ↑
#            x₁      x₂      x₃
# ```
#
# Upwards, a word's signal passes as many masks as there are layers, plus one. Through time it passes one for
# every step that it is remembered. What is the difference, in numbers?

# %% [markdown]
# ### Exercise 6.2 · `quiz_recurrent_dropout` · ★☆☆ · 5 min
# Ordinary dropout is put on the *recurrent* connection: at every time step a new mask zeroes each unit of h
# with probability p = 0.2, what is left is scaled by 1/(1 − p). What is the chance that the contents of one
# unit get through 20 steps without ever being zeroed?
#
# - **a** 80 %: a unit is kept with probability 1 − p.
# - **b** 20 %: that is p.
# - **c** 100 %: the scaling by 1/(1 − p) makes up for what is dropped.
# - **d** about 1 %.

# %% exercise="quiz_recurrent_dropout"
def quiz_recurrent_dropout():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "d"
    ### END SOLUTION
    return answer

# %% check="quiz_recurrent_dropout" points=1
quiz_recurrent_dropout = check("quiz_recurrent_dropout", quiz_recurrent_dropout)

# %%
for steps in (1, 5, 10, 20, 60):
    print(f"after {steps:2d} steps the share never dropped is {0.8**steps:.2g}")

# %% [markdown]
# That is arithmetic, and it is about units that only *carry* something. What becomes of a real memory? Take an
# LSTM apart into its steps, so that masks can be put on its state between two of them: on the state h or on the
# cell c. With `anew` they are drawn at every step, otherwise once a window.

# %%
class StateDropout(nn.Module):
    """Embedding, an LSTM layer step by step, output.

    Dropout p on its state (`on`: "h" or "c") between two steps, `up` on its input and output.
    """

    def __init__(self, vocab_size, embedding_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size)
        self.cell = nn.LSTMCell(embedding_size, hidden_size)
        self.output = nn.Linear(hidden_size, vocab_size)
        nn.init.ones_(self.cell.bias_ih[hidden_size : 2 * hidden_size])     # the forget gate's
        self.p, self.on, self.anew, self.up = 0.0, "", True, 0.0

    def mask(self, name, like):
        p = self.p if name == self.on else 0.0
        return functional.dropout(torch.ones_like(like), p, self.training)

    def forward(self, ids, state=None):
        x = functional.dropout(self.embedding(ids), self.up, self.training)
        h, c = state[0] if state else 2 * (x.new_zeros(len(ids), self.cell.hidden_size),)
        states = []
        for t in range(ids.shape[1]):
            if t == 0 or self.anew:
                mask_h, mask_c = self.mask("h", h), self.mask("c", c)
            h, c = self.cell(x[:, t], (h * mask_h, c * mask_c))
            states.append(h)
        y = functional.dropout(torch.stack(states, dim=1), self.up, self.training)
        return self.output(y), [(h, c)]

# %% [markdown]
# First train it on the pronoun stories, without any mask:

# %%
from helpers.corpora.pronouns import PronounGrammar
from helpers.experiments.stories import stories_at, story_batches

story_words = PronounGrammar().vocabulary
he, she = (int(i) for i in story_words.encode(["he", "she"]))
windows = list(story_batches((0, 8), 60_000, 20, 20, np.random.default_rng(0)))
DISTANCES = (0, 1, 2, 3, 4, 6, 8)
asked = stories_at(DISTANCES, 300, seed=7)


def read_stories(model, steps, lr):
    """Train on stories with 0 to 8 words of filler → the mean of the last 50 losses."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    state, losses = None, []
    for step in range(steps):
        inputs, targets = map(torch.from_numpy, windows[step % len(windows)])
        loss, state = torch_train_step(model, optimizer, inputs, targets, state, 1.0)
        losses.append(loss)
    return np.mean(losses[-50:])


def pronouns_right(model, stories):
    """Share of `stories` (equally long) where the right one of he and she is likelier."""
    prompts = [story_words.encode(["<eos>", *story.prompt]) for story in stories]
    ids = torch.from_numpy(np.array(prompts))
    with torch.no_grad():
        logits = model(ids)[0][:, -1]
    said_she = (logits[:, she] > logits[:, he]).numpy()
    return np.mean(said_she == [story.answer == "she" for story in stories])


torch.manual_seed(0)
reader = StateDropout(len(story_words), 32, 64)
read_stories(reader, 300, lr=0.02)
reader.eval()
print("right without masks, by words of filler:",
      "  ".join(f"{d}: {pronouns_right(reader, asked[d]):.0%}" for d in DISTANCES))

# %% [markdown]
# It remembers the name. Now disturb this memory while it reads, with p = 0.2, in five ways. Guess first: which
# of them falls like $0.8^t$?

# %%
WAYS = {   # name → on which state, a new mask at every step?, colour
    "upwards": ("", True, COLOURS["floor"]),
    "on h, new at every step": ("h", True, COLOURS["sky"]),
    "on h, one mask": ("h", False, COLOURS["lstm"]),
    "on c, new at every step": ("c", True, COLOURS["rnn"]),
    "on c, one mask": ("c", False, COLOURS["warm"]),
}


def disturbed(model, way, p=0.2):
    """A copy of the model with the masks switched on."""
    model = copy.deepcopy(model).train()
    model.on, model.anew, _ = WAYS[way]
    model.p, model.up = p, p if way == "upwards" else 0.0
    return model


torch.manual_seed(1)
right = {
    way: [pronouns_right(disturbed(reader, way), asked[d]) for d in DISTANCES] for way in WAYS
}
fig, axis = figure(width=7, height=3.3)
for way, (_, anew, colour) in WAYS.items():
    axis.plot(DISTANCES, right[way], "o-" if anew else "s--", color=colour, markersize=4, label=way)
axis.axhline(0.5, color=COLOURS["control"], linewidth=0.9, linestyle=":")
axis.text(0, 0.5, "chance", va="bottom", fontsize=9)
axis.set(xlabel="words of filler between name and pronoun", ylabel="pronouns right")
axis.set_ylim(0.4, 1.03)
axis.legend(frameon=False, fontsize=9)
show(
    fig,
    "Pronouns right of a trained LSTM whose units are dropped with probability 0.2 as it reads. "
    "With 8 words of filler: "
    + ", ".join(f"{way} {right[way][-1]:.0%}" for way in WAYS)
    + ". Chance is 50 %.",
)

# %% [markdown]
# One line falls as the arithmetic says: new masks on **c**. After eight words of filler the answer is not far
# from a toss of a coin. The *same share* of units, dropped with **one mask**, does next to no harm: what is
# lost is lost at once, and the other units keep the name as long as before. On **h** it makes little difference
# which kind it is. In an LSTM the memory travels in the cell; h is computed anew from it at every step, so what
# a mask takes from h is back one step later. (In a plain RNN and in a GRU, h *is* the memory.) And **upwards**
# the noise is met once on the way in, where it hides part of the name, and once on the way out.
#
# But nobody drops units in a network that has never met it. So let it *train* on with its masks, 100 steps, and
# a control without any; then ask again, with the masks and, as one does at evaluation, without.

# %%
print(f"{'trained on':26s} loss   with masks, 8 words   without, 8 words")
for way in ("no masks", *WAYS):
    torch.manual_seed(2)
    model = disturbed(reader, way) if way in WAYS else copy.deepcopy(reader).train()
    loss = read_stories(model, 100, lr=0.005)
    torch.manual_seed(3)
    masked = pronouns_right(model, asked[8])
    print(f"{way:26s} {loss:.2f} {masked:12.0%} {pronouns_right(model.eval(), asked[8]):19.0%}")

# %% [markdown]
# With masks on h, training goes on as if nothing had happened. Upwards they cost a little: what is hidden of a
# name on the way in is hidden for good. With new masks on the cell it is in trouble: the highest loss, and with
# the masks more than a third of the pronouns wrong at eight words. What it had learned before is still there once
# the masks are taken away. (One mask on c does well here. It is no recipe all the same: the units that are kept
# are multiplied by 1/(1 − p) at *every* step. Gal & Ghahramani put theirs on the inputs of the gates, x and h.)
#
# So the warning "no dropout through time" (Zaremba et al. 2014) is right where it meets what carries the
# memory, with masks drawn anew. For the h of an LSTM, on these small stories, it is too strong.
# %% [markdown]
# ## 6.5 One mask for all steps
#
# If a state has to bear noise, let it be the *same* noise at every step. **Variational dropout** (Gal &
# Ghahramani 2016) draws one mask for each row of the batch and each unit, and holds it for the whole window. A
# unit that is dropped has dropped out of the whole text; the others can be relied on, at every step. On the
# upward connections, too, this is another regulariser than a new mask for each word.

# %% [markdown]
# ### Exercise 6.3 · `locked_dropout` · ★★☆ · 15 min
# Write dropout with one mask for all time steps, as it acts in training. Draw
# `u = torch.rand(N, H, generator=generator)` once. Where `u < p`, the unit is dropped, at every step alike; what
# is left is scaled up so that the expected value stays what it was. Every row of the batch has a mask of its
# own. `x` itself stays as it is: return a new tensor.
#
# <details><summary>A nudge</summary>Which shape must the mask have to meet x (T, N, H)? Broadcasting adds the
# missing axis in front.</details>
# <details><summary>A recipe</summary>keep = torch.rand(x.shape[1], x.shape[2], generator=generator) >= p, then
# x * keep / (1 - p).</details>
#
# You are there when, with p = 0.2, a unit of value 1 that is kept becomes `1.25`.

# %% exercise="locked_dropout"
def locked_dropout(x, p, generator):
    """x (T, N, H), p in [0, 1), a torch.Generator → (T, N, H), the same units dropped at every step."""
    ### BEGIN SOLUTION
    keep = torch.rand(x.shape[1], x.shape[2], generator=generator) >= p
    return x * keep / (1 - p)
    ### END SOLUTION

# %% check="locked_dropout" points=2
locked_dropout = check("locked_dropout", locked_dropout)

# %%
x = torch.ones(20, 4, 40)      # (T, N, H)
generator = torch.Generator().manual_seed(0)
held = locked_dropout(x, 0.3, generator)
torch.manual_seed(0)
drawn_anew = functional.dropout(x, 0.3)
for name, x in (("one mask", held), ("ordinary", drawn_anew)):
    print(f"{name}: the same at every step:", bool((x == x[0]).all()))
print("rows of the batch have masks of their own:", not bool((held[:, 0] == held[:, 1]).all()))

# %%
fig, axes = figure(2, width=8, height=2.7, sharey=True)
titles = ("a mask for every step", "one mask for all steps")
for axis, mask, title in zip(axes, (drawn_anew, held), titles, strict=True):
    axis.imshow(mask[:, 0] == 0, cmap="Greys", vmax=1.4, aspect="auto", interpolation="nearest")
    axis.set(title=title, xlabel="unit")
    axis.grid(False)
axes[0].set_ylabel("step")
show(
    fig,
    "What is dropped (dark) of 40 units over 20 steps. Left, ordinary dropout: dots without a "
    f"pattern. Right, one mask: whole columns; {int((held[0, 0] == 0).sum())} units are dropped "
    "at every step, the others at none.",
)

# %% [markdown]
# `helpers.regularization` has the same, drawn from PyTorch's own generator, and four relatives, all of which
# `TorchLanguageModel` and `LanguageModelLoss` can use:
#
# | regulariser | what it does in training | from |
# |---|---|---|
# | `embedding_dropout` | drops whole *words* from a window, wherever they stand | Gal & Ghahramani 2016 |
# | `weight_dropout` | drops single recurrent weights, once a window: the state stays whole | Wan et al. 2013; Merity et al. 2018 |
# | `activation_penalty` (AR) | adds the mean of $h^2$ to the loss: no large activations | Merity et al. 2017 |
# | `slowness_penalty` (TAR) | adds the mean of $(h_t - h_{t-1})^2$: no jumps | Merity et al. 2017 |
#
# A regulariser that is switched on and does nothing raises no error. So look: the same weights, the same words,
# each regulariser by itself. Does what is minimised change in training, and does nothing change in evaluation?

# %%
def objective(training, penalties=None, **options):
    """What is minimised on one window, by a model whose weights are the same each time."""
    model = build(0, num_layers=2, input_dropout=0.0, output_dropout=0.0, **options)
    model.train(training)
    window = tuple(map(torch.from_numpy, next(iter(batches["train"]))))
    torch.manual_seed(1)
    if not training:
        return mean_nats(model, [window])
    return LanguageModelLoss(**(penalties or {}))(model, window, None).objective.item()


acts = {
    "dropout between the layers": {"dropout": 0.5, "variational": False},
    "the same, one mask": {"dropout": 0.5},
    "embedding dropout": {"embedding_dropout": 0.5},
    "weight dropout": {"weight_dropout": 0.5},
    "AR": {"penalties": {"activation": 1.0}},
    "TAR": {"penalties": {"slowness": 1.0}},
}
without = {training: objective(training) for training in (True, False)}
print(f"{'':28s} changes training   changes evaluation")
for name, options in {"nothing": {}, **acts}.items():
    changes = [objective(training, **options) != without[training] for training in (True, False)]
    print(f"{name:28s} {changes[0]!s:17s}  {changes[1]!s}")

# %% [markdown]
# The first line is the control: without a regulariser nothing changes, so where something does, it was the
# regulariser.
#
# ## 6.6 One matrix, used twice
#
# The embedding has a row for each word: what it is like *to have read* it. The output layer has a row for each
# word, too: what the state is like when it is *about to come*. **Weight tying** (Press & Wolf 2017; Inan,
# Khosravi & Socher 2017) uses one matrix for both. It must then fit: the last layer has as many units as the
# embedding. How much does that save?

# %% [markdown]
# ### Exercise 6.4 · `parameter_count` · ★★☆ · 15 min
# How many numbers does training adjust? Embedding (V, D), then `num_layers` layers of `nn.LSTM`, then the
# output layer with a bias for each word. Untied, every LSTM layer has H units and the output layer a matrix of
# its own. Tied, it has none: it uses the embedding's, so the *last* LSTM layer must have D units; the ones
# below it keep H.
#
# <details><summary>A nudge</summary>Write down the sizes from bottom to top first: D, H, …, H, last. Each LSTM
# layer goes from one size to the next, with four slices and torch's <em>two</em> bias vectors.</details>
# <details><summary>A recipe</summary>last = D if tied else H; sizes = [D] + [H] · (num_layers − 1) + [last]. A
# layer from d to u units has 4 · (d·u + u·u + 2·u). Add V·D, add V for the output's bias, and V·last unless
# tied.</details>
#
# You are there when V = 10000, D = H = 650 and two layers have `19780400` numbers untied, and tied `13280400`.

# %% exercise="parameter_count"
def parameter_count(vocab_size, embedding_size, hidden_size, num_layers, tied):
    """V, D, H, number of LSTM layers, whether tied (a bool) → number of parameters (an int)."""
    ### BEGIN SOLUTION
    last = embedding_size if tied else hidden_size
    count, d = vocab_size * embedding_size + vocab_size, embedding_size
    for u in [*[hidden_size] * (num_layers - 1), last]:
        count += 4 * (d * u + u * u + 2 * u)
        d = u
    return count if tied else count + vocab_size * last
    ### END SOLUTION

# %% check="parameter_count" points=2
parameter_count = check("parameter_count", parameter_count)

# %%
print("as the live models have it:", all(
    parameter_count(V, 48, 64, layers, tied)
    == TorchLanguageModel(V, 48, 64, num_layers=layers, tied=tied).parameter_count
    for layers in (1, 2, 3)
    for tied in (False, True)
))
for H in (650, 100):
    untied, tied = (parameter_count(10_000, H, H, 2, each) for each in (False, True))
    print(f"V = 10,000, two layers of {H}: {untied:10,d} untied, {tied:10,d} tied: "
          f"{1 - tied / untied:.0%} saved;")
    print(f"    embedding and output matrix: {2 * 10_000 * H / untied:.0%} of the untied model")

# %% [markdown]
# Of the book's 2 × 650 model two thirds are these two matrices, and tying saves half of that; of a model with
# 100 units nearly all is vocabulary. What is the gradient of a matrix that is used in two places? It has two
# paths to the loss, and paths add up, as in [chapter 2](02_bptt_toy_example.ipynb):

# %% [markdown]
# ### Exercise 6.5 · `tied_gradient` · ★★★ · 20 min
# One matrix E (V, D) is used twice: word `ids[n, t]` is looked up as the row `E[ids[n, t]]`, and the output
# layer computes `logits = h @ E.T + b`. Given the gradients that arrive at the two places, what is the gradient
# of E? NumPy.
#
# <details><summary>A nudge</summary>Used twice means two contributions, and contributions add. In the lookup, a
# word that occurs three times gets three of them.</details>
# <details><summary>A recipe</summary>Output: flatten to dz (N·T, V) and a (N·T, D), then dE = dz.T @ a. Lookup:
# np.add.at(dE, ids, dembedded). (dE[ids] += dembedded keeps only one of a word's contributions.)</details>
#
# You are there when two occurrences of word 0, each with gradient 1, and
# zero gradients at the output give `dE[0, 0] = 2`.

# %% exercise="tied_gradient"
def tied_gradient(ids, dembedded, h, dlogits):
    """ids (N, T), dembedded (N, T, D), h (N, T, D), dlogits (N, T, V) → gradient of E (V, D)."""
    ### BEGIN SOLUTION
    V, D = dlogits.shape[-1], h.shape[-1]
    dE = dlogits.reshape(-1, V).T @ h.reshape(-1, D)
    np.add.at(dE, ids, dembedded)
    return dE
    ### END SOLUTION

# %% check="tied_gradient" points=3
tied_gradient = check("tied_gradient", tied_gradient)

# %%
torch.manual_seed(0)
E = torch.randn(9, 4, dtype=torch.float64, requires_grad=True)      # (V, D)
A = torch.randn(4, 4, dtype=torch.float64)
ids, targets = torch.randint(9, (2, 3, 5))                            # words occur more than once
embedded = functional.embedding(ids, E)
h = torch.tanh(embedded @ A)
logits = h @ E.T
embedded.retain_grad()
logits.retain_grad()
functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
by_hand = tied_gradient(
    ids.numpy(), embedded.grad.numpy(), h.detach().numpy(), logits.grad.numpy()
)
print("largest difference to autograd, below", difference(by_hand, E.grad))

# %% [markdown]
# Mark a consequence: at every step the output path moves the rows of *all* words, the lookup only the rows of
# those that were read. A rare word is seldom read. Untied, that is all its embedding ever learns from.
#
# ## 6.7 Predict first
#
# Now the whole ladder. Every rung adds one thing to the one before:
#
# | name | layers | dropout 0.3 | its mask | matrices |
# |---|---|---|---|---|
# | base | 1 | – | | two |
# | + layer | 2 | – | | two |
# | + dropout | 2 | upwards | new at every step | two |
# | + variational | 2 | upwards | one for the window | two |
# | + tying | 2 | upwards | one for the window | one |
#
# The last rung is the **full** model. A ladder has a weakness: what a rung gains depends on those below it. So
# there is a second kind of question, **leave-one-out**: take the full model and remove one thing. What is
# missed most was worth most *there*.
#
# Which of the four steps lowers the test perplexity most, on 13,000 words? Which least? Does any raise it?
# Write down your order before you run the next cells.

# %%
my_order = ["+ layer", "+ dropout", "+ variational", "+ tying"]   # first what helps most

# %% [markdown]
# **The budget**, the same for all: the 13,000 words, seven passes, batches of 10 rows, windows of 20 words,
# Adam with a rate that falls from 0.02 to 0 along half a cosine, clipping at 1, 64 units, two seeds. Each model
# keeps the weights of its best epoch on validation. (Nothing was tuned for a model by itself. A learning rate
# of its own might help any of them; that is a limit of this table, and of most published ones.)

# %%
FULL = {"num_layers": 2, "dropout": 0.3, "variational": True, "tied": True}
LADDER = {
    "base": {"num_layers": 1},
    "+ layer": {"num_layers": 2},
    "+ dropout": {"num_layers": 2, "dropout": 0.3, "variational": False},
    "+ variational": {"num_layers": 2, "dropout": 0.3},
    "+ tying": FULL,
}
WITHOUT = {
    "- layer": FULL | {"num_layers": 1},
    "- dropout": FULL | {"dropout": 0.0},
    "- variational": FULL | {"variational": False},
    "- tying": FULL | {"tied": False},
}
results["base"], results["+ layer"] = results["1 plain"], results["2 plain"]    # trained in 6.2
for name, options in LADDER.items():
    measure(name, **options)
results["- tying"] = results["+ variational"]                                     # the same model
for name, options in WITHOUT.items():
    measure(name, **options)

# %% tags=["nbval-ignore-output"]
print(HEADER)
for title, names in (("ladder", LADDER), ("full model less one thing", ["+ tying", *WITHOUT])):
    print(title)
    for name in names:
        print(line(f"  {name}", results[name]))

# %% tags=["nbval-ignore-output"]
order = [*LADDER, *[name for name in WITHOUT if name != "- tying"]]
fig, axis = figure(width=7.5, height=3.6)
for place, name in enumerate(reversed(order)):
    tests = [row["test"] for row in results[name]]
    colour = COLOURS["lstm" if name in LADDER else "gru"]
    axis.plot([min(tests), max(tests)], [place, place], color=colour, linewidth=6, alpha=0.3)
    axis.plot(tests, [place] * len(tests), "|", color=colour, markersize=9)
    axis.plot(np.mean(tests), place, "o", color=colour)
mean_test = {name: np.mean([row["test"] for row in rows]) for name, rows in results.items()}
axis.axvline(mean_test["+ tying"], color=COLOURS["control"], linewidth=0.9, linestyle=":")
axis.set_yticks(range(len(order)), reversed(order))
axis.set(
    xlabel="test perplexity: each seed, mean and range",
    title="ladder (blue), and the full model less one thing (green)",
)
show(
    fig,
    "Test perplexity on 13,000 words, mean of two seeds: "
    + ", ".join(f"{name} {mean_test[name]:.0f}" for name in [*LADDER, *WITHOUT])
    + ". Without tying the full model is the rung before the last.",
)

# %% tags=["nbval-ignore-output"]
changes = {
    after: mean_test[after] - mean_test[before] for before, after in itertools.pairwise(LADDER)
}
measured_order = sorted(changes, key=changes.get)
print("you said:", ", ".join(my_order))
print("measured:", ", ".join(f"{name} ({changes[name]:+.0f})" for name in measured_order))

# %%
print("tying is the largest step downwards:    ", measured_order[0] == "+ tying")
print("the second layer is a step upwards:     ", changes["+ layer"] > 5)
print("the full model is better with one layer:", mean_test["- layer"] < mean_test["+ tying"] - 2)

# %% [markdown]
# Read it in three ways.
#
# - **The ladder.** Tying is by far the largest step down, the second layer a step back. Dropout is a small step
#   down here, and next to none with the texts of two other Python releases; one mask in place of many did not
#   help with any of the three. All four steps together end about where the base began.
# - **Leave-one-out.** In the company of all the others, too, tying is missed most. Without the second layer the
#   full model is *better*. Dropout is hardly missed, the single mask not at all. Two or three points between two
#   means of two seeds are no more than a hint.
# - **The column `train`.** The models with two layers are far from knowing their text by heart, and a model
#   that does not overfit (yet) has little use for a regulariser. Tying does more: one matrix is trained from
#   two sides.
#
# So what buys perplexity, with 13,000 words and seven passes? Tying, and *not* stacking. That is an answer for
# this budget, not for every one.
#
# **Change this and look again.** Dropout was worth little here. Is it worth little, or worth little *in a model
# that does not overfit*? The best model of the table has one layer. Take its dropout away as well, and look at
# the column `train`, too.

# %% demo=true
another = {"num_layers": 1, "tied": True, "dropout": 0.0}     # then 0.6, or "size": 128, or …
print(HEADER)
print(line("another", measure(f"{another}", **another)))

# %% [markdown]
# ## 6.8 The ladder on Penn Treebank
#
# Thirteen thousand words and two seeds are little to go by. The same experiment, with more of both, was run
# once and recorded. **The budget**: the first sixteenth of Penn Treebank's training text, 58,000 words, read
# sixteen times in batches of 20 rows and windows of 35 words; SGD with a rate that falls from 20 to 0 along
# half a cosine (section 6.9), clipping at 0.25; three seeds. Embedding and layers have 128 units, dropout is
# 0.2. After every epoch a quarter of the validation text is read; the weights of the best epoch are tested, on
# all of the test text. (Seconds are those of the processor; two models ran side by side, so they are good to
# about a quarter.)
#
# Three more rows take the full model and give it **more of something**: twice the width, twice the epochs, four
# times the text (read a quarter as often, so the number of steps is the same). The last row gives the text to
# the base.

# %%
from helpers.experiments import ablation
from helpers.records import read_record

recorded = read_record("ptb-ablation")
print(recorded["command"])
minutes = recorded["seconds"] / 60
print(f"{recorded['hardware']['processor']}, one thread a model, {minutes:.0f} minutes of models\n")


def of_case(name):
    """The rows of one case. (Without tying the full model is the rung before the last.)"""
    name = "+ variational" if name == "- tying" else name
    return [row for row in recorded["curve"] if row["case"] == name]


def over_seeds(name, key):
    """Mean, lowest and highest."""
    values = [row[key] for row in of_case(name)]
    return np.mean(values), min(values), max(values)


print(f"{'':16s} {'numbers':>9} {'CPU s':>6} {'valid':>6} {'test':>6}   lowest-highest")
for title, names in (
    ("ladder", ablation.LADDER),
    ("the full model with one thing less", ablation.WITHOUT),
    ("with more of something", {**ablation.BEYOND, **ablation.BASE_BEYOND}),
):
    print(title)
    for name in names:
        numbers = of_case(name)[0]["parameters"]
        cpu, valid = (over_seeds(name, key)[0] for key in ("cpu_seconds", "valid_perplexity"))
        test, low, high = over_seeds(name, "test_perplexity")
        print(f"  {name:14s} {numbers:9,d} {cpu:6.0f} {valid:6.0f} {test:6.0f}   {low:.0f}-{high:.0f}")

# %%
rungs = list(ablation.cases())
fig, axis = figure(width=7.5, height=4.2)
for place, name in enumerate(reversed(rungs)):
    mean, low, high = over_seeds(name, "test_perplexity")
    colour = COLOURS["lstm" if name in ablation.LADDER else "gru" if name in ablation.WITHOUT else "rnn"]
    axis.plot([low, high], [place] * 2, color=colour, linewidth=6, alpha=0.3, solid_capstyle="butt")
    axis.plot(mean, place, "o", color=colour)
full = over_seeds("+ tying", "test_perplexity")[0]
axis.axvline(full, color=COLOURS["control"], linewidth=0.9, linestyle=":")
axis.set_yticks(range(len(rungs)), reversed(rungs))
axis.set(xlabel="test perplexity: mean and range of three seeds")
axis.set_title("ladder (blue), one thing less (green), more of something (red)")
show(fig, "Test perplexity, mean of three seeds: "
     + ", ".join(f"{name} {over_seeds(name, 'test_perplexity')[0]:.0f}" for name in rungs) + ".")

# %% [markdown]
# - **Tying** is worth most. (The last rung and "- tying" are the same two models, so this is one finding, not
#   two.)
# - **The second layer does harm**, again: about 30 points on the ladder, and the full model is best without it.
# - **Dropout** is worth 12 points on the ladder, and 17 to the full model.
# - **One mask or a new one at every step**: no difference beyond the seeds, in either question.
# - **Twice the width** buys 6 points, **twice the passes** none: by then the model has seen its text often
#   enough.
# - **Text** buys more than all of that together. And with four times the text, read four times, the plain *base*
#   is ahead of the full model: neither a second layer nor protection against learning by heart pays in four
#   passes. (Which of the two costs more, these rows do not say.)
#
# So "layers, dropout and tying take perplexity from 136 to 75" is not a list of things that are good by
# themselves. The published model reads 930,000 words forty times with 650 units; there learning by heart is the
# danger, and there may be text enough for a second layer. Which of the steps help *you* is a question for a table
# like this one, on your text, with your budget.

# %% [markdown]
# ## 6.9 The learning rate over a run
#
# A gradient computed from 200 words is the gradient of the text plus noise. Far from the goal the noise does
# not matter and a large rate is fast. Near the goal the steps go up as often as down: the weights wander around
# the minimum, the farther the larger the rate. There are two ways out: **make the steps small**, or **average
# the places**.
#
# The first: half a cosine, from the full rate to zero (Loshchilov & Hutter 2017). It stays high for long and
# then comes down smoothly. At its very beginning the weights are random and the gradients wild, so it may be
# held down by a short **warm-up**.

# %% [markdown]
# ### Exercise 6.6 · `cosine_rate` · ★★☆ · 15 min
# The learning rate of a run: half a cosine from `lr` at step 0 to 0 at `total_steps`, and 0 from there on.
# During the first `warmup_steps` it is multiplied by a straight line, (step + 1) / warmup_steps, so that
# already step 0 learns a little; with `warmup_steps = 0` by nothing. Steps count from 0.
#
# <details><summary>A nudge</summary>cos goes from 1 to −1 while its angle goes from 0 to π. Lift it by 1 and
# halve it.</details>
# <details><summary>A recipe</summary>rise = min(1, (step + 1) / max(1, warmup_steps)); fall = (1 +
# math.cos(math.pi * min(step, total_steps) / total_steps)) / 2; lr · rise · fall.</details>
#
# You are there when `cosine_rate(10, 40, 0, 1.0) ≈ 0.854`.

# %% exercise="cosine_rate"
def cosine_rate(step, total_steps, warmup_steps, lr):
    """step (from 0), total_steps, warmup_steps: ints; lr the highest rate → this step's rate (a float)."""
    ### BEGIN SOLUTION
    rise = min(1.0, (step + 1) / max(1, warmup_steps))
    fall = (1 + math.cos(math.pi * min(step, total_steps) / total_steps)) / 2
    return lr * rise * fall
    ### END SOLUTION

# %% check="cosine_rate" points=2
cosine_rate = check("cosine_rate", cosine_rate)

# %%
schedule = cosine(400, 40)
mine = [cosine_rate(step, 400, 40, 0.02) for step in range(450)]
theirs = [0.02 * schedule(step) for step in range(450)]
print("equal to helpers.torch_training.schedules.cosine, times lr:", np.allclose(mine, theirs))

# %% [markdown]
# The second: keep the rate, and use the *mean* of the weights of many steps in place of the last ones (Polyak &
# Juditsky 1992). The noise of the steps averages out, but so do the first, bad weights if one begins too early.
# When to begin? AWD-LSTM's rule (**NT-ASGD**, for "non-monotonically triggered"): when validation has stopped
# getting better. Counted in epochs:

# %% [markdown]
# ### Exercise 6.7 · `averaging_begins` · ★★☆ · 15 min
# NT-ASGD's rule, counted in epochs: averaging begins at the end of the first epoch whose validation perplexity
# is **worse** (greater) than the **best** of all epochs that lie **more than** `patience` epochs back. With
# patience 5, epoch 9 is compared with the best of epochs 0, 1, 2 and 3. Return that epoch's index, from 0, or
# None if the time never comes.
#
# <details><summary>A nudge</summary>For epoch t, which part of the list is more than patience epochs back? It
# is a slice, and it may be empty.</details>
# <details><summary>A recipe</summary>for t, score in enumerate(scores): old = scores[: max(0, t − patience)];
# if old and score > min(old): return t. After the loop, return None.</details>
#
# You are there when `averaging_begins([90, 80, 85, 79, 81, 70], 1)` is `4`.

# %% exercise="averaging_begins"
def averaging_begins(scores, patience):
    """scores: a list, validation perplexity after each epoch; patience in epochs → index or None."""
    ### BEGIN SOLUTION
    for t, score in enumerate(scores):
        old = scores[: max(0, t - patience)]
        if old and score > min(old):
            return t
    return None
    ### END SOLUTION

# %% check="averaging_begins" points=2
averaging_begins = check("averaging_begins", averaging_begins)

# %%
from helpers.torch_training.averaging import WeightAverage


def begins(scores, patience):
    """The epoch after which the average that `TorchTrainer` can keep has begun, or None."""
    average, model = WeightAverage(patience), nn.Linear(1, 1)
    for epoch, score in enumerate(scores):
        average.end_epoch(model, score)
        if average.active:
            return epoch
    return None


rng = np.random.default_rng(2)
scores = [60 + 120 * math.exp(-epoch / 4) + rng.normal() for epoch in range(30)]
print("begins after epoch", averaging_begins(scores, 5), "and in helpers", begins(scores, 5))

# %% [markdown]
# What both are for can be drawn. A bowl in 50 dimensions, its gradient measured with noise, 400 steps of
# gradient descent. How far is one from the bottom, with a constant rate, with the cosine, and with the mean of
# all places from step 100 on?

# %%
def descend(rate, average_from=None, steps=400, size=50):
    """Distance from the bottom of a round bowl after each step, from some step on of the mean."""
    rng = np.random.default_rng(3)
    place, total, distances = np.full(size, 3.0), np.zeros(size), []
    for step in range(steps):
        place = place - rate(step) * (place + rng.normal(size=size))   # true gradient: `place`
        looked_at = place
        if average_from is not None and step >= average_from:
            total += place
            looked_at = total / (step - average_from + 1)
        distances.append(np.linalg.norm(looked_at))
    return distances


paths = {
    "constant rate": (descend(lambda step: 0.1), "rnn"),
    "cosine": (descend(lambda step: cosine_rate(step, 400, 0, 0.1)), "lstm"),
    "mean from step 100 on": (descend(lambda step: 0.1, average_from=100), "gru"),
}
fig, (left, middle, right) = figure(3, width=10, height=3.1)
left.plot(mine[:400], color=COLOURS["lstm"], label="cosine, 40 steps of warm-up")
halved = stepped(50, 4, 0.5)
rates = [0.02 * halved(step) for step in range(400)]
left.plot(rates, color=COLOURS["warm"], label="from 200 on halved every 50")
left.plot([0.02] * 400, ":", color=COLOURS["rnn"], label="constant")
left.set(xlabel="step", ylabel="learning rate", title="three schedules", ylim=(0, 0.031))
left.legend(frameon=False, fontsize=9, loc="upper right")
start = averaging_begins(scores, 5)
middle.plot(scores, "o-", color=COLOURS["lstm"], markersize=3)
middle.axvline(start, color=COLOURS["gru"], linewidth=0.9, linestyle=":")
middle.text(start - 0.5, max(scores), "begin to average", ha="right", va="top", fontsize=9)
middle.set(xlabel="epoch", ylabel="validation perplexity", title="when to average")
for name, (distances, colour) in paths.items():
    right.semilogy(distances, color=COLOURS[colour], label=name)
right.set(xlabel="step", ylabel="distance from the bottom", title="a noisy descent")
right.legend(frameon=False, fontsize=9)
show(
    fig,
    "Left, learning rates over 400 steps. Middle, a validation curve that levels off; averaging "
    f"begins after epoch {start}. Right, the distance from the bottom of a bowl: all descents fall "
    "alike at first; with a constant rate it then stays at about "
    f"{np.mean(paths['constant rate'][0][-100:]):.1f}; in the end the cosine is at "
    f"{paths['cosine'][0][-1]:.1f} and the mean of the places at "
    f"{paths['mean from step 100 on'][0][-1]:.1f}.",
)

# %% [markdown]
# The validation curve in the middle is made up, and a bowl is not a language model: a network has no single
# bottom, and the mean of weights makes sense only among places near each other, as they are late in one run.
# This chapter uses the cosine; AWD-LSTM averages.

# %% [markdown]
# ## 6.10 An hour on a laptop
#
# Put together and given the whole text, what does an hour on two processor cores reach? One command:
#
# ```
# python -m helpers.experiments run ptb-laptop
# ```
#
# Two layers, of 650 and 400 units, the embedding of 400 tied to the output, one dropout mask for all steps; SGD
# with the cosine you wrote above. The matrix products are computed in **bfloat16** where the processor has it:
# 16 bits, 8 of them for the exponent as in float32, so nothing overflows, and 7 for the digits, so a product is
# right to about one part in 256. Weights, sums of gradients and the optimizer stay in float32.

# %%
laptop, small = read_record("ptb-laptop"), read_record("ptb-small")
for name, record in (("chapter 5", small), ("laptop", laptop)):
    train, valid = record["curve"][-1]["train_perplexity"], record["valid_perplexity"]
    print(f"{name:9} {record['parameters']:9,d} parameters, {len(record['curve']):2d} epochs,"
          f" {record['seconds'] / 60:2.0f} min: train {train:.1f}, valid {valid:.1f},"
          f" test {record['test_perplexity']:.1f}")
machine = laptop["hardware"]
print(machine["processor"], "·", machine["cores"], "cores ·", laptop["results"]["precision"])

fig, axis = figure(width=6.5, height=3.4)
for name, record, colour in (("chapter 5: 1 × 100", small, "rnn"), ("the recipe", laptop, "lstm")):
    minutes = [row["seconds"] / 60 for row in record["curve"]]
    axis.plot(minutes, [row["valid_perplexity"] for row in record["curve"]], "o-", markersize=4,
              color=COLOURS[colour], label=name)
axis.set(xlabel="minutes of training on two cores", ylabel="validation perplexity", yscale="log")
axis.set_yticks([80, 100, 150, 200], [80, 100, 150, 200])
axis.minorticks_off()
axis.legend(frameon=False)
passed = next(row for row in laptop["curve"] if row["valid_perplexity"] < small["valid_perplexity"])
show(fig, f"The recipe's validation perplexity falls below chapter 5's {small['valid_perplexity']:.0f} after "
     f"{passed['seconds'] / 60:.0f} minutes and reaches {laptop['valid_perplexity']:.0f} after "
     f"{laptop['seconds'] / 60:.0f}.")

# %% [markdown]
# One run, one seed: from 128 to below 80 in three quarters of an hour. At its end training perplexity (that of
# the last epoch, dropout and all) is well below validation, so a little more dropout would probably have served
# this model better. It was not tuned any further.

# %% [markdown]
# Is it the 16 bits that one pays with? The same model was trained in both precisions, from the same weights and
# with the same masks, three times (`ptb-precision`):

# %%
precision = read_record("ptb-precision")
for seed in sorted({row["seed"] for row in precision["curve"]}):
    of = {row["precision"]: row for row in precision["curve"] if row["seed"] == seed}
    a, b = of["float32"], of["bfloat16"]
    print(f"seed {seed}: float32 {a['test_perplexity']:.2f} in {a['seconds']:.0f} s, "
          f"bfloat16 {b['test_perplexity']:.2f} in {b['seconds']:.0f} s, "
          f"ratio of perplexities {b['test_perplexity'] / a['test_perplexity']:.4f}")

# %% [markdown]
# Not in these three pairs: with 16 bits perplexity came out half a percent *lower* each time, after about half
# the seconds. (Two layers of 320 units, an eighth of the text, four epochs. The recipe itself was not trained in
# float32.)

# %% [markdown]
# ## 6.11 Full size, and below 60
#
# The book behind the original lectures reports 75.8 for two tied layers of 650 units, and a re-implementation
# of the same shape 75.4. The experiments are named `ptb-650` and `ptb-awd`, and start with the same command as
# the recipe. **They were not run to their end here.** What was recorded on a processor are first epochs, on a
# machine that was busy with other work, so the minutes are too many:

# %%
for name in ("ptb-650-stop-after-4", "ptb-awd-stop-after-2"):
    record = read_record(name)
    last = record["curve"][-1]
    print(f"{record['name']}: {record['parameters']:,d} parameters, "
          f"epoch {last['epoch']} of {record['settings']['epochs']}: "
          f"validation {last['valid_perplexity']:.1f}, {record['seconds'] / 60:.0f} min")

# %% [markdown]
# That is a beginning, no result. `python -m helpers.experiments run ptb-650` goes to the end, on a GPU if there
# is one, and may be stopped and resumed at any time.
#
# **How AWD-LSTM reaches 57.3** (Merity, Keskar & Socher 2018). Nothing in it is new to you any more:
#
# | What | Setting | Where in this chapter |
# |---|---|---|
# | three layers, 1,150 units, the last one 400 | tied to an embedding of 400 | 6.2, 6.6 |
# | one mask for all steps, on input, between layers, on output | 0.4, 0.25, 0.4 | 6.5 |
# | words dropped from a window | 0.1 | 6.5 |
# | connections dropped from the hidden-to-hidden weights, one draw a window | 0.5 | 6.5 |
# | penalties on large and on jumping activations | 2 and 1 | 6.5 |
# | SGD at a constant 30, averaged once validation stalls | patience 5 | 6.9 |
# | windows of random length around 70 | | below |
#
# Windows of a fixed length have a flaw that is easy to overlook: the same words stand at a window's edge in
# every epoch, and the gradient never crosses there. Random lengths move the edges:

# %%
from helpers.corpora.batches import contiguous_batches
from helpers.torch_training.language_modelling import RandomWindows

stream = contiguous_batches(np.arange(10_000) % 7, 20, 70)
windows = RandomWindows(stream, seq_len=70, seed=0)
for epoch in range(3):
    print(f"epoch {epoch}: windows of", [targets.shape[1] for _, targets in windows(epoch)])

# %% [markdown]
# A window's gradient is weighted by its length, or the words in short windows would count for more. `ptb-awd`
# has all of this as settings. The published 57.3 took 500 epochs and a second run of fine-tuning; 68.5 (Inan et
# al. 2017) and 78.4 (Zaremba et al. 2014) are the marks on the way.

# %% [markdown]
# ## 6.12 More than one machine
#
# When a step takes too long, share it: **data-parallel** training gives each of several processes some rows of
# every batch. Each has a copy of the model, computes the gradient of its own rows, and then they *average*
# their gradients over the network. All make the same step, so the copies stay the same. For this to be the
# training you would have done alone, the mean of the gradients must be the gradient of the batch. In one
# notebook, four rows, two halves:

# %%
torch.manual_seed(0)
model = TorchLanguageModel(50, 6, 8, num_layers=2).double()
ids, targets = torch.randint(50, (2, 4, 7))
targets[2:] = targets[2, 0]     # the lower half wants one word everywhere: a long gradient


def gradient(rows):
    """The gradient of the mean loss over some rows of the batch, as one vector."""
    logits, _ = model(ids[rows])
    loss = functional.cross_entropy(logits.flatten(0, 1), targets[rows].flatten())
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


whole = gradient(slice(0, 4))
halves = (gradient(slice(0, 2)) + gradient(slice(2, 4))) / 2
print("two halves, averaged: largest difference to the whole, below", difference(halves, whole))

# %% [markdown]
# The mean loss over four rows is the mean of two means over two rows, and a gradient is linear in its loss.
# But:

# %% [markdown]
# ### Exercise 6.8 · `quiz_shards` · ★☆☆ · 5 min
# A batch has 20 rows, all of the same length. One process takes 12 of them, another 8. Each computes the mean
# loss of its own rows and the gradient of that mean; the two gradients are averaged, half and half. Is the
# result the gradient of the whole batch's mean loss?
#
# - **a** Yes: the mean of the means is the mean.
# - **b** No: each row of the smaller share weighs 1.5 times as much as a row of the larger one.
# - **c** No: the two gradients should be added, not averaged.
# - **d** Yes, because clipping by the global norm makes up for the difference.

# %% exercise="quiz_shards"
def quiz_shards():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "b"
    ### END SOLUTION
    return answer

# %% check="quiz_shards" points=1
quiz_shards = check("quiz_shards", quiz_shards)

# %%
unequal = (gradient(slice(0, 3)) + gradient(slice(3, 4))) / 2
off = ((unequal - whole).norm() / whole.norm()).item()
print(f"three rows and one, averaged: off by {off:.0%} of its length")
weighted = 3 / 4 * gradient(slice(0, 3)) + 1 / 4 * gradient(slice(3, 4))
print("weighted by their rows:       largest difference, below", difference(weighted, whole))

# %% [markdown]
# So `TorchTrainer` insists on equal shards. And clipping? It is *not* linear: it shortens a long gradient and
# leaves a short one alone. If each process clipped its own gradient, the one with the long gradient would lose
# its weight in the mean. Take a threshold between the lengths of the two halves:

# %%
def clip(g, max_norm):
    """A gradient, shortened to `max_norm` if it is longer."""
    return g * min(1.0, max_norm / (g.norm().item() + 1e-6))


first, second = gradient(slice(0, 2)), gradient(slice(2, 4))
threshold = 0.4
after = clip((first + second) / 2, threshold)
before = (clip(first, threshold) + clip(second, threshold)) / 2
print(f"lengths of the halves {first.norm():.2f} and {second.norm():.2f}, of their mean "
      f"{whole.norm():.2f}; threshold {threshold:.2f}")
for name, g in (("averaged, then clipped", after), ("clipped, then averaged", before)):
    similar = functional.cosine_similarity(g, whole, dim=0)
    print(f"{name}: length {g.norm():.3f}, cosine with the gradient {similar:.3f}")

# %% [markdown]
# Another length *and* another direction: another step than the one you would make alone. Clipping comes after
# the averaging, on the gradient of the whole batch; then every process finds the same norm and makes the same
# step. (In `TorchTrainer`, PyTorch's DistributedDataParallel averages during `backward()`, and the clipping
# comes after it.)
#
# What travels at every step is one gradient: for the book's 2 × 650 tied model

# %%
print(f"{4 * parameter_count(10_000, 650, 650, 2, True) / 1e6:.0f} MB")

# %% [markdown]
# in float32, from each process to the others. Two processes on this machine, half the rows each, in a terminal:
#
# ```
# torchrun --nproc-per-node 2 -m helpers.experiments run ptb-laptop
# ```
#
# `torchrun` starts the same program twice and tells each which of the two it is; the two find each other, and
# the first of them validates, reports and writes the files. With more machines it is the same command on each
# of them, plus an address at which they meet.
#
# What cannot be the same is what is drawn: with dropout each process draws the masks of its own rows, so two
# processes are as good as one, but not equal to it. To compare them number by number, dropout must be off:

# %%
two = read_record("two-processes")
print(two["command"])
for row in two["curve"][::7]:
    print(f"step {row['step']:2d}: one process {row['one']:.6f}, two {row['two']:.6f}, "
          f"relative difference {row['relative_difference']:.0e}")
largest = two["results"]["largest_relative_difference"]
print(f"largest relative difference in {len(two['curve'])} steps: {largest:.0e}")

# %% [markdown]
# What is left is rounding: sums of floats in another order.

# %% [markdown]
# ## What was claimed, what was measured
#
# | claim | verdict |
# |---|---|
# | Deeper is better | not on 13,000 words, nor on 58,000: there a second layer costs more than anything else. The recipe and the published models, on 930,000 words, have two and three |
# | More data, a smaller model, regularisation help against overfitting | all three narrow the gap; only more data lowered validation perplexity by much |
# | Recurrent networks overfit more easily | not more than a window model with as many weights, here: that one overfits far worse |
# | Dropout through time destroys the memory | new masks on the cell do; one mask does not, and on the h of an LSTM either kind cost little |
# | A regulariser is on | tested: each changes what is minimised in training, and nothing in evaluation |
# | Tying saves parameters | a third of the 2 × 650 model, nearly half of a 2 × 100 one; here it is also the largest step downwards |
# | Dropout and a single mask buy perplexity | dropout does on 58,000 words read sixteen times, by 12 to 17 of some 350; between one mask and new ones no difference was found |
# | Layers, dropout and tying take 136 to 75 | tying did most of what the three do; more text did more than all of them. From 128 to 78.5 in 48 minutes on two cores; 75 and below: not run to the end here |
# | Two processes train the same model as one | with equal shards, clipping after averaging, and no dropout: yes, up to rounding |
#
# ## Recap
# - The same model in another library is proved, not assumed: logits, loss, gradients, a step. Mind the second
#   bias.
# - Overfitting is what training learns last. Look at both curves before you choose a remedy.
# - Upwards a signal passes a few masks; through time one at every step. One mask for the whole window spares
#   the memory.
# - Tied matrices: one set of numbers, two paths for its gradient.
# - A ladder depends on its order; leave-one-out on the company. Neither says anything without a budget and the
#   spread of the seeds.
# - Data-parallel: equal shards, average, *then* clip.
#
# ## What next
# Everything so far read and wrote one text. [Chapter 7](07_attention.ipynb) reads one and writes another, and finds
# that one state vector is too small for a sentence.
#
# ## Further exercises
# 1. Train `StateDropout` from its random start with each of the masks of 6.4, with three seeds. When is the
#    name found? With which never?
# 2. Use `nn.GRUCell` in place of `nn.LSTMCell`: its only state is h. Which lines of the figure change?
# 3. With one mask on c, multiply by the mask without 1/(1 − p). What happens to the memory, and why?
# 4. Give the two-layer model of 6.2 more passes, until validation turns. How many does it take to overtake one
#    layer, if it does?
# 5. Tune the learning rate of each rung of 6.7 by itself, on validation. Does the order change?
# 6. Try AR and TAR, `LanguageModelLoss(activation=2.0, slowness=1.0)` in `fit`, with the tied one-layer model.
#
# ## References
# - Bengio, Ducharme, Vincent & Jauvin (2003), *A neural probabilistic language model*, JMLR 3 (the window
#   model).
# - Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov (2014), *Dropout: a simple way to prevent neural
#   networks from overfitting*, JMLR 15.
# - Wan, Zeiler, Zhang, LeCun & Fergus (2013), *Regularization of neural networks using DropConnect*, ICML.
# - Zaremba, Sutskever & Vinyals (2014), *Recurrent neural network regularization*, arXiv:1409.2329.
# - Gal & Ghahramani (2016), *A theoretically grounded application of dropout in recurrent neural networks*,
#   NeurIPS.
# - Semeniuta, Severyn & Barth (2016), *Recurrent dropout without memory loss*, COLING (masks that spare the
#   cell).
# - Press & Wolf (2017), *Using the output embedding to improve language models*, EACL; Inan, Khosravi & Socher
#   (2017), *Tying word vectors and word classifiers*, ICLR.
# - Merity, McCann & Socher (2017), *Revisiting activation regularization for language RNNs*, arXiv:1708.01009.
# - Merity, Keskar & Socher (2018), *Regularizing and optimizing LSTM language models*, ICLR (AWD-LSTM).
# - Loshchilov & Hutter (2017), *SGDR: stochastic gradient descent with warm restarts*, ICLR (the cosine).
# - Polyak & Juditsky (1992), *Acceleration of stochastic approximation by averaging*, SIAM Journal on Control
#   and Optimization 30.
# - Saito (2018), *Deep Learning from Scratch 2*, O'Reilly Japan (136 and 75.8).
