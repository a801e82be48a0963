# %% [markdown]
# # 0 · Start here
#
# **Is everything in place for you to build a network that remembers?**
#
# After this page you can
# - find your way: which chapter answers which question;
# - solve an exercise, read what its check says, and go on either way;
# - tell which of the three things the course builds on you want to brush up first;
# - get a stuck notebook going again.
#
# **Needs:** some Python, and nothing about neural networks. Section 0.6 asks what else is useful.
#
# **Time:** about 25 minutes
#
# 한국어판 (the Korean edition): [시작하기](ko/00_start_here.ipynb)
#
# A notebook is made of cells. Click into the first grey one below and press **Shift + Enter**: the cell
# runs, its output appears under it, and the next cell is chosen.

# %% [markdown]
# ## 0.1 Is this machine ready?
#
# This cell looks at your Python, the packages, threads and folders. Nothing is changed; what is not in
# order is named, with what to do about it.

# %%
from helpers.environment import show_environment

show_environment()

# %% [markdown]
# ## 0.2 The map
#
# | chapter | the question it answers |
# |---|---|
# | [0 · Start here](00_start_here.ipynb) | Is everything in place? (You are here.) |
# | [1 · RNN recap](01_rnn_recap.ipynb) | How can one function read a sequence of any length? |
# | [2 · BPTT toy example](02_bptt_toy_example.ipynb) | What exactly is the gradient of a loop? |
# | [3 · Gradient clipping](03_gradient_clipping.ipynb) | Why do long sequences break training, and what does clipping fix? |
# | [4 · LSTM and GRU](04_lstm_gru.ipynb) | How does a gate keep a memory? |
# | [5 · Language model](05_language_model.ipynb) | How good can a recurrent language model get? |
# | [6 · Improvements](06_improvements.ipynb) | From 136 to 75: what buys perplexity (lower is better)? |
# | [7 · Attention](07_attention.ipynb) | What if the sentence does not fit in one vector? |
# | [8 · Sentiment](08_sentiment.ipynb) | Which cell should I choose? |
#
# Most chapters go the same way: one tiny example in numbers, a plain loop, where it can be done the same without the
# loop, then the version in `helpers` that is fast, shown to give the same numbers. And what is claimed is
# measured: a line with a ✓ is a sentence that its cell has just tested. On your machine, or after a change of
# yours, a number may come out otherwise; then the line has a ✗ and the chapter goes on.
#
# Code that only draws, or only tests such sentences, is folded away. Three dots, or a bar, above a figure or a ✓:
# a click there opens it.

# %% [markdown]
# ## 0.3 The whole course in one line
#
# A recurrent network reads a sequence one item at a time and keeps a note, its *state* $h$. At each step
# it mixes what it sees, $x$, with what it noted before, $h_{\text{prev}}$:
#
# $$h = \tanh(w_x\, x + w_h\, h_{\text{prev}} + b)$$
#
# For now all six are single numbers. $\tanh$ squashes any number into the range from −1 to 1.
#
# Take $w_x = 0.5$, $w_h = 0.8$, $b = -0.1$; the step sees $x = 3$, and its old note is $h_{\text{prev}} =
# -0.5$.

# %%
import numpy as np

from helpers.checks import check
from helpers.claims import claim, table
from helpers.plots import COLOURS, figure, show

from_input = 0.5 * 3.0
from_memory = 0.8 * -0.5
total = from_input + from_memory - 0.1
print(f"{from_input:.1f} from the input, {from_memory:.1f} from the memory, -0.1 from the bias")
print(f"together {total:.1f}, squashed to {np.tanh(total):.2f}")

# %% [markdown]
# ## 0.4 How exercises work
#
# An exercise is a function to finish. Replace its last two lines, `# YOUR CODE HERE` and
# `raise NotImplementedError`, run the cell, then run the cell below it: the check. It answers with a box.
#
# | box | means |
# |---|---|
# | ○ grey | not attempted yet |
# | ✗ red | the first quantity that is wrong, what you got and what was wanted; a mistake we know is named |
# | ✓ green | right, and what it was compared with |
#
# Nothing stops when a box is not green. The chapter goes on with **your** function if it is right and
# with the course's version if it is not. So you may leave an exercise, read on, and come back. Some of what passes in one
# chapter is carried on into later ones: chapter 5 trains on the LSTM that you write in chapter 4, if you save its
# notebook with the green boxes in it, and on ours if not.
#
# Some figures have sliders or a line to type in. Read the sentence in front, move them, and read the sentence below.
#
# From chapter 2 on each chapter ends with a *find the fault*: a colleague's code that trains, but worse than it
# should. You see what it does before you see the code, say what is wrong, and mend it.

