# %% [markdown]
# # 2 · BPTT toy example
#
# **What exactly is the gradient of a loop?**
#
# A recurrent network uses the same weight at every step. Nudge it, and every step changes, and every step also
# changes all those after it. This chapter takes that knot apart on three steps with one number each, until no path is
# left unaccounted for, and then ties it up again for whole batches.
#
# **Afterwards you can**
# - write the gradient of a loop as a sum over losses and over paths, and say how large each share is,
# - write backpropagation through time (BPTT) by hand, for numbers and for a batch of sequences,
# - check any gradient three ways, and know which of the ways can be trusted how far,
# - explain how the same weights make a gradient vanish on one input and explode on another,
# - cut BPTT short without resetting the state, and measure what the cut costs,
# - tell from a table of gradients what is wrong with a training loop before you have read it.
#
# **Needs:** [chapter 1](01_rnn_recap.ipynb); the chain rule and matrix shapes ([the start page](00_start_here.ipynb)
# has a self-check).
#
# **Time:** about 165 minutes, 100 of them for the exercises.

# %%
import numpy as np
import torch

from helpers.checks import check
from helpers.claims import claim
from helpers.plots import COLOURS, band, figure, show

torch.set_num_threads(1)

# %% [markdown]
# ## 2.1 Three steps by hand
#
# The network of this chapter is nearly as small as a recurrent network can be: one input, one state, three weights.
#
# $$h_t = \tanh(w_{xh}\, x_t + w_{hh}\, h_{t-1} + b), \qquad w_{xh} = 2,\quad w_{hh} = 3,\quad b = 1$$
#
# It reads three numbers, $x = (-0.4,\, -1,\, -0.9)$, and starts from $h_0 = 0.1$. By hand:

# %%
h1 = np.tanh(2 * -0.4 + 3 * 0.1 + 1)
h2 = np.tanh(2 * -1.0 + 3 * h1 + 1)
h3 = np.tanh(2 * -0.9 + 3 * h2 + 1)
print(f"h_1 = tanh(-0.8 + 3 * 0.1   + 1) = tanh({2 * -0.4 + 3 * 0.1 + 1:.3f}) = {h1:.3f}")
print(f"h_2 = tanh(-2.0 + 3 * {h1:.3f} + 1) = tanh({2 * -1.0 + 3 * h1 + 1:.3f}) = {h2:.3f}")
print(f"h_3 = tanh(-1.8 + 3 * {h2:.3f} + 1) = tanh({2 * -0.9 + 3 * h2 + 1:.3f}) = {h3:.3f}")

# %% [markdown]
# Put each line into the next and the loop is gone. What remains is one nested function:
#
# $$h_3 = \tanh(2x_3 + 3\tanh(2x_2 + 3\underbrace{\tanh(2x_1 + 3h_0 + 1)}_{h_1} + 1) + 1)$$
#
# (The slides this example comes from print $6h_2$, $βh_2$ and $8h_1$ in places. Slips of the pen: the factor before
# each earlier state is $w_{hh} = 3$.)

# %%
nested = np.tanh(2 * -0.9 + 3 * np.tanh(2 * -1.0 + 3 * np.tanh(2 * -0.4 + 3 * 0.1 + 1) + 1) + 1)
print(f"nested: {nested:.3f}")
claim("the nested function gives the h_3 of the three lines", abs(nested - h3) < 1e-12)

# %% [markdown]
# The 3 stands there three times, and it is one weight. That is all that makes the gradient of a loop special.
#
# A question to take along: $w_{hh}$ is used at steps 1, 2 and 3. If you nudge it, through which of its three uses
# does $h_3$ change most? Is it the last, because it is nearest?

# %% [markdown]
# ### Exercise 2.1 · `scalar_forward` · ★☆☆ · 10 min
# Three lines were bearable; write the loop, for any number of steps (one and more). x may hold whole numbers, too; the
# states are fractions all the same.
#
# <details><summary>A nudge</summary>Which variable survives from one round to the next, and what is its value before
# the first?</details>
# <details><summary>A recipe</summary>Start with h = h0 and an empty list. For each x_t: h becomes tanh(w_xh · x_t +
# w_hh · h + b), and is appended. At the end np.array(list).</details>
#
# You are there when the numbers above lead to the $h_3$ above:
#
# ```python
# x = np.array([-0.4, -1.0, -0.9])
# scalar_forward(x, 0.1, 2, 3, 1)[2]   # ≈ 0.296
# ```

# %% exercise="scalar_forward"
def scalar_forward(x, h0, w_xh, w_hh, b):
    """x (T,), numbers h0, w_xh, w_hh, b → h (T,), floats: h_1 … h_T, so h[t] is the state after x[t]."""
    ### BEGIN SOLUTION
    h, states = h0, []
    for x_t in x:
        h = np.tanh(w_xh * x_t + w_hh * h + b)
        states.append(h)
    return np.array(states)
    ### END SOLUTION

# %% check="scalar_forward" points=1
scalar_forward = check("scalar_forward", scalar_forward)

# %% [markdown]
# ## 2.2 One weight, three uses
#
# To have something to differentiate, each state gets a target $h^*_t$ and an error:
#
# $$E = E_1 + E_2 + E_3, \qquad E_t = \tfrac12 (h_t - h^*_t)^2, \qquad h^* = (0.2,\, 0.6,\, 0.6)$$
#
# (E is a *sum* over steps. The loss L of the other chapters is a mean; that changes every gradient by a constant
# factor.)

# %%
w_xh, w_hh, b = 2.0, 3.0, 1.0
x, h0 = np.array([-0.4, -1.0, -0.9]), 0.1
target = np.array([0.2, 0.6, 0.6])


def error(parameters):
    """E of the toy network for (w_xh, w_hh, b)."""
    return 0.5 * ((scalar_forward(x, h0, *parameters) - target) ** 2).sum()


h = scalar_forward(x, h0, w_xh, w_hh, b)
for t in range(3):
    print(f"E_{t + 1} = ({h[t]:.3f} - {target[t]})² / 2 = {0.5 * (h[t] - target[t]) ** 2:.4f}")
print(f"E   = {error([w_xh, w_hh, b]):.4f}")

# %% [markdown]
# How does $h_t$ change with $w_{hh}$? The question has two answers, and mixing them up is the classic mistake.
#
# - The **immediate** derivative looks at step t alone and holds $h_{t-1}$ fixed:
#   $\dfrac{\partial^+ h_t}{\partial w_{hh}} = (1 - h_t^2)\, h_{t-1}$, since $\tanh' = 1 - \tanh^2$.
# - The **total** derivative knows that $h_{t-1}$ depends on $w_{hh}$ as well:
#   $\dfrac{d h_t}{d w_{hh}} = (1 - h_t^2)\left(h_{t-1} + w_{hh} \dfrac{d h_{t-1}}{d w_{hh}}\right)$, beginning with
#   $d h_0 / d w_{hh} = 0$.
#
# Which one is real? Nudge the weight by $\pm 10^{-5}$ and look.

# %%
above = scalar_forward(x, h0, w_xh, w_hh + 1e-5, b)
below = scalar_forward(x, h0, w_xh, w_hh - 1e-5, b)
nudged = (above - below) / 2e-5
total, before = 0.0, h0
print("step   immediate   total   nudged")
for t in range(3):
    slope = 1 - h[t] ** 2
    immediate = slope * before
    total = slope * (before + w_hh * total)
    print(f"{t + 1:4d} {immediate:11.4f} {total:7.4f} {nudged[t]:8.4f}")
    before = h[t]
claim("a nudge moves the last state by its total derivative", abs(total - nudged[-1]) < 1e-6)

# %% [markdown]
# The total one is. At step 1 the two agree (nothing came before); at step 3 the immediate one is the smaller part.
# From here on a derivative without the ⁺, such as $\partial E/\partial w_{hh}$ or $\partial h_3/\partial h_1$, is
# total.
#
# The gradient of E is then $\sum_t (h_t - h^*_t)\, \frac{d h_t}{d w_{hh}}$. Write out the recursion, with
# $s_t = 1 - h_t^2$ for short. At step 2 it reads
#
# $$\frac{d h_2}{d w_{hh}} = s_2 \Big(h_1 + w_{hh}\, \frac{d h_1}{d w_{hh}}\Big)
# = s_2\, h_1 + w_{hh}\, s_2\; s_1\, h_0,$$
#
# one piece for each use. So it goes on: there is one for every loss t and every step $u \le t$ at which the weight is
# **used** (for u = t the product is empty, that is 1):
#
# $$\frac{\partial E}{\partial w_{hh}} = \sum_{t}\sum_{u \le t}
# \underbrace{(h_t - h^*_t)}_{\text{loss } t}\;
# \underbrace{\prod_{j=u+1}^{t} w_{hh}(1 - h_j^2)}_{\text{the way back from } h_t \text{ to } h_u}\;
# \underbrace{(1 - h_u^2)\, h_{u-1}}_{\text{use at step } u}$$
#
# A sum **over losses and over paths**. One path in numbers, from the third loss to the first use:

# %%
slopes = 1 - h**2
print(f"loss 3:         h_3 - target   = {h[2] - target[2]:7.4f}")
print(f"h_3 to h_2:     3 * (1 - h_3²) = {w_hh * slopes[2]:7.4f}")
print(f"h_2 to h_1:     3 * (1 - h_2²) = {w_hh * slopes[1]:7.4f}")
print(f"use at step 1:  (1 - h_1²) h_0 = {slopes[0] * h0:7.4f}")
far = (h[2] - target[2]) * w_hh * slopes[2] * w_hh * slopes[1] * slopes[0] * h0
print(f"the share of this path         = {far:7.4f}")

# %% [markdown]
# All six paths, for all three parameters at once. For $w_{xh}$ the use at step u is $(1 - h_u^2)\, x_u$, for $b$ it
# is $(1 - h_u^2) \cdot 1$; the way back is the same. `shares` has shape (3, T, T): parameter, loss, use.

# %%
def shares(x, h0, target, w_xh, w_hh, b):
    """What loss t adds to the gradient through use u → (3, T, T): rows t, columns u ≤ t."""
    T = len(x)
    h = np.append(h0, scalar_forward(x, h0, w_xh, w_hh, b))     # h[t] is h_t now
    share = np.zeros((3, T, T))
    for t in range(1, T + 1):
        arriving = h[t] - target[t - 1]                         # at h_t, from loss t alone
        for u in range(t, 0, -1):
            arriving *= 1 - h[u] ** 2                           # back through tanh
            share[:, t - 1, u - 1] = arriving * x[u - 1], arriving * h[u - 1], arriving
            arriving *= w_hh                                    # back to h_(u-1)
    return share


