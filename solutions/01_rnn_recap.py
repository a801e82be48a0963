# %% [markdown]
# # 1 · RNN recap
#
# **How can one function read a sequence of any length?**
#
# A sentence has four words, or forty. A weight matrix has a fixed number of rows. This chapter finds
# the one idea that reconciles the two, in a single number first and in whole matrices after that.
#
# **Afterwards you can**
# - show by measurement why a fixed window of words is not enough,
# - write a recurrent step and run it over a batch of sequences, with every shape in your head,
# - sample from a network's output, and say why that is not the same as taking the best,
# - prove that no network without memory can be sure of "hello", and train one that is,
# - stack layers, and say what each hands on: all its states, or the last one,
# - count the parameters of any recurrent layer before you build it.
#
# **Needs:** matrix shapes and NumPy ([the start page](00_start_here.ipynb) has a self-check), tanh, and the natural
# logarithm. Training is borrowed here; [chapter 2](02_bptt_toy_example.ipynb) and
# [chapter 5](05_language_model.ipynb) derive it.
#
# **Time:** about 150 minutes, 105 of them for the exercises.

# %%
import itertools

import numpy as np
import torch

from helpers import diagrams
from helpers.checks import check
from helpers.claims import claim, table
from helpers.plots import COLOURS, figure, show

torch.set_num_threads(1)

# %% [markdown]
# ## 1.1 The blank at the end
#
# Fill the blank:
#
# > Tom was watching TV in his room. Mary came into the room. Mary said hi to **___**.
#
# You wrote *Tom*. The word that told you stands sixteen words back. Now a shorter one:
#
# > John drank tea in the kitchen at night and **___** smiled.
#
# *He*, because of *John*. To fill a blank at the end, a reader must carry something along from the
# beginning. How much? Let us first try to get by without.
#
# The course has a small grammar that writes such stories. We begin with the second kind, he or she: the
# first asks for the name itself, which is more to carry. Between the name and the pronoun stand 0 to 12
# words of filler that do not give the answer away; `<eos>` marks the end of a story.

# %%
from helpers.corpora.pronouns import PronounGrammar

rng = np.random.default_rng(1)
grammar = PronounGrammar(distance=(0, 12), greetings=0.0)
stories = grammar.stories(4000, rng)
for story in stories[:4]:
    print(f"{story.distance:2d} filler words:", story)

# %% [markdown]
# ## 1.2 A window of words
#
# The classical answer is the **n-gram model** (Shannon 1948): look at the last few words, remember what followed them in
# the training text, and predict that. If these words never occurred together, *back off* and look at one word less
# (Katz 1987, who also says how much less to trust it then). The whole model is a table of counts.

# %%
from collections import Counter, defaultdict


def count_followers(stories, window):
    """Context (a tuple of up to `window` words) → how often each word followed it."""
    followers = defaultdict(Counter)
    for story in stories:
        for i in range(1, len(story.tokens)):
            for width in range(1, min(window, i) + 1):
                followers[story.tokens[i - width : i]][story.tokens[i]] += 1
    return followers


def guess(followers, prompt, window):
    """"he" or "she", from the longest context that was seen and says anything about it."""
    for width in range(window, 0, -1):
        seen = followers.get(tuple(prompt[-width:]), Counter())
        if seen["he"] != seen["she"]:
            return "he" if seen["he"] > seen["she"] else "she"
    return "he"


followers = count_followers(stories, window=4)
print("after 'night and' came", dict(followers["night", "and"]))
print("after 'John drank tea and' came", dict(followers["John", "drank", "tea", "and"]))

# %% [markdown]
# With the name inside the window, the count is one-sided. Without it, the two are about equal, and the model can
# only toss a coin: the chance level is 50 %.
#
# Now the measurement: three training texts of 4,000 stories each, fresh stories at six distances, four windows, and for
# each the share of blanks filled correctly. (It takes some ten seconds, most of them for writing stories.)

# %%
distances = [0, 2, 4, 6, 9, 12]
tests = {d: grammar.at_distance(d).stories(300, np.random.default_rng(100 + d)) for d in distances}
texts = [stories, *(grammar.stories(4000, np.random.default_rng(seed)) for seed in (2, 3))]
windows = (2, 4, 6, 10)
accuracy = {window: np.zeros((len(texts), len(distances))) for window in windows}
known = []   # of the stories with 6 filler words: the share whose last ten words the table has seen

print("per cent right, lowest–highest of three training texts")
print("words of filler:    ", *(f"{d:6d}" for d in distances))
for window in windows:
    for k, text in enumerate(texts):
        followers = count_followers(text, window)
        accuracy[window][k] = [
            np.mean([guess(followers, s.prompt, window) == s.answer for s in tests[d]]) for d in distances
        ]
        if window == 10:
            known.append(np.mean([s.prompt[-10:] in followers for s in tests[6]]))
    spans = zip(100 * accuracy[window].min(axis=0), 100 * accuracy[window].max(axis=0), strict=True)
    print(f"window of {window:2d} words: ", *(f"{low:.0f}–{high:.0f}".rjust(6) for low, high in spans))
he = [np.mean([s.answer == "he" for s in tests[d]]) for d in distances]
print("always 'he':        ", *(f"{100 * share:6.0f}" for share in he))
print(f"the last table has {len(followers):,d} contexts")
print(f"6 filler words: {max(known):.0%} of the stories end in ten words that a table has seen, at most")

# %%
near, far = accuracy[4][:, 0], accuracy[4][:, 1:]
claim("a window of 4 is always right without filler, and by chance (within 8 points) from 2 filler words on",
      (near == 1).all() and (np.abs(far - 0.5) < 0.08).all(),
      heard="A fixed window cannot fill the blank once the name is outside it", verdict="yes")
claim("a window of 10 reaches the name across 6 words, but is right in 60–70 % after 2 and below 60 "
      "% after 4 and 6",
      (np.abs(accuracy[10][:, 1] - 0.65) < 0.05).all() and (accuracy[10][:, 2:4] < 0.6).all(),
      heard="A table of counts fills the blank as long as the name stands in its window",
      verdict="no, not from 4,000 stories")

# %% [markdown]
# Two different things go wrong here.
#
# 1. **The name falls out of the window.** With 2 filler words it stands six words before the blank. A window of
#    4 cannot see it, whatever it has counted.
# 2. **Even inside the window, the table is too sparse.** A window of 10 reaches the name across 6 filler
#    words, but hardly any story ends in ten words that occurred in training together, so the model backs off, to
#    words without the name. The table has a hundred thousand entries by now and still misses.
#
# (More stories would help, after 2 filler words first: the number of contexts multiplies with every word.)
#
# And the greeting, *Mary said hi to ___*? There the name is 12 words away (full stops counted) even without filler:

# %%
greetings = PronounGrammar(distance=(0, 4), greetings=1.0)
greeted = count_followers(greetings.stories(1500, np.random.default_rng(2)), window=10)
right, back = 0, []
for story in greetings.stories(300, np.random.default_rng(3)):
    seen = next(greeted[story.prompt[-w:]] for w in range(10, 0, -1) if greeted[story.prompt[-w:]])
    right += seen.most_common(1)[0][0] == story.answer
    back.append(len(story.prompt))   # full stops count as words
print(story)
print(f"the name stands {min(back)} to {max(back)} words before the blank")
print(f"window of 10: {right / 300:.0%} right; guessing one of the five other names: {1 / 5:.0%}")

# %% [markdown]
# The number of *possible* contexts grows exponentially with the window, and no text is long enough to fill
# such a table. For tables of counts that road is closed.