# %% [markdown]
# Try all three colours on the first exercise:
#
# 1. Run the exercise's cell and its check untouched. **Grey.**
# 2. Forget the tanh on purpose: put `return w_x * x + w_h * h_prev + b` in place of the last two lines,
#    and run both cells again, the exercise and its check. **Red**, and the box says what is missing.
# 3. Mend it and run both again. **Green.**
#
# Hints fold out with a click: first a nudge, then a recipe. There is no prize for not looking.

# %% [markdown]
# ### Exercise 0.1 · `scalar_step` · ★☆☆ · 5 min
#
# Write the step above as a function of plain numbers.
#
# <details><summary>A nudge</summary>Everything, the bias too, goes into one sum. The squashing comes
# last.</details>
#
# <details><summary>A recipe</summary>Multiply <code>x</code> by <code>w_x</code> and <code>h_prev</code>
# by <code>w_h</code>, add both and <code>b</code>, hand the sum to <code>np.tanh</code>, and return the
# result.</details>
#
# You are there when the numbers above give what they gave there:
#
# ```python
# scalar_step(0.5, 0.8, -0.1, 3.0, -0.5)   # ≈ 0.76
# ```

# %% exercise="scalar_step"
def scalar_step(w_x, w_h, b, x, h_prev):
    """One step of the recurrence.

    Weights w_x (of the input) and w_h (of the state), bias b, input x, old state h_prev: plain numbers
    → the new state h, a number between −1 and 1.
    """
    ### BEGIN SOLUTION
    return np.tanh(w_x * x + w_h * h_prev + b)
    ### END SOLUTION

# %% check="scalar_step" points=1
scalar_step = check("scalar_step", scalar_step)

# %% [markdown]
# Good to know about every check:
#
# - Changed the exercise? Run its cell, then the check's. If you run only the check, it meets what it handed
#   out before: your old version if that was right, or else the course's, and then the box says so and is grey.
# - A red box tells what came and what was wanted, what kind of mistake does that, and in which case. To look at
#   that case yourself, open a new cell below the box:
#   ```
#   from helpers.checks import failing_case
#
#   case = failing_case("scalar_step")
#   print(case.arguments, case.wanted, case.got)
#   case.rerun()
#   ```
#   The last line calls your function again, with all that it prints. Once the box is green there is no such case.
# - A function answers by what it returns and leaves its arguments as they are, unless its exercise says otherwise: one
#   that changes them (`x += 1` does, if `x` is an array) is refused, even with the right numbers. Where you need to,
#   copy first: `x = x.copy()`.
# - A function that has not come back after 10 seconds is stopped, and the box says where it was. So a loop without
#   an end costs you nothing.
# - A box is there to help you, not to watch over you: it runs in your notebook, and could be fooled there. Where
#   answers count for marks, they are run anew, outside the notebook.

# %% [markdown]
# ## 0.5 What a loop remembers
#
# One step is arithmetic. In a loop it becomes a memory: each state goes in again at the next step. Let it
# see a single 1 and then only zeros. Whatever is in the state afterwards is remembered.

# %%
def after_one_nudge(w_h, steps=12):
    """See 1, 0, 0, … with w_x = 1 and b = 0 → the states, a list of `steps` numbers."""
    h, states = 0.0, []
    for t in range(steps):
        x = 1.0 if t == 0 else 0.0
        h = float(scalar_step(1.0, w_h, 0.0, x, h))
        states.append(h)
    return states


weights = {0.0: "control", 0.5: "warm", 1.5: "accent"}   # w_h and its colour
runs = {w_h: after_one_nudge(w_h) for w_h in weights}
for w_h, states in runs.items():
    print(f"w_h = {w_h}:", "  ".join(f"{h:.2f}" for h in states[:6]), f" …  {states[-1]:.2f}")

