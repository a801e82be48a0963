# %% [markdown]
# # 3 · Gradient clipping
#
# **Why do long sequences break training, and what does clipping fix?**
#
# On its way back from the loss to a word thirty steps earlier, the gradient is multiplied thirty times: by a
# slope and by a matrix, by the next slope and by the *same* matrix. Products of many factors seldom stay near 1.
# This chapter measures where they go, says what can be proved about it, and then looks at the usual remedy: what
# it does, and what it is wrongly given credit for.
#
# **Afterwards you can**
# - write down what one step back multiplies the gradient by, as a matrix,
# - say exactly when a gradient *must* vanish, and why "above 1 it explodes" is no theorem,
# - measure how far back the gradient of a real model reaches,
# - clip by the global norm exactly as PyTorch does, and say what other ways of clipping do to the direction,
# - tell a run that clipping saves from one that it cannot help.
#
# **Needs:** [chapter 2](02_bptt_toy_example.ipynb) (going back through time). The LSTM appears as a black box;
# [chapter 4](04_lstm_gru.ipynb) builds it.
#
# **Time:** about 140 minutes, 85 of them for the exercises.

# %%
import numpy as np
import torch

from helpers.checks import check
from helpers.layers import sigmoid
from helpers.plots import COLOURS, band, figure, show

torch.set_num_threads(1)

# %% [markdown]
# ## 3.1 The slope of one unit
#
# A unit of a plain recurrent network computes $h_t = \tanh(a_t)$. A gradient that arrives at $h_t$ goes back
# through that tanh, so it is multiplied by its slope, $\tanh'(a) = 1 - \tanh^2(a) = 1 - h^2$. In numbers:

# %%
print("    a      h   slope")
for a in (0.0, 0.5, 1.0, 2.0, 4.0):
    h = np.tanh(a)
    print(f"{a:5.1f}  {h:5.3f}   {1 - h**2:5.3f}")

# %% [markdown]
# The slope is 1 at $a = 0$ and below 1 everywhere else. The sigmoid's slope is at most 1/4, also at 0. The slope
# of ReLU, $\max(a, 0)$, is 0 or 1.

# %%
a = np.linspace(-5, 5, 401)
slopes = {
    "tanh": (1 - np.tanh(a) ** 2, COLOURS["rnn"]),
    "ReLU": (np.where(a > 0, 1.0, 0.0), COLOURS["gru"]),
    "sigmoid": (sigmoid(a) * (1 - sigmoid(a)), COLOURS["lstm"]),
}
fig, axis = figure(width=7, height=2.6)
for name, (slope, colour) in slopes.items():
    axis.plot(a, slope, color=colour, label=name)
axis.set(xlabel="a, the sum before the activation", ylabel="slope")
axis.legend(frameon=False)
at_2 = {name: slope[np.argmin(np.abs(a - 2))] for name, (slope, _) in slopes.items()}
show(
    fig,
    f"The slope of tanh is 1 at 0 and {at_2['tanh']:.2f} at a = 2; that of the sigmoid is at "
    f"most {slopes['sigmoid'][0].max():.2f}; that of ReLU jumps from 0 to 1.",
)

# %% [markdown]
# From this picture a sentence is often drawn: *with sigmoid and tanh the gradient vanishes, with ReLU it
# explodes.* But the slopes are only half of it; the other half is the matrix. So let us measure. A network with H
# = 64 units, $W_h$ (H, H) drawn at random with standard deviation $s/\sqrt{H}$, small random inputs, 30 steps
# forwards. Then a gradient of length 1 goes back 30 steps. What is its length in the end? Three activations, six
# scales s, the median of ten networks. Before you run it: in which rows do you expect numbers above *and* below
# 1?

# %%
ACTIVATIONS = {   # the function, and its slope computed from its value h
    "sigmoid": (sigmoid, lambda h: h * (1 - h)),
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "ReLU": (lambda a: np.maximum(a, 0), lambda h: (h > 0) * 1.0),
}


def length_after(activation, slope, scale, seed, steps=30, H=64):
    """Length of a gradient of length 1, after `steps` steps back through a random network."""
    rng = np.random.default_rng(seed)
    W = scale * rng.normal(size=(H, H)) / np.sqrt(H)
    h, states = np.zeros(H), []
    for _ in range(steps):
        h = activation(h @ W + 0.1 * rng.normal(size=H))
        states.append(h)
    gradient = rng.normal(size=H)
    gradient /= np.linalg.norm(gradient)
    for h in reversed(states):
        gradient = (gradient * slope(h)) @ W.T
    return np.linalg.norm(gradient)


scales = (0.5, 1, 1.5, 2, 4, 16)
print("scale s  ", *(f"{s:7}" for s in scales))
for name, pair in ACTIVATIONS.items():
    medians = [np.median([length_after(*pair, s, seed) for seed in range(10)]) for s in scales]
    print(f"{name:9s}", *(f"{length:7.0e}" for length in medians))

# %% [markdown]
# Every row goes from far below 1 to far above it. Each of the three can vanish and each can explode, the sigmoid
# with a slope of 1/4 at most included; what differs is the scale of the weights at which the one turns into the
# other. And slopes alone make nothing explode: none of the three is ever above 1.
#
# ## 3.2 The same matrix, again and again
#
# For one unit the factor of a step is $w\,(1 - h_t^2)$: with $w = 1.5$ it is 1.5 at $h = 0$ and 0.29 at
# $h = 0.9$. For H units it is a matrix of all partial derivatives, the **Jacobian** $J_t$ (H, H):
#
# $$J_t[i, j] = \frac{\partial h_t[j]}{\partial h_{t-1}[i]}, \qquad \text{row } i \text{: the old state, column } j
# \text{: the new one.}$$
#
# Rows are where something comes from and columns where it goes, as in $W_h$.

# %% [markdown]
# ### Exercise 3.1 · `step_jacobian` · ★★☆ · 15 min
# For one example: given the new state $h_t$ (H,) of $h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$, return its
# Jacobian. Inputs and bias are not needed: all that matters of them is in $h_t$.
#
# <details><summary>A nudge</summary>h_prev[i] enters the sum of unit j with the weight Wh[i, j]. What does unit j
# then do to its sum?</details>
# <details><summary>A recipe</summary>J[i, j] = Wh[i, j] · (1 − h[j]²): every *column* j of Wh times the slope of
# unit j. Broadcasting a vector (H,) over a matrix (H, H) does just that.</details>
#
# You are there when h = (0.5, 0) and Wh = [[1, 2], [3, 4]] give `J[1, 0] ≈ 2.25`.

# %% exercise="step_jacobian"
def step_jacobian(h, Wh):
    """h (H,), the state *after* the step; Wh (H, H) → J (H, H), J[i, j] = dh[j] / dh_prev[i]."""
    ### BEGIN SOLUTION
    return Wh * (1 - h**2)
    ### END SOLUTION

# %% check="step_jacobian" points=2
step_jacobian = check("step_jacobian", step_jacobian)

# %% [markdown]
# Going back one step, $dh_{t-1}[i] = \sum_j J_t[i, j]\, dh_t[j]$. The layer in `helpers` never forms J; it
# multiplies by the slope, then by $W_h^\top$, which is cheaper and the same:

# %%
from helpers.layers import rnn_step, rnn_step_backward

rng = np.random.default_rng(1)
D, H = 3, 5
x, h_prev, b = rng.normal(size=(1, D)), np.tanh(rng.normal(size=(1, H))), rng.normal(size=H)
Wx, Wh = rng.normal(size=(D, H)), rng.normal(size=(H, H))
h, cache = rnn_step(x, h_prev, Wx, Wh, b)
dh = rng.normal(size=(1, H))
J = step_jacobian(h[0], Wh)
handed_back = rnn_step_backward(dh, cache)[1]
print("J @ dh is what the layer hands back:", np.allclose(handed_back, J @ dh[0]))

# %% [markdown]
# Over many steps back the Jacobians multiply: $\partial h_T / \partial h_t = J_{t+1} J_{t+2} \cdots J_T$. Leave
# tanh away for a moment, and every J is the same $W$ (H, H). Four matrices:
#
# - a random **orthogonal** matrix Q (a rotation, perhaps with a reflection: it keeps all lengths),
# - the same **scaled**, 0.9 Q and 1.1 Q,
# - a **non-normal** one: 32 copies of $\begin{pmatrix} 0.9 & 3 \\ 0 & 0.9 \end{pmatrix}$ along the diagonal. All
#   its eigenvalues are 0.9.
#
# The first three are easily predicted. Which way does the fourth go?