# %% [markdown]
# ## 1.3 One number is enough
#
# What does a reader have to carry from *John* to *he*? One bit. So let us keep **one number** $h$, the *state*, and
# update it at every word:
#
# $$h_t = \tanh(w_x\, x_t + w_h\, h_{t-1}), \qquad h_0 = 0$$
#
# where $x_t$ is $+1$ for a man's name, $-1$ for a woman's and $0$ for every other word. At the blank we
# look at the sign of $h$. The function is the same at every word, with the same two weights. That is why it can read
# a sequence of any length.
#
# First with $w_x = 2$ and $w_h = 0.8$, on *John* and ten words of filler:

# %%
h = 0.0
for t, x in enumerate([1] + 10 * [0], start=1):
    h = np.tanh(2 * x + 0.8 * h)
    print(f"t = {t:2d}   x = {x}   h = {h:.3f}")

# %% [markdown]
# It starts well and fades. The weight $w_h$ decides whether the unit holds on to what it has.

# %% [markdown]
# ### Exercise 1.1 · `remember_first` · ★★☆ · 15 min
# Loop over the signals with the formula above, and return the last $h$, rounded (`np.round`): $+1$ if a man
# came first, $-1$ if a woman did. At least one name occurs. Then find weights with which the unit remembers
# the **first** name over the next 60 words, whatever they are: no name, one of the other kind, or sixty of them.
#
# <details><summary>A nudge</summary>Without input the unit computes h → tanh(w_h · h) again and again. For which
# w_h does a value near 1 stay near 1? Try 0.8, 1 and 3 in the cell above. Then let x be −1 at every word but the
# first.</details>
# <details><summary>A recipe</summary>With w_h = 3 the state rests near ±0.995 and holds itself with 3 · 0.995 ≈ 3. A
# name of the other kind pushes the other way with w_x, and the next one pushes a state that is already weaker: in a long
# row, w_x = 1 does no harm and w_x = 1.4 flips the unit. But one name must lift h from 0 to above 0.5, or it rounds to
# 0: that takes w_x above 0.55. In the loop: h = np.tanh(w_x * s + w_h * h).</details>
#
# You are there when
#
# ```python
# remember_first(np.array([0, 1]))            # 1.0
# remember_first(np.array([-1] + 60 * [1]))   # -1.0
# ```

# %% exercise="remember_first"
def remember_first(signals):
    """signals (T,): +1, −1 or 0 for each word → ±1.0, the first signal that is not 0."""
    w_x, w_h = 1.0, 0.5   # change these two
    h = 0.0
    ### BEGIN SOLUTION
    w_x, w_h = 1.0, 3.0
    for s in signals:
        h = np.tanh(w_x * s + w_h * h)
    return np.round(h)
    ### END SOLUTION

# %% check="remember_first" points=2
remember_first = check("remember_first", remember_first)

# %% [markdown]
# From here on the chapter runs on your function if the box is green, and on ours if not.
#
# A unit that feeds itself strongly enough to keep what it has is called a **latch**, after the circuit that
# keeps a bit. It has two resting places, one on either side of 0, and stays in one of them until something
# pushes hard enough. (We meet it again in [chapter 3](03_gradient_clipping.ipynb) and
# [chapter 4](04_lstm_gru.ipynb).) How hard is hard enough? One name, and then nothing but names of the other kind:

# %%
def withstands(w_x, w_h=3.0, at_most=10_000):
    """How many names of the other kind in a row, after one name, leave the sign of h as it is."""
    h = np.tanh(w_x)
    for others in range(at_most):
        h = np.tanh(w_h * h - w_x)
        if h < 0:
            return others
    return at_most


for w_x in (0.6, 1.0, 1.3, 1.31, 1.4, 2.0, 2.9):
    print(f"w_h = 3, w_x = {w_x:<4}  withstands {withstands(w_x):6,d} others in a row")
claim("with w_h = 3 and w_x = 1.30 a latch withstands 10,000 other names in a row, with w_x = "
      "1.31 fewer than 60",
      withstands(1.3) == 10_000 and withstands(1.31) < 60)

# %% [markdown]
# Up to about 1.30 there is a state that reproduces itself against the push, $h = \tanh(3h - w_x)$ with $h > 0$. Beyond
# there is none. Just beyond, every further name takes the state down a little, slowly at first.
#
# Now the unit reads the stories that the tables read. Not quite fair: we tell it which words are names, and of
# which kind, and the tables had to find that out. (Told as much, a window of 10 would be right up to 6 words of filler,
# too.) What it shows is that one number is enough to *carry* the answer, to the distances beyond as well.

# %%
lexicon = grammar.lexicon


def signals(words):
    """+1 for a man's name, −1 for a woman's, 0 otherwise: (T,)."""
    return np.array([(word in lexicon.men) - (word in lexicon.women) for word in words], dtype=float)


def share_right(stories):
    answers = ["he" if remember_first(signals(s.prompt)) > 0 else "she" for s in stories]
    return np.mean([answer == s.answer for answer, s in zip(answers, stories, strict=True)])


state_right = [share_right(tests[d]) for d in distances]
print("one recurrent unit:", *(f"{share:.0%}" for share in state_right))

# %% [markdown]
# And much further, with other names in between:

# %%
crowded = PronounGrammar(distance=40, distractors=3, greetings=0.0)
claim("a latch, told which words are names, is right in all of 300 stories with 40 words and 3 "
      "names in between",
      share_right(crowded.stories(300, np.random.default_rng(7))) == 1,
      heard="A recurrent network can use information from any distance", verdict="in principle")

# %% draws=true
fig, axis = figure(width=7, height=3.4)
axis.plot(distances, state_right, "s-", color=COLOURS["rnn"], label="one recurrent unit")
looks = {10: ("o", "-", "lstm"), 6: ("^", "--", "gru"), 4: ("D", "-.", "warm"), 2: ("v", ":", "control")}
for shift, (window, (marker, style, colour)) in zip((-0.15, -0.05, 0.05, 0.15), looks.items(), strict=True):
    means = accuracy[window].mean(axis=0)
    span = np.abs(np.stack([accuracy[window].min(axis=0), accuracy[window].max(axis=0)]) - means)
    axis.errorbar(
        np.array(distances) + shift, means, yerr=span, marker=marker, linestyle=style, markersize=5,
        color=COLOURS[colour], elinewidth=1, label=f"window of {window} words",
    )  # fmt: skip
axis.plot((-0.4, 12.2), (0.5, 0.5), color=COLOURS["floor"], linewidth=0.8, linestyle=":")
axis.text(12.4, 0.5, "chance", fontsize=9, va="center")
axis.set(xlabel="filler words between the name and the pronoun", ylim=(0.35, 1.05), xlim=(-0.4, 13.4))
axis.set_ylabel("blanks filled correctly")
axis.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.66))
show(
    fig,
    f"With a window of 4 words the pronoun is right in {accuracy[4][:, 0].mean():.0%} of the stories "
    f"without filler and in {accuracy[4][:, 1].mean():.0%} after 2 filler words; a window of 10 stands at "
    f"{accuracy[10][:, 1].mean():.0%} after 2 and {accuracy[10][:, 3].mean():.0%} after 6 (means of three "
    f"training texts, bars from lowest to highest). The recurrent unit, told which words are names, is right "
    f"in {min(state_right):.0%} at every distance.",
)

# %% [markdown]
# This is the idea of the whole course: **a state, updated by the same function at every step.** We found the
# two weights by hand. Whether *training* finds them is another question, and the answer will depend on the cell and on the
# stories it is trained on. Chapters 2 to 4 are about why, and what helps.
#
# The unit holds its value because $w_h > 1$. What is left of a state of 1 after 60 words of filler?

# %%
for w_h in (0.9, 1.0, 1.1):
    h, trace = 1.0, []
    for _ in range(60):
        h = np.tanh(w_h * h)
        trace.append(h)
    print(f"w_h = {w_h}: after 1, 10 and 60 words h = {trace[0]:.3f}, {trace[9]:.3f}, {trace[59]:.3f}")