# %%
claim("without the loop nothing is left one step after the nudge", max(np.abs(runs[0.0][1:])) == 0)
claim("with a loop the state outlives the nudge", min(runs[0.5][1], runs[1.5][1]) > 0.1,
      heard="A loop makes one line of arithmetic a memory", verdict="yes")
claim("with $w_h = 0.5$ a nudge is below 0.01 after eight steps", runs[0.5][8] < 0.01,
      heard="The loop's weight decides how long it lasts", verdict="yes")
claim("with $w_h = 1.5$ it settles above 0.8", min(runs[1.5][-5:]) > 0.8,
      heard="The loop's weight decides how long it lasts", verdict="yes")

# %% [markdown]
# The first line is the control: with $w_h = 0$ the old state does not come in again, and the loop must
# fail to remember. It does.

# %% draws=true
fig, axis = figure()
steps = range(1, len(runs[0.0]) + 1)
for w_h, states in runs.items():
    axis.plot(steps, states, "o-", color=COLOURS[weights[w_h]])
    if w_h:
        axis.annotate(f"w_h = {w_h}", (4, states[3]), xytext=(0, 8), textcoords="offset points")
    else:
        axis.annotate("w_h = 0 (no loop)", (2, states[1]), xytext=(-4, -14), textcoords="offset points")
axis.set(xlabel="step", ylabel="state h", ylim=(-0.12, 1.0), xticks=list(steps))
show(
    fig,
    f"After one nudge, a state with w_h = 0 is empty at the next step ({runs[0.0][1]:.2f}), with w_h = 0.5 "
    f"it fades to {runs[0.5][3]:.2f} by step 4 and {runs[0.5][-1]:.2f} by step {len(steps)}, and with "
    f"w_h = 1.5 it settles at {runs[1.5][-1]:.2f} and stays.",
)

# %% [markdown]
# **Change this and look again.** What will the last state be for $w_h = 1$, exactly between fading and
# staying? And for a negative one, −1.5? Decide first, then change the number and run the cell.

# %%
w_h = 1.0
print("  ".join(f"{h:.2f}" for h in after_one_nudge(w_h)))

# %% [markdown]
# At 1 it still fades, ever more slowly; at −1.5 it keeps its size and changes its sign at every step. How long such a
# memory can last, how a network learns to use it, and how a gate keeps it longer: that is the course.

# %% [markdown]
# ## 0.6 What you need: three questions
#
# The course builds on the chain rule, on the shapes of matrix products, and on NumPy's broadcasting. One
# question each. A wrong answer costs nothing: the box explains the option you chose, so do try the ones
# you doubt.
#
# To answer, put `answer = "a"` (or b, c, d) in place of the two lines `# YOUR CODE HERE` and
# `raise NotImplementedError`, and run both cells.

# %% [markdown]
# ### Exercise 0.2 · `quiz_chain_rule` · ★☆☆ · 3 min
#
# Let $h = \tanh(w\,x)$ with $x = 2$, and let $w$ be such that $h = 0.5$. How fast does $h$ change with
# $w$: what is $\partial h / \partial w$?
#
# - **a** 0.75
# - **b** 0.5
# - **c** 1.5
# - **d** 2

# %% exercise="quiz_chain_rule"
def quiz_chain_rule():
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "c"
    ### END SOLUTION
    return answer

# %% check="quiz_chain_rule" points=1
quiz_chain_rule = check("quiz_chain_rule", quiz_chain_rule)

# %% [markdown]
# Rusty? The chapter on vector calculus of [Mathematics for Machine Learning](https://mml-book.github.io)
# (Deisenroth, Faisal & Ong 2020) has the chain rule with worked examples. An hour is enough.

# %% [markdown]
# ### Exercise 0.3 · `quiz_shapes` · ★☆☆ · 3 min
#
# A batch `x` of shape (N, D) = (4, 3) goes through `y = x @ W`, where `W` has shape (3, 5); so `y` has
# shape (4, 5). On the way back `dy` arrives, also (4, 5):
# the [gradient](../docs/glossary.md#gradients-and-training) of the loss in `y`. (The loss is the number that training makes small.) Which product
# is the gradient in `W`?
#
# - **a** `dy @ W.T`
# - **b** `x.T @ dy`
# - **c** `dy.T @ x`
# - **d** `x @ dy`

# %% exercise="quiz_shapes"
def quiz_shapes():
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "b"
    ### END SOLUTION
    return answer

