"""`softmax_cross_entropy`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def softmax_cross_entropy_reference(logits, targets):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    loss = -np.take_along_axis(log_p, targets[..., None], axis=-1).mean()
    one_hot = np.eye(logits.shape[-1], dtype=logits.dtype)[targets]
    return loss, (np.exp(log_p) - one_hot) / targets.size


def _cases(rng, *, N=(2, 3), T=(4, 5), V=(6, 8)):
    return {"logits": rng.normal(size=(N, T, V), scale=2), "targets": rng.integers(0, V, size=(N, T))}


softmax_cross_entropy = Exercise(
    "softmax_cross_entropy",
    "05",
    softmax_cross_entropy_reference,
    ("loss", "dlogits"),
    _cases,
    rounds=3,
    float32_rtol=1e-3,   # float32 logits near 1000 are themselves exact to 3e-5 only
)


@softmax_cross_entropy.oracle("central differences, step 1e-5", rtol=1e-7)
def _(logits, targets):
    def loss(z):
        return softmax_cross_entropy_reference(z, targets)[0]

    if np.abs(logits).max() > 1500:   # the differences drown in the digits of the loss
        return NotImplemented
    return loss(logits), numerical_gradient(loss, logits.copy())


@softmax_cross_entropy.oracle("torch.nn.functional.cross_entropy", needs_torch=True)
def _(logits, targets):
    import torch

    z = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(z.flatten(0, 1), torch.tensor(targets).flatten())
    loss.backward()
    return loss.item(), z.grad.numpy()


@softmax_cross_entropy.extreme("large logits", "exp of a large logit overflows. Take each row's largest logit off before exp.")
def _(rng):
    case = _cases(rng, N=2, T=4, V=6)
    return case | {"logits": case["logits"] + 1000}


@softmax_cross_entropy.extreme(
    "rows far from each other", "Each row needs its own largest logit: one for the whole array leaves nothing of a low row."
)
def _(rng):
    case = _cases(rng, N=3, T=4, V=6)
    return case | {"logits": case["logits"] + 1000 * np.arange(-1, 2)[:, None, None]}


@softmax_cross_entropy.extreme(
    "a target far below the others",
    "Right but for a target whose p is 0 to the computer. Its logarithm is an ordinary number, so stay with logarithms, "
    "and add no ε.",
)
def _(rng):
    case = _cases(rng, N=2, T=5, V=6)
    case["logits"][0, 1, case["targets"][0, 1]] -= 1000.0
    return case


@softmax_cross_entropy.extreme(
    "one logit far above the others",
    "Right but for a row with one logit far above the others: exp overflows unless the *largest* is taken off, and a p "
    "of 1 is a p as well.",
)
def _(rng):
    case = _cases(rng, N=2, T=5, V=7)
    case["logits"][1, 2, case["targets"][1, 2]] += 5000.0
    case["logits"][0, 3, :2] += 5000.0   # two alike
    return case


@softmax_cross_entropy.extreme("equal logits", "Right but for equal logits, where every word has p = 1/V.")
def _(rng):
    return {"logits": np.zeros((2, 3, 5)), "targets": rng.integers(0, 5, size=(2, 3))}


LOSS = "-np.take_along_axis(log_p, targets[..., None], axis=-1).mean()"
GRADIENT = "(np.exp(log_p) - one_hot) / targets.size"

softmax_cross_entropy.mistake(
    "gradient-not-averaged",
    "The loss is a mean over N·T tokens, your gradient belongs to the sum: divide it by N·T too.",
    (GRADIENT, "np.exp(log_p) - one_hot"),
)
softmax_cross_entropy.mistake(
    "summed",
    "Loss and gradient are sums over all tokens; wanted is the mean, and its gradient.",
    (").mean()", ").sum()"),
    (GRADIENT, "np.exp(log_p) - one_hot"),
)
softmax_cross_entropy.mistake(
    "sign",
    "The gradient points the wrong way: it is p − y (probability minus one-hot target), not y − p.",
    ("(np.exp(log_p) - one_hot)", "(one_hot - np.exp(log_p))"),
)
softmax_cross_entropy.mistake(
    "target-not-subtracted", "Your gradient is p. The 1 at the target has to be taken off: p − y.", (" - one_hot", "")
)
softmax_cross_entropy.mistake(
    "only-at-the-target",
    "You give a gradient to the target's logit alone. Raising another one lowers p of the target, too: p − y at all V.",
    ("(np.exp(log_p) - one_hot)", "one_hot * (np.exp(log_p) - one_hot)"),
)
softmax_cross_entropy.mistake(
    "gradient-of-the-probability",
    "You stop at dL/dp = −1/p. One more step of the chain rule goes through the softmax, and the result is simpler: p − y.",
    (GRADIENT, "-one_hot / np.exp(log_p) / targets.size"),
)
softmax_cross_entropy.mistake(
    "softmax-over-time",
    "Your softmax runs over axis 1, the time. It runs over the vocabulary: the last axis.",
    ("logits.max(axis=-1", "logits.max(axis=1"),
    ("np.exp(shifted).sum(axis=-1", "np.exp(shifted).sum(axis=1"),
)


@softmax_cross_entropy.misconception(
    "overflow",
    "exp of a large logit overflows and gives nan. Take each row's largest logit off before exp, and stay with logarithms: a p "
    "may become 0.",
)
def _(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    loss = -np.log(np.take_along_axis(p, targets[..., None], axis=-1)).mean()
    return loss, (p - np.eye(logits.shape[-1])[targets]) / targets.size


softmax_cross_entropy.mistake(
    "overflow-in-the-logarithm",
    "ln Σ exp(z) is right on paper; in the computer exp of a large logit is infinite. Take each row's largest logit off "
    "first, and go on with what is left.",
    ("logits - logits.max(axis=-1, keepdims=True)", "logits"),
)
softmax_cross_entropy.mistake(
    "logarithm-of-zero",
    "Right but for a target far below the others: its p has become 0, and the loss is infinite. Take the logarithm before "
    "exp can lose it: ln p = shifted − ln Σ exp(shifted).",
    ("shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))",
     "np.log(np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True))"),
)
for _small in ("1e-12", "1e-10", "1e-9", "1e-8", "1e-7"):
    softmax_cross_entropy.mistake(
        f"epsilon-{_small}",
        f"You add {_small} to p before the logarithm. That hides the trouble with p = 0 and makes every loss a little "
        "wrong. Stay with logarithms instead: ln p = shifted − ln Σ exp(shifted).",
        (LOSS, f"-np.log(np.take_along_axis(np.exp(log_p), targets[..., None], axis=-1) + {_small}).mean()"),
    )
softmax_cross_entropy.mistake(
    "one-maximum-for-all",
    "You take one largest logit off the whole array. A row far below it is then all exp(−1000) = 0, with 0 for its sum. "
    "Each row needs its own: `logits.max(axis=-1, keepdims=True)`.",
    ("logits.max(axis=-1, keepdims=True)", "logits.max()"),
)
ONE_HOT_LOSS = "-(np.eye(logits.shape[-1])[targets] * log_p).sum(axis=-1).mean()"
softmax_cross_entropy.mistake(
    "smallest-taken-off",
    "You take each row's *smallest* logit off. Then none is below 0, and exp overflows the sooner: take the largest.",
    ("logits.max(", "logits.min("),
)
softmax_cross_entropy.mistake(
    "smallest-taken-off-one-hot",
    "You take each row's *smallest* logit off, so exp overflows, and 0 · inf is nan: take the largest.",
    ("logits.max(", "logits.min("),
    (LOSS, ONE_HOT_LOSS),
)
for _bound in ("100", "700"):
    softmax_cross_entropy.mistake(
        f"clipped-at-{_bound}",
        f"You cut the logits off at ±{_bound}. Then exp does not overflow, and all logits beyond look alike: take the largest off, "
        "which changes no p.",
        ("logits - logits.max(axis=-1, keepdims=True)", f"np.clip(logits, -{_bound}, {_bound})"),
    )
softmax_cross_entropy.mistake(
    "clipped-below",
    "You cut off what lies far below the largest logit. The exp of such a number is 0, and does no harm; its own −ln p is large, "
    "and has to stay so.",
    ("logits - logits.max(axis=-1, keepdims=True)", "np.maximum(logits - logits.max(axis=-1, keepdims=True), -100)"),
)
softmax_cross_entropy.mistake(
    "softmax-over-everything",
    "Your softmax runs over the whole array: all p together sum to 1. Each place has a distribution of its own: axis=-1, "
    "keepdims=True.",
    ("logits.max(axis=-1, keepdims=True)", "logits.max()"),
    ("np.exp(shifted).sum(axis=-1, keepdims=True)", "np.exp(shifted).sum()"),
)
softmax_cross_entropy.mistake(
    "softmax-over-examples",
    "Your softmax runs over axis 0, the examples. It runs over the vocabulary: the last axis.",
    ("logits.max(axis=-1", "logits.max(axis=0"),
    ("np.exp(shifted).sum(axis=-1", "np.exp(shifted).sum(axis=0"),
)
softmax_cross_entropy.mistake(
    "largest-not-put-back",
    "The largest logit is taken off inside the logarithm and not outside: ln p = shifted − ln Σ exp(shifted), both of the shifted "
    "ones.",
    ("shifted - np.log(", "logits - np.log("),
)
softmax_cross_entropy.mistake(
    "set-to-minus-one",
    "At the target your gradient *is* −1. The 1 is subtracted there: p − 1.",
    ("(np.exp(log_p) - one_hot)", "np.where(one_hot > 0, -1.0, np.exp(log_p))"),
)
softmax_cross_entropy.mistake(
    "only-the-target-averaged",
    "You divide the one-hot rows alone by N·T: the bracket goes around p − y.",
    (GRADIENT, "np.exp(log_p) - one_hot / targets.size"),
)
softmax_cross_entropy.mistake(
    "gradient-averaged-over-vocabulary",
    "Your gradient is divided by more than N·T: the loss is a mean over places, not over words of the vocabulary. Divide by "
    "`targets.size`.",
    ("targets.size", "logits.size"),
)
softmax_cross_entropy.mistake(
    "mean-taken-off",
    "You take each row's mean off. exp can still overflow, where one logit is far above the mean: take the largest.",
    ("logits.max(", "logits.mean("),
)
softmax_cross_entropy.mistake(
    "divided-by-N",
    "Your gradient is divided by N alone. The loss is a mean over N·T tokens: targets.size.",
    ("targets.size", "len(targets)"),
)
softmax_cross_entropy.mistake(
    "loss-averaged-over-vocabulary",
    "Your loss is a mean over N·T·V numbers, and all but one in each row are the zeros of y · ln p. Add up over the "
    "vocabulary first, or divide by N·T.",
    (LOSS, "-(np.eye(logits.shape[-1])[targets] * log_p).mean()"),
)
softmax_cross_entropy.mistake(
    "loss-of-all-words",
    "Your loss is the mean of −ln p over *all* words of the vocabulary. Only the target's p counts.",
    (LOSS, "-log_p.mean()"),
)
softmax_cross_entropy.mistake(
    "best-word",
    "Your loss takes the most probable word at each place. Wanted is −ln p of the *target*.",
    ("np.take_along_axis(log_p, targets[..., None], axis=-1)", "log_p.max(axis=-1)"),
)
softmax_cross_entropy.mistake(
    "entropy",
    "You compute −Σ p ln p, the entropy of the model's own distribution. The targets come in only in the gradient.",
    (LOSS, "-(np.exp(log_p) * log_p).sum(axis=-1).mean()"),
)
softmax_cross_entropy.mistake(
    "every-target-at-every-place",
    "Indexing `[:, :, targets]` takes *all* targets at every place. Each place has one: np.take_along_axis(log_p, "
    "targets[..., None], axis=-1), or flatten (N, T) first.",
    ("np.take_along_axis(log_p, targets[..., None], axis=-1)", "log_p[:, :, targets]"),
)
softmax_cross_entropy.mistake(
    "gradient-at-every-target",
    "Taking 1 off p at `[:, :, targets]` does so for *all* targets at every place, so the rows do not sum to 0. Each "
    "place has one target: subtract the one-hot rows, np.eye(V)[targets].",
    ("(np.exp(log_p) - one_hot)", "(np.exp(log_p) - np.isin(np.arange(logits.shape[-1]), targets))"),
)
softmax_cross_entropy.mistake(
    "one-off-everywhere",
    "You take 1 off every p. The 1 belongs to the target alone: y is one-hot.",
    (" - one_hot", " - 1"),
)
softmax_cross_entropy.mistake(
    "weights-for-p",
    "Your gradient has the weights e^z in place of p: they are not divided by their sum yet. It is p − y.",
    ("(np.exp(log_p) -", "(np.exp(shifted) -"),
)
softmax_cross_entropy.mistake(
    "derivative-of-a-squash",
    "You multiply by p(1 − p) as well. With −ln p the derivative of the softmax is in there already: p − y, and no more.",
    ("(np.exp(log_p) - one_hot)", "(np.exp(log_p) - one_hot) * np.exp(log_p) * (1 - np.exp(log_p))"),
)
softmax_cross_entropy.mistake(
    "target-taken-off-first",
    "You take the 1 off p before the loss is computed, and the logarithm of p − 1 is nan. First the loss, then the gradient, "
    "or on a copy.",
    (LOSS, "-np.log(np.take_along_axis(np.exp(log_p) - np.eye(logits.shape[-1])[targets], targets[..., None], axis=-1)).mean()"),
)
softmax_cross_entropy.mistake(
    "bits", "Your loss is in bits (np.log2, or divided by ln 2). Nats are wanted: np.log alone.", (").mean()", ").mean() / np.log(2)")
)
softmax_cross_entropy.mistake(
    "squared-error",
    "Your loss is the squared error of p. Wanted is −ln p of the target.",
    (LOSS, "((np.exp(log_p) - np.eye(logits.shape[-1])[targets]) ** 2).sum(axis=-1).mean()"),
)
softmax_cross_entropy.mistake(
    "binary",
    "You add ln(1 − p) of all other words: that is the loss of V yes-or-no questions. One word of V comes: −ln p of the "
    "target, alone.",
    (LOSS, "-np.where(np.eye(logits.shape[-1])[targets] > 0, log_p, np.log1p(-np.exp(log_p))).sum(axis=-1).mean()"),
)
softmax_cross_entropy.mistake(
    "no-logarithm",
    "Your loss is the mean of −p. The loss of a place is −ln p.",
    ("-np.take_along_axis(log_p", "-np.take_along_axis(np.exp(log_p)"),
)
softmax_cross_entropy.mistake(
    "not-normalised",
    "Your loss is minus the target's shifted logit. ln p has another part, the logarithm of the sum: shifted − ln Σ "
    "exp(shifted).",
    ("-np.take_along_axis(log_p", "-np.take_along_axis(shifted"),
)
softmax_cross_entropy.mistake(
    "not-averaged",
    "You leave one loss at each place. The loss is one number, their mean over N·T.",
    (LOSS, "-np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]"),
)
softmax_cross_entropy.mistake(
    "all-averaged-over-vocabulary",
    "You divide by N·T·V, loss and gradient. A loss belongs to a place, not to a word of the vocabulary: divide by N·T, "
    "`targets.size`.",
    (").mean()", ").mean() / logits.shape[-1]"),
    ("targets.size", "logits.size"),
)
softmax_cross_entropy.mistake(
    "targets-by-column",
    "Your targets are flattened column by column, the logits row by row, so each meets a stranger. Flatten both in the same "
    "order, without a transpose.",
    ("    shifted = logits -", "    targets = targets.T.reshape(targets.shape)\n    shifted = logits -"),
)
softmax_cross_entropy.mistake(
    "id-0-skipped",
    "You skip the places whose target is id 0, as if it stood for padding. Here 0 is a word like any other: all N·T places count.",
    (LOSS, "-(np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0] * (targets != 0)).sum() / max((targets != 0).sum(), 1)"),
    (GRADIENT, "(np.exp(log_p) - one_hot) * (targets != 0)[..., None] / max((targets != 0).sum(), 1)"),
)


SIDE_BY_SIDE = (
    "index arrays of shapes (N,) and (T,) do not make a grid. They go side by side: where N = T they take the wrong "
    "places, and mostly they do not fit. np.arange(N)[:, None] beside np.arange(T) does it, or np.take_along_axis."
)
GRID = "np.arange(len(targets)), np.arange(targets.shape[1]), targets"
softmax_cross_entropy.mistake(
    "indices-side-by-side-in-the-loss", f"In the loss: {SIDE_BY_SIDE}", ("np.take_along_axis(log_p, targets[..., None], axis=-1)", f"log_p[{GRID}]")
)
softmax_cross_entropy.mistake(
    "indices-side-by-side-in-the-gradient",
    f"In the gradient: {SIDE_BY_SIDE}",
    ("    return loss", f"    p = np.exp(log_p)\n    p[{GRID}] -= 1\n    return loss"),
    (GRADIENT, "p / targets.size"),
)


@softmax_cross_entropy.misconception("indices-side-by-side", f"In loss and gradient: {SIDE_BY_SIDE}")
def _(logits, targets):
    N, T = targets.shape
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    loss = -log_p[np.arange(N), np.arange(T), targets].mean()
    dlogits = np.exp(log_p)
    dlogits[np.arange(N), np.arange(T), targets] -= 1
    return loss, dlogits / targets.size


FEW_WORDS = "your one-hot rows end at the largest target, and the vocabulary may go on. They have V entries, logits.shape[-1]."
softmax_cross_entropy.mistake(
    "as-many-words-as-targets-in-the-gradient",
    f"In the gradient: {FEW_WORDS}",
    ("np.eye(logits.shape[-1], dtype=logits.dtype)[targets]", "np.eye(targets.max() + 1)[targets]"),
)


@softmax_cross_entropy.misconception("as-many-words-as-targets", f"In loss and gradient: {FEW_WORDS}")
def _(logits, targets):
    one_hot = np.eye(targets.max() + 1, dtype=logits.dtype)[targets]
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -(one_hot * log_p).sum() / targets.size, (np.exp(log_p) - one_hot) / targets.size


@softmax_cross_entropy.variant("rows flattened")
def _(logits, targets):
    rows, wanted = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    shifted = rows - rows.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    index = np.arange(len(rows)), wanted
    loss = -log_p[index].sum() / len(rows)
    p = np.exp(log_p)
    p[index] -= 1
    return loss, (p / len(rows)).reshape(logits.shape)


@softmax_cross_entropy.variant("log-sum-exp, a one-hot of float64")
def _(logits, targets):
    top, one_hot = logits.max(axis=2), np.eye(logits.shape[-1])[targets]
    log_total = top + np.log(np.exp(logits - top[..., None]).sum(axis=2))
    chosen = np.einsum("ntv,ntv->nt", logits, one_hot)
    return np.mean(log_total - chosen), (np.exp(logits - log_total[..., None]) - one_hot) / log_total.size


@softmax_cross_entropy.variant("place by place")
def _(logits, targets):
    N, T = targets.shape
    loss, dlogits = 0.0, np.zeros_like(logits)
    for n in range(N):
        for t in range(T):
            z = logits[n, t] - max(logits[n, t])
            log_total = np.log(np.sum(np.exp(z)))
            loss += float(log_total - z[targets[n, t]]) / (N * T)
            dlogits[n, t] = np.exp(z - log_total) / (N * T)
            dlogits[n, t, targets[n, t]] -= 1 / (N * T)
    return loss, dlogits


softmax_cross_entropy.landmark("""
    z, wanted = np.array([[[0.0, 0.0, 2.0], [1.0, 0.0, 3.0]]]), np.array([[2, 0]])
    loss, dz = softmax_cross_entropy(z, wanted)
    loss   # ≈ 1.205
    dz     # ≈ [[[0.053, 0.053, -0.107], [-0.443, 0.021, 0.422]]]
""")