# %% [markdown]
# At 1.0 the state still fades, only ever more slowly; just above 1 there is a value at which it rests. Memory for good
# begins exactly there (for positive $w_h$), where the curve $\tanh(w_h h)$ leaves 0 more steeply than the line $h$, and so has to cross it again further out.
#
# Here is the latch in one picture: a man's name, 19 words of filler, some women's names in a row, filler again. On top
# of $w_x x_t$ a little noise can come at every word, as it does in a network whose other units talk too.

# %%
noises = np.random.default_rng(5).normal(size=60)


def latch_states(w_h, w_x, others, noise):
    """h after each of 60 words: a man's name first, from word 21 on `others` women's names → (60,)."""
    x = np.zeros(60)
    x[0], x[20 : 20 + others] = 1, -1
    h, states = 0.0, []
    for t in range(60):
        h = np.tanh(w_x * x[t] + noise * noises[t] + w_h * h)
        states.append(h)
    return np.array(states)


for w_h, w_x in ((3.0, 1.25), (3.0, 1.5), (0.8, 1.25)):
    states = latch_states(w_h, w_x, others=8, noise=0.0)
    print(f"w_h = {w_h}, w_x = {w_x}:  h after 1, 20, 28 and 60 words", end=" ")
    print(*(f"{states[t - 1]:6.3f}" for t in (1, 20, 28, 60)))

# %% [markdown]
# **Move it.** Look first at the right: where the solid curve crosses the diagonal, a state gives itself again, and a full dot is
# one to which neighbours return. Without women's names, take $w_h$ down until the unit forgets: what happens to the dots? Then
# back to 3, with 30 women's names, and $w_x$ up until it flips: which crossings has the dashed curve, that of a woman's name,
# lost? And with no women's names and a noise
# of 0.4: below which $w_h$ does the state leave its side? (It moves where a kernel runs; on a page it stands still.)

# %% draws=true
from helpers.live import explore, slider


def resting(w_h, push=0.0):
    """The states that tanh(w_h h + push) gives back, as (h, whether neighbours return to it)."""
    grid = np.linspace(-1, 1, 2002)
    gap = np.tanh(w_h * grid + push) - grid
    at = grid[:-1][np.signbit(gap[:-1]) != np.signbit(gap[1:])]
    return [(h, w_h * (1 - h**2) < 1) for h in at]


def latch(w_h, w_x, others, noise):
    states = latch_states(w_h, w_x, others, noise)
    fig, (left, right) = figure(2, width=7.6, height=3.2, width_ratios=(1.5, 1))
    words = np.arange(1, 61)
    left.axhline(0, color=COLOURS["floor"], linewidth=0.8, linestyle=":")
    left.plot(words, states, "o-", color=COLOURS["rnn"], markersize=3)
    if others:
        left.axvspan(20.5, 20.5 + others, color=COLOURS["sky"], alpha=0.25, linewidth=0)
    left.set(xlabel="word (shaded: women's names)", ylabel="h", ylim=(-1.1, 1.1), xlim=(0, 61))
    left.set(xticks=[1, 20, 40, 60], yticks=[-1, 0, 1])
    grid = np.linspace(-1.1, 1.1, 200)
    right.plot(grid, grid, color=COLOURS["floor"], linewidth=0.8)
    right.plot(grid, np.tanh(w_h * grid), color=COLOURS["rnn"])
    right.plot(grid, np.tanh(w_h * grid - w_x), "--", color=COLOURS["lstm"])
    for h, stable in resting(w_h):
        right.plot(h, h, "o", color=COLOURS["rnn"], markerfacecolor=None if stable else "white")
    right.set(xlabel="h before", ylabel="h after", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    right.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    held = [abs(np.tanh(w_h * h)) for h, stable in resting(w_h) if stable]   # a step nearer
    holds = max(held) > 0.01
    rests = f"without a name it rests at ±{max(held):.2f}" if holds else "without a name it goes to 0"
    turned = 1 + np.flatnonzero(np.diff(np.sign(states), prepend=1.0))      # words at which h changes side
    if abs(states[-1]) < 0.1 and (noise == 0 or len(turned) < 2):
        fate = "The unit forgets"
    elif len(turned) == 0 and holds:
        fate = "The unit holds, above 0 from the man's name on"
    elif len(turned) == 0:
        fate = "The unit fades, above 0 from the man's name on"
    elif len(turned) == 1:
        fate = f"The unit flips at word {turned[0]}"
    else:
        fate = f"The unit changes sides {len(turned)} times, first at word {turned[0]}"
    last = abs(states[-1]) if abs(states[-1]) < 0.005 else states[-1]       # no -0.00
    left_over = "and a woman's name leaves none above 0"
    if any(h > 0 for h, _ in resting(w_h, -w_x)):
        left_over = "and a woman's name leaves a resting place above 0"
    return fig, (
        f"{fate}, and after 60 words h = {last:.2f}, with w_h = {w_h:g}, w_x = {w_x:g}, noise {noise:g} and "
        f"{others} women's names. Right: h after a word against h before, solid for filler, dashed for a "
        f"woman's name; {rests}, {left_over}."
    )


explore(
    latch,
    w_h=slider("w_h, what it keeps of itself", 0.0, 4.0, value=3.0, step=0.05),
    w_x=slider("w_x, how hard a name pushes", 0.0, 3.0, value=1.25, step=0.05),
    others=slider("women's names in a row", 0, 30, value=8),
    noise=slider("noise", 0.0, 1.5, value=0.0, step=0.05),
)

# %% [markdown]
# ## 1.4 Order carries meaning
#
# There is a model that keeps every word, from any distance, and still misses something: the *bag of words*, in which the
# words of a sentence are counted without their order. Korean marks by particles who does what (이 the subject, 를 the
# object), so words may move, but not anywhere:
#
# | Korean | romanised | word by word | this order is |
# |---|---|---|---|
# | 동생이 음료수를 마신다 | dongsaengi eumnyosureul masinda | younger sibling – soft drink – drinks | natural |
# | 음료수를 동생이 마신다 | eumnyosureul dongsaengi masinda | soft drink – younger sibling – drinks | possible |
# | 마신다 음료수를 동생이 | masinda eumnyosureul dongsaengi | drinks – soft drink – younger sibling | odd |
#
# The same three words each time. A model that adds up word counts gives all three the same score. A model
# that reads in order need not; in [chapter 5](05_language_model.ipynb) we train one and look at its scores.

# %%
sentences = ["동생이 음료수를 마신다", "음료수를 동생이 마신다", "마신다 음료수를 동생이"]
bags = [Counter(sentence.split()) for sentence in sentences]
print(dict(bags[0]))
claim("the three sentences are one and the same bag of words", bags[0] == bags[1] == bags[2])

# %% [markdown]
# ## 1.5 The same step, with vectors
#
# A latch remembers one bit. Language needs more, so the state becomes a vector of $H$ numbers, the input a vector
# of $D$ numbers, and the weights become matrices. We also handle $N$ sequences at once, one a row:
#
# | letter | shape | what it is |
# |---|---|---|
# | $x_t$ | (N, D) | the inputs at step t |
# | $h_{t-1}$ | (N, H) | the states before |
# | $W_x$ | (D, H) | from input to state |
# | $W_h$ | (H, H) | from state to state |
# | $b$ | (H,) | bias |
#
# $$a_t = x_t W_x + h_{t-1} W_h + b, \qquad h_t = \tanh(a_t)$$
#
# Rows are examples, so the matrices stand on the right. Texts that write $W_{xh}x_t + W_{hh}h_{t-1}$ use columns; their
# matrices are ours, transposed.

# %% draws=true
show(
    diagrams.step_graph(),
    "Computation graph of one step (@ is the matrix product): x_t times W_x and h_(t-1) times W_h "
    "meet the bias "
    "in a sum; tanh of the sum is h_t, which goes to the output and to the next step.",
)

# %% [markdown]
# ### Exercise 1.2 · `rnn_step` · ★☆☆ · 10 min
# Write the step for a batch.
#
# <details><summary>A nudge</summary>Which two products have the shape (N, H)? The bias is added to every row by
# broadcasting.</details>
# <details><summary>A recipe</summary><code>np.tanh(x @ Wx + h_prev @ Wh + b)</code></details>
#
# You are there when
#
# ```python
# x, h_prev = np.ones((1, 3)), np.array([[1.0, 0.5]])
# Wx, Wh, b = np.full((3, 2), 0.1), np.array([[0.1, 0.4], [0.2, 0.3]]), np.full(2, 0.2)
# rnn_step(x, h_prev, Wx, Wh, b)[0, 0]   # ≈ 0.604
# ```

# %% exercise="rnn_step"
def rnn_step(x, h_prev, Wx, Wh, b):
    """x (N, D), h_prev (N, H), Wx (D, H), Wh (H, H), b (H,) → h (N, H)."""
    ### BEGIN SOLUTION
    return np.tanh(x @ Wx + h_prev @ Wh + b)
    ### END SOLUTION

# %% check="rnn_step" points=2
rnn_step = check("rnn_step", rnn_step)

# %% [markdown]
# Many books glue the two inputs together and write $W[h; x]$. That is the same computation: put $x$ and $h$ side by
# side, stack the matrices in the same order, and one product gives the same sum.

# %%
rng = np.random.default_rng(2)
N, D, H = 2, 3, 4
x, h_prev = rng.normal(size=(N, D)), rng.normal(size=(N, H))
Wx, Wh, b = rng.normal(size=(D, H)), rng.normal(size=(H, H)), rng.normal(size=H)

two_products = rnn_step(x, h_prev, Wx, Wh, b)
xh = np.concatenate([x, h_prev], axis=1)     # (N, D + H)
W = np.concatenate([Wx, Wh], axis=0)         # (D + H, H)
one_product = np.tanh(xh @ W + b)
print("[x; h] has shape", xh.shape, "and W", W.shape)
claim("both give the same states, to 1e-14", np.abs(two_products - one_product).max() < 1e-14,
      heard="$W[h; x]$ and the form with two matrices are the same", verdict="yes")

# %% [markdown]
# ## 1.6 A loop, or unrolled
#
# The drawing on the left is the network: one cell that feeds its state back to itself. On the right the same
# cell is written out once per step. ($W_y$, of shape (H, V), reads an output $y_t$ off the state: section 1.7.) There is
# nothing new on the right: **all the $W_x$ are the same matrix**, and so
# are all the $W_h$ and all the $W_y$. What differs from step to step are the input and the state.

# %% draws=true
show(
    diagrams.loop_and_unrolled(),
    "Left: a cell h_t with input x_t, output y_t and an arrow W_h back to itself. Right: the same "
    "cell four times in a row, h_1 to h_4, with the same W_x, W_h and W_y at every step.",
)

# %% [markdown]
# ### Exercise 1.3 · `rnn_forward` · ★★☆ · 15 min
# Run `rnn_step` over a whole batch x of shape (N, T, D), starting from the states h0 (N, H), and return all the states
# in one array h of shape (N, T, H): `h[:, t]` is the state *after* reading `x[:, t]`. Leave `h0` as it is.
#
# <details><summary>A nudge</summary>A loop over t. Which variable has to survive from one round to the next?</details>
# <details><summary>A recipe</summary>Start with h = h0 and an empty list. In each round
# <code>h = rnn_step(x[:, t], h, Wx, Wh, b)</code>, and append it. At the end <code>np.stack(states, axis=1)</code>; axis 0 would give (T, N, H).</details>
#
# You are there when
#
# ```python
# x, h0 = np.ones((1, 4, 3)), np.full((1, 2), 0.5)
# rnn_forward(x, h0, np.full((3, 2), 0.1), np.full((2, 2), 0.2), np.full(2, 0.1))[0, -1, 0]   # ≈ 0.551
# ```

# %% exercise="rnn_forward"
def rnn_forward(x, h0, Wx, Wh, b):
    """x (N, T, D), h0 (N, H), Wx (D, H), Wh (H, H), b (H,) → h (N, T, H), the states after each step."""
    ### BEGIN SOLUTION
    states, h = [], h0
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)
    ### END SOLUTION