# %% check="quiz_shapes" points=1
quiz_shapes = check("quiz_shapes", quiz_shapes)

# %% [markdown]
# Rusty? Write the shapes of both factors beside each other, (n, **k**) and (**k**, m): the inner sizes
# must agree, the outer ones remain. The chapter on linear algebra of the same
# [book](https://mml-book.github.io) begins with it.

# %% [markdown]
# ### Exercise 0.4 · `quiz_broadcasting` · ★★☆ · 3 min
#
# A model returns its guesses as a column, `guess` of shape (4, 1); the right values are `target` of shape
# (4,). What is the shape of `guess - target`?
#
# - **a** (4, 1)
# - **b** (4,)
# - **c** (4, 4)
# - **d** none: NumPy raises an error

# %% exercise="quiz_broadcasting"
def quiz_broadcasting():
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "c"
    ### END SOLUTION
    return answer

# %% check="quiz_broadcasting" points=1
quiz_broadcasting = check("quiz_broadcasting", quiz_broadcasting)

# %% [markdown]
# Rusty? NumPy's own pages on [the basics](https://numpy.org/doc/stable/user/absolute_beginners.html) and
# on [broadcasting](https://numpy.org/doc/stable/user/basics.broadcasting.html) have pictures for every
# rule.

# %% [markdown]
# ## 0.7 Where you are
#
# The table below reads your saved notebooks. So save first (Ctrl + S, on a Mac ⌘ S), then run the cell.

# %%
from helpers.progress import show_progress

show_progress()

# %% [markdown]
# ## 0.8 Pages to keep at hand
#
# - [Notation](../docs/notation.md): every symbol with its shape and its name in the code, and how other
#   texts order the same gates.
# - [Glossary](../docs/glossary.md): the terms in Korean and English, with one line of meaning each.
# - [Corrections](../docs/corrections.md): what lectures on this subject say that is wrong or only roughly
#   right.
# - [The solutions](../solutions/00_start_here.ipynb): each chapter solved, with all its outputs.
#
# Should the first three open as plain text, right-click into it and choose *Show Markdown Preview*.
#
# A chapter's sections are listed by *View → Table of Contents* in JupyterLab, by *Outline* in VS Code, by the list at
# the left in Colab; a click leads there. *Settings → Theme* has a dark theme, and Ctrl + plus (on a Mac ⌘ plus) makes
# everything larger: boxes, tables and figures are made for both. Every figure has a caption in words that says what
# it shows, and what a colour says, a word, a dash or a mark says as well.

# %% [markdown]
# ## 0.9 When you are stuck
#
# | what happens | what helps |
# |---|---|
# | a cell does not end: it shows `[*]` | *Kernel → Interrupt Kernel*, or the ■ in the bar above |
# | names unknown, strange numbers | *Kernel → Restart Kernel and Run All Cells*: from the top, in order |
# | a box stays grey or red after your change | run the exercise's cell, then its check |
# | a box you do not understand | open both hints, then the [solution](../solutions/00_start_here.ipynb) |
# | you want to start a chapter afresh | see below |
#
# **A fresh copy of a notebook.** Save, close it, open a terminal (*File → New → Terminal*) and type, here for
# chapter 1,
#
# ```
# make reset CHAPTER=01
# ```
#
# Without make (Windows, conda, uv) that is `python -m tools.reset 01`. Your version is kept in `notebooks/replaced/`.
# (A class's copy asks for the zip file that it came from.) `make` alone lists what else there is, `make update` for
# instance, which brings your answers into a new version of the course.

# %% [markdown]
# ## What was claimed, and what was measured

# %%
table()

# %% [markdown]
# **In short.** One step is $h = \tanh(w_x x + w_h h_{\text{prev}} + b)$. Checks answer grey, red or
# green, and the chapter runs on in every case.
#
# **If you want more** ★★☆ · 10 min. For which positive $w_h$ does a nudge stay for good? Find the border to one
# decimal by trying (`steps=1000` helps), then look for the reason: when does $h = \tanh(w_h\, h)$ have a
# solution other than 0?
#
# **References.** J. L. Elman, *Finding structure in time*, Cognitive Science 14 (1990): the network of
# this page.
#
# Next: [1 · RNN recap](01_rnn_recap.ipynb).