share = shares(x, h0, target, w_xh, w_hh, b)
print("w_hh      use 1    use 2    use 3      sum")
for t, row in enumerate(share[1], start=1):
    cells = [f"{s:8.4f}" if u <= t else " " * 8 for u, s in enumerate(row, start=1)]
    print(f"loss {t} ", *cells, f"{row.sum():8.4f}")
by_use = share[1].sum(axis=0)
print("sum    ", *(f"{s:8.4f}" for s in by_use), f"{by_use.sum():8.4f}")
claim("the second use collects most of the gradient, not the last", np.abs(by_use).argmax() == 1)

# %% draws=true
from helpers.gradient_flow import draw_flow

fig, (left, right) = figure(2, width=8.6, height=3.3, width_ratios=[1.5, 1])
draw_flow(left, share[1], "w_{hh}")
largest = np.abs(share[1]).max()
right.imshow(np.ma.masked_equal(share[1], 0), cmap="RdBu_r", vmin=-2 * largest, vmax=2 * largest)
for row in range(3):
    for column in range(row + 1):
        right.text(column, row, f"{share[1, row, column]:.3f}", ha="center", va="center")
right.grid(False)
right.set(xticks=range(3), xticklabels=[1, 2, 3], xlabel="use at step")
right.set(yticks=range(3), yticklabels=[1, 2, 3], ylabel="loss at step")
right.spines[:].set_visible(False)
right.tick_params(length=0)
show(
    fig,
    "The gradient in w_hh, path by path. Left: the width of a strand is the size of a share, on "
    "its way from a loss along the states to a use of the weight; each loss has its colour. "
    f"Right: the shares with their signs. Loss 3 sends {share[1, 2, 1]:.3f} to the second use "
    f"and {share[1, 2, 2]:.3f} to the third; the uses collect {by_use[0]:.3f}, {by_use[1]:.3f} "
    f"and {by_use[2]:.3f}, together {by_use.sum():.3f}.",
)

# %% [markdown]
# It is not the nearest use that counts most, it is the second. Why? Compare neighbours in the last row, that of loss
# 3. Both shares pass tanh of step 3. The one of use 2 goes on through $w_{hh}$ and through tanh of step 2, a factor of
# $3(1 - h_2^2)$; and what the weight was multiplied with is $h_1$ there, where it is $h_2$ at use 3. Likewise for use
# 1 beside use 2.

# %%
ratios = []
for u in (2, 1):
    longer, met = w_hh * slopes[u - 1], [h0, *h][u - 1] / h[u - 1]
    ratios.append(longer * met)
    print(f"use {u} against use {u + 1}:  3 (1 - h_{u}²) = {longer:.2f}", end="")
    print(f"   times h_{u - 1} / h_{u} = {met:.2f}   gives {longer * met:.2f}")
of_loss_3 = share[1, 2]
measured = of_loss_3[1] / of_loss_3[2], of_loss_3[0] / of_loss_3[1]
claim("the two factors together are the ratio of the shares of loss 3", np.allclose(ratios, measured))

# %% [markdown]
# So for loss 3 use 2 counts three times as much as use 3: the longer way *multiplies* by more than 1, and $h_1$ is larger
# than $h_2$. Use 1 has a way that is longer by one more such factor, and still gets only half as much as use 2, because
# it meets $h_0$, which is only 0.1. (In the sums over all losses use 2 is further ahead of use 3: loss 2 reaches it, too,
# and does not reach use 3.) And loss 1 pulls the other way ($h_1$ is too large, the other two are too small):
# shares can cancel, here only a little.
#
# Do the shares add up for all three parameters? The other side of the comparison is again a nudge:

# %%
parameters = np.array([w_xh, w_hh, b])
by_paths, by_nudges = share.sum(axis=(1, 2)), np.zeros(3)
print("          sum of shares    nudged")
for i, name in enumerate(("w_xh", "w_hh", "b")):
    step = 1e-5 * (np.arange(3) == i)
    by_nudges[i] = (error(parameters + step) - error(parameters - step)) / 2e-5
    print(f"{name:4s} {by_paths[i]:18.4f} {by_nudges[i]:9.4f}")
claim(
    "the shares of all six paths add up to the gradient, for all three parameters",
    np.allclose(by_paths, by_nudges, rtol=1e-6),
    heard="The gradient of a loop is a sum over losses and over paths",
    verdict="yes",
)

# %% [markdown]
# ## 2.3 All paths in one sweep
#
# Three steps have 6 pairs of loss and use, T steps have T(T + 1)/2. For a text of 1,000 words that is half a million:
# too many to compute one by one. Look at the figure again: between $h_2$ and $h_1$ the strands run side by side,
# and all are multiplied by the same factor. So add them up *before* multiplying. Let $dh_t$ be everything that
# arrives at $h_t$, from its own loss and from all later ones, and $a_t$ the sum inside tanh; $dh_t$ and $da_t$ are
# short for $\partial E/\partial h_t$ and $\partial E/\partial a_t$:
#
# $$dh_t = \underbrace{(h_t - h^*_t)}_{\text{own loss}} + \underbrace{w_{hh}\, da_{t+1}}_{\text{handed back by step } t+1},
# \qquad da_t = dh_t\,(1 - h_t^2)$$
#
# and nothing is handed back to the last step. Each step adds its use to three sums:
#
# $$\frac{\partial E}{\partial w_{xh}} = \sum_t da_t\, x_t, \qquad
# \frac{\partial E}{\partial w_{hh}} = \sum_t da_t\, h_{t-1}, \qquad
# \frac{\partial E}{\partial b} = \sum_t da_t$$
#
# One sweep from the last step to the first, T rounds instead of T(T + 1)/2. That is **backpropagation through time**:
# nothing but the chain rule, with the sums taken in a clever order. (Rumelhart, Hinton & Williams 1986 train loops by
# unrolling them, as the nested function does; Werbos 1990 is what one usually cites for the method and its name.)

# %% [markdown]
# ### Exercise 2.2 · `scalar_backward` · ★★☆ · 20 min
# Write the sweep. The states h come from the forward pass; `h[t]` is the state *after* reading `x[t]`. The arrays stay as
# they are: work with numbers and arrays of your own.
#
# <details><summary>A nudge</summary>Go through t = T − 1 … 0 and carry one number from round to round: what step t
# hands back to the state before it. Which state is "before" at t = 0?</details>
# <details><summary>A recipe</summary>Three sums and dh_next start at 0. In each round: before = h[t − 1], or h0 at t
# = 0; da = (h[t] − target[t] + dh_next) · (1 − h[t]²); add da·x[t], da·before and da to the sums; dh_next = da ·
# w_hh.</details>
#
# You are there when the toy network, its states to four digits, gives the sum in the table as dw_hh:
#
# ```python
# x, target = np.array([-0.4, -1.0, -0.9]), np.array([0.2, 0.6, 0.6])
# states = np.array([0.4621, 0.3682, 0.2955])
# scalar_backward(x, 0.1, states, target, 3)[1]   # ≈ -0.725
# ```

# %% exercise="scalar_backward"
def scalar_backward(x, h0, h, target, w_hh):
    """Gradients of E = Σ ½ (h − target)².

    x (T,), number h0, h (T,), target (T,), number w_hh → dw_xh, dw_hh, db, three numbers (floats).
    """
    ### BEGIN SOLUTION
    dw_xh = dw_hh = db = dh_next = 0.0
    for t in reversed(range(len(x))):
        before = h[t - 1] if t > 0 else h0
        da = (h[t] - target[t] + dh_next) * (1 - h[t] ** 2)
        dw_xh += da * x[t]
        dw_hh += da * before
        db += da
        dh_next = da * w_hh
    return dw_xh, dw_hh, db
    ### END SOLUTION

# %% check="scalar_backward" points=3
scalar_backward = check("scalar_backward", scalar_backward)

# %% [markdown]
# ### Equal three ways
#
# A gradient is easy to get wrong and easy to check. Three witnesses: the sum over all paths; torch's autograd, which
# notes down every operation of the forward pass and differentiates them one by one; and **central differences**, the
# nudge from above, which know no derivative at all:
#
# $$\frac{\partial E}{\partial w} \approx \frac{E(w + \varepsilon) - E(w - \varepsilon)}{2\varepsilon}, \qquad \varepsilon = 10^{-5}$$
#
# To compare two arrays we take the **relative error** $\max|a - b| \,/ \max(|a|, |b|)$, the maxima over all entries.
# The first two witnesses should agree with the sweep to rounding, $10^{-12}$. The third is an approximation;
# $10^{-6}$ is the agreement one asks of it.

# %%
from helpers.gradients import numerical_gradient, relative_error

by_sweep = np.array(scalar_backward(x, h0, h, target, w_hh))

p = torch.tensor(parameters, requires_grad=True)
state, loss = torch.tensor(h0, dtype=torch.float64), 0.0    # without dtype: float32, 7 digits
for x_t, target_t in zip(x, target, strict=True):
    state = torch.tanh(p[0] * x_t + p[1] * state + p[2])
    loss = loss + 0.5 * (state - target_t) ** 2
loss.backward()

by_differences = numerical_gradient(error, parameters, eps=1e-5)    # the nudge, entry by entry

print("              w_xh     w_hh        b")
print("sweep    ", *(f"{g:8.4f}" for g in by_sweep))
exact = [relative_error(other, by_sweep) for other in (by_paths, p.grad.numpy())]
claim(
    "the sweep, the sum over all paths and autograd agree to 1e-12",
    max(exact) < 1e-12,
    heard="BPTT is nothing but the chain rule",
    verdict="yes",
)
claim("central differences agree to 1e-6", relative_error(by_differences, by_sweep) < 1e-6)

# %% [markdown]
# Why $10^{-5}$, and not something much smaller? Two errors pull in opposite directions. The formula leaves out terms
# of size ε², so a large step is inexact. And E is stored with 16 digits, so when ε is tiny, nearly all of them cancel
# in E(w + ε) − E(w − ε), and what is left is rounding, divided by a tiny number. The best place between the two
# depends on E; $10^{-5}$ stays on the side where the error is known to fall with ε².

# %%
step_sizes = 10.0 ** np.arange(-12, 0)
errors = [
    relative_error(numerical_gradient(error, parameters, eps=eps), by_sweep) for eps in step_sizes
]
at = dict(zip(np.arange(-12, 0).tolist(), errors, strict=True))
print("step  ", *(f"{10.0**e:8.0e}" for e in (-12, -5, -4, -3, -2)))
print("error ", *(f"{at[e]:8.0e}" for e in (-12, -5, -4, -3, -2)))
claim("from 1e-2 to 1e-5 the error falls with the square of the step", 5e5 < at[-2] / at[-5] < 2e6)
claim("at 1e-12 it is more than a hundred times what it was at 1e-5, by rounding", at[-12] > 100 * at[-5])