# %% check="rnn_forward" points=3
rnn_forward = check("rnn_forward", rnn_forward)

# %% [markdown]
# The same three arrays $W_x$, $W_h$ and $b$ read a sequence of 3 steps or of 300:

# %%
h0 = np.zeros((N, H))
before = [Wx.copy(), Wh.copy(), b.copy()]
for T in (3, 30, 300):
    h = rnn_forward(rng.normal(size=(N, T, D)), h0, Wx, Wh, b)
    print(f"T = {T:3d}: h has shape {h.shape}")
claim("the same three arrays read 3, 30 and 300 steps, and reading changes none of them",
      all(np.array_equal(old, now) for old, now in zip(before, (Wx, Wh, b), strict=True)),
      heard="$W_h$ holds what has been read", verdict="no, reading does not change it")

# %% [markdown]
# In `helpers` stands the layer that the rest of the course uses, `RNN`. It keeps its arrays in `params`, checks its input
# and knows how to go backwards; forwards it does what you just wrote.

# %%
from helpers.layers import RNN

layer = RNN(D, H, rng=np.random.default_rng(3), dtype=np.float64)
x = rng.normal(size=(N, 7, D))
ours = rnn_forward(x, h0, layer.params["Wx"], layer.params["Wh"], layer.params["b"])
claim("helpers.layers.RNN computes the same states",
      np.allclose(layer.forward(x, h0), ours, rtol=0, atol=1e-14))

# %% [markdown]
# ## 1.7 "hello", one character at a time
#
# Now a network that spells. Its alphabet has four characters, h, e, l, o. After each character it should
# name the next: after h comes e, after e comes l, after l comes l, and after the second l comes o.
#
# A character enters as a **one-hot** vector, a row of zeros with a single 1:

# %%
from helpers.corpora.characters import hello, one_hot, vocabulary

alphabet = vocabulary()
inputs, targets = hello()
x = one_hot(alphabet.encode(inputs), len(alphabet), dtype=np.float64)[None]   # (N, T, D) = (1, 4, 4)
y = alphabet.encode(targets)[None]                                            # (N, T)
print("reads ", " ".join(inputs), "\nwrites", " ".join(targets), "\n")
print(x[0].astype(int))

# %% [markdown]
# What leaves the network at each step is one number per character, the **logits** $y_t = h_t W_y + b_y$ of shape
# (N, V). Softmax turns them into probabilities: $p_i = e^{y_i} / \sum_j e^{y_j}$.
#
# Take these logits for what an untrained network says after it has read *h*. The numbers come from a blog post (Karpathy
# 2015), and many lectures have taken them from there:

# %%
from helpers.layers import softmax

logits = np.array([1.0, 2.2, -3.0, 4.1])
p = softmax(logits)
for character, z, probability in zip("helo", logits, p, strict=True):
    print(f"{character}   logit {z:5.1f}   probability {probability:.3f}")

# %% [markdown]
# The right answer is *e*, and it gets only 0.125. What will the network write? That depends on how we pick:
#
# - **argmax** takes the most probable: *o*, every time.
# - **sampling** draws each character with its probability: *o* in 84 % of the cases, *e* once in eight.
#
# To sample, lay the probabilities end to end on the line from 0 to 1, draw a uniform number $u$, and see whose
# stretch it hits.