# %%
def orthogonal(size, rng):
    """A random orthogonal matrix (size, size)."""
    Q, R = np.linalg.qr(rng.normal(size=(size, size)))
    return Q * np.sign(np.diag(R))     # without the signs it would not be uniform (Mezzadri 2007)


def lengths(W, steps):
    """Lengths of a gradient that goes back through W, again and again, no tanh → (steps + 1,)."""
    gradient = np.random.default_rng(3).normal(size=len(W))
    found = [np.linalg.norm(gradient)]
    for _ in range(steps):
        gradient = gradient @ W.T
        found.append(np.linalg.norm(gradient))
    return np.array(found) / found[0]


H = 64
Q = orthogonal(H, np.random.default_rng(2))
non_normal = np.kron(np.eye(H // 2), np.array([[0.9, 3.0], [0.0, 0.9]]))
matrices = {"1.1 Q": 1.1 * Q, "orthogonal Q": Q, "0.9 Q": 0.9 * Q, "non-normal": non_normal}
without_tanh = {name: lengths(W, 100) for name, W in matrices.items()}

# %%
fig, axis = figure(width=7, height=3.4)
colours = [COLOURS["rnn"], COLOURS["gru"], COLOURS["lstm"], COLOURS["accent"]]
for (name, curve), colour in zip(without_tanh.items(), colours, strict=True):
    axis.semilogy(curve, color=colour)
    axis.text(101, curve[-1], name, color=colour, fontsize=9, va="center")
axis.set(xlabel="steps back", ylabel="length of the gradient", xlim=(0, 118))
bump = without_tanh["non-normal"]
show(
    fig,
    f"Without tanh, after 100 steps back: 1.1 Q has multiplied the gradient's length by "
    f"{without_tanh['1.1 Q'][-1]:.0e}, Q by {without_tanh['orthogonal Q'][-1]:.0f}, 0.9 Q by "
    f"{without_tanh['0.9 Q'][-1]:.0e}. The non-normal matrix first makes it {bump.max():.0f} times as "
    f"long, after {bump.argmax()} steps, and then shrinks it, to {bump[-1]:.0e}.",
)

# %% [markdown]
# The fourth does both. The k-th power of its block has $0.9^k$ on the diagonal and $3k \cdot 0.9^{k-1}$ in the
# corner. For a while the factor k makes it longer; in the long run the eigenvalues decide, because $0.9^k$ falls
# faster than k grows.
#
# What a *single* step can do to a length is another number, the **largest singular value** $\sigma_{\max}$: no
# vector is stretched by more, and one is stretched by just that. For orthogonal matrices, and all that commute
# with their transpose (the *normal* ones), it is the largest eigenvalue in absolute value. It is never less than
# that, and for other matrices it can be much more. (It is also called the **norm** of the matrix; below, the norm
# of a matrix always means this one.)

# %%
W = np.array([[0.5, 3.0], [0.0, 0.5]])
print(f"largest singular value {np.linalg.norm(W, 2):.2f}, eigenvalues", np.linalg.eigvals(W))
for k in (1, 2, 3, 5, 10, 50):
    power = np.linalg.matrix_power(W, k)
    print(f"k = {k:2d}   norm of the k-th power {np.linalg.norm(power, 2):.1e}")

# %% [markdown]
# **Change this and look again.** How large may the diagonal be before the powers no longer die out? Try 0.9 with
# the corner at 100, then 1.0 with the corner at 0.01.

# %%
diagonal, corner = 0.5, 3.0   # change these
my_W = np.array([[diagonal, corner], [0.0, diagonal]])
powers = [np.linalg.matrix_power(my_W, k) for k in (1, 10, 100, 1000)]
print("norms of W, W^10, W^100, W^1000:", *(f"{np.linalg.norm(P, 2):.1e}" for P in powers))

# %% [markdown]
# ### What can be proved
#
# Back to tanh, or any activation whose slope is at most γ (tanh: γ = 1, sigmoid: γ = 1/4). A step multiplies
# every entry of the gradient by at most γ, and $W_h$ stretches it by at most $\sigma_{\max}$. So a step back
# multiplies its length by **at most** $\gamma\,\sigma_{\max}$, and k steps by at most
# $(\gamma\,\sigma_{\max})^k$. From this one bound follow exactly two statements (Pascanu, Mikolov & Bengio 2013):
#
# - $\sigma_{\max} < 1/\gamma$ is **sufficient** for vanishing: whatever the states, the gradient shrinks
#   exponentially.
# - $\sigma_{\max} > 1/\gamma$ is **necessary** for exploding, since otherwise no step lengthens anything. It is
#   **not sufficient**.
#
# The border is $\sigma_{\max} = 1$ for tanh and 4 for the sigmoid. The paper calls the number in question the
# largest *eigenvalue*; its proof needs the singular value. With the eigenvalue both statements would be false,
# because the slopes change the eigenvalues too. Here both eigenvalues of W are 0, and inputs hold the state at
# (0, ½):

# %%
W = np.array([[8.0, 8.0], [-8.0, -8.0]])
h = np.array([0.0, 0.5])
b = np.arctanh(h) - h @ W     # what the inputs have to add, so that the next state is h again
J = step_jacobian(h, W)
print("W squared is 0:", not np.any(W @ W), "  next state", np.tanh(h @ W + b))
powers = [np.linalg.matrix_power(J, k) for k in (1, 2, 3, 4, 10)]
print("norms of J, J^2, J^3, J^4, J^10:", *(f"{np.linalg.norm(P, 2):.0f}" for P in powers))

# %% [markdown]
# From the second step on, every step back doubles the product, though without tanh it would be 0 after two.

# %% [markdown]
# ### Exercise 3.2 · `must_vanish` · ★★☆ · 10 min
# Return the largest factor $\gamma\,\sigma_{\max}$ by which one step can multiply the gradient's length, and
# whether it *guarantees* that the gradient vanishes.
#
# <details><summary>A nudge</summary>`np.linalg.norm` has a second argument. Which norm of a matrix is its largest
# singular value? And is exactly 1 a guarantee?</details>
# <details><summary>A recipe</summary>factor = gamma * np.linalg.norm(Wh, 2); return factor, factor < 1.</details>
#
# You are there when [[0.5, 3], [0, 0.5]] with γ = 1 gives `factor ≈ 3.081`, and no guarantee.

# %% exercise="must_vanish"
def must_vanish(Wh, gamma):
    """Wh (H, H), gamma the largest slope → factor (a number), guaranteed (True or False)."""
    ### BEGIN SOLUTION
    factor = gamma * np.linalg.norm(Wh, 2)
    return factor, factor < 1
    ### END SOLUTION

# %% check="must_vanish" points=2
must_vanish = check("must_vanish", must_vanish)

# %% [markdown]
# Now three networks with tanh, H = 64, small random inputs, from a random $h_0$. The first is guaranteed to
# vanish. The second is chapter 1's latch, $W_h = 3 I$: every unit feeds itself with a weight of 3 and keeps its
# sign for ever. The third is 2 Q. Two of the three have a factor above 1. Do both explode?

# %%
def product_norms(Wh, steps=50):
    """Norm of d h_T / d h_(T-k) for k = 0 … steps, the product of k Jacobians → (steps + 1,)."""
    rng = np.random.default_rng(4)
    h, states = rng.normal(size=len(Wh)), []
    for _ in range(steps):
        h = np.tanh(h @ Wh + 0.1 * rng.normal(size=len(Wh)))
        states.append(h)
    product, norms = np.eye(len(Wh)), [1.0]
    for h in reversed(states):
        product = step_jacobian(h, Wh) @ product
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


with_tanh = {"0.9 Q": 0.9 * Q, "3 I, the latch": 3 * np.eye(len(Q)), "2 Q": 2 * Q}
measured = {name: product_norms(Wh) for name, Wh in with_tanh.items()}
bounds = {name: must_vanish(Wh, 1.0)[0] ** np.arange(51.0) for name, Wh in with_tanh.items()}
for name, Wh in with_tanh.items():
    factor, guaranteed = must_vanish(Wh, 1.0)
    below = np.all(measured[name] <= bounds[name] * 1.001)
    print(f"{name:15s} factor {factor:.1f}   guaranteed {guaranteed!s:5s}", end="   ")
    print(f"50 steps back {measured[name][-1]:6.0e}   never above the bound: {below}")

# %%
fig, axes = figure(3, width=9, height=3.0, sharey=True)
for axis, name, colour in zip(axes, with_tanh, ("lstm", "rnn", "gru"), strict=True):
    axis.semilogy(bounds[name], ":", color=COLOURS["floor"], label="bound")
    axis.semilogy(np.maximum(measured[name], 1e-30), color=COLOURS[colour], label="measured")
    axis.set(title=name, xlabel="steps back", ylim=(1e-14, 1e25))
axes[0].set_ylabel("norm of the product")
axes[0].legend(frameon=False)
gone = np.argmax(measured["3 I, the latch"] < 1e-14)
show(
    fig,
    "Norm of the product of Jacobians against the number of steps, with the bound (γ σ_max)^k as "
    f"a dotted line. 0.9 Q falls with its bound, to {measured['0.9 Q'][-1]:.0e} after 50 steps. "
    f"The latch falls too, below 1e-14 after {gone} steps, though its bound rises to "
    f"{bounds['3 I, the latch'][-1]:.0e}. 2 Q rises to {measured['2 Q'][-1]:.0e}, far below its "
    f"bound of {bounds['2 Q'][-1]:.0e}.",
)

# %% [markdown]
# After [[0.5, 3], [0, 0.5]] the latch is the second counter-example, by **saturation**: its states rest near
# ±0.995, where tanh is so flat that the factor is $3 \cdot (1 - 0.995^2) \approx 0.03$. It is worth a second
# look. *Forwards* this network remembers perfectly, *backwards* its gradient is gone after ten steps. A memory
# that is there need not be one that training could have found.
#
# And "|w| < 1 vanishes, |w| > 1 explodes"? True of one linear unit, where $\sigma_{\max}$, the eigenvalue's size
# and
# |w| are the same number and γ = 1 is not only a bound. With tanh the second half falls, and for a matrix one has to
# say which number "|w|" is.

# %% [markdown]
# ### Exercise 3.3 · `quiz_singular_value` · ★☆☆ · 5 min
# A recurrent network with tanh has a $W_h$ with $\sigma_{\max} = 1.5$. What follows for
# $\partial h_T / \partial h_t$ as T − t grows?
#
# - **a** It explodes, because $\sigma_{\max} > 1$.
# - **b** It explodes if $W_h$ also has an eigenvalue above 1 in absolute value; otherwise it vanishes.
# - **c** It vanishes, because tanh's slope is never above 1.
# - **d** Neither. It may grow or vanish.

# %% exercise="quiz_singular_value"
def quiz_singular_value():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "d"
    ### END SOLUTION
    return answer

# %% check="quiz_singular_value" points=1
quiz_singular_value = check("quiz_singular_value", quiz_singular_value)

# %% [markdown]
# ## 3.3 In a real model
#
# Random matrices are one thing. What happens in a network that learns to write? We train a language model
# (embedding, recurrent layer, output layer, as in chapters 1 and [5](05_language_model.ipynb)) on the pronoun
# stories of chapter 1 with 0 to 24 words of filler, and ask at the blank, "… and ___ smiled": how long is the
# gradient of *this one* loss L at every earlier state?
#
# It takes the sweep of chapter 2, with one difference: only the last step has a loss. What arrives there,
# $\partial L / \partial h_T$ (N, H), comes from the output layer.

# %% [markdown]
# ### Exercise 3.4 · `gradient_norms` · ★★★ · 20 min
# Return $\|\partial L/\partial h_t\|$ for every t, one norm over the whole (N, H) array each: the root of the sum
# of all squares.
#
# <details><summary>A nudge</summary>Start at the end: which norm do you know without computing anything? Then one
# step back, and again. Which slope belongs to the step from h[:, t] to h[:, t − 1]?</details>
# <details><summary>A recipe</summary>norms = np.zeros(T), dh = dh_last. For t from T − 1 down to 0: norms[t] =
# np.linalg.norm(dh), then dh = (dh * (1 − h[:, t]²)) @ Wh.T.</details>
#
# You are there when dh_last = [[0, 1]], h = [[[0.2, 0.2], [0.5, 0.5], [0.8, 0.8]]] and Wh = [[1, 0.5], [0, 1.5]]
# give `norms[0] ≈ 0.695`.

# %% exercise="gradient_norms"
def gradient_norms(dh_last, h, Wh):
    """dh_last (N, H), the gradient of L in h[:, -1]; h (N, T, H); Wh (H, H) → norms (T,)."""
    ### BEGIN SOLUTION
    T = h.shape[1]
    norms, dh = np.zeros(T), dh_last
    for t in reversed(range(T)):
        norms[t] = np.linalg.norm(dh)
        dh = (dh * (1 - h[:, t] ** 2)) @ Wh.T
    return norms
    ### END SOLUTION

# %% check="gradient_norms" points=4
gradient_norms = check("gradient_norms", gradient_norms)

# %% [markdown]
# Now the data: windows of N = 20 whole stories, so that no gradient is cut, and 20 stories with exactly 24 words
# of filler to look at. `ids` (N, T) holds each of them from `<eos>` to the word before the blank.

# %%
from helpers.corpora.pronouns import PronounGrammar
from helpers.experiments.clipping import balanced_stories, mixed_windows

FAR = 24
vocabulary = PronounGrammar().vocabulary
V = len(vocabulary)
windows = mixed_windows(FAR, 300, 20, np.random.default_rng(5))
looked_at = balanced_stories(FAR, 20, np.random.default_rng(6))   # half of them with "she"
ids = np.stack([vocabulary.encode(["<eos>", *story.prompt]) for story in looked_at])
answers = vocabulary.encode(story.answer for story in looked_at)
print(f"ids {ids.shape}, the name is word 1, the blank comes after word {ids.shape[1] - 1}:")
print(looked_at[0])

# %% [markdown]
# For the plain network we have your function. For the LSTM there are two states to follow, h and c. Its step
# stays a black box; what comes out of `lstm_step_backward` is the gradient in both, and to
# $\partial L/\partial c_t$ belongs also what reaches $c_t$ through $h_t$ of the same step.

# %%
from helpers.layers import lstm_step, lstm_step_backward, softmax


def lstm_gradient_norms(dh, x, Wx, Wh, b):
    """dh (N, H) in the last h, x (N, T, D) → norms of the gradient in h and in c, (T,) each."""
    T = x.shape[1]
    h, c, caches = np.zeros_like(dh), np.zeros_like(dh), []
    for t in range(T):
        h, c, cache = lstm_step(x[:, t], h, c, Wx, Wh, b)
        caches.append(cache)
    dc, of_h, of_c = np.zeros_like(dh), np.zeros(T), np.zeros(T)
    for t in reversed(range(T)):
        o, tanh_c = caches[t][-2:]
        of_h[t] = np.linalg.norm(dh)
        of_c[t] = np.linalg.norm(dc + dh * o * (1 - tanh_c**2))
        _, dh, dc, *_ = lstm_step_backward(dh, dc, caches[t])
    return of_h, of_c


def last_loss_norms(model):
    """Norms of dL/dh_t (and dL/dc_t) for each story's own loss at the blank, each relative to the
    blank's → {"h": (stories, T), "c": …}."""
    cell = {name: p.astype(np.float64) for name, p in model.cells[0].params.items()}
    W = model.output.params["W"].astype(np.float64)
    x = model.embedding.forward(ids).astype(np.float64)
    model.reset_state()
    h = model.cells[0].forward(model.embedding.forward(ids)).astype(np.float64)     # (N, T, H)
    dlogits = softmax(h[:, -1] @ W + model.output.params["b"]) - np.eye(V)[answers]
    dh_last = dlogits @ W.T
    found = []
    for n in range(len(ids)):
        one = slice(n, n + 1)
        if model.cell == "rnn":
            found.append([gradient_norms(dh_last[one], h[one], cell["Wh"])])
        else:
            found.append(lstm_gradient_norms(dh_last[one], x[one], **cell))
    found = np.array(found)     # (N, 1 or 2, T)
    return dict(zip("hc", (found / found[:, :, -1:]).transpose(1, 0, 2), strict=False))

# %% [markdown]
# Train three of each, with the same learning rate, and look before, after 100 steps, and after 500. What would
# you expect of the untrained ones: which of the two has the flatter curve?

# %%
from helpers.models.language_model import LanguageModel
from helpers.optim import Adam

norms = {}
for cell in ("rnn", "lstm"):
    for seed in (1, 2, 3):
        model = LanguageModel(V, 32, 64, cell=cell, rng=np.random.default_rng(seed))
        optimizer = Adam(model.params, lr=0.01)
        for step in range(501):
            if step in (0, 100, 500):
                for state, each in last_loss_norms(model).items():
                    norms.setdefault((cell, state, step), []).append(each)
            model.reset_state()
            model.loss(*windows[step % len(windows)], train=True)
            model.backward()
            optimizer.step(model.grads)
    if cell == "rnn":
        trained_rnn = model
norms = {key: np.concatenate(parts) for key, parts in norms.items()}     # (seeds · stories, T)

print("gradient at the name / at the blank, medians of 3 networks × 20 stories")
print("after        ", *(f"{step:3d} steps" for step in (0, 100, 500)))
for cell, state in (("rnn", "h"), ("lstm", "h"), ("lstm", "c")):
    at_name = [np.median(norms[cell, state, step][:, 1]) for step in (0, 100, 500)]
    print(f"{cell:5s} in {state}   ", *(f"{ratio:9.0e}" for ratio in at_name))

# %%
fig, axes = figure(3, width=9, height=3.3, sharey=True)
panels = [("rnn", "h", "plain network, h"), ("lstm", "h", "LSTM, h"), ("lstm", "c", "LSTM, c")]
back = np.arange(ids.shape[1])[::-1]
shades = {0: COLOURS["control"], 100: COLOURS["warm"], 500: COLOURS["rnn"]}
for axis, (cell, state, title) in zip(axes, panels, strict=True):
    for step, colour in shades.items():
        curves = norms[cell, state, step]
        low, high = curves.min(axis=0), curves.max(axis=0)
        axis.fill_between(back, low, high, color=colour, alpha=0.2, linewidth=0)
        axis.plot(back, np.median(curves, axis=0), color=colour, label=f"{step} steps")
    axis.set(yscale="log", title=title, xlabel="words before the blank", xlim=(back[0], 0))
axes[0].set_ylabel("gradient, relative to the blank")
axes[1].legend(frameon=False, loc="lower right", fontsize=9)
at_name = {key: np.median(ratios[:, 1]) for key, ratios in norms.items()}
show(
    fig,
    "Norm of the gradient of the loss at the blank against the distance: medians and ranges of "
    "20 stories in 3 networks each. At the name, relative to the blank, the plain network has "
    f"{at_name['rnn', 'h', 0]:.1f} before training, {at_name['rnn', 'h', 100]:.0e} after 100 "
    f"steps and {at_name['rnn', 'h', 500]:.0e} after 500; the LSTM's cell has "
    f"{at_name['lstm', 'c', 0]:.0e}, {at_name['lstm', 'c', 100]:.0e} and "
    f"{at_name['lstm', 'c', 500]:.0e}.",
)

# %% [markdown]
# Three things that one might not have guessed.
#
# 1. **The untrained plain network does not vanish.** Its $W_h$ is drawn so that lengths are kept on average, and
#    its states are near 0, where tanh has slope 1. The untrained LSTM does: its forget gates all start near 1/2,
#    and each step halves what comes back straight along the cell. (The way round through $h$ and $W_h$ brings
#    some of it back: 27 halvings alone would leave 7e-9, and the table has more. [Chapter 4](04_lstm_gru.ipynb)
#    shows what another start does.)
# 2. **Training makes it vanish.** What a network learns first is which word follows which. That drives its units
#    away from 0, to where tanh is flatter (the next cell), and after a hundred steps the gradient at the name is
#    next to nothing.
# 3. **The LSTM's gradient falls as well.** Once trained, its cell keeps more of it than the plain network's state
#    does, as the table shows. Whether that is enough to learn the pronoun is measured in chapter 4.

# %%
for name, model in (
    ("untrained", LanguageModel(V, 32, 64, cell="rnn", rng=np.random.default_rng(3))),
    ("trained", trained_rnn),
):
    model.reset_state()
    h = model.cells[0].forward(model.embedding.forward(ids))
    print(f"{name:10s} mean slope 1 - h²: {np.mean(1 - h**2):.2f}")

# %% [markdown]
# ### A measurement that hides it
#
# A control that is built to fail. Suppose we had not taken the last step's loss but, as in training, the loss at
# *every* step, and looked at the gradient of their sum in $h_t$:

# %%
def all_losses_norms(model):
    """Norm of the gradient in h_t of the sum of the losses at all steps → (T,)."""
    inputs, targets = ids, np.concatenate([ids[:, 1:], answers[:, None]], axis=1)
    model.reset_state()
    h = model.cells[0].forward(model.embedding.forward(inputs)).astype(np.float64)
    W, Wh = model.output.params["W"], model.cells[0].params["Wh"]
    own = (softmax(h @ W + model.output.params["b"]) - np.eye(V)[targets]) @ W.T   # (N, T, H)
    carried, norms = np.zeros_like(own[:, 0]), np.zeros(ids.shape[1])
    for t in reversed(range(ids.shape[1])):
        dh = own[:, t] + carried
        norms[t] = np.linalg.norm(dh)
        carried = (dh * (1 - h[:, t] ** 2)) @ Wh.T
    return norms


everywhere = all_losses_norms(trained_rnn)
last_only = np.median(norms["rnn", "h", 500], axis=0)
print("words before the blank  ", *(f"{k:7d}" for k in (0, 5, 10, 20, 27)))
print("loss at the last step   ", *(f"{last_only[-1 - k]:7.0e}" for k in (0, 5, 10, 20, 27)))
relative = everywhere / everywhere[-1]
print("loss at every step      ", *(f"{relative[-1 - k]:7.2f}" for k in (0, 5, 10, 20, 27)))

# %% [markdown]
# The same kind of network, the same stories, and nothing seems to vanish: every state has a loss of its own right
# beside it, and those near shares are all one sees. Whoever plots this curve concludes that all is well. (It is
# also what the weights see. They are moved by near words, and the name's share drowns: chapter 2.)
#
# ## 3.4 Clipping
#
# Vanishing is one side. The other is a gradient that is suddenly a thousand times as long as usual; one step
# along it and the weights are ruined. The remedy is as simple as can be (Pascanu, Mikolov & Bengio 2013): if the
# gradient is longer than a threshold, shorten it to the threshold.
#
# Let g be *all* gradients in one long vector, over all parameters, and $\|g\|$ its length. Then
#
# $$g \leftarrow g \cdot \min\!\left(1, \frac{\text{max norm}}{\|g\| + 10^{-6}}\right)$$
#
# The $10^{-6}$ is PyTorch's; it keeps a gradient of 0 from being divided by 0. In numbers: W = [[3, 0], [0, 0]]
# and b = [0, 4] have together the length $\sqrt{9 + 16} = 5$. With a threshold of 1 all entries are divided by 5.

# %% [markdown]
# ### Exercise 3.5 · `clip_grad_norm` · ★★☆ · 15 min
# Write it for a dict of gradients. Return the clipped ones in a new dict, and the norm *before*.
#
# <details><summary>A nudge</summary>The squares of all entries of all arrays go into one sum. How many roots are
# there, and how many factors?</details>
# <details><summary>A recipe</summary>norm = np.sqrt(sum((g ** 2).sum() for g in grads.values())); scale = min(1,
# max_norm / (norm + 1e-6)); {name: g * scale for name, g in grads.items()}.</details>
#
# You are there when the W and b above, with a threshold of 1, give `norm = 5` and `clipped["b"][1] ≈ 0.80`.

# %% exercise="clip_grad_norm"
def clip_grad_norm(grads, max_norm):
    """grads {name: array}, max_norm a number → clipped {name: array}, norm (before clipping)."""
    ### BEGIN SOLUTION
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    scale = min(1.0, max_norm / (norm + 1e-6))
    return {name: g * scale for name, g in grads.items()}, norm
    ### END SOLUTION

# %% check="clip_grad_norm" points=3
clip_grad_norm = check("clip_grad_norm", clip_grad_norm)

# %% [markdown]
# Beside PyTorch's, on the gradients of a real layer, and beside the one of the course, which like PyTorch's
# scales in place:

# %%
from helpers import optim

torch.manual_seed(0)
layer = torch.nn.RNN(4, 6, dtype=torch.float64)
layer(torch.randn(9, 3, 4, dtype=torch.float64))[0].square().sum().backward()
grads = {name: p.grad.numpy().copy() for name, p in layer.named_parameters()}

clipped, norm = clip_grad_norm(grads, 1.0)
theirs = torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
same = [np.allclose(clipped[name], p.grad, rtol=1e-12) for name, p in layer.named_parameters()]
print(f"norm before {norm:.2f}; torch's equal: {np.isclose(theirs.item(), norm, rtol=1e-12)}")
print("clipped gradients equal to torch's:", all(same))

in_place = {name: g.copy() for name, g in grads.items()}
norm = optim.clip_grad_norm(in_place, 1.0)
same = [np.allclose(in_place[name], clipped[name], rtol=1e-12, atol=0) for name in grads]
print("equal to helpers.optim.clip_grad_norm:", all(same))
after = clip_grad_norm(clipped, 1.0)[1]
print("norm after clipping, a little below 1 because of the 1e-6:", 1 - 1e-6 < after < 1)

# %% [markdown]
# ### Other ways to clip, and the direction
#
# **By value**: cut off every *entry* at ± a limit. **Each parameter by its own norm**: the formula above, but
# once for every array. Both are in use, and both do something that the global norm does not. Look at a gradient
# with two entries, (0.8, 4), and a threshold of 1:

# %%
g = np.array([0.8, 4.0])
by_norm, by_value = g / np.linalg.norm(g), np.clip(g, -1, 1)


def degrees(a, b):
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return np.degrees(np.arccos(min(cosine, 1.0)))     # rounding may put it just above 1


quarter = np.linspace(0, np.pi / 2)
fig, axis = figure(width=5, height=4.2)
axis.plot(np.cos(quarter), np.sin(quarter), ":", color=COLOURS["lstm"], linewidth=1)
axis.plot([0, 1, 1], [1, 1, 0], ":", color=COLOURS["rnn"], linewidth=1)
arrows = [
    (g, COLOURS["control"], "the gradient", "left"),
    (by_value, COLOURS["rnn"], "by value", "left"),
    (by_norm, COLOURS["lstm"], "by norm", "right"),
]
for tip, colour, name, side in arrows:
    arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", tip, (0, 0), arrowprops=arrow)
    gap = 0.12 if side == "left" else -0.12
    axis.text(tip[0] + gap, tip[1] + 0.12, name, color=colour, va="center", ha=side)
axis.set(xlim=(-1.3, 2.7), ylim=(0, 4.2), aspect="equal")
axis.set(xlabel="first entry", ylabel="second entry")
show(
    fig,
    "The gradient (0.8, 4) clipped at 1: by norm it ends on the circle of radius 1 and points "
    "the same way; by value it ends on the square, at (0.8, 1), turned by "
    f"{degrees(g, by_value):.0f} degrees.",
)

# %% [markdown]
# The negative gradient is the direction in which the loss falls fastest. Clipping by norm keeps it. Clipping by
# value turns it: large entries are cut, small ones stay, and the step leans towards parameters that matter less.
# How far?

# %% [markdown]
# ### Exercise 3.6 · `clip_by_value` · ★★☆ · 15 min
# Cut every entry at ± `limit`, and return with the clipped gradients the **cosine** of the angle by which this
# turned the gradient, all parameters in one long vector: $\cos = \dfrac{g \cdot g'}{\|g\|\,\|g'\|}$.
#
# <details><summary>A nudge</summary>`np.clip` does the first part. For the second, dot product and squares are
# sums over all entries of all arrays, like the norm before.</details>
# <details><summary>A recipe</summary>clipped = {name: np.clip(g, −limit, limit) for …}; a and b = np.concatenate
# of all g.ravel() before and after; cosine = a @ b / (np.linalg.norm(a) · np.linalg.norm(b)).</details>
#
# You are there when w = [3] and b = [4], with a limit of 1, give `cosine ≈ 0.990`.

# %% exercise="clip_by_value"
def clip_by_value(grads, limit):
    """grads {name: array}, limit a number → clipped {name: array}, cosine (a number)."""
    ### BEGIN SOLUTION
    clipped = {name: np.clip(g, -limit, limit) for name, g in grads.items()}
    before = np.concatenate([g.ravel() for g in grads.values()])
    after = np.concatenate([g.ravel() for g in clipped.values()])
    cosine = before @ after / (np.linalg.norm(before) * np.linalg.norm(after))
    return clipped, cosine
    ### END SOLUTION

# %% check="clip_by_value" points=2
clip_by_value = check("clip_by_value", clip_by_value)

# %% [markdown]
# On the trained plain network of 3.3, with the gradient of one window. Each way of clipping is set so that the
# result has the same length, a tenth of the original; by how many degrees is it turned?

# %%
trained_rnn.reset_state()
trained_rnn.loss(*windows[0], train=True)
trained_rnn.backward()
grads = {name: g.astype(np.float64) for name, g in trained_rnn.grads.items()}


def flat(gradients):
    return np.concatenate([g.ravel() for g in gradients.values()])


def each_by_its_own(grads, max_norm):
    return {name: clip_grad_norm({name: g}, max_norm)[0][name] for name, g in grads.items()}


def shortened_to(length, clip):
    """`clip` of the gradients with the threshold that makes them so long, found by bisection."""
    low, high = 0.0, np.linalg.norm(flat(grads))
    for _ in range(60):
        middle = (low + high) / 2
        shorter = np.linalg.norm(flat(clip(grads, middle))) < length
        low, high = (middle, high) if shorter else (low, middle)
    return flat(clip(grads, high))


tenth = np.linalg.norm(flat(grads)) / 10
for name, clip in (
    ("one norm over all parameters", lambda grads, c: clip_grad_norm(grads, c)[0]),
    ("each parameter by its own norm", each_by_its_own),
    ("by value", lambda grads, c: clip_by_value(grads, c)[0]),
):
    print(f"{name:31s} turned by {degrees(flat(grads), shortened_to(tenth, clip)):2.0f} degrees")

# %% [markdown]
# Turned is not useless: by value, a step still goes downhill, and networks have been trained with it (Mikolov
# 2012). But it is another direction than the one that was asked for, and with the global norm there is no need
# for it.
#
# ### What is not finite cannot be clipped
#
# A gradient with an infinity in it has an infinite norm; one with a nan, the norm nan. What does the formula do
# then? Think before you run it: max norm / ∞ = 0, and 0 · ∞ is …

# %%
broken = {"W": np.array([1.0, np.inf]), "b": np.array([2.0])}
parameter = torch.zeros(2)
parameter.grad = torch.tensor([1.0, torch.inf])


def attempt(name, clip):
    try:
        with np.errstate(invalid="ignore"):
            print(f"{name:8s}", clip())
    except (ValueError, ArithmeticError, RuntimeError) as problem:
        print(f"{name:8s}", f"{type(problem).__name__}: {str(problem).split(',')[0]}")


attempt("formula", lambda: clip_grad_norm(broken, 1.0)[0])
attempt("helpers", lambda: optim.clip_grad_norm(broken, 1.0))
torchs = torch.nn.utils.clip_grad_norm_
attempt("torch", lambda: torchs([parameter], 1.0, error_if_nonfinite=True))

# %% [markdown]
# The formula turns one infinity into a nan, and all the rest of the gradient into zeros. The next step writes the
# nan into the weights, and after that every loss is nan. So the norm has to be looked at: the version in
# `helpers` raises an error that names the parameter, and PyTorch's does when it is told to
# (`error_if_nonfinite=True`; by default it goes on).
#
# ### A threshold of what?
#
# A loss may be a mean over the N·T words of a window, or their sum. The same model, the same data, the same
# direction, but a gradient N·T times as long. What is a threshold of 1 in the one and in the other?

# %%
def norms_while_training(steps=100):
    """Norm of the gradient of each window's *mean* loss, and its number of words."""
    model = LanguageModel(V, 32, 64, cell="rnn", rng=np.random.default_rng(1))
    optimizer = Adam(model.params, lr=0.003)
    found = []
    for inputs, targets in windows[:steps]:
        model.reset_state()
        model.loss(inputs, targets, train=True)
        model.backward()
        clipped, norm = clip_grad_norm(model.grads, 1.0)
        optimizer.step(clipped)
        found.append((norm, targets.size))
    return np.array(found).T


of_mean, words = norms_while_training()
of_sum = of_mean * words
for name, found in (("mean", of_mean), ("sum", of_sum)):
    share = np.mean(found > 1)
    print(f"{name:4s} over the words: median norm {np.median(found):7.2f}", end=", ")
    print(f"above 1 in {share:4.0%} of the steps")

# %% [markdown]
# A threshold is a number in the units of the gradient. One that was published with a loss summed over time means
# something else with a mean, and something else again with another N or T. Before you choose one, print the norms
# of a hundred steps: a threshold somewhat above what is usual acts where it should, on the exceptions.
#
# ## 3.5 The cliff
#
# Where do gradients come from that are a thousand times as long as usual? The smallest network that has them is
# one unit with two parameters and no input (after Pascanu, Mikolov & Bengio 2013):
#
# $$h_t = \tanh(w\, h_{t-1} + b), \qquad h_0 = -0.5, \qquad L = (h_{50} - 0.5)^2.$$
#
# The derivatives of $h_t$ in w and b can be carried forwards with the state, as in chapter 2.

# %%
def loss_and_gradient(w, b, steps=50):
    """L and its derivatives in w and b; w and b may be arrays of any one shape."""
    h = np.full(np.shape(w), -0.5)
    dh_dw = dh_db = np.zeros(np.shape(w))
    for _ in range(steps):
        h_next = np.tanh(w * h + b)
        slope = 1 - h_next**2
        dh_dw, dh_db = slope * (h + w * dh_dw), slope * (1 + w * dh_db)
        h = h_next
    return (h - 0.5) ** 2, 2 * (h - 0.5) * dh_dw, 2 * (h - 0.5) * dh_db


low, high = 0.1, 0.8
for _ in range(60):     # where is the wall? bisection
    middle = (low + high) / 2
    falls = loss_and_gradient(2.0, middle)[0] > 1
    low, high = (middle, high) if falls else (low, middle)
wall = high
close = np.logspace(-15, -2, 200)     # ordinary steps would miss it
b = np.sort(np.concatenate([np.linspace(0.1, 0.8, 400), wall - close, wall + close]))
L, _, slope = loss_and_gradient(np.full(b.shape, 2.0), b)

fig, axes = figure(2, width=8.2, height=2.9)
axes[0].plot(b, L, color=COLOURS["rnn"])
axes[0].set(xlabel="b, with w = 2", ylabel="loss L", ylim=(0, 2.5))
axes[1].semilogy(b, np.abs(slope), color=COLOURS["rnn"])
axes[1].set(xlabel="b, with w = 2", ylabel="size of dL/db")
size = max(power for power in (1e2, 1e4, 1e6) if power < np.abs(slope).max())
beside = np.abs(slope[np.abs(b - wall) > 0.1]).max()
show(
    fig,
    f"At w = 2 the loss is above {L[b < wall - 0.02].min():.1f} for b below {wall:.2f} and at "
    f"most {L[b > wall + 0.02].max():.2f} above it; between them is a wall. The slope on it is "
    f"above {size:.0e}; 0.1 beside it, below {beside + 0.05:.1f}.",
)

# %% [markdown]
# Left of the wall the unit ends near −1, right of it near +1: 50 steps amplify the smallest difference. The loss
# falls by more than 1.5 over almost no way at all, and the slope is accordingly. (In passing the state is 0.5 and
# the loss 0; at this w the best b lies *inside* the wall.) Nothing is wrong with this gradient. It says correctly
# that the loss falls steeply; what it cannot say is *for how far*.
#
# Now walk: gradient descent from w = 2, b = 0.8, once as it is, once clipped at 1. Same start, same learning
# rate.

# %%
def descend(w, b, lr, max_norm, steps=300):
    """Gradient descent → the points visited (steps + 1, 2) and the losses there."""
    points, losses = [], []
    for _ in range(steps + 1):
        L, dw, db = (float(value) for value in loss_and_gradient(w, b))
        points.append((w, b))
        losses.append(L)
        grads, _ = clip_grad_norm({"w": np.array(dw), "b": np.array(db)}, max_norm)
        w, b = w - lr * float(grads["w"]), b - lr * float(grads["b"])
    return np.array(points), np.array(losses)


paths = {
    "no clipping": descend(2.0, 0.8, lr=0.3, max_norm=np.inf),
    "clipped at 1": descend(2.0, 0.8, lr=0.3, max_norm=1.0),
}
for name, (points, losses) in paths.items():
    moves = np.linalg.norm(np.diff(points, axis=0), axis=1)
    w, b = points[-1]
    print(f"{name:12s} longest step {moves.max():5.2f}", end="   ")
    print(f"ends at w = {w:5.2f}, b = {b:5.2f} with a loss of {losses[-1]:.2f}")

# %%
grid_w, grid_b = np.meshgrid(np.linspace(0.3, 2.3, 400), np.linspace(-0.1, 1.1, 400))
surface = loss_and_gradient(grid_w, grid_b)[0]
fig, axes = figure(2, width=9, height=4.2, width_ratios=(1.35, 1))
axes[0].contourf(grid_w, grid_b, np.sqrt(surface), 24, cmap="Greys")
styles = {"no clipping": (COLOURS["rnn"], 3.5), "clipped at 1": (COLOURS["lstm"], 1.2)}
for axis in axes:
    for name, (points, _) in paths.items():
        colour, width = styles[name]
        axis.plot(*points.T, ".-", color=colour, markersize=4, linewidth=width, label=name)
    axis.plot(2.0, 0.8, "o", color="black", markersize=5)
    axis.set(xlabel="w", ylabel="b")
axes[0].set(xlim=(0.3, 2.3), ylim=(-0.1, 1.1), title="near the cliff (dark: high loss)")
axes[0].grid(False)
axes[0].text(2.02, 0.83, "start")
axes[1].set(title="from further away")
axes[1].legend(frameon=False, loc="upper right")
thrown = np.linalg.norm(np.diff(paths["no clipping"][0], axis=0), axis=1).max()
show(
    fig,
    "The loss over w and b is two plains with a wall between them. Both descents run down to the "
    f"wall. Without clipping, one step of length {thrown:.0f} then leads to a plain without "
    f"slope, where the loss stays at {paths['no clipping'][1][-1]:.2f}. Clipped at 1, the path "
    f"takes a small step in the same direction, goes on in zigzags beside the wall and ends with "
    f"a loss of {paths['clipped at 1'][1][-1]:.2f}.",
)

# %% [markdown]
# That was one start. A step lands on the wall or it just misses it; that is a matter of luck. So here are 441
# starts, w from 1.5 to 2.5 and b from 0.2 to 1.2, 1,000 steps each, three learning rates. "Solved" is a loss
# below 0.01.

# %%
def share_solved(lr, max_norm, steps=1000):
    w, b = np.meshgrid(np.linspace(1.5, 2.5, 21), np.linspace(0.2, 1.2, 21))
    for _ in range(steps):
        _, dw, db = loss_and_gradient(w, b)
        scale = np.minimum(1, max_norm / (np.hypot(dw, db) + 1e-6))   # one norm for each start
        w, b = w - lr * scale * dw, b - lr * scale * db
    return np.mean(loss_and_gradient(w, b)[0] < 0.01)


for lr in (0.1, 0.3, 1.0):
    without, clipped = share_solved(lr, np.inf), share_solved(lr, 1.0)
    print(f"rate {lr:.1f}   solved without clipping: {without:4.0%}   clipped: {clipped:4.0%}")

# %% [markdown]
# ### And in a real network
#
# A plain recurrent language model (D = 32, H = 64) on the pronoun stories with 0 to 8 words of filler, trained by
# plain gradient descent: SGD, 300 windows of 20 × 20 words, loss averaged over the words. Four learning rates,
# with a threshold of 0.25 and without, three seeds each; the same seed means the same initial weights, and all
# read the same data.
#
# What shall count as **diverging**? A model that knows nothing and hesitates evenly between all V words has a
# loss of ln V, and that is where training starts. We say a run diverges if at some step its loss is above *twice*
# that. (With tanh and float32 it need not end in nan: the loss may leap and oscillate for as long as one looks.)

# %%
from helpers.experiments.stories import story_batches

short_windows = list(story_batches((0, 8), 60_000, 20, 20, np.random.default_rng(8)))


def train_by_sgd(lr, max_norm, seed, steps=300):
    """Losses of a plain recurrent language model, one a step → (steps,)."""
    model = LanguageModel(V, 32, 64, cell="rnn", rng=np.random.default_rng(seed))
    optimizer = optim.SGD(model.params, lr=lr)
    losses = []
    for step in range(steps):
        losses.append(model.loss(*short_windows[step % len(short_windows)], train=True))
        model.backward()
        clipped, _ = clip_grad_norm(model.grads, max_norm)
        optimizer.step(clipped)
    return np.array(losses)


def three_seeds(lr, max_norm):
    """Losses (seeds, steps), and a text: the mean of the last 20, or how many seeds diverge."""
    losses = np.stack([train_by_sgd(lr, max_norm, seed) for seed in (1, 2, 3)])
    diverged = int((losses > 2 * np.log(V)).any(axis=1).sum())
    return losses, f"{diverged} of 3 diverge" if diverged else f"{losses[:, -20:].mean():.2f}"


runs = {}
print("rate   no clipping      clipped at 0.25")
for lr in (0.3, 1.0, 3.0, 5.0):
    runs[lr, np.inf], without = three_seeds(lr, np.inf)
    runs[lr, 0.25], clipped = three_seeds(lr, 0.25)
    print(f"{lr:4.1f}   {without:15s}  {clipped}")

# %%
for max_norm in (1.0, 0.25):
    losses, result = three_seeds(10.0, max_norm)
    result = result if "diverge" in result else "none of 3 diverges"
    print(f"rate 10, clipped at {max_norm:4.2f}: {result}")

# %%
fig, axis = figure(width=7, height=3.4)
for max_norm, colour, name in (
    (np.inf, COLOURS["rnn"], "no clipping"),
    (0.25, COLOURS["lstm"], "clipped at 0.25"),
):
    band(axis, np.arange(300), runs[3.0, max_norm], colour=colour, label=f"rate 3, {name}")
axis.axhline(np.log(V), color=COLOURS["floor"], linewidth=0.8, linestyle=":")
axis.text(298, np.log(V) * 1.05, "ln V", ha="right", va="bottom", fontsize=9)
axis.set(xlabel="step", ylabel="training loss (nats)", yscale="log", yticks=(1, 2, 5, 10, 20, 50))
axis.set_yticklabels((1, 2, 5, 10, 20, 50))
axis.minorticks_off()
axis.legend(frameon=False, loc="upper right")
show(
    fig,
    "Training loss over 300 steps at learning rate 3, mean and range of three seeds. Without "
    f"clipping it leaps again and again above ln V, {np.log(V):.2f}, to more than "
    f"{10 ** int(np.log10(runs[3.0, np.inf].max()))}; clipped at 0.25 it falls to "
    f"{runs[3.0, 0.25][:, -20:].mean():.2f}.",
)

# %% [markdown]
# Same seeds, same data: without clipping the loss leaps and oscillates, with clipping it falls. And the whole
# table keeps one honest:
#
# - **Up to a rate of 1 nobody needs clipping here.** At the smallest rate it is even a brake: this threshold is
#   below the usual norm (compare 3.4), so most steps are shortened.
# - **From 3 on it saves the run.** But not with any threshold: at 10 a threshold of 1 is too high, since a step
#   is still rate times gradient. The range of usable rates becomes wider, not endless.
# - **The best result is no better with it.** Rate 1 without clipping ends where rate 3 with clipping ends. One
#   might have taken the smaller rate instead, had one known which. Clipping is cheap insurance for not knowing.
#
# ## 3.6 What clipping does not do
#
# "Clipping is the remedy for vanishing and exploding gradients": so it is often put. But a factor of at most 1
# lengthens nothing. And a far share that is a millionth of the gradient before is a millionth of it after. So
# here is the test: the pronoun, against the distance of the name.
#
# For each reach d we train a plain network on stories of 0 to d words of filler and ask it at exactly d. As in
# 3.3 no gradient is truncated, so training *could* see the name. Of the 200 stories asked, half have *he* and
# half *she*: whoever does not know the name gets **50 %**, and by chance seldom less than 43 or more than 57.
#
# First live, one seed, two reaches. The **control** reads d = 4 with the name covered: every name is replaced
# with the same one. It must fail. What do you expect of the others?

# %%
NAMES = [int(i) for i in vocabulary.encode(PronounGrammar().lexicon.names)]


def cover(ids):
    """Every name replaced with the first."""
    return np.where(np.isin(ids, NAMES), NAMES[0], ids)


texts = {4: mixed_windows(4, 300, 20, np.random.default_rng(9)), FAR: windows}
questions = {d: balanced_stories(d, 200, np.random.default_rng([10, d])) for d in texts}


def pronouns_after_training(reach, max_norm, covered=False, steps=1500):
    """Share of pronouns right, of 200 stories with exactly `reach` words of filler."""
    model = LanguageModel(V, 32, 64, cell="rnn", rng=np.random.default_rng(1))
    optimizer = Adam(model.params, lr=0.003)
    for step in range(steps):
        inputs, targets = texts[reach][step % len(texts[reach])]
        model.reset_state()
        model.loss(cover(inputs) if covered else inputs, targets, train=True)
        model.backward()
        clipped, _ = clip_grad_norm(model.grads, max_norm)
        optimizer.step(clipped)
    asked = np.stack([vocabulary.encode(["<eos>", *story.prompt]) for story in questions[reach]])
    he, she = vocabulary.encode(["he", "she"])
    model.reset_state()
    logits = model.forward(cover(asked) if covered else asked)[:, -1]
    says_she = logits[:, she] > logits[:, he]
    return np.mean(says_she == np.array([story.answer == "she" for story in questions[reach]]))


print(f"d =  4, name covered (control)  {pronouns_after_training(4, np.inf, covered=True):4.0%}")
for reach in texts:
    for max_norm, name in ((np.inf, "no clipping"), (1.0, "clipped at 1")):
        share = pronouns_after_training(reach, max_norm)
        print(f"d = {reach:2d}, {name:14s}          {share:4.0%}")

# %% [markdown]
# At d = 4 the network learns it either way, at d = 24 neither way. One seed proves little; here is a recorded run
# of the same training (its command is printed) with eight reaches, ten seeds that draw texts and weights, and
# four variants: no clipping; clipped at 1; clipped at 0.25; and clipped at 1 from an **orthogonal** $W_h$, which
# before training hands every gradient back almost undiminished.

# %%
from helpers.records import read_record

record = read_record("pronoun-clipping")
print(record["command"])
reaches = sorted({row["distance"] for row in record["curve"]})
variants = list(dict.fromkeys(row["variant"] for row in record["curve"]))


def column(variant, field, reach):
    """`field` of all seeds, nan for runs that diverged → (seeds,)."""
    rows = [r for r in record["curve"] if (r["variant"], r["distance"]) == (variant, reach)]
    return np.array([np.nan if r[field] is None else r[field] for r in rows])


names = ("no clipping", "clipped at 1", "clipped at 0.25", "orthogonal start")
shown = dict(zip(variants, names, strict=True))
print("pronouns right, mean of ten seeds; last column: steps that were clipped")
print("d =             ", *(f"{d:5d}" for d in reaches))
for variant, title in shown.items():
    means = [np.nanmean(column(variant, "accuracy", d)) for d in reaches]
    often = np.nanmean([column(variant, "clipped", d) for d in reaches])
    print(f"{title:16s}", *(f"{m:5.0%}" for m in means), f"{often:8.0%}")
print("runs that diverged:", sum(row["accuracy"] is None for row in record["curve"]))
print("runs with more than 90 % right at d = 12 … 24:")
for variant, title in shown.items():
    found = np.concatenate([column(variant, "accuracy", d) for d in reaches if 12 <= d <= 24])
    print(f"{title:16s} {np.sum(found > 0.9):3d} of {len(found)}")

# %%
fig, axes = figure(4, width=9.6, height=3.0, sharey=True)
for axis, (variant, title), colour in zip(
    axes, shown.items(), ("rnn", "lstm", "sky", "gru"), strict=True
):
    curves = np.stack([column(variant, "accuracy", d) for d in reaches], axis=1)
    band(axis, reaches, curves, colour=COLOURS[colour], label=title)
    axis.plot(reaches, curves.T, ".", color=COLOURS[colour], markersize=4, alpha=0.4)
    axis.axhline(0.5, color=COLOURS["floor"], linewidth=0.8, linestyle=":")
    axis.set(title=title, xlabel="words of filler", ylim=(0.35, 1.03), xticks=(2, 8, 16, 24, 32))
axes[0].set_ylabel("pronouns right")
axes[0].text(2, 0.48, "chance", fontsize=9, va="top")
mean = {v: {d: np.nanmean(column(v, "accuracy", d)) for d in reaches} for v in variants}
show(
    fig,
    "Share of pronouns right against the distance: mean and range of ten seeds, a dot for each. "
    "At 4 words of filler: "
    + ", ".join(f"{title} {mean[v][4]:.0%}" for v, title in shown.items())
    + ". At 16: "
    + ", ".join(f"{title} {mean[v][16]:.0%}" for v, title in shown.items())
    + ". At 32 all are between "
    + f"{min(mean[v][32] for v in variants):.0%} and {max(mean[v][32] for v in variants):.0%}; "
    "chance is 50%.",
)

# %% [markdown]
# All four have nearly everything right at 2 and 4 words and toss coins at 32. In between it depends on the seed:
# a run finds the name or it does not, so the dots lie at the top or at the bottom. Clipping at 1 acts on few
# steps, and it counts as many successes as no clipping, give or take what seeds scatter. Clipping at 0.25 acts on
# nearly all steps, and the reach gets *shorter*, not longer. (Adam divides by the gradient's usual size, so it
# undoes a factor that is the same at every step. What is left of clipping here is that large gradients count for
# less than they did.)
#
# And the orthogonal start? It was meant as a remedy for vanishing itself. What became of it is in the record too:
# how long the gradient of the pronoun's loss is at the name, relative to the blank, after 0, 100 and 500 steps.

# %%
fig, axes = figure(2, width=8.2, height=3.3, sharey=True)
starts = {"clipped": "random start", "orthogonal": "orthogonal start"}
for axis, (variant, start) in zip(axes, starts.items(), strict=True):
    for step, colour in ((0, COLOURS["control"]), (100, COLOURS["warm"]), (500, COLOURS["rnn"])):
        ratios = np.stack([column(variant, f"at_name_{step}", d) for d in reaches], axis=1)
        middle = np.median(ratios, axis=0)
        low, high = ratios.min(axis=0), ratios.max(axis=0)
        axis.fill_between(reaches, low, high, color=colour, alpha=0.2, linewidth=0)
        axis.plot(reaches, middle, color=colour, label=f"after {step} steps")
    axis.set(yscale="log", title=start, xlabel="words of filler", xticks=(2, 8, 16, 24, 32))
axes[0].set_ylabel("gradient at the name / at the blank")
axes[0].legend(frameon=False, loc="lower left", fontsize=9)
looked_after = ("at_name_0", "at_name_100", "at_name_500")
at_24 = {
    variant: ", ".join(f"{np.median(column(variant, field, 24)):.0e}" for field in looked_after)
    for variant in starts
}
show(
    fig,
    "Gradient at the name relative to the blank against distance, median and range of ten seeds. "
    f"At 24 words of filler, after 0, 100 and 500 steps: {at_24['clipped']} from a random start, "
    f"{at_24['orthogonal']} from an orthogonal one.",
)

# %% [markdown]
# Orthogonal is what the matrix is *before* training, and the random one was not bad either. After a hundred steps
# of learning to write, both are where they would have been anyway. (Keeping the matrix orthogonal, or starting
# from the identity with ReLU, are other methods; see the references.) Is the vanished gradient really what
# separates success from failure? Sort all runs by that length after 100 steps:

# %%
early = np.array([row["at_name_100"] for row in record["curve"]], dtype=float)
success = np.array([(row["accuracy"] or 0) > 0.9 for row in record["curve"]])
for low, high in ((1e-2, np.inf), (1e-4, 1e-2), (0, 1e-4)):
    group = (early >= low) & (early < high)
    print(f"gradient at the name {low:5.0e} to {high:5.0e}: {group.sum():3d} runs", end=", ")
    print(f"of which {success[group].mean():4.0%} have more than 90 % of the pronouns right")

# %% [markdown]
# Where the gradient still arrives, the name is mostly learned; where it does not, hardly ever, clipped or not.
# (Distance stands behind both, so this alone proves no cause.) What is needed is another path back through time,
# on which less is lost. That is [chapter 4](04_lstm_gru.ipynb).

# %% [markdown]
# ### Exercise 3.7 · `quiz_clipping` · ★☆☆ · 5 min
# What does clipping by the global norm do for training a recurrent network?
#
# - **a** It lets words that stand far back influence the weights again.
# - **b** It keeps a single step short where the gradient is huge, without turning it.
# - **c** It gives every step the same length, so that steps with a small gradient are no longer too short.
# - **d** It makes the choice of the learning rate unnecessary: whatever the rate, training no longer diverges.

# %% exercise="quiz_clipping"
def quiz_clipping():
    """Your answer as a letter."""
    answer = None   # "a", "b", "c" or "d"
    ### BEGIN SOLUTION
    answer = "b"
    ### END SOLUTION
    return answer

# %% check="quiz_clipping" points=1
quiz_clipping = check("quiz_clipping", quiz_clipping)

# %% [markdown]
# ## What was claimed, what was measured
#
# | claim | verdict |
# |---|---|
# | Sigmoid and tanh vanish, ReLU explodes | no: each of the three does both, depending on the scale of the weights |
# | \|w\| < 1 vanishes, \|w\| > 1 explodes | true of one linear unit; with tanh a unit with w = 3 vanishes as well |
# | $\sigma_{\max} > 1/\gamma$ makes the gradient explode | necessary, not sufficient: [[0.5, 3], [0, 0.5]] dies out, and so does the saturated latch with $\sigma_{\max} = 3$ |
# | $\sigma_{\max} < 1/\gamma$ makes it vanish | proved, and never above the bound in the measurement |
# | Plain networks vanish, LSTMs do not | only roughly: untrained it was the other way round; trained, both fall, the LSTM's cell less |
# | Clipping by the global norm is what PyTorch does | equal, with its 1e-6 |
# | Clipping keeps the direction | by one global norm it does; by value or parameter by parameter it does not |
# | Training diverges without clipping | at learning rates of 3 and 5, for all three seeds, and trains with it; up to 1 nobody needs it here |
# | Clipping is the remedy for vanishing and exploding | for exploding. The pronoun accuracy against distance is no better with it |
# | An orthogonal start cures vanishing | it lasts less than a hundred steps; successes at middle distances are about as many as without, and at 32 words there are none |
#
# ## Recap
# - One step back multiplies by the slope and by $W_h^\top$: $dh_{t-1} = (dh_t \odot (1 - h_t^2))\, W_h^\top$.
# - Its length grows by at most $\gamma\,\sigma_{\max}$. Below 1 it must vanish; above 1 everything depends.
# - To see vanishing, look at the gradient of the **last** loss alone.
# - **Clipping**: one norm over all parameters, one factor of at most 1, an error when the norm is not finite. The
#   threshold is in units of your loss.
# - It makes steps safe near walls. It brings nothing back that has vanished.
#
# ## Further exercises
# 1. At which scale s does a tanh network with H = 64 keep the length for 30 steps? And with inputs of size 1
#    instead of 0.1? Explain the shift by the slopes.
# 2. Train 3.6 with all stories at *exactly* d = 20, not 0 … 20. Does the gradient at the name vanish as fast?
#    What can a network make use of if every story has the same length?
# 3. Print `gradient_norms` of the plain network before and after 100 steps for learning rates of 0.001 and 0.03.
# 4. Clip by value with thresholds that leave 1 %, 10 % and 50 % of the entries alone. Does training at rate 3
#    diverge?
# 5. Vanishing could be punished: add a term to the loss that keeps $\|dh_{t-1}\| / \|dh_t\|$ near 1 (the
#    regulariser Ω of Pascanu, Mikolov & Bengio 2013), and repeat 3.6.
#
# ## References
# - Hochreiter (1991), *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, TU München.
# - Bengio, Simard & Frasconi (1994), *Learning long-term dependencies with gradient descent is difficult*, IEEE
#   Transactions on Neural Networks 5.
# - Pascanu, Mikolov & Bengio (2013), *On the difficulty of training recurrent neural networks*, ICML.
# - Mikolov (2012), *Statistical language models based on neural networks*, PhD thesis, Brno: clipping by value.
# - Saxe, McClelland & Ganguli (2014), *Exact solutions to the nonlinear dynamics of learning in deep linear
#   neural networks*, ICLR: orthogonal initialisation.
# - Le, Jaitly & Hinton (2015), *A simple way to initialize recurrent networks of rectified linear units*: the
#   identity.
# - Arjovsky, Shah & Bengio (2016), *Unitary evolution recurrent neural networks*, ICML: a matrix that stays
#   unitary.
# - Mezzadri (2007), *How to generate random matrices from the classical compact groups*, Notices of the AMS 54.
# - Trefethen & Embree (2005), *Spectra and pseudospectra*: what non-normal matrices do in the short run.