# %% draws=true
fig, axis = figure(width=6, height=2.9)
axis.loglog(step_sizes, errors, "o-", color=COLOURS["lstm"])
axis.loglog([1e-6, 1e-3], [1e-9, 1e-3], ":", color=COLOURS["floor"])
axis.text(2e-5, 2e-5, "square of the step", fontsize=9, ha="right")
axis.set(xlabel="step size ε", ylabel="relative error")
show(
    fig,
    "The relative error of central differences falls with the square of the step, from "
    f"{at[-2]:.0e} at 1e-2 to {at[-5]:.0e} at 1e-5, and is smallest near "
    f"1e{min(at, key=at.get)}; below that rounding takes over, up to {at[-12]:.0e} at 1e-12. 1e-5 "
    "stays on the safe side.",
)

# %% [markdown]
# ### Down the slope, and a control
#
# With a gradient in hand, descend: $w \leftarrow w - 0.02 \cdot \partial E/\partial w$, for all three parameters, 300
# times.
#
# Beside it runs a control with a mistake that looks harmless: in $\partial E/\partial w_{hh}$ it takes $h_t$ instead
# of $h_{t-1}$, the state after the step instead of the one before. What will its curve look like? Decide before you
# run the cell.

# %%
def wrong_dw_hh(h, parameters):
    """The gradient in w_hh with the state after each step where the one before belongs."""
    return (shares(x, h0, target, *parameters)[2] * h).sum()


def descend(mistaken, lr=0.02, steps=300):
    p, curve = parameters.copy(), []
    for _ in range(steps + 1):
        h = scalar_forward(x, h0, *p)
        curve.append(0.5 * ((h - target) ** 2).sum())
        gradient = np.array(scalar_backward(x, h0, h, target, p[1]))
        if mistaken:
            gradient[1] = wrong_dw_hh(h, p)
        p -= lr * gradient
    return curve


right_curve, wrong_curve = descend(mistaken=False), descend(mistaken=True)
print("steps      0      3    300")
for name, curve in (("right", right_curve), ("control", wrong_curve)):
    print(f"{name:7s}", *(f"{curve[n]:6.3f}" for n in (0, 3, 300)))

# %% draws=true
fig, axis = figure(width=6.5, height=3)
count = np.arange(1, 302)
axis.semilogx(count, right_curve, color=COLOURS["rnn"], label="right gradient")
label = "control: $h_t$ in place of $h_{t-1}$"
axis.semilogx(count, wrong_curve, "--", color=COLOURS["floor"], label=label)
axis.set(xlabel="1 + steps of gradient descent (logarithmic)", ylabel="E", ylim=(0, None))
axis.legend(frameon=False)
show(
    fig,
    f"The error falls from {right_curve[0]:.3f} with the right gradient and with the wrong one, and the "
    f"curves hardly part: after 300 steps it is {right_curve[-1]:.3f} with the right one, "
    f"{wrong_curve[-1]:.3f} with the wrong one.",
)

# %% [markdown]
# The wrong gradient brings the loss down as well. **A falling loss proves nothing about a gradient**: any direction
# that points roughly downhill will do. (At the start two of the three entries are right, the larger ones, and the wrong one has
# at least the right sign. From the fifth step on it has the other one, and the three together still point downhill.) Nothing promises that the mistake points downhill elsewhere. Central
# differences see it at once:

# %%
wrong = wrong_dw_hh(h, parameters)
error_of_wrong = relative_error(np.array([wrong]), by_differences[1:2])
print(f"w_hh: differences {by_differences[1]:.4f}, control {wrong:.4f}", end="")
print(f", relative error {error_of_wrong:.2f}")
both = {"heard": "If the loss falls, the gradient is right", "verdict": "no"}
claim("a wrong gradient brings E down almost as far", wrong_curve[-1] < 1.1 * right_curve[-1], **both)
claim("central differences see the mistake: it is off by more than a third", error_of_wrong > 1 / 3, **both)

# %% [markdown]
# ## 2.4 The same weights vanish and explode
#
# On the way from $h_t$ back to $h_u$ the gradient is multiplied t − u times. In a loop without tanh,
# $h_t = w h_{t-1}$, the factor is w itself, and a hundred steps of it are drastic:

# %%
print(f"0.9^100 = {0.9**100:.1e}     2^100 = {2.0**100:.1e}")
claim(
    "without tanh, over 100 steps, 0.9 leaves 2.7e-5 and 2 makes 1.3e30",
    abs(0.9**100 / 2.7e-5 - 1) < 0.02 and abs(2.0**100 / 1.3e30 - 1) < 0.03,
    heard="0.9 vanishes, 2 explodes",
    verdict="yes, without tanh",
)

# %% [markdown]
# The first **vanishes**, the second **explodes** (Hochreiter 1991; Bengio et al. 1994; for matrices Pascanu et al.
# 2013). So with $w_{hh} = 3$ our gradient must explode? The factor in a tanh network is $w_{hh}(1 - h_t^2)$, and the
# second half of it depends on the *input*. Feed the same x at every step, from $h_0 = 0$, and compute $\partial h_3 /
# \partial h_1$, two steps back. Before you run the cell: what do you expect for x = 0, for x = 1, for x = −0.5?

# %%
def way_back(x_same, h_start, steps, w_hh=3.0):
    """|dh_t / dh_0| for t = 1 … steps, when every input is x_same → (steps,)."""
    h = scalar_forward(np.full(steps, x_same), h_start, 2.0, w_hh, 1.0)
    return np.cumprod(np.abs(w_hh) * (1 - h**2))


products = {}
print("   x      h_1      h_2      h_3    dh_3/dh_1    nudged by 1e-4")
for x_same in (0.0, 1.0, -0.5):
    states = scalar_forward(np.full(3, x_same), 0.0, 2.0, 3.0, 1.0)
    products[x_same] = 3 * (1 - states[1] ** 2) * 3 * (1 - states[2] ** 2)
    up, down = (
        scalar_forward(np.full(2, x_same), states[0] + e, 2.0, 3.0, 1.0) for e in (1e-4, -1e-4)
    )
    print(f"{x_same:4.1f}", *(f"{s:8.5f}" for s in states), f"{products[x_same]:12.0e}", end=" ")
    print(f"{(up[-1] - down[-1]) / 2e-4:17.0e}")
claim(
    "over two steps ∂h₃/∂h₁ is 9 for x = −0.5, below 1e-4 for x = 0 and x = 1",
    abs(products[-0.5] - 9) < 1e-6 and max(products[0.0], products[1.0]) < 1e-4,
    heard="$w_{hh} = 3$ is above 1, so the gradient explodes",
    verdict="depends on input and start",
)

# %% [markdown]
# For x = 0 and x = 1 the state runs up to 1, where tanh is flat: it **saturates**, the slope is next to 0, and 3
# times next to nothing is next to nothing. For x = −0.5 the input cancels the bias, the state stays at 0, where the slope
# is 1, and the gradient triples at every step. **Same weights, both fates.** The rule "weight above 1 explodes"
# belongs to the loop without tanh; what becomes of it for matrices is the subject of [chapter
# 3](03_gradient_clipping.ipynb).
#
# How long does the explosion last? Exactly at $h_0 = 0$ for ever. But 0 is a knife's edge: a state of $10^{-6}$ is
# multiplied by 3 as well, and at some point it leaves the steep part of tanh.

# %%
ways = {
    (-0.5, 0.0): way_back(-0.5, 0.0, 20),
    (-0.5, 1e-6): way_back(-0.5, 1e-6, 20),
    (0.0, 0.0): way_back(0.0, 0.0, 20),
    (1.0, 0.0): way_back(1.0, 0.0, 20),
}
looked_at = np.array([1, 5, 10, 12, 15, 20])
print("|dh_t / dh_0|  at t =", *(f"{t:7d}" for t in looked_at))
for (x_same, h_start), derivative in ways.items():
    print(f"x = {x_same:4.1f}, h_0 = {h_start:5.0e}", *(f"{d:7.0e}" for d in derivative[looked_at - 1]))
from_beside = ways[-0.5, 1e-6]
claim(
    "from h_0 = 1e-6 the growth ends after a dozen steps, and after 20 nothing is left of it",
    10 <= np.argmax(from_beside) + 1 <= 14 and from_beside[-1] < 1e-3,
    heard="$w_{hh} = 3$ is above 1, so the gradient explodes",
    verdict="depends on input and start",
)

# %% draws=true
t_axis = np.arange(1, 21)
styles = {
    (-0.5, 0.0): ("x = −0.5, $h_0 = 0$", COLOURS["rnn"], "-", (13.4, 3e8)),
    (-0.5, 1e-6): ("x = −0.5, $h_0 = 10^{-6}$", COLOURS["floor"], "--", (15.0, 1e-1)),
    (0.0, 0.0): ("x = 0", COLOURS["lstm"], "-", (8.2, 1e-13)),
    (1.0, 0.0): ("x = 1", COLOURS["sky"], "-", (3.2, 1e-17)),
}
fig, axis = figure(width=7, height=3.4)
for case, (label, colour, style, place) in styles.items():
    axis.semilogy(t_axis, ways[case], style, color=colour)
    axis.text(*place, label, fontsize=9, ha="right" if case[0] < 0 else "left")
axis.set(xlabel="t, steps", ylabel=r"$|\partial h_t / \partial h_0|$")
axis.set(ylim=(1e-20, 1e12), xticks=t_axis[1::2], yticks=[1e-20, 1e-15, 1e-10, 1e-5, 1, 1e5, 1e10])
show(
    fig,
    f"With w_hh = 3 and x = -0.5 the derivative triples at every step, to "
    f"{ways[-0.5, 0.0][-1]:.0e} after 20, as long as the state is exactly 0; from h_0 = 1e-6 it "
    f"peaks at {from_beside.max():.0e} after {int(np.argmax(from_beside)) + 1} steps and is down "
    f"to {from_beside[-1]:.0e} after 20. After 5 steps it is {ways[0.0, 0.0][4]:.0e} with x = 0 "
    f"and {ways[1.0, 0.0][4]:.0e} with x = 1.",
)

# %% [markdown]
# And the paths? In a sequence of T steps with a loss at the end only, T paths lead to the T uses of $w_{hh}$. What share of
# the gradient does each carry?

# %%
def paths_of_last_loss(w_hh, x_same, h_start, T):
    """States h (T,), |dh_T / dh_t| and what the path to use t adds to dh_T / dw_hh, each (T,), t = 1 … T."""
    x = np.full(T, x_same)
    h = scalar_forward(x, h_start, 2.0, w_hh, 1.0)
    back = np.append(np.cumprod((w_hh * (1 - h**2))[:0:-1])[::-1], 1.0)
    return h, np.abs(back), shares(x, h_start, h - 1, 2.0, w_hh, 1.0)[1, -1]   # h - target is 1