# %%
edges = np.concatenate([[0], np.cumsum(p)])
for i, character in enumerate("helo"):
    print(f"{character}   from {edges[i]:.3f} to {edges[i + 1]:.3f}")

# %% draws=true
fig, axis = figure(width=7, height=1.7)
colours = [COLOURS["sky"], COLOURS["gru"], COLOURS["accent"], COLOURS["warm"]]
for i, character in enumerate("helo"):
    axis.barh(0, p[i], left=edges[i], color=colours[i], edgecolor="white")
    if p[i] > 0.01:
        axis.text(edges[i] + p[i] / 2, -0.2, character, ha="center", va="center")
axis.annotate("l", (edges[2], 0.4), (edges[2] + 0.04, 0.7), arrowprops={"arrowstyle": "-"})
axis.axvline(0.1, ymin=0.4, ymax=0.85, color="black", linewidth=1)
axis.text(0.1, 0.72, "u = 0.1", ha="center", fontsize=9)
axis.set(xlabel="u, uniform between 0 and 1", xlim=(0, 1), yticks=[], ylim=(-0.5, 0.9))
axis.grid(False)
axis.spines["left"].set_visible(False)
show(
    fig,
    f"The unit interval cut into stretches of length {p[0]:.3f} (h), {p[1]:.3f} (e), {p[2]:.3f} (l) "
    f"and {p[3]:.3f} (o). The number u = 0.1 falls into the stretch of e.",
)

# %% [markdown]
# ### Exercise 1.4 · `sample_next` · ★★☆ · 15 min
# Return the id whose stretch contains u. A stretch holds its left end and not its right one. A logit of −inf means
# probability 0 (not all are −inf): a stretch of length 0, which contains nothing.
#
# Two things go wrong in floating-point numbers. $e^{1000}$ overflows; but softmax does not change when you subtract the
# same number from all logits. And probabilities are rounded, so that their running sum may end at 0.9999999999999999; a
# u as large as that has to fall into the last stretch, too. Leave `logits` as it is.
#
# <details><summary>A nudge</summary>The right-hand ends of the stretches are the running sums of the probabilities. You
# look for the first that is larger than u. Running sums of the exponentials, divided by the last of them, are the same
# edges, and the last of these is exactly 1.</details>
# <details><summary>A recipe</summary><code>edges = np.cumsum(np.exp(logits - logits.max()))</code>, then
# <code>int(np.argmax(edges / edges[-1] > u))</code>: argmax finds the first True.</details>
#
# You are there when u = 0.15 hits *e*, and 0.17 hits *o*:
#
# ```python
# logits = np.array([1.0, 2.2, -3.0, 4.1])
# sample_next(logits, 0.15)   # 1
# sample_next(logits, 0.17)   # 3
# ```

# %% exercise="sample_next"
def sample_next(logits, u):
    """logits (V,), −inf for probability 0; u a number in [0, 1)
    → the id, an int 0 … V − 1, whose stretch contains u.
    """
    ### BEGIN SOLUTION
    weights = np.exp(logits - logits.max())
    edges = np.cumsum(weights)
    return int(np.argmax(edges / edges[-1] > u))
    ### END SOLUTION

# %% check="sample_next" points=2
sample_next = check("sample_next", sample_next)

# %%
rng = np.random.default_rng(4)
drawn = Counter("helo"[sample_next(logits, rng.random())] for _ in range(10_000))
print("argmax writes", "helo"[int(np.argmax(logits))], "each time")
print("sampling, 10,000 times:", {c: round(drawn[c] / 10_000, 3) for c in "helo"})
claim("with these logits sampling writes the right letter e one time in eight, and argmax never",
      abs(drawn["e"] / 10_000 - 1 / 8) < 0.01 and np.argmax(logits) != 1,
      heard="Sampling makes the network write the right letter", verdict="no, one time in eight")

# %% [markdown]
# Sampling writes the right letter one time in eight. It is tempting to credit sampling with that, and some lectures do.
# But it also writes the wrong letter seven times in eight: what mends the output is *training*, which moves the
# probability to where it belongs. Sampling is how we use a distribution, good or bad.

# %% [markdown]
# ### Exercise 1.5 · `quiz_state` · ★☆☆ · 5 min
# In "hello" the network reads **l** twice. After the first it should write l, after the second o. What makes the two
# answers different?
#
# - **a** the matrix $W_h$, which has learned h, e, l by the time the second l arrives
# - **b** the input vector, which differs between the two steps
# - **c** the state, which holds what was read before
# - **d** the output matrix $W_y$, which differs from step to step

# %% exercise="quiz_state"
def quiz_state():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "c"
    ### END SOLUTION
    return answer

# %% check="quiz_state" points=1
quiz_state = check("quiz_state", quiz_state)

# %% [markdown]
# ## 1.8 What a network without memory cannot do
#
# How bad is a prediction? If the network gave the character that really came the probability $p$, it pays
# $-\ln p$: nothing for $p = 1$, $\ln 2 \approx 0.69$ for $p = 1/2$, 2.08 for $p = 0.125$. The mean over all predictions is
# the **loss**, called cross-entropy. With the natural logarithm its unit is the *nat*.
#
# Suppose the state were missing: the network sees one character and must name the next. After *l* the right answer is l
# in one case and o in the other. The best it can do is to give each one half, and that costs $\ln 2$ at both places.
# The other two places can be learned perfectly. So on average, over four predictions, the loss cannot go below
#
# $$\frac{0 + 0 + \ln 2 + \ln 2}{4} = \frac{\ln 2}{2} \approx 0.347 \text{ nats a character.}$$
#
# In general the bound is the entropy of the next character *given the current one*, averaged over the text.

# %% [markdown]
# ### Exercise 1.6 · `memoryless_bound` · ★★★ · 20 min
# Compute that bound for any text: the lowest mean loss, in nats per prediction, of a model that knows
# only the current character. Characters are what Python's strings are made of: A is not a, and a space is one, too.
#
# <details><summary>A nudge</summary>For each character, count what follows it. A character that is followed by a in
# 3 cases out of 4 costs −ln(3/4) in those three places and −ln(1/4) in the fourth.</details>
# <details><summary>A recipe</summary>Go through all neighbouring pairs. With count(ab) the number of times a is followed by
# b and count(a) the number of times anything follows a, every pair costs −ln(count(ab) / count(a)), which is
# ln(count(a) / count(ab)). Average over the len(text) − 1 pairs.</details>
#
# You are there when
#
# ```python
# memoryless_bound("hello")         # ≈ 0.347
# memoryless_bound("mississippi")   # ≈ 0.607
# ```

# %% exercise="memoryless_bound"
def memoryless_bound(text):
    """text, a string of 2 or more characters → mean of −ln P(next | current) over its len(text) − 1 pairs."""
    ### BEGIN SOLUTION
    pairs = Counter(itertools.pairwise(text))
    firsts = Counter(text[:-1])
    nats = sum(n * np.log(firsts[a] / n) for (a, b), n in pairs.items())
    return nats / (len(text) - 1)
    ### END SOLUTION

# %% check="memoryless_bound" points=3
memoryless_bound = check("memoryless_bound", memoryless_bound)

# %% [markdown]
# Now train, once with the state and once without. The control is the same network with $W_h = 0$ held fixed, so that it
# sees nothing but the current character. It is built to fail; the question is whether it fails where we said. Each of the
# two starts from five different seeds.
#
# Three helpers come along: `Affine` computes $h W_y + b_y$, `SoftmaxCrossEntropy` the loss, and `Adam` takes the small
# steps. The loop is the one of chapter 5: run forwards, compare, run backwards, take a step.

# %%
from helpers.layers import Affine, SoftmaxCrossEntropy
from helpers.optim import Adam


def train_on_hello(memory, seed, steps=400):
    rng = np.random.default_rng(seed)
    cell = RNN(4, 8, rng=rng, dtype=np.float64)
    output = Affine(8, 4, rng=rng, dtype=np.float64)
    loss = SoftmaxCrossEntropy()
    optimizers = [Adam(cell.params, lr=0.03), Adam(output.params, lr=0.03)]
    if not memory:
        cell.params["Wh"][:] = 0
    curve = []
    for _ in range(steps):
        curve.append(loss.forward(output.forward(cell.forward(x)), y))
        cell.backward(output.backward(loss.backward()))
        if not memory:
            cell.grads["Wh"][:] = 0     # Wh stays at 0
        for optimizer, layer in zip(optimizers, (cell, output), strict=True):
            optimizer.step(layer.grads)
    return cell, output, curve

# %%
trained = {memory: [train_on_hello(memory, seed) for seed in range(5)] for memory in (True, False)}
names = {True: "with the state   ", False: "without the state"}
ends = {memory: np.array([curve[-1] for _, _, curve in runs]) for memory, runs in trained.items()}
for memory, runs in trained.items():
    said = {"".join(alphabet.decode(out.forward(cell.forward(x)).argmax(axis=2)[0])) for cell, out, _ in runs}
    print(f"{names[memory]}  loss {ends[memory].min():.4f} to {ends[memory].max():.4f}   after h, e, "
          f"l, l: {said}")
print(f"bound without the state {memoryless_bound('hello'):.4f}")
above = ends[False] - memoryless_bound("hello")
claim("without a state all five networks end less than 0.002 nats above (ln 2)/2, with one all "
      "five below 0.002",
      (above > 0).all() and (above < 0.002).all() and (ends[True] < 0.002).all(),
      heard="The two l's of \"hello\" need a state", verdict="yes")

# %% draws=true
fig, axis = figure(width=7, height=3.2)
for memory, colour, style in ((True, COLOURS["rnn"], "-"), (False, COLOURS["control"], "--")):
    for k, (_, _, curve) in enumerate(trained[memory]):
        label = "" if k else ("with the state" if memory else "control without the state")
        axis.plot(curve, color=colour, linestyle=style, linewidth=1, label=label)
axis.plot((0, 400), 2 * [memoryless_bound("hello")], color=COLOURS["floor"], linewidth=0.8, linestyle=":")
axis.text(405, memoryless_bound("hello"), "(ln 2)/2", va="center", fontsize=9)
axis.set(xlabel="training step", ylabel="loss (nats a character)", xlim=(-8, 450))
axis.legend(frameon=False)
show(
    fig,
    "After 400 steps the networks with a state (five seeds) have a loss of at "
    f"most {ends[True].max():.4f} nats "
    f"a character; the controls without one end at {ends[False].min():.4f} to "
    f"{ends[False].max():.4f}, on the bound "
    f"of {memoryless_bound('hello'):.4f}.",
)

# %% [markdown]
# The control sits on its bound, and no amount of training takes it below. The recurrent network says *ello*.
# What tells its two l's apart is visible in the state:

# %%
states = [cell.forward(x)[0] for cell, _, _ in trained[True]]
apart = [np.linalg.norm(h[2] - h[3]) for h in states]
print(f"distance between the inputs at the two l's:  {np.linalg.norm(x[0, 2] - x[0, 3]):.1f}")
print(f"distance between the states at the two l's:  {min(apart):.1f} to {max(apart):.1f}")

# %% [markdown]
# So far it was handed the right letter at every step. Left alone, it gets its own last letter back as the next input:

# %%
def spell(cell, output, memory):
    letter, state = alphabet.encode("h"), None
    spelled = "h"
    for _ in range(4):
        h = cell.forward(one_hot(letter, 4, dtype=np.float64)[None], state if memory else None)
        state = h[:, -1]
        letter = output.forward(state).argmax(axis=1)
        spelled += alphabet.decode(letter)[0]
    return spelled


for memory, runs in trained.items():
    print(names[memory], *(spell(cell, output, memory) for cell, output, _ in runs))
cell, output, _ = trained[False][0]
after_l = softmax(output.forward(cell.forward(x)))[0, 3]
print(f"without the state, after an l: l with probability {after_l[2]:.3f}, o with {after_l[3]:.3f}")
by_lot = np.prod(softmax(output.forward(cell.forward(x)))[0][range(4), y[0]])
print(f"by sampling, not argmax, it would spell hello {by_lot:.0%} of the time")

# %% [markdown]
# To the control an l is an l. The two answers tie but for a hair; by argmax it takes the same one each time, and never gets
# to o. By sampling it is right now and then: two letters at a half each, the others nearly sure.

# %% [markdown]
# ## 1.9 Five ways to wire it
#
# Four of them run a chain of states. What you feed in and where you read out makes five kinds of task.

# %% draws=true
show(
    diagrams.five_wirings(),
    "Five wirings of a chain of states (middle rows) with inputs (below) and outputs (above). One "
    "to one; many to "
    "one: three inputs, an output at the last; aligned: an output for each of three inputs. One to many: "
    "the input on "
    "the left is the first state, S a start sign, and each output is the next step's input "
    "(dashed). Many to many: "
    "three inputs, then a second cell (darker) that writes in the same way.",
)

# %% [markdown]
# Each of them in a few lines, untrained, to see the shapes. **One to one** is no sequence at all: an affine layer.

# %%
rng = np.random.default_rng(6)
N, T, D, H, V = 2, 5, 3, 4, 6
rnn, read_out = RNN(D, H, rng=rng), Affine(H, V, rng=rng)
x = rng.normal(size=(N, T, D)).astype(np.float32)

one_to_one = Affine(D, V, rng=rng)
print("one to one  ", x[:, 0].shape, "→", one_to_one.forward(x[:, 0]).shape)

# %% [markdown]
# **Many to one** (is this review positive? what is the person in this video doing?): read everything, use the last state.
# Of all the states, an array (N, T, H), that is `h[:, -1]`, of shape (N, H).

# %%
h = rnn.forward(x)
print("many to one ", x.shape, "→ last state", h[:, -1].shape, "→", read_out.forward(h[:, -1]).shape)

# %% [markdown]
# **Aligned many to many** (a label for every frame, the next word at every word): use every state.

# %%
print("aligned     ", x.shape, "→ all states", h.shape, "→", read_out.forward(h).shape)

# %% [markdown]
# **One to many** (a caption for a picture): the picture, as a vector (N, H), is the first state; the first input is a
# start sign, and from then on each output becomes the next input.

# %%
picture = rng.normal(size=(N, H)).astype(np.float32)
embed = rng.normal(size=(V, D)).astype(np.float32)      # a vector for each of the V words
start = np.zeros(N, dtype=int)                          # word 0 is the start sign
word, state, caption = start, picture, []
for _ in range(4):
    state = rnn.forward(embed[word][:, None], state)[:, -1]
    word = read_out.forward(state).argmax(axis=1)
    caption.append(word)
print("one to many ", picture.shape, "→ words", np.stack(caption, axis=1).shape)

# %% [markdown]
# **Many to many** (translation; a caption for a video): one network reads, its last state starts a second one that writes.
# Input and output may differ in length. Chapter 7 builds this and finds its weak spot.

# %%
writer = RNN(D, H, rng=rng)
state, word, translation = h[:, -1], start, []
for _ in range(3):
    state = writer.forward(embed[word][:, None], state)[:, -1]
    word = read_out.forward(state).argmax(axis=1)
    translation.append(word)
translation = np.stack(translation, axis=1)
print("many to many", x.shape, "→ one state", h[:, -1].shape, "→ words", translation.shape)