parts = {}
print("w_hh     x    h_0   |dh_12/dh_1|   uses 1 to 4   5 to 8   9 to 12")
for case in ((0.9, -0.5, 0.5), (1.5, -0.5, 0.01), (1.5, -0.6, 0.5), (3.0, -0.5, 0.5)):
    _, back, path = paths_of_last_loss(*case, T=12)
    parts[case] = np.abs(path).reshape(3, 4).sum(axis=1) / np.abs(path).sum()
    print("{:4} {:5} {:6}".format(*case), f"{back[0]:14.0e}", "{:13.0%} {:8.0%} {:9.0%}".format(*parts[case]))
claim(
    "a derivative that grows on its way back need not make the first uses count most: from h_0 = 0.01 they "
    "count less than the last, from 0.5, with x = -0.6, more",
    parts[1.5, -0.5, 0.01][0] < parts[1.5, -0.5, 0.01][2] and parts[1.5, -0.6, 0.5].argmax() == 0,
)

# %% [markdown]
# In the second row each step back near 0 multiplies by 1.5, and still the first eight uses have nearly equal shares: the state
# grows by the same factor, so what an early use gains by its longer way it loses by its smaller $h_{u-1}$. (The last four have
# more, where the state has left 0.) In the third row the state hardly leaves 0.5, where the slope is 0.75 and the factor 1.125:
# there the first uses do count most.
#
# **Move it.** (The words below say *vanishes* when less than a tenth arrives, *explodes* when it is more than ten times as
# much; the shares are taken by their size, without signs.) Look first at the left, where the gradient goes from right to
# left: does it rise or fall? And which bars on the
# right follow from that? Which $w_{hh}$ makes the gradient at x = −0.5 vanish from any start? Take T = 40, try 0.9, then 1.0,
# and mind the start: is the fate at $h_0 = 0$ that at $h_0 = 0.5$? Then set $w_{hh} = 3$ and $h_0 = 0.01$, and take T from 2 upwards: for how
# many steps does the explosion last?

# %% draws=true
from helpers.live import explore, slider


def scalar_loop(w_hh, x, h_0, T):
    h, back, path = paths_of_last_loss(w_hh, x, h_0, T)
    steps = np.arange(1, T + 1)
    fig, (left, right) = figure(2, width=8, height=3, width_ratios=(1.2, 1))
    left.plot((1, T), (1, 1), color=COLOURS["floor"], linewidth=0.8, linestyle=":")
    tens = np.abs(np.log10(np.maximum(back, 1e-20))).max()
    most = next(limit for limit in (2, 5, 10, 20) if tens < limit or limit == 20)     # powers of ten
    left.semilogy(steps, back, "o-", color=COLOURS["rnn"], markersize=3)     # what is smaller is not seen
    left.set(xlabel="t, step", ylabel=r"$|\partial h_T / \partial h_t|$", xticks=[1, T])
    left.set(ylim=(10.0 ** (-1.1 * most), 10.0 ** (1.1 * most)), yticks=[10.0**-most, 1, 10.0**most])
    left.set(yticklabels=[f"1e-{most:02}", "1", f"1e+{most:02}"])                 # as wide for every `most`
    left.minorticks_off()
    together = np.abs(path).sum()
    part = np.abs(path) / together if together > 0 else np.zeros(T)
    right.vlines(steps, 0, part, color=COLOURS["rnn"], linewidth=min(10, 150 / T))
    right.set(xlabel="use of $w_{hh}$ at step", ylabel="share of the gradient", ylim=(0, 1))
    right.set(xticks=[1, T], yticks=[0, 0.5, 1])
    fate = "vanishes" if back[0] < 0.1 else "explodes" if back[0] > 10 else "neither vanishes nor explodes"
    first = int(np.argmax(np.cumsum(part[::-1]) >= 0.9)) + 1
    carry = f"The last {first} of {T} uses carry" if first > 1 else f"The last of {T} uses alone carries"
    paths = (
        f"{carry} at least 90% of the gradient"
        if together > 0
        else "The weight's gradient is 0: each use meets a state of 0, or nothing comes back to it"
    )
    return fig, (
        f"With w_hh = {w_hh:g}, x = {x:g} and h_0 = {h_0:g} the gradient {fate} on its way back: "
        f"|dh_{T}/dh_1| = {back[0]:.2g}, over states from {h.min():.2f} to {h.max():.2f}. {paths}."
    )


explore(
    scalar_loop,
    w_hh=slider("w_hh", 0.0, 4.0, value=1.5, step=0.05),
    x=slider("x, the same at every step", -1.5, 1.5, value=-0.5, step=0.01),
    h_0=slider("h_0, the start", -0.5, 0.5, value=0.01, step=0.01),
    T=slider("T, steps", 2, 40, value=12),
)

# %% [markdown]
# At 3, too, the derivative vanishes from 0.5: the state runs up to where tanh is flat. At 0.9 no factor can be above
# 0.9, whatever the start. At 1.0 it depends on the start: exactly at 0 the derivative stays 1 for ever; anywhere else
# the slope is below 1, and the derivative falls, ever more slowly as the state nears 0.
#
# ### "The gradient vanishes, so the weights barely change"
#
# This is often said, and it is true of one part of the gradient only. Take 30 random inputs, targets made by another
# network of the same kind, and a loss at *every* step. We split the shares by the **distance** t − u between loss and
# use, and descend three times: with all shares, with those at distance 0 … 4 alone, and with those at distance 5 and
# more alone, each time 100 steps with learning rate 0.01. One such sequence proves little, so the loop takes twelve. What
# do you expect of the three?

# %%
T = 30
distance = np.subtract.outer(np.arange(T), np.arange(T))     # t - u, (T, T)
kept = {"all": distance >= 0, "near": (distance >= 0) & (distance < 5), "far": distance >= 5}
at_first, largest, travelled, left_over = ({name: [] for name in kept} for _ in range(4))
for seed in range(12):
    long_x = np.random.default_rng(seed).uniform(-1.5, 0.5, size=T)
    long_target = scalar_forward(long_x, 0.1, 1.0, 0.5, 0.4)
    for name, mask in kept.items():
        p, curve = np.array([2.0, 3.0, 1.0]), []
        for _ in range(100):
            gradient = (shares(long_x, 0.1, long_target, *p) * mask).sum(axis=(1, 2))
            curve.append(gradient[1])
            p -= 0.01 * gradient
        E_before, E_after = (
            0.5 * ((scalar_forward(long_x, 0.1, *w) - long_target) ** 2).sum() for w in ((2, 3, 1), p)
        )
        at_first[name].append(abs(curve[0]))
        largest[name].append(np.abs(curve).max())
        travelled[name].append(abs(p[1] - 3))
        left_over[name].append(E_after / E_before)

print(f"{'median (lowest … highest)':25s} {'all shares':>22s} {'near shares alone':>22s}", end="")
print(f" {'far shares alone':>25s}")
for title, values in (
    ("gradient in w_hh, first", at_first),
    ("gradient in w_hh, largest", largest),
    ("w_hh moves by", travelled),
    ("E afterwards / before", left_over),
):
    parts = [np.quantile(values[name], (0.5, 0, 1)) for name in kept]
    cells = [f"{middle:.2g} ({low:.2g} … {high:.2g})" for middle, low, high in parts]
    print(f"{title:25s} {cells[0]:>22s} {cells[1]:>22s} {cells[2]:>25s}")
far_share = np.array(at_first["far"]) / at_first["all"]
vanish = {"heard": "When the gradient vanishes, the weights barely change", "verdict": "only the far share"}
claim(
    "shares at distance 5 and more are under 1 % of the first gradient, for all twelve sequences",
    far_share.max() < 0.01,
    **vanish,
)
claim("near shares alone bring E below a fifth, for all twelve", max(left_over["near"]) < 0.2, **vanish)
claim(
    "far shares alone leave `w_hh` where it was, to 0.02, in at least ten of twelve",
    (np.array(travelled["far"]) < 0.02).sum() >= 10,
    **vanish,
)
claim("once in a while they explode: above 10, in at least one of twelve", max(largest["far"]) > 10)

# %% [markdown]
# The weights do change, and briskly: with the near shares alone E falls, in the median, as far as with all of them. What
# the weights do not do is learn *from* far away. These targets ask for nothing far away (their network has
# $w_{hh} = 0.5$); where they do, that is worse, because a falling loss need not show it.
#
# The ranges tell something else. Once in a while the far shares shoot up on the way, probably because a few states in a
# row come close to 0, where tanh is steep: the way back multiplies instead of fading, and one step throws the weights
# off, so that E can even end above its start. Vanishing
# most of the time and exploding now and then: the same network does both.

# %% [markdown]
# ## 2.5 The whole layer at once
#
# From numbers to arrays, with the shapes of chapter 1: x (N, T, D), h₀ (N, H), h (N, T, H), $W_x$ (D, H), $W_h$ (H,
# H), b (H,). Forwards it is chapter 1's loop:

# %%
def rnn_forward(x, h0, Wx, Wh, b):
    """x (N, T, D), h0 (N, H), Wx (D, H), Wh (H, H), b (H,) → h (N, T, H)."""
    states, h = [], h0
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ Wx + h @ Wh + b)
        states.append(h)
    return np.stack(states, axis=1)

# %% [markdown]
# Backwards, every line of the sweep has its counterpart. A gradient has the shape of what it belongs to, and often
# that alone decides which matrix is transposed:
#
# | in numbers | for a batch, at step t | shape |
# |---|---|---|
# | $da = dh\,(1 - h^2)$ | $da_t = dh_t \odot (1 - h_t \odot h_t)$ | (N, H) |
# | handed back: $da\, w_{hh}$ | $da_t\, W_h^\top$ | (N, H) |
# | (not needed so far) | $dx_t = da_t\, W_x^\top$ | (N, D) |
# | $dw_{xh}$ gets $da\, x$ | $dW_x$ gets $x_t^\top da_t$ | (D, H) |
# | $dw_{hh}$ gets $da\, h_{t-1}$ | $dW_h$ gets $h_{t-1}^\top da_t$ | (H, H) |
# | $db$ gets $da$ | $db$ gets $da_t$ summed over the N rows | (H,) |
#
# $W_h$ is square, so there the shape does *not* decide: $da_t W_h$ would pass without a complaint, and so would
# $da_t^\top h_{t-1}$ for $dW_h$. Look at one entry instead: $h_{t-1}$ entered as $\sum_j h_{t-1,j}\, W_h[j, i]$ into
# unit i. What comes back to j is therefore $\sum_i da_{t,i}\, W_h[j, i]$: the same entry, summed over the *other*
# index.