# %% [markdown]
# ## 1.10 From words to (N, T, D)
#
# Words enter a network as ids, and sentences differ in length. Padding and embedding make one array (N, T, D) of them.
# (`<pad>` is the id for nothing, `<unk>` the one for words the vocabulary does not know.)
#
# **Padding.** Choose a length, cut what is longer, fill what is shorter with an id that means "nothing".

# %%
from helpers.corpora.vocabulary import Vocabulary

reviews = ["not bad at all", "a slow start", "at first dull but then a wonderful film"]
words = Vocabulary.build((w for r in reviews for w in r.split()), reserved=("<pad>", "<unk>"))
length = 6
ids = np.zeros((len(reviews), length), dtype=int)                   # 0 is <pad>
for n, review in enumerate(reviews):
    kept = words.encode(review.split())[:length]
    ids[n, : len(kept)] = kept
for row in ids:
    print(row, *words.decode(row))

# %% [markdown]
# **Embedding.** A table with one row of D numbers for each word; an id picks its row. That is what a one-hot vector times
# a matrix would give, without the multiplication.

# %%
from helpers.layers import Embedding

embedding = Embedding(len(words), 4, rng=rng)
embedding.params["W"][:] = rng.normal(size=(len(words), 4))         # as PyTorch's embedding starts out
vectors = embedding.forward(ids)                                    # (N, T, D)
print("ids", ids.shape, "→ vectors", vectors.shape)
claim("one-hot vectors times the table are the same vectors",
      np.allclose(one_hot(ids, len(words)) @ embedding.params["W"], vectors))

# %% [markdown]
# (Our layer starts with a hundredth of that. It makes no difference to shapes, but before any training such small
# vectors hardly move a state, and we want to see one move.)
#
# **Reading out.** All states have shape (N, T, H). For one answer per sentence we need one state per sentence, and
# the last column, `states[:, -1]`, is the wrong one for short sentences: there the network has been reading padding. Take
# the last state that belongs to a word.

# %%
states = RNN(4, 3, rng=rng).forward(vectors)
lengths = (ids > 0).sum(axis=1)
last_word = states[np.arange(len(ids)), lengths - 1]
moved = np.abs(last_word - states[:, -1]).max(axis=1)
for review, n, change in zip(reviews, lengths, moved, strict=True):
    print(f"{n} words kept, padding moved the state by up to {change:.2f}: {review}")

# %% [markdown]
# Both short reviews end up elsewhere; the one that fills all six columns does not. Chapter 8 measures what this costs.
#
# ## 1.11 The last state, or all of them
#
# A recurrent layer computes T states in any case. Which of them it hands on is a choice, and every library has its own
# words for it:
#
# | in | all states, (N, T, H) | the last one, (N, H) |
# |---|---|---|
# | this course | `h = rnn.forward(x)` | `h[:, -1]` |
# | Keras | `return_sequences=True` | `return_sequences=False`, the default |
# | PyTorch: `output, h_n = rnn(x)` | `output` | `h_n[-1]` |
#
# (PyTorch always hands out both; Keras hands out the last state as a second result if asked by `return_state=True`.)
#
# The rule is short. **Between two recurrent layers: all states**, since the upper layer needs a sequence to read. **After
# the top layer:** all of them if every step has an answer, the last one if the sequence has one. So layers can be stacked,
# (N, T, D) → (N, T, H₁) → (N, T, H₂), each with weights and a size of its own. ("Deeper is better", one hears;
# [chapter 6](06_improvements.ipynb) and [chapter 8](08_sentiment.ipynb) measure it.)

# %% [markdown]
# ### Exercise 1.7 · `stacked_forward` · ★★☆ · 15 min
# Run a stack of layers with your `rnn_forward`. `layers` is a list of weights (Wx, Wh, b), from the bottom to the top;
# every layer starts from a state of zeros. Return the top layer's states, or only the last one, as `return_sequences` says.
#
# <details><summary>A nudge</summary>What a layer returns is what the next one reads, so one variable is enough. And H
# differs from layer to layer: what tells you the size of the zeros?</details>
# <details><summary>A recipe</summary><code>for Wx, Wh, b in layers:</code> <code>h0 = np.zeros((x.shape[0], len(b)))</code>, then
# <code>x = rnn_forward(x, h0, Wx, Wh, b)</code>. After the loop return x, or <code>x[:, -1]</code>.</details>
#
# You are there when a small stack, 3 → 4 → 2, gives
#
# ```python
# lower = np.full((3, 4), 0.1), np.full((4, 4), 0.1), np.full(4, -0.2)
# upper = np.full((4, 2), 0.2), np.full((2, 2), 0.2), np.full(2, 0.3)
# stacked_forward(np.ones((1, 5, 3)), [lower, upper], False)[0, 0]   # ≈ 0.578
# ```

# %% exercise="stacked_forward"
def stacked_forward(x, layers, return_sequences):
    """x (N, T, D), layers [(Wx, Wh, b), …], True or False
    → the top layer's states (N, T, H), or the last (N, H).
    """
    ### BEGIN SOLUTION
    for Wx, Wh, b in layers:
        h0 = np.zeros((x.shape[0], len(b)))
        x = rnn_forward(x, h0, Wx, Wh, b)
    return x if return_sequences else x[:, -1]
    ### END SOLUTION

# %% check="stacked_forward" points=2
stacked_forward = check("stacked_forward", stacked_forward)

# %% [markdown]
# Now PyTorch's words, on its own two-layer network, with your function beside it. (`batch_first=True` makes its arrays
# (N, T, D) like ours; by default they are (T, N, D).)

# %%
N, T, D, H = 2, 5, 3, 4
torch.manual_seed(0)
two_layers = torch.nn.RNN(D, H, num_layers=2, batch_first=True, dtype=torch.float64)
x = rng.normal(size=(N, T, D))
with torch.no_grad():
    output, h_n = (each.numpy() for each in two_layers(torch.tensor(x)))

weights = {name: values.detach().numpy() for name, values in two_layers.named_parameters()}
layers = [
    (
        weights[f"weight_ih_l{k}"].T,
        weights[f"weight_hh_l{k}"].T,
        weights[f"bias_ih_l{k}"] + weights[f"bias_hh_l{k}"],
    )
    for k in (0, 1)
]
below, top = stacked_forward(x, layers[:1], True), stacked_forward(x, layers, True)
print("x", x.shape, "  output", output.shape, "  h_n", h_n.shape)
claim("`output` is all states of the top layer", np.allclose(output, top))
claim("`h_n` is the last state of each of the two layers, also with `batch_first` as (layers, N, H)",
      np.allclose(h_n, [below[:, -1], top[:, -1]]))

# %% [markdown]
# Two traps lie here. `output` says nothing about the lower layers, and `h_n` nothing about earlier steps; only
# `h_n[-1]` and `output[:, -1]` are the same numbers. And with padding, both are the state after the padding (section 1.10),
# unless the library is told where the words end, in PyTorch by `pack_padded_sequence`, in Keras by a
# [mask](../docs/glossary.md#language) (`mask_zero=True` in its embedding). Then `h_n[-1]`, or Keras' last state, is the state after the last word.

# %% [markdown]
# ## 1.12 Counting parameters
#
# A recurrent layer has a matrix from the input (D × H), one from the state (H × H), and a bias (H). Gated cells, which
# we meet in [chapter 4](04_lstm_gru.ipynb), have several such blocks: 4 in an LSTM, 3 in a GRU. And libraries differ in the number of
# biases: PyTorch keeps two (one for each product), Keras mostly one.

# %% [markdown]
# ### Exercise 1.8 · `recurrent_parameters` · ★☆☆ · 10 min
# Write the count as a formula.
#
# <details><summary>A nudge</summary>Count one block first: the two matrices and the biases. Then multiply.</details>
# <details><summary>A recipe</summary>blocks · H · (D + H + biases)</details>
#
# You are there when an LSTM from 40 to 50 with one bias in each block, and a GRU with two, have
#
# ```python
# recurrent_parameters(40, 50, 4, 1)   # 18200
# recurrent_parameters(40, 50, 3, 2)   # 13800
# ```