# %%
rng = np.random.default_rng(5)
small_Wh, da, h_prev = rng.normal(size=(3, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
back, dWh = np.zeros((2, 3)), np.zeros((3, 3))
for n in range(2):
    for j in range(3):
        for i in range(3):
            back[n, j] += da[n, i] * small_Wh[j, i]
            dWh[j, i] += h_prev[n, j] * da[n, i]
for name, product in (("da @ Wh.T", da @ small_Wh.T), ("da @ Wh", da @ small_Wh)):
    print(f"the double loop beside {name:10s} relative error {relative_error(back, product):.0e}")
claim("what comes back is da @ Wh.T, and not da @ Wh", (
    relative_error(back, da @ small_Wh.T) < 1e-12 and relative_error(back, da @ small_Wh) > 0.1
))
claim("h_prev.T @ da adds up the batch", relative_error(dWh, h_prev.T @ da) < 1e-12)

# %% [markdown]
# ### Exercise 2.3 · `rnn_backward` · ★★★ · 25 min
# The sweep for a batch. What arrives from outside is `dh_own` (N, T, H): for each state the gradient of its *own* loss,
# the first of the two summands of $dh_t$ in 2.3. (For our E it is h − target; in chapter 5 an output layer sends it.)
# The second summand, what comes back through later states, is yours to compute: $dh_t$ is `dh_own[:, t] + dh_next`. Leave
# the arguments as they are (a slice of an array is a view: `dh_own[:, t] += …` changes it). And x may hold whole numbers,
# one-hot rows for instance; dx does not.
#
# <details><summary>A nudge</summary>It is `scalar_backward` with the table's products. Which three gradients are sums
# over the steps, and which are not? What is left in dh_next when the loop ends?</details>
# <details><summary>A recipe</summary>dWx, dWh, db are zeros of the right shapes, dh_next is zeros (N, H), dx is
# np.zeros(x.shape). For t from T − 1 down to 0: da = (dh_own[:, t] + dh_next) * (1 − h[:, t]²); dx[:, t] = da @ Wx.T;
# dWx += x[:, t].T @ da; dWh += before.T @ da with before = h[:, t − 1] or h0; db += da.sum(axis=0); dh_next = da @
# Wh.T. What remains is dh0.</details>
#
# You are there when three steps of ones, with states made up, give
#
# ```python
# ones, start = np.ones((1, 3, 4)), np.full((1, 2), 0.5)   # N = 1, T = 3, D = 4, H = 2
# states = np.array([[[0.1, 0.3], [0.6, 0.2], [0.4, 0.5]]])
# weights = np.full((4, 2), 0.1), np.array([[0.1, 0.2], [0.3, 0.4]])
# dx, dh0, dWx, dWh, db = rnn_backward(np.ones((1, 3, 2)), ones, start, states, *weights)
# dh0[0, 1]   # ≈ 1.076
# dWh[0, 1]   # ≈ 1.433
# ```

# %% exercise="rnn_backward"
def rnn_backward(dh_own, x, h0, h, Wx, Wh):
    """The gradients of all inputs and parameters of `rnn_forward`.

    dh_own (N, T, H), of each state's own loss; x (N, T, D), h0 (N, H), h (N, T, H), Wx (D, H),
    Wh (H, H), all left as they are → dx (N, T, D), dh0 (N, H), dWx (D, H), dWh (H, H), db (H,).
    """
    ### BEGIN SOLUTION
    dx, dWx, dWh = np.zeros(x.shape), np.zeros_like(Wx), np.zeros_like(Wh)
    db, dh_next = np.zeros(len(Wh)), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        before = h[:, t - 1] if t > 0 else h0
        da = (dh_own[:, t] + dh_next) * (1 - h[:, t] ** 2)
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += before.T @ da
        db += da.sum(axis=0)
        dh_next = da @ Wh.T
    return dx, dh_next, dWx, dWh, db
    ### END SOLUTION

# %% check="rnn_backward" points=4
rnn_backward = check("rnn_backward", rnn_backward)

# %% [markdown]
# The toy network is a batch of one with D = H = 1. Its three numbers must come out again:

# %%
toy_x, toy_target = x.reshape(1, 3, 1), target.reshape(1, 3, 1)
toy_h0, toy_Wx, toy_Wh, toy_b = (np.full((1, 1), v) for v in (h0, w_xh, w_hh, b))
toy_h = rnn_forward(toy_x, toy_h0, toy_Wx, toy_Wh, toy_b[0])
toy = rnn_backward(toy_h - toy_target, toy_x, toy_h0, toy_h, toy_Wx, toy_Wh)
toy = np.concatenate([g.ravel() for g in toy[2:]])
print("as arrays:", *(f"{g:.4f}" for g in toy))
claim("as arrays the toy network has the gradients of its paths", relative_error(toy, by_paths) < 1e-12)

# %% [markdown]
# And on a random batch (N = 3, T = 7, D = 4, H = 5), with a first state and a bias that are not zero, against autograd
# and central differences with step $10^{-5}$. `numerical_gradient` changes each of the five arrays in place, entry by
# entry, which is why `batch_error` ignores its argument:

# %%
rng = np.random.default_rng(6)
N, T, D, H = 3, 7, 4, 5
batch, first = rng.normal(size=(N, T, D)), np.tanh(rng.normal(size=(N, H)))
Wx, Wh, bias = rng.normal(size=(D, H)) / 2, rng.normal(size=(H, H)) / 2, rng.normal(size=H)
wanted = rng.uniform(-1, 1, size=(N, T, H))

h_batch = rnn_forward(batch, first, Wx, Wh, bias)
ours = rnn_backward(h_batch - wanted, batch, first, h_batch, Wx, Wh)

tensors = [torch.tensor(a, requires_grad=True) for a in (batch, first, Wx, Wh, bias)]
x_, h_, Wx_, Wh_, b_ = tensors
loss = 0.0
for t in range(T):
    h_ = torch.tanh(x_[:, t] @ Wx_ + h_ @ Wh_ + b_)
    loss = loss + 0.5 * ((h_ - torch.tensor(wanted[:, t])) ** 2).sum()
loss.backward()


def batch_error(_):
    return 0.5 * ((rnn_forward(batch, first, Wx, Wh, bias) - wanted) ** 2).sum()


arrays = batch, first, Wx, Wh, bias
autograd = [relative_error(g, tensor.grad.numpy()) for g, tensor in zip(ours, tensors, strict=True)]
nudged = [numerical_gradient(batch_error, array, eps=1e-5) for array in arrays]
differences = [relative_error(g, other) for g, other in zip(ours, nudged, strict=True)]
for name, g in zip(("dx", "dh0", "dWx", "dWh", "db"), ours, strict=True):
    print(f"{name:4s} {g.shape}")
claim("all five gradients are autograd's, to 1e-12", max(autograd) < 1e-12)
claim("all five agree with central differences, to 1e-6", max(differences) < 1e-6)

# %% [markdown]
# The layer in `helpers` goes the same way back. It computes da for all steps first and takes one large product
# instead of T small ones, which is faster and gives the same sums.

# %%
from helpers.layers import RNN

layer = RNN(D, H, rng=rng, dtype=np.float64)
for name, value in (("Wx", Wx), ("Wh", Wh), ("b", bias)):
    layer.params[name][...] = value
dx = layer.backward(layer.forward(batch, first) - wanted)
theirs = (dx, layer.dh0, layer.grads["Wx"], layer.grads["Wh"], layer.grads["b"])
same = [relative_error(a, g) < 1e-12 for a, g in zip(theirs, ours, strict=True)]
claim("`helpers.layers.RNN` has the same five gradients, to 1e-12", all(same))

# %% [markdown]
# ## 2.6 What must be remembered
#
# The sweep runs from the end to the beginning, and at every step it asks for $x_t$, $h_t$ and $h_{t-1}$. So the
# forward pass may throw none of them away. That makes
#
# $$N\,(T D + (T + 1) H) \text{ numbers,}$$
#
# which grow with T, while the parameters do not. What the formula asks of a layer that reads the whole training text
# of the Penn Treebank (chapter 5) in one go, with 650 units and float32:

# %%
from helpers.records import read_record

tokens = read_record("ptb-small")["results"]["tokens"]["train"]
numbers = 1 * (tokens * 650 + (tokens + 1) * 650)
print(f"{tokens:,d} steps, N = 1, D = H = 650: {4 * numbers / 1e9:.1f} GB", end=" ")
print(f"against {4 * 650 * (650 + 650 + 1) / 1e6:.1f} MB of parameters")

# %% [markdown]
# Beside the count, a measurement, recorded (its command is printed): the most memory that forward and backward hold
# at a time. For `torch.nn.RNN` these are the tensors that autograd keeps; for the NumPy layer it is everything it
# allocates, with its working arrays. (Parameters and their gradients are left out in both. The layer's copy of the input
# is counted, the caller's array is not.) In the
# second pair of curves the same sequence is worked through in windows of 25 steps, as explained in the next section.

# %%
record = read_record("bptt-memory")
lengths = np.array([row["T"] for row in record["curve"]])
megabytes = {
    key: np.array([row[key] for row in record["curve"]]) / 1e6
    for key in record["curve"][0]
    if key != "T"
}
window, sizes = record["settings"]["window"], ("batch_size", "input_size", "hidden_size")
print(record["command"])
print("N = {}, D = {}, H = {}".format(*(record["settings"][size] for size in sizes)))
growth = {key: values[-1] / values[0] for key, values in megabytes.items()}
print(f"from T = {lengths[0]} to {lengths[-1]}, {lengths[-1] // lengths[0]} times as many steps")
for key, name in (("numpy", "NumPy layer"), ("torch", "kept by autograd")):
    print(f"{name:16s} {growth[f'{key}_bytes']:5.1f} times the memory", end="")
    print(f", in windows of {window} {growth[f'{key}_truncated_bytes']:.2f} times")
most = megabytes["numpy_bytes"] / megabytes["needed_bytes"]
print(f"the NumPy layer takes {most.min():.1f} to {most.max():.1f} times what the formula counts")
claim(
    "what autograd keeps is exactly what the formula counts, and grows with T",
    np.array_equal(megabytes["torch_bytes"], megabytes["needed_bytes"]) and growth["torch_bytes"] > 60,
    heard="The memory of BPTT grows with T",
    verdict="yes",
)
claim(
    "worked through in windows of 25 steps it does not grow, to 2 %",
    max(growth["numpy_truncated_bytes"], growth["torch_truncated_bytes"]) < 1.02,
    heard="The memory of BPTT grows with T",
    verdict="yes",
)

# %% draws=true
fig, axis = figure(width=7, height=3.4)
for key, colour, marker, label in (
    ("numpy", COLOURS["rnn"], "o", "NumPy layer"),
    ("torch", COLOURS["lstm"], "s", "torch, kept by autograd"),
):
    axis.loglog(lengths, megabytes[f"{key}_bytes"], f"{marker}-", color=colour, label=label)
    cut = megabytes[f"{key}_truncated_bytes"]
    axis.loglog(lengths, cut, f"{marker}--", color=colour, markerfacecolor="white")
    axis.text(1600, cut[-1] * 1.25, f"the same in windows of {window}", ha="right", fontsize=9)
axis.set(xlabel="T, steps", ylabel="megabytes held", xticks=lengths, xticklabels=lengths)
axis.set(yticks=[1, 10, 100], yticklabels=[1, 10, 100])
axis.minorticks_off()
axis.legend(frameon=False)
show(
    fig,
    f"From 25 to 1,600 steps, {lengths[-1] // lengths[0]} times as many, the NumPy layer needs "
    f"{growth['numpy_bytes']:.0f} times the memory, {megabytes['numpy_bytes'][-1]:.0f} MB at the "
    f"end, and autograd keeps {growth['torch_bytes']:.0f} times as much. In windows of {window} "
    f"both stay where they were: {growth['numpy_truncated_bytes']:.2f} and "
    f"{growth['torch_truncated_bytes']:.2f} times.",
)

# %% [markdown]
# The NumPy layer takes a few times what the formula counts, since it keeps its sums, slopes and gradients for all
# steps too. It grows as fast. (One can trade: keep every tenth state and compute the others again when they are
# needed. Then the memory falls and the time rises; Gruslys et al. 2016 work out how far.)
#
# ## 2.7 Truncated BPTT
#
# The other way out is to give something up. Cut the sequence into windows of k steps. Read a window, go back through
# it, and forget what was kept for it; then read the next.
#
# - The **state is carried on**: the next window starts from the last state of this one. Forwards, the cut is not
#   there.
# - The **gradient is cut**: what arrives at a window's first state is not handed back to the window before.
#
# In the table of shares this crosses out entries, those whose loss and use lie in different windows. There is a
# second scheme of the same name: from *every* loss look back over k uses, its own step included. (Williams & Peng 1990
# write BPTT(k; k) for the first scheme and BPTT(k) for the second.) As arrays of True and False, of shape (T, T), a row
# for each loss and a column for each use:

# %%
T, k = 12, 4
loss_at, used_at = np.indices((T, T))
windows = (used_at <= loss_at) & (used_at // k == loss_at // k)
look_back = (used_at <= loss_at) & (loss_at - used_at < k)
print(f"of {T * (T + 1) // 2} pairs windows of 4 keep {windows.sum()}, 4 uses from every loss "
      f"{look_back.sum()}")

# %% draws=true
fig, axes = figure(2, width=7.4, height=3.5)
both_masks = ("windows of 4", windows), ("back over 4 uses", look_back)
for axis, (title, mask) in zip(axes, both_masks, strict=True):
    shade = np.where(mask, 2, np.where(used_at <= loss_at, 1, 0))
    colours = np.array([[255, 255, 255], [228, 228, 228], [213, 94, 0]])
    axis.imshow(colours[shade])
    axis.set(title=title, xlabel="use at step", ylabel="loss at step")
    axis.set(xticks=range(0, T, 2), xticklabels=range(1, T + 1, 2))
    axis.set(yticks=range(0, T, 2), yticklabels=range(1, T + 1, 2))
    axis.grid(False)
show(
    fig,
    f"Of {T * (T + 1) // 2} pairs of loss and use in 12 steps windows of 4 keep {windows.sum()}, "
    "in triangles along the diagonal; looking back over 4 uses from every loss keeps "
    f"{look_back.sum()}, in a band. Grey pairs are cut.",
)

# %% [markdown]
# | way | keeps in memory | work | uses that a loss reaches |
# |---|---|---|---|
# | full BPTT | T steps | T steps back | all, to the beginning |
# | windows of k steps, state carried | k steps | T steps back in all | 1 … k, (k + 1)/2 on average |
# | back over k uses from every loss | k steps | about k · T steps back | k |
#
# From here on **truncated BPTT means the first**, the windows. It is what language models are trained with
# ([chapter 5](05_language_model.ipynb)), there with an update after every window; the second one costs k times the way
# back.

# %% [markdown]
# ### Exercise 2.4 · `truncated_bptt` · ★★☆ · 20 min
# Go through the sequence in windows of `window` steps (the last may be shorter), add up the gradients of
# $E = \sum \tfrac12 (h - h^*)^2$ over all windows, and return them with the last state. You may use `rnn_forward` and
# `rnn_backward`. A window longer than the sequence cuts nothing. Leave the arguments as they are: `before[:] = …` would
# write into h0.
#
# <details><summary>A nudge</summary>Each window is a small sequence of its own, with one difference: where does it
# start? And which of the five gradients that come back do you simply not use?</details>
# <details><summary>A recipe</summary>before = h0, sums at zero. For start in range(0, x.shape[1], window): part = slice(start,
# start + window); h = rnn_forward(x[:, part], before, Wx, Wh, b); gradients = rnn_backward(h − target[:, part], x[:,
# part], before, h, Wx, Wh); add the last three to the sums; before = h[:, −1]. The window's dh0 is dropped: that is
# the cut.</details>
#
# You are there when five steps in windows of 2, the last of them one step long, give
#
# ```python
# inputs, start = np.ones((1, 5, 3)), np.full((1, 2), 0.5)   # N = 1, T = 5, D = 3, H = 2
# weights = np.full((3, 2), 0.1), np.array([[0.1, 0.9], [0.5, 0.4]]), np.zeros(2)
# dWx, dWh, db, h_last = truncated_bptt(inputs, start, np.full((1, 5, 2), 0.3), *weights, 2)
# dWh[0, 1]      # ≈ 0.580
# h_last[0, 0]   # ≈ 0.654
# ```

# %% exercise="truncated_bptt"
def truncated_bptt(x, h0, target, Wx, Wh, b, window):
    """Gradients of E = Σ ½ (h − target)², cut every `window` steps; the state is carried on.

    x (N, T, D), target (N, T, H), h0 (N, H), Wx (D, H), Wh (H, H), b (H,), window an int ≥ 1
    → dWx (D, H), dWh (H, H), db (H,), h_last (N, H).
    """
    ### BEGIN SOLUTION
    before, dWx, dWh, db = h0, np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for start in range(0, x.shape[1], window):
        part = slice(start, start + window)
        h = rnn_forward(x[:, part], before, Wx, Wh, b)
        grads = rnn_backward(h - target[:, part], x[:, part], before, h, Wx, Wh)
        dWx += grads[2]
        dWh += grads[3]
        db += grads[4]
        before = h[:, -1]
    return dWx, dWh, db, before
    ### END SOLUTION

# %% check="truncated_bptt" points=3
truncated_bptt = check("truncated_bptt", truncated_bptt)

# %% [markdown]
# In the toy network, windows of 2 cut between steps 2 and 3. Of the six shares, four remain:

# %%
t, u = np.indices((3, 3))
for window in (1, 2, 3):
    cut = truncated_bptt(toy_x, toy_h0, toy_target, toy_Wx, toy_Wh, toy_b[0], window)[1].item()
    remaining = share[1][t // window == u // window].sum()
    print(f"windows of {window}: dw_hh = {cut:7.4f}, sum of the shares that remain {remaining:7.4f}")

# %% [markdown]
# ### Detached is not zero
#
# In torch the cut is `h.detach()`: the same values, without their history. Something else is easily confused with it:
# *setting the state to zero*. Here are both on the batch from above, in windows of 3, beside autograd without a cut.
# Which of the three give the same E?

# %% tags=["nbval-ignore-output"]
def by_autograd(at_cut, window=3):
    """E and the gradient in Wh, when the state goes through `at_cut` before every window."""
    weights = [torch.tensor(a, requires_grad=True) for a in (Wx, Wh, bias)]
    h, loss = torch.tensor(first), 0.0
    for t in range(batch.shape[1]):
        if t and t % window == 0:
            h = at_cut(h)
        h = torch.tanh(torch.tensor(batch[:, t]) @ weights[0] + h @ weights[1] + weights[2])
        loss = loss + 0.5 * ((h - torch.tensor(wanted[:, t])) ** 2).sum()
    loss.backward()
    return loss.item(), weights[1].grad.numpy()


dWh_cut = truncated_bptt(batch, first, wanted, Wx, Wh, bias, 3)[1]
cuts = {"nothing": lambda h: h, "h.detach()": torch.detach, "zeros": torch.zeros_like}
E, off = {}, {}
print("at each cut           E    dWh is truncated_bptt's, up to")
for name, at_cut in cuts.items():
    E[name], dWh = by_autograd(at_cut)
    off[name] = relative_error(dWh, dWh_cut)
    print(f"{name:14s} {E[name]:8.3f}    {off[name]:.0e}")

# %%
afresh = {"heard": "Truncated BPTT starts every window afresh", "verdict": "no"}
claim(
    "detaching the state leaves E as it is and cuts the gradient",
    abs(E["h.detach()"] - E["nothing"]) < 1e-9 and off["h.detach()"] < 1e-12 < 0.01 < off["nothing"],
    **afresh,
)
claim("setting it to zero changes E: it is another network", abs(E["zeros"] - E["nothing"]) > 0.1, **afresh)

# %% [markdown]
# Set to zero, the network forgets at every cut. Sometimes one wants that (a new, unrelated text begins), but it is not
# truncation.
#
# And without either? Once its backward pass is done, torch frees a window's graph (what autograd noted down), and stops
# at the second window:

# %%
weight, state = torch.tensor(Wh, requires_grad=True), torch.tensor(first)
try:
    for _ in range(2):
        state = torch.tanh(state @ weight)      # it still hangs on the window before
        state.sum().backward()
except RuntimeError as problem:
    print("RuntimeError:", str(problem)[:52], "…")

# %% [markdown]
# You may meet this message again. Here it means: detach the state.
#
# ### What the cut costs
#
# The truncated gradient is wrong on purpose. By how much? Write g for the full gradient, all parameters in one long
# vector, $g_k$ for the one from windows of k steps; we measure the relative distance $\|g_k - g\| / \|g\|$.
#
# **A guess first.** A sequence of 200 steps in windows of 10 has 19 cuts. Is $g_{10}$ off by 1 %, by 10 %, by half?
# And what would it depend on?
#
# The networks that are to answer are random: H = 20, D = 3, N = 8 sequences of T = 200 random inputs, a loss at every
# step, targets from another random network. The recurrent matrix is a random rotation (perhaps mirrored; it leaves the
# length of a vector as it is) times a factor. With a factor of 0.6 a state's influence
# **fades** fast; with 1 the network is **at the edge**, where only tanh makes it fade. Ten
# networks of each sort.

# %%
def network(seed, factor, N=8, T=200, D=3, H=20):
    """x, h0, target, Wx, Wh, b of a random network with Wh = factor · rotation."""
    rng = np.random.default_rng(seed)
    Wx, other = rng.normal(size=(2, D, H), scale=0.1)
    rotation, other_rotation = (np.linalg.qr(rng.normal(size=(H, H)))[0] for _ in range(2))
    b = rng.normal(size=H, scale=0.03)
    x, h0 = rng.normal(size=(N, T, D)), np.zeros((N, H))
    target = rnn_forward(x, h0, other, 0.98 * other_rotation, np.zeros(H))
    return x, h0, target, Wx, factor * rotation, b


def one_vector(gradients):
    return np.concatenate([g.ravel() for g in gradients])


def distance_to(full, gradient):
    return np.linalg.norm(gradient - full) / np.linalg.norm(full)


sizes = np.array([1, 2, 5, 10, 20, 40, 100])
in_windows = {factor: np.zeros((10, len(sizes))) for factor in (0.6, 1.0)}
for factor, distances in in_windows.items():
    for seed in range(10):
        case = network(seed, factor)
        full = one_vector(truncated_bptt(*case, 200)[:3])     # one window: nothing is cut
        for column, k in enumerate(sizes):
            distances[seed, column] = distance_to(full, one_vector(truncated_bptt(*case, k)[:3]))

print("windows of k =", *(f"{k:6d}" for k in sizes))
for factor, distances in in_windows.items():
    print(f"factor {factor}    ", *(f"{d:6.3f}" for d in distances.mean(axis=0)))
ten = sizes.tolist().index(10)
claim(
    "windows of 10 are off by less than 10 % where influence fades, by more than 15 % at the edge, all ten",
    in_windows[0.6][:, ten].max() < 0.1 and in_windows[1.0][:, ten].min() > 0.15,
    heard="The truncated gradient is only approximate",
    verdict="yes; how far off, the network decides",
)

# %% [markdown]
# **How much a cut costs is decided by the network.** Where influence fades anyway, windows of 10 lose little; at the
# edge they lose about a quarter. So a network that learned to remember longer would make its own truncated gradient
# worse.
#
# One thing in the upper row is odd. With a factor of 0.6 a state's influence is down to $0.6^{10} < 1\,\%$ after ten
# steps, at most. Windows of 100 hold all that matters ten times over, and still something is missing. What?
#
# Not only *far* pairs are crossed out. The loss right after a cut keeps the use at its own step and loses the one just
# before it, however long the windows are. If that is the reason, the second scheme, back over k uses from every loss,
# must do without the rest: it cuts far pairs only. (`gradients_by_reach` computes it for all k in one sweep, about T/2
# times as much work as one way back.)

# %%
from helpers.truncation import gradients_by_reach

looking_back = {factor: np.zeros((10, len(sizes))) for factor in (0.6, 1.0)}
for factor, distances in looking_back.items():
    for seed in range(10):
        x_, h0_, target_, *weights = network(seed, factor)
        states = rnn_forward(x_, h0_, *weights)
        by_reach = gradients_by_reach(x_, h0_, states, target_, weights[1])     # (T, parameters)
        distances[seed] = [distance_to(by_reach[-1], by_reach[k - 1]) for k in sizes]

print("factor 0.6, k =   ", *(f"{k:7d}" for k in sizes))
for name, distances in (("windows of k", in_windows), ("back over k uses", looking_back)):
    print(f"{name:18s}", *(f"{d:7.0e}" for d in distances[0.6].mean(axis=0)))
windows_fall = in_windows[0.6][:, ten] / in_windows[0.6][:, sizes == 40].ravel()
back_falls = looking_back[0.6][:, sizes == 5].ravel() / looking_back[0.6][:, sizes == 20].ravel()
claim("windows of 40 are off by a third to a fifth of what windows of 10 are",
      (abs(windows_fall - 4) < 1).all())
claim("looking back over 20 uses is off by less than a hundredth of what 5 uses are", back_falls.min() > 100)

# %% draws=true
fig, axes = figure(2, width=8.2, height=3.5, sharey=True)
titles = {0.6: "factor 0.6: influence fades", 1.0: "factor 1: at the edge"}
for axis, (factor, title) in zip(axes, titles.items(), strict=True):
    band(axis, sizes, in_windows[factor], colour=COLOURS["rnn"], label="windows of k")
    visible = np.maximum(looking_back[factor], 1e-9)
    band(axis, sizes, visible, colour=COLOURS["lstm"], label="back over k uses")
    axis.set(xscale="log", yscale="log", xlabel="k, steps", ylim=(1e-5, 1.5))
    axis.set(title=title, xticks=sizes, xticklabels=sizes)
    axis.minorticks_off()
axes[0].plot([10, 100], [0.2, 0.02], ":", color=COLOURS["floor"])
axes[0].text(33, 0.09, "1/k", fontsize=9)
axes[0].set_ylabel("distance to the full gradient")
axes[1].legend(frameon=False, loc="lower left")
show(
    fig,
    "Relative distance of the truncated gradient from the full one, against k; lines are means, "
    "bands the range of ten networks. With a factor of 0.6 windows of 10 are off by "
    f"{in_windows[0.6][:, ten].mean():.1%}, going back over ten uses by "
    f"{looking_back[0.6][:, ten].mean():.1%}; with 1 by {in_windows[1.0][:, ten].mean():.0%} and "
    f"{looking_back[1.0][:, ten].mean():.0%}. Windows of 100 are still off by "
    f"{in_windows[0.6][:, -1].mean():.1%} and {in_windows[1.0][:, -1].mean():.1%}: their error "
    "falls about like 1/k (at the edge only beyond the network's memory), that of looking back, with 0.6, "
    "about exponentially.",
)

# %% [markdown]
# That is the reason. There are T/k − 1 cuts, each crosses out a few near pairs, and so **the error of windows falls about
# like 1/k** as long as k is well beyond the network's memory and well below T. With a factor of 0.6 the error of the
# second scheme falls about exponentially, for k times the way back.
#
# ### Would more data help?
#
# If that error were noise, it would average away: four times as many sequences, half the error. Take more sequences at
# a time, in windows of 10, for three networks of each sort:

# %%
numbers = (4, 16, 64, 256)
by_number = {factor: np.zeros((3, len(numbers))) for factor in (0.6, 1.0)}
for factor, distances in by_number.items():
    for seed in range(3):
        for column, n in enumerate(numbers):
            case = network(seed, factor, N=n)
            full, in_tens = (one_vector(truncated_bptt(*case, k)[:3]) for k in (200, 10))
            distances[seed, column] = distance_to(full, in_tens)
print("sequences               ", *(f"{n:6d}" for n in numbers), "   (1/√n would make of it)")
for factor, distances in by_number.items():
    for seed, row in enumerate(distances):
        print(f"factor {factor}, network {seed + 1}   ", *(f"{e:6.3f}" for e in row), f"{row[0] / 8:9.3f}")
claim(
    "64 times the sequences leave at least two thirds of the error, in all six networks",
    all((distances[:, -1] > distances[:, 0] * 2 / 3).all() for distances in by_number.values()),
    heard="The error of truncation is noise: more data averages it away",
    verdict="no",
)

# %% [markdown]
# It stays: the error is *systematic* (statistics calls it a bias, but b has that name here). Truncated BPTT descends along
# something that is not the gradient of E, however much data it is given. Language models are trained with it all the
# same; what you have seen is the price in the gradient, on small random networks.

# %% [markdown]
# ### Exercise 2.5 · `quiz_full_bptt` · ★☆☆ · 5 min
# *Full* BPTT, as in this chapter: one sequence of T steps forwards, keeping the states, then backwards through all of
# it, then one update. Which statement about it is **false**?
#
# - **a** As it is done here, with the states of all steps kept, the memory for them grows in proportion to T.
# - **b** All uses of $W_h$ share one gradient, the sum over the steps, and one update changes the one matrix.
# - **c** Since it cuts no path, no step's share of the gradient can shrink towards zero with its distance from the
#   loss.
# - **d** The backward pass has as many steps in a row as the forward pass: what arrives at $h_{t-1}$ has to wait for
#   what arrives at $h_t$.

# %% exercise="quiz_full_bptt"
def quiz_full_bptt():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "c"
    ### END SOLUTION
    return answer

# %% check="quiz_full_bptt" points=1
quiz_full_bptt = check("quiz_full_bptt", quiz_full_bptt)

# %% [markdown]
# (Lectures ask this in a form in which more than one answer can be defended, depending on whether "BPTT" means full
# or truncated and whether memory may be traded for time. Hence the careful wording.)
#
# ## 2.8 Find the fault
#
# A colleague has written gradient descent with truncated BPTT: a function that goes through a sequence in windows, adds
# their gradients up, makes one update, and begins again, one pass through the sequence for each update. It runs, and E
# falls, faster than yours even; then it comes back.
#
# You do not see the code yet. First look at what it does: five small networks (four sequences of 24 steps, D = 2, H =
# 4), windows of 6, 120 updates, beside a descent along `truncated_bptt`. The colleague suspects the learning rate, so
# a tenth of it is tried as well.

# %%
from helpers.colleague import show_source
from helpers.colleague.chapter_02 import descend_in_windows as colleagues_descent


def practice(seed, N=4, T=24, D=2, H=4):
    """x, h0, target, Wx, Wh, b: targets from another network, which remembers for a few steps."""
    rng = np.random.default_rng(seed)
    other_Wx, other_Wh = rng.normal(size=(D, H)) / 2, 0.8 * np.linalg.qr(rng.normal(size=(H, H)))[0]
    x, h0 = rng.normal(size=(N, T, D)), np.zeros((N, H))
    weights = 0.3 * rng.normal(size=(D, H)), 0.3 * rng.normal(size=(H, H)), np.zeros(H)
    return x, h0, rnn_forward(x, h0, other_Wx, other_Wh, np.zeros(H)), *weights


def our_descent(x, h0, target, Wx, Wh, b, window, lr, updates):
    """E before each update, stepping along `truncated_bptt`."""
    curve = []
    for _ in range(updates):
        curve.append(0.5 * ((rnn_forward(x, h0, Wx, Wh, b) - target) ** 2).sum())
        dWx, dWh, db, _ = truncated_bptt(x, h0, target, Wx, Wh, b, window)
        Wx, Wh, b = Wx - lr * dWx, Wh - lr * dWh, b - lr * db
    return np.array(curve)


curves = {
    "ours": [our_descent(*practice(seed), 6, 0.002, 120) for seed in range(5)],
    "colleague's": [colleagues_descent(*practice(seed), 6, 0.002, 120)[-1] for seed in range(5)],
    "colleague's, rate / 10": [colleagues_descent(*practice(seed), 6, 0.0002, 120)[-1] for seed in range(5)],
}
print("E before update             1     5    10    20    40    80   120   lowest")
for name, five in curves.items():
    mean = np.mean(five, axis=0)
    at_updates = (f"{mean[n - 1]:5.0f}" for n in (1, 5, 10, 20, 40, 80, 120))
    print(f"{name:25s}", *at_updates, f"{mean.min():8.0f}")
ours, theirs = (np.array(curves[name]) for name in ("ours", "colleague's"))
lowest = theirs.min(axis=1)
claim(
    "the colleague's E falls below half and comes back up by a third and more, for all five",
    ((lowest < theirs[:, 0] / 2) & (theirs[:, -1] > 4 / 3 * lowest)).all(),
)
claim("it ends more than five times as high as ours, for all five", (theirs[:, -1] > 5 * ours[:, -1]).all())

# %% draws=true
fig, axis = figure(width=7, height=3.2)
count = np.arange(1, 121)
looks = (("lstm", "-"), ("rnn", "-"), ("floor", ":"))
for (name, five), (colour, style) in zip(curves.items(), looks, strict=True):
    axis.plot(count, np.transpose(five), style, color=COLOURS[colour], linewidth=0.8, alpha=0.6)
    axis.plot(count, np.mean(five, axis=0), style, color=COLOURS[colour], linewidth=2, label=name)
axis.set(xlabel="update", ylabel="E", ylim=(0, None), xlim=(0, 121))
axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
show(
    fig,
    f"E before every update, five networks (thin) and their mean. Ours falls from "
    f"{ours[:, 0].mean():.0f} to {ours[:, -1].mean():.0f}. The colleague's falls faster at first, to "
    f"{theirs.mean(axis=0).min():.0f}, comes back and ends at {theirs[:, -1].mean():.0f}; with a "
    "tenth of the rate it does the same, later.",
)

# %% [markdown]
# A curve says *that* something is wrong. *What* is wrong, a gradient check may say. The gradient that the colleague's
# function uses can be had from outside: its step divided by the learning rate. Beside it, at the same weights, the
# gradient of `truncated_bptt`, for the first five updates:

# %%
def gradients_used(descent, case, window, lr, updates):
    """[(the gradient that `descent` stepped along, that of `truncated_bptt` at the same weights), …]"""
    x, h0, target, *weights = case
    pairs = []
    for update in range(1, updates + 1):
        after = descent(*case, window, lr, update)[:3]        # the weights after so many updates
        step = one_vector(weights) - one_vector(after)
        pairs.append((step / lr, one_vector(truncated_bptt(x, h0, target, *weights, window)[:3])))
        weights = after
    return pairs


def length(vector):
    return np.linalg.norm(vector)


print("update                                 1      2      3      4      5")
for lr in (0.002, 0.0002, 0.000002):
    pairs = gradients_used(colleagues_descent, practice(0), 6, lr, 5)
    distances = (f"{distance_to(right, used):6.2f}" for used, right in pairs)
    print(f"rate {lr:g}:".ljust(16), "distance      ", *distances)
    print(" " * 16, "times as long ", *(f"{length(used) / length(right):6.2f}" for used, right in pairs))

# %% [markdown]
# ### Exercise 2.6 · `quiz_falls_and_returns` · ★★☆ · 5 min
# `distance` is the relative distance of 2.7: 0 is right. Which mistake has these symptoms?
#
# - **a** The learning rate is too large, also at a tenth of it.
# - **b** Something that belongs to one update is still there at the next.
# - **c** At every cut the state is set to zero, not only the gradient cut.
# - **d** Each window's gradient takes the place of the one before, where it should be added to it.
#
# <details><summary>A nudge</summary>Which of the four would show at the very first update? And which changes what is
# stepped *along*, not how far?</details>
# <details><summary>A recipe</summary>Read the last two lines: the rate is so small that the weights hardly move, and the
# right gradient is the same five times over. What is 1, 2, 3, 4, 5 times as long?</details>

# %% exercise="quiz_falls_and_returns"
def quiz_falls_and_returns():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "b"
    ### END SOLUTION
    return answer

# %% check="quiz_falls_and_returns" points=1
quiz_falls_and_returns = check("quiz_falls_and_returns", quiz_falls_and_returns)

# %% [markdown]
# Now the code:

# %%
show_source(colleagues_descent)

# %% [markdown]
# ### Exercise 2.7 · `descend_in_windows` · ★★☆ · 15 min
# Mend it. Copy the function into the cell and change what is wrong, and nothing else: one update for each pass,
# along the sum of the gradients of its windows, each pass from h0. It returns the weights after the last update, and E
# before each (summed over its windows); the arrays handed over stay as they are.
#
# <details><summary>A nudge</summary>Go through the code as Python would, for two updates. Which names does the second
# one find with something in them?</details>
# <details><summary>A recipe</summary>The three sums dWx, dWh, db have to be zero at the beginning of every pass: the line
# that makes them belongs in the loop over the updates, outside the loop over the windows.</details>
#
# You are there when E falls like this in three updates:
#
# ```python
# inputs, start = np.ones((1, 5, 3)), np.full((1, 2), 0.5)   # N = 1, T = 5, D = 3, H = 2
# weights = np.full((3, 2), 0.1), np.array([[0.1, 0.9], [0.5, 0.4]]), np.zeros(2)
# case = inputs, start, np.zeros((1, 5, 2)), *weights, 2, 0.02, 3   # windows of 2, lr, updates
# descend_in_windows(*case)[-1]   # ≈ [2.597, 1.500, 0.279]
# ```

# %% exercise="descend_in_windows"
def descend_in_windows(x, h0, target, Wx, Wh, b, window, lr, updates):
    """Gradient descent on E, its gradients cut every `window` steps; one update for each pass through x.

    x (N, T, D), target (N, T, H), h0 (N, H), Wx (D, H), Wh (H, H), b (H,), ints window and
    updates (1 or more), number lr → Wx (D, H), Wh (H, H), b (H,) after the last update, errors (updates,):
    E before each.
    """
    ### BEGIN SOLUTION
    Wx, Wh, b, errors = Wx.copy(), Wh.copy(), b.copy(), np.zeros(updates)
    for update in range(updates):
        dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
        before = h0
        for start in range(0, x.shape[1], window):
            part = slice(start, start + window)
            h = rnn_forward(x[:, part], before, Wx, Wh, b)
            errors[update] += 0.5 * ((h - target[:, part]) ** 2).sum()
            gradients = rnn_backward(h - target[:, part], x[:, part], before, h, Wx, Wh)
            dWx += gradients[2]
            dWh += gradients[3]
            db += gradients[4]
            before = h[:, -1]
        Wx -= lr * dWx
        Wh -= lr * dWh
        b -= lr * db
    return Wx, Wh, b, errors
    ### END SOLUTION

# %% check="descend_in_windows" points=3
descend_in_windows = check("descend_in_windows", descend_in_windows)

# %% [markdown]
# The same symptoms once more, on the mended function:

# %%
pairs = gradients_used(descend_in_windows, practice(0), 6, 0.002, 5)
print("update          1      2      3      4      5")
print("distance ", *(f"{distance_to(right, used):6.2f}" for used, right in pairs))
mended = np.array([descend_in_windows(*practice(seed), 6, 0.002, 120)[-1] for seed in range(5)])
print("E after 119 updates:", *(f"{e:.1f}" for e in mended[:, -1]))
claim("the first five steps go along the gradient of `truncated_bptt`",
      max(distance_to(right, used) for used, right in pairs) < 1e-9)
claim("no E comes back: each is falling over the last 20 updates",
      (np.diff(mended[:, -20:], axis=1) < 0).all())

# %% [markdown]
# The uses of a weight are added up, and so are the windows of a pass; updates are not. In torch it is the same mistake
# to forget `optimizer.zero_grad()`: `backward()` *adds* to what stands in `.grad`, on purpose, so that windows can be
# added up, and somebody has to say when a new sum begins. A falling loss does not tell whether anybody did.
#
# ## What was claimed, what was measured

# %%
from helpers.claims import table

table(unmeasured={
    "Truncation costs a language model little":
        "only the gradient was looked at, no model was trained with and without cuts",
})

# %% [markdown]
# ## Recap
# - The same weight at every step means: **add up over the uses**. Each use collects from the loss of its own step and all later ones.
# - **Immediate** derivatives look at one step; the **total** one follows $h_{t-1}$ too. BPTT computes the total one
#   in one backward sweep; what it carries from step to step is $w_{hh}\,da$.
# - Between neighbouring states the gradient is multiplied by $W_h$ *and* by tanh's slope. Their product decides
#   between vanishing and exploding, and the slope depends on the state, so on input and start.
# - Check gradients in float64 against central differences, step about $10^{-5}$. A falling loss is no check.
# - Truncation: carry the state, cut the gradient. What is lost is lost for good, more data does not bring it back.
# - Add up over uses and windows, and begin the sum anew for every update.
#
# Next: [chapter 3](03_gradient_clipping.ipynb) asks why long sequences break training, and what clipping can do about
# it. [Chapter 4](04_lstm_gru.ipynb) changes the path itself.
#
# ## Further exercises
# 1. The loop for the total derivative in 2.2 runs *forwards* and keeps no states. Extend it to all three parameters
#    and to arrays: that is real-time recurrent learning (Williams & Zipser 1989). What shape does its carried
#    derivative have, and why is it rarely used?
# 2. Draw the flow figure for $w_{xh}$, and for $w_{hh}$ with x = (0, 0, 0). Where do the strands end now?
# 3. Keep only every tenth state in `rnn_forward`, and recompute the others in `rnn_backward`. Count what is held, and
#    how many steps are computed.
# 4. Shift the windows of `truncated_bptt` by half their length every other pass. Does the average of the two
#    gradients have a smaller systematic error? (Tallec & Ollivier 2017 cut at random places and correct for it by a
#    factor: the systematic error is gone, at the price of noise.)
# 5. In the descent of 2.3 try a learning rate of 0.05, then 0.1. What happens, and why so suddenly?
#
# ## References
# - Rumelhart, Hinton & Williams (1986), *Learning internal representations by error propagation*, in: Parallel
#   Distributed Processing, volume 1, MIT Press.
# - Werbos (1990), *Backpropagation through time: what it does and how to do it*, Proceedings of the IEEE 78.
# - Williams & Zipser (1989), *A learning algorithm for continually running fully recurrent neural networks*, Neural
#   Computation 1.
# - Williams & Peng (1990), *An efficient gradient-based algorithm for on-line training of recurrent network
#   trajectories*, Neural Computation 2.
# - Hochreiter (1991), *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, TU München.
# - Bengio, Simard & Frasconi (1994), *Learning long-term dependencies with gradient descent is difficult*, IEEE
#   Transactions on Neural Networks 5.
# - Pascanu, Mikolov & Bengio (2013), *On the difficulty of training recurrent neural networks*, ICML.
# - Gruslys, Munos, Danihelka, Lanctot & Graves (2016), *Memory-efficient backpropagation through time*, NIPS.
# - Tallec & Ollivier (2017), *Unbiasing truncated backpropagation through time*, arXiv:1705.08209.