# %% exercise="recurrent_parameters"
def recurrent_parameters(input_size, hidden_size, blocks, biases):
    """D, H, blocks (1, 3 or 4), bias vectors in a block (1 or 2) → number of parameters, an int."""
    ### BEGIN SOLUTION
    return blocks * hidden_size * (input_size + hidden_size + biases)
    ### END SOLUTION

# %% check="recurrent_parameters" points=1
recurrent_parameters = check("recurrent_parameters", recurrent_parameters)

# %% [markdown]
# A typical model for film reviews: 10,000 words → vectors of 50 → a cell of 50 → a dense layer of 32 → one
# number. Our formula beside what PyTorch counts itself:

# %%
def torch_count(module):
    return sum(p.numel() for p in module.parameters())


rows = [
    ("Embedding 10000 × 50", 10_000 * 50, torch_count(torch.nn.Embedding(10_000, 50))),
    ("RNN  50 → 50", recurrent_parameters(50, 50, 1, 1), torch_count(torch.nn.RNN(50, 50))),
    ("LSTM 50 → 50", recurrent_parameters(50, 50, 4, 1), torch_count(torch.nn.LSTM(50, 50))),
    ("GRU  50 → 50", recurrent_parameters(50, 50, 3, 1), torch_count(torch.nn.GRU(50, 50))),
    ("Dense 50 → 32", 50 * 32 + 32, torch_count(torch.nn.Linear(50, 32))),
    ("Dense 32 → 1", 32 * 1 + 1, torch_count(torch.nn.Linear(32, 1))),
]
print(f"{'layer':22s} one bias   PyTorch")
for name, formula, counted in rows:
    print(f"{name:22s} {formula:8,d}  {counted:8,d}")

# %%
embedding_count, rnn_count, lstm_count, _, dense, last = (formula for _, formula, _ in rows)
for name, cell_count in (("RNN ", rnn_count), ("LSTM", lstm_count)):
    total = embedding_count + cell_count + dense + last
    print(f"whole model with the {name} {total:,d}, of which embedding {embedding_count / total:.0%}")
claim("the cells differ from PyTorch's by one bias vector a block, 50, 200 and 150 numbers; the other "
      "layers agree",
      [counted - formula for _, formula, counted in rows] == [0, 50, 200, 150, 0, 0])
claim("with one bias an LSTM has 20,200 parameters where a plain layer has 5,050",
      (rnn_count, lstm_count) == (5050, 20200),
      heard="An LSTM has four times the parameters of a plain layer", verdict="yes")

# %% [markdown]
# (Keras' GRU, in its default form with `reset_after`, has two biases as well: 15,300.) Notice where the parameters are: in
# the embedding.

# %% [markdown]
# ## 1.13 What it costs
#
# The layer's size does not depend on the length of the sequence. Its time does: T steps are T times the work. And each
# state waits for the one before, so the steps cannot run side by side (only the $x_t W_x$ of all steps can). The times
# below are a recorded run (its command is printed).

# %%
from helpers.records import on_what, read_record

record = read_record("rnn-cost")
lengths = np.array([row["T"] for row in record["curve"]])
forward = np.array([row["forward_seconds"] for row in record["curve"]])
relative = forward / forward[0]
slope = np.polyfit(np.log(lengths), np.log(forward), 1)[0]
print(record["command"], "·", on_what(record))
print(f"{record['parameters']:,} parameters")
print(f"from {lengths[0]} to {lengths[-1]:,} steps, {lengths[-1] // lengths[0]} times as many: "
      f"{relative[-1]:.0f} times the time, slope {slope:.2f} on a log-log plot")
claim("from 25 to 1,600 steps the time forward grows in proportion to T (slope 0.9 to 1.1)",
      0.9 < slope < 1.1,
      heard="The time of a recurrent layer is linear in the length", verdict="yes")

# %% draws=true
fig, axis = figure(width=7, height=3.2)
axis.loglog(lengths, relative, "o-", color=COLOURS["rnn"], label="measured, forward")
axis.loglog(lengths, lengths / lengths[0], ":", color=COLOURS["floor"], label="proportional to T")
axis.set(xlabel="T, steps", ylabel="time relative to T = 25", xticks=lengths, xticklabels=lengths)
axis.set(yticks=(1, 4, 16, 64), yticklabels=(1, 4, 16, 64))
axis.minorticks_off()
axis.legend(frameon=False)
show(
    fig,
    f"From 25 to 1,600 steps, {lengths[-1] // lengths[0]} times as many, the forward pass takes "
    f"{relative[-1]:.0f} times as long: on a log-log plot the slope is {slope:.2f}; a time "
    "proportional to T has slope 1.",
)

# %% [markdown]
# ## What was claimed, what was measured

# %%
table(unmeasured={
    "Training finds the two weights of a latch":
        "[chapter 3](03_gradient_clipping.ipynb) and [chapter 4](04_lstm_gru.ipynb)",
    "A recurrent network uses everything it has read": "how far back one really looks: "
    "[chapter 5](05_language_model.ipynb)",
    "Deeper is better": "[chapter 6](06_improvements.ipynb) and [chapter 8](08_sentiment.ipynb)",
})

# %% [markdown]
# ## Recap
# - A recurrent network applies **one function with one set of weights** at every step: $h_t = f(h_{t-1}, x_t)$.
# - The **state** is all it has of the past. With it, (N, T, D) becomes (N, T, H).
# - Softmax gives a distribution; argmax and sampling are two ways to use it.
# - Time runs step by step: the steps of one sequence cannot run side by side, the sequences of a batch can.
#
# ## A little history
# Hopfield's network of 1982 is often named as the first recurrent network; it is an associative memory, which
# settles into a stored pattern. Networks that read sequences are Jordan's (1986, output fed back) and Elman's (1990, state fed
# back, the form used here). Unrolling the loop to train it is in Rumelhart, Hinton & Williams (1986); the name
# backpropagation through time goes with Werbos (1990, who points back to 1974). Choosing each word by the one before it, to
# write something like English, is in Shannon (1948).
#
# ## Further exercises
# 1. A second unit could remember the *last* name. Which weights does it need?
# 2. Give the latch of exercise 1.1 noise: add a random number to each input. At which strength does it start to forget,
#    for w_h = 2 and for w_h = 5?
# 3. Compute `memoryless_bound` of a page of English and of the same page shuffled. How much is the order worth?
# 4. `count_followers` stores every context. Estimate its size for a window of 20 on a million words.
#
# ## References
# - Shannon (1948), *A mathematical theory of communication*, Bell System Technical Journal 27.
# - Hopfield (1982), *Neural networks and physical systems with emergent collective computational abilities*, PNAS 79.
# - Jordan (1986), *Serial order: a parallel distributed processing approach*, ICS report 8604.
# - Rumelhart, Hinton & Williams (1986), *Learning internal representations by error propagation*, in: Parallel
#   Distributed Processing 1, MIT Press.
# - Katz (1987), *Estimation of probabilities from sparse data for the language model component of a speech recognizer*,
#   IEEE Transactions on Acoustics, Speech and Signal Processing 35.
# - Elman (1990), *Finding structure in time*, Cognitive Science 14.
# - Werbos (1990), *Backpropagation through time: what it does and how to do it*, Proceedings of the IEEE 78. (His thesis:
#   *Beyond regression*, Harvard 1974.)
# - Karpathy (2015), [*The unreasonable effectiveness of recurrent neural
#   networks*](https://karpathy.github.io/2015/05/21/rnn-effectiveness/): the logits of section 1.7.
