"""Real errors of a learner's function, the sentences they become, and objects that refuse to be shown."""

import ast
import linecache
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import helpers
from helpers.checks import errors
from helpers.checks.errors import describe_error
from helpers.validation import require

F = torch.nn.functional


def define(source, file="<cell 1>", **names):
    """The function `f` of a cell, its source where tracebacks look for it."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    scope = {"np": np, "torch": torch, "F": F, "math": math, **names}
    exec(compile(source, file, "exec"), scope)
    return scope["f"]


def told(code, **arguments):
    """What is said of the lines `code`, in a function of these arguments."""
    function, error = failing(code, arguments)
    return describe_error(error, function)


def failing(code, arguments):
    """The function of these lines, and what it raises."""
    lines = code.split("\n")
    function = define(f"def f({', '.join(arguments)}):\n" + "".join(f"    {line}\n" for line in lines))
    with pytest.raises(BaseException) as caught:
        function(*arguments.values())
    return function, caught.value


A, B, V, T = np.ones((3, 5)), np.ones((10, 5)), np.ones(5), torch.ones(3, 5)
LEAF = torch.ones(3, requires_grad=True)
LOCKED = np.ones(3)
LOCKED.flags.writeable = False
THREE = [1, 2, 3]
PARAMS = {"Wx": A, "Wh": B}


def returns_nothing():
    pass


def step(x, h):
    return x + h


CASES = [
    # products
    (
        "x @ W",
        {"x": A, "W": B},
        "`x` (3, 5) @ `W` (10, 5): the inner sizes 5 and 10 differ; did you mean `W.T`?",
    ),
    ("x @ W", {"x": np.ones((5, 3)), "W": B}, "the inner sizes 3 and 10 differ; `W @ x` would fit."),
    ("x @ W", {"x": V, "W": B}, "did you mean `W.T`? `W @ x` would fit too."),
    ("x @ d", {"x": A, "d": np.ones((3, 2))}, "did you mean `x.T`?"),
    ("x @ W", {"x": A, "W": np.ones((4, 6))}, "the inner sizes 5 and 4 differ."),
    (
        "x @ W.T",
        {"x": A, "W": np.ones((5, 2))},
        "`W.T` (2, 5): the inner sizes 5 and 2 differ; did you mean `W`?",
    ),
    (
        "np.tanh(x) @ W",
        {"x": A, "W": B},
        "`np.tanh(x)` @ `W` (10, 5): the inner sizes 5 and 10 differ; did you mean `W.T`?",
    ),
    ("(x + 1) @ W", {"x": np.ones((5, 3)), "W": np.ones((5, 2))}, "`x + 1` (5, 3) @ `W` (5, 2)"),
    ("(x + 1) @ W", {"x": np.ones((5, 3)), "W": np.ones((5, 2))}, "did you mean `(x + 1).T`?"),
    ("p['x'] @ p['W']", {"p": {"x": A, "W": B}}, "`p['x']` (3, 5) @ `p['W']` (10, 5)"),
    ("x[:, 0] @ W", {"x": np.ones((3, 4, 5)), "W": B}, "`x[:, 0]` (3, 5) @ `W` (10, 5)"),
    ("x[:, t] @ W", {"x": np.ones((3, 4, 5)), "t": 1, "W": B}, "`x[:, t]` (3, 5) @ `W` (10, 5)"),
    ("q @ k", {"q": np.ones((2, 3, 5)), "k": np.ones((2, 4, 5))}, "did you mean `k.swapaxes(-1, -2)`?"),
    ("q @ k", {"q": torch.ones(2, 3, 5), "k": torch.ones(2, 4, 5)}, "did you mean `k.transpose(-1, -2)`?"),
    (
        "q @ k",
        {"q": np.ones((2, 3, 5)), "k": np.ones((3, 5, 4))},
        "the axes before the last two, (2,) and (3,)",
    ),
    (
        "q @ k",
        {"q": torch.ones(2, 3, 5), "k": torch.ones(3, 5, 4)},
        "the axes before the last two, (2,) and (3,)",
    ),
    ("x @ 2", {"x": A}, "`2` is a single number"),
    ("x @ W", {"x": A, "W": None}, "`W` is None here"),
    ("x @= W", {"x": A, "W": B}, "the inner sizes 5 and 10 differ."),
    ("np.dot(x, W)", {"x": A, "W": B}, "`x` (3, 5) and `W` (10, 5) in `np.dot`"),
    ("np.dot(x, W)", {"x": V, "W": B}, "`np.dot(W, x)` would fit too"),
    ("x.dot(W)", {"x": V, "W": B}, "`W.dot(x)` would fit too"),
    (
        "np.matmul(x, W)",
        {"x": A, "W": B},
        "in `np.matmul`: the inner sizes 5 and 10 differ; did you mean `W.T`?",
    ),
    ("torch.mm(x, W)", {"x": T, "W": torch.ones(10, 5)}, "`x` (3, 5) and `W` (10, 5) in `torch.mm`"),
    ("torch.matmul(x, W)", {"x": T, "W": torch.ones(10, 5)}, "did you mean `W.T`?"),
    (
        "x @ W",
        {"x": T[0], "W": torch.ones(10, 5)},
        "`x` (5,) @ `W` (10, 5): the inner sizes 5 and 10 differ; did you mean `W.T`",
    ),
    (
        "x @ v",
        {"x": T, "v": torch.ones(3)},
        "the inner sizes 5 and 3 differ; did you mean `x.T`? `v @ x` would fit too",
    ),
    ("torch.mv(x, v)", {"x": T, "v": torch.ones(3)}, "did you mean `x.T`?"),
    (
        "torch.dot(x, v)",
        {"x": T[0], "v": torch.ones(3)},
        "`x` (5,) and `v` (3,) in `torch.dot`: the inner sizes 5 and 3",
    ),
    (
        "torch.bmm(q, k)",
        {"q": torch.ones(2, 3, 5), "k": torch.ones(2, 4, 5)},
        "did you mean `k.transpose(-1, -2)`?",
    ),
    ("torch.bmm(q, k)", {"q": torch.ones(2, 3, 5), "k": torch.ones(3, 5, 4)}, "(2,) and (3,), have to agree"),
    ("F.linear(x, W)", {"x": T, "W": torch.ones(5, 10)}, "has shape (outputs, 5); did you mean `W.T`?"),
    (
        "layer(x)",
        {"x": T, "layer": torch.nn.Linear(4, 2)},
        "`x` (3, 5) has 5 entries on its last axis, and the layer `layer` takes 4",
    ),
    (
        "np.einsum('nd,dh->nh', x, W)",
        {"x": A, "W": B},
        "the letter `d` is 5 in `x` (3, 5) and 10 in `W` (10, 5)",
    ),
    ("np.einsum('nd,dh->nh', np.tanh(x), W)", {"x": A, "W": B}, "is 5 in `np.tanh(x)` (3, 5) and 10 in `W`"),
    ("np.einsum('ndk,dh->nh', x, W)", {"x": A, "W": B}, "`x` (3, 5) has 2 axes, and `ndk` names 3"),
    ("np.einsum('nd,dh', x)", {"x": A}, "names 2 operands; it got 1"),
    (
        "torch.einsum('nd,dh->nh', x, W)",
        {"x": T, "W": torch.ones(10, 5)},
        "the letter `d` is 5 in `x` (3, 5) and 10 in `W`",
    ),
    # broadcasting
    (
        "x + b",
        {"x": A, "b": np.ones(3)},
        "`x` (3, 5) + `b` (3,): sizes are matched from the right, and 5 meets 3; `b[:, None]` (3, 1) "
        "would fit",
    ),
    (
        "b - x",
        {"x": A, "b": np.ones(3)},
        "`b` (3,) - `x` (3, 5): sizes are matched from the right, and 3 meets 5; `b[:, None]` (3, 1) "
        "would fit",
    ),
    ("x + b", {"x": A, "b": np.ones(4)}, "5 meets 4."),
    ("x * W", {"x": A, "W": np.ones((5, 3))}, "`W.T` (3, 5) would fit"),
    ("x > b", {"x": A, "b": np.ones(3)}, "`x` (3, 5) > `b` (3,)"),
    (
        "x @ W + b",
        {"x": A, "W": B.T, "b": np.ones(3)},
        "`x @ W` (3, 10) + `b` (3,): sizes are matched from the right, and 10 meets 3",
    ),
    ("x / x.sum(axis=1)", {"x": A}, "`x.sum(axis=1, keepdims=True)` (3, 1) would fit"),
    ("x / np.exp(x).sum(axis=1)", {"x": A}, "`np.exp(x).sum(axis=1)[:, None]` (3, 1) would fit"),
    ("h * m", {"h": np.ones((2, 3, 4)), "m": np.ones((2, 3))}, "`m[:, :, None]` (2, 3, 1) would fit"),
    ("np.maximum(x, b)", {"x": A, "b": np.ones(3)}, "`x` (3, 5) and `b` (3,) in `np.maximum`"),
    ("np.where(x > 0, a, b)", {"x": A, "a": np.ones(3), "b": V}, "`x > 0` (3, 5) and `a` (3,) and `b` (5,)"),
    (
        "x + b",
        {"x": T, "b": torch.ones(3)},
        "`x` (3, 5) + `b` (3,): sizes are matched from the right, and 5 meets 3; `b[:, None]` (3, 1) "
        "would fit",
    ),
    (
        "torch.tanh(x) + b",
        {"x": T, "b": torch.ones(3)},
        "`torch.tanh(x)` + `b` (3,): sizes are matched from the right, and 5 meets 3",
    ),
    ("np.broadcast_to(b, (2, 2))", {"b": np.ones(3)}, "(3,) cannot be broadcast to (2, 2)"),
    (
        "b += x",
        {"b": V, "x": A},
        "`b` (5,) += `x` (3, 5): the result, (3, 5), has no room in `b`; `x.sum(axis=0)` (5,) would fit",
    ),
    ("b += x", {"b": torch.ones(5), "x": T}, "`x.sum(dim=0)` (5,) would fit"),
    ("b *= x", {"b": np.ones(1), "x": A}, "`b = b * x` makes a new array"),
    (
        "x += b",
        {"x": A, "b": np.ones(3)},
        "`x` (3, 5) += `b` (3,): sizes are matched from the right, and 5 meets 3; `b[:, None]` (3, 1) "
        "would fit",
    ),
    ("x += b", {"x": np.ones((1, 5)), "b": np.ones(3)}, "5 meets 3."),   # b[:, None] would make x larger
    # assignment
    ("h[0] = v", {"h": A.copy(), "v": np.ones(4)}, "`h[0]` has room for (5,), and `v` (4,) is written there"),
    ("h[:] = v", {"h": A.copy(), "v": np.ones((5, 3))}, "`v.T` would fit"),
    ("h[:, 0] = v", {"h": A.copy(), "v": np.ones((3, 1))}, "`v[:, 0]` (3,) would fit"),
    ("h[[0, 1]] = v", {"h": A.copy(), "v": np.ones(4)}, "has room for (2, 5), and `v` (4,)"),
    ("h[0] = v", {"h": T.clone(), "v": torch.ones(4)}, "`h[0]` has room for (5,), and `v` (4,)"),
    ("h[0, 0] = v", {"h": A.copy(), "v": V}, "`h[0, 0]` is one number's place, and `v` (5,) is a sequence"),
    (
        "np.array([a, b])",
        {"a": np.ones(2), "b": V},
        "`a` (2,), `b` (5,): parts of different lengths make no array",
    ),
    ("torch.tensor(rows)", {"rows": [[1, 2], [3]]}, "parts of different lengths make no array"),
    ("h[0] = v", {"h": torch.ones(3), "v": torch.ones(2)}, "`h[0]` has room for one number, and `v` (2,)"),
    # joining, reshaping
    (
        "np.concatenate([a, x])",
        {"a": V, "x": A},
        "`a` (5,), `x` (3, 5): to be joined, all parts need the same number of axes",
    ),
    (
        "np.concatenate([h, x])",
        {"h": np.ones((3, 4)), "x": A},
        "all sizes must be equal; with `axis=1` they fit",
    ),
    ("np.concatenate(hs)", {"hs": [np.ones((3, 4)), A]}, "`hs[0]` (3, 4), `hs[1]` (3, 5)"),
    ("np.vstack([h, x])", {"h": np.ones((3, 4)), "x": A}, "`h` (3, 4), `x` (3, 5): apart from the axis"),
    ("np.stack([h, x])", {"h": np.ones((3, 4)), "x": A}, "to be stacked, all parts need one shape"),
    (
        "np.concatenate(a, b)",
        {"a": V, "b": V},
        "takes the arrays as one tuple or list: `np.concatenate((a, b))`",
    ),
    ("torch.cat([h, x])", {"h": torch.ones(3, 4), "x": T}, "with `dim=1` they fit"),
    ("torch.cat([h, x])", {"h": torch.ones(3), "x": T}, "the same number of axes"),
    ("torch.stack([h, x])", {"h": torch.ones(3), "x": T}, "`h` (3,), `x` (3, 5): to be stacked"),
    ("torch.cat(h, x)", {"h": T, "x": T}, "`torch.cat((h, x))`"),
    ("torch.stack([x])", {"x": A}, "part 0 is a NumPy array"),
    ("x.reshape(5, 4)", {"x": A}, "`x` (3, 5) has 15 entries, and shape (5, 4) needs 20"),
    ("x.reshape(4, -1)", {"x": A}, "15 entries, which 4 does not divide"),
    ("x.view(5, 4)", {"x": T}, "`x` (3, 5) has 15 entries, and shape (5, 4) needs 20"),
    ("x.sum(axis=2)", {"x": A}, "axis 2 is asked for, and `x` (3, 5) has axes 0 and 1"),
    ("x.sum(dim=2)", {"x": T}, "axis 2 is asked for, and `x` (3, 5) has axes 0 and 1"),
    # indices
    (
        "x[0, 5]",
        {"x": A},
        "index 5 is out of bounds: axis 1 of `x` (3, 5) has size 5; indices start at 0, so the last one is 4",
    ),
    ("x[t]", {"x": A, "t": -4}, "counted from the end the indices are -1 to -3"),
    ("x[3]", {"x": T}, "axis 0 of `x` (3, 5) has size 3"),
    ("x[0, 0, 0]", {"x": A}, "`x` (3, 5) has 2 axes, and 3 are indexed"),
    ("x[0, 0, 0]", {"x": T}, "`x` (3, 5) has 2 axes, and 3 are indexed"),
    (
        "hs[t + 1]",
        {"hs": THREE, "t": 2},
        "index 3 of `hs`: the list has 3 entries; indices start at 0, so the last one is 2",
    ),
    ("hs[3] = 0", {"hs": THREE}, "`hs.append(…)` adds one"),
    ("p['wx']", {"p": PARAMS}, "`p` has no key 'wx'; its keys are 'Wx', 'Wh'; did you mean 'Wx'?"),
    ("p.pop('b')", {"p": {}}, "`p` has no key 'b'; it is empty"),
    ("range(x)", {"x": A}, "`x` (3, 5) is an array, and `range` wants one whole number; `len(x)`"),
    (
        "hs[i]",
        {"hs": THREE, "i": np.array([0, 1])},
        "`hs` is a list, which an array cannot index; an array can be: `np.array(hs)[i]`",
    ),
    ("x[i]", {"x": A, "i": np.ones(2)}, "`i` holds float64, and indices are whole numbers; `i.astype(int)`"),
    ("x[i]", {"x": T, "i": torch.ones(2)}, "`i` holds float32, and indices are whole numbers; `i.long()`"),
    ("hs[n / 2]", {"hs": THREE, "n": 3}, "the index `n / 2` is 1.5, a float"),
    ("x[n / 2]", {"x": A, "n": 3}, "the index `n / 2` is 1.5, a float"),
    ("hs[0, 1]", {"hs": THREE}, "which takes one index at a time: `hs[0][1]`"),
    ("hs['Wx']", {"hs": THREE}, "`hs` is a list, whose entries have numbers, not names like 'Wx'"),
    ("x[0][0][0]", {"x": A}, "`x[0][0]` is a single number here"),
    ("x[m]", {"x": A, "m": np.ones(4, bool)}, "`x` (3, 5) and the mask `m` (4,)"),
    ("x[m]", {"x": T, "m": torch.ones(4) > 0}, "`x` (3, 5) and the mask `m` (4,)"),
    (
        "x[i, j]",
        {"x": A, "i": np.arange(3), "j": np.arange(2)},
        "`i` (3,) and `j` (2,) go together entry by entry",
    ),
    # read-only arguments and autograd
    ("h[0] = 1", {"h": LOCKED}, "it writes into its argument `h`; work on a copy: `h = h.copy()`"),
    ("h += 1", {"h": LOCKED}, "it writes into its argument `h`; work on a copy: `h = h.copy()`"),
    ("h.sort()", {"h": LOCKED}, "work on a copy: `h = h.copy()`"),
    ("np.add(h, 1, out=h)", {"h": LOCKED}, "it writes into its argument `h`"),
    (
        "v = h[:2]\nv[0] = 1",
        {"h": LOCKED},
        "`v`, which belongs to an argument; work on a copy: `v = v.copy()`",
    ),
    ("w += 1", {"w": LEAF}, "`with torch.no_grad():`, or make a new tensor: `w = w + 1`"),
    ("w[0] = 1", {"w": LEAF}, "it changes `w` in place"),
    ("w.numpy()", {"w": LEAF}, "`w` is followed by autograd: `w.detach()` first"),
    ("np.exp(w)", {"w": LEAF}, "use `torch.exp` if torch has it, else `w.detach()` first"),
    ("x.sum().backward()", {"x": T}, "`x.sum()` depends on no tensor with `requires_grad=True`"),
    ("w.backward()", {"w": LEAF}, "backward() starts from one number, and `w` (3,) has several: `w.sum()`"),
    ("y = (w * w).sum()\ny.backward()\ny.backward()", {"w": LEAF}, "the same graph a second time"),
    ("y = w.exp()\ny += 1\ny.sum().backward()", {"w": LEAF}, "was changed in place"),
    ("y = x.T\nreturn y.view(15)", {"x": T}, "use `y.reshape(15)`"),
    (
        "x @ W",
        {"x": T, "W": torch.ones(5, 2).double()},
        "`x` is float32 and `W` is float64, and a product wants one dtype: `W.to(x.dtype)`",
    ),
    (
        "torch.bmm(q, k)",
        {"q": torch.ones(1, 2, 2), "k": torch.ones(1, 2, 2).double()},
        "`q` is float32 and `k` is float64",
    ),
    ("x @ v", {"x": T[0], "v": torch.ones(5).double()}, "`x` is float32 and `v` is float64"),
    (
        "layer(x)",
        {"x": T.double(), "layer": torch.nn.Linear(5, 2)},
        "two dtypes, Double and Float, and one is wanted",
    ),
    ("F.embedding(i, W)", {"i": torch.ones(3), "W": T}, "`i` holds floats: `i.long()`"),
    ("F.cross_entropy(z, y)", {"z": T, "y": torch.ones(3)}, "`y` holds floats: `y.long()`"),
    ("F.embedding(i, W)", {"i": torch.tensor([7]), "W": T}, "not below the number of rows"),
    ("F.cross_entropy(z, y)", {"z": T, "y": torch.tensor([0, 1, 9])}, "the class number 9"),
    ("torch.exp(x)", {"x": A}, "`torch.exp` wants a tensor, and `x` is a NumPy array"),
    ("x @ W", {"x": A, "W": torch.ones(5, 2)}, "`x` is a NumPy array and `W` is a torch tensor"),
    (
        "n += 0.5",
        {"n": np.zeros(3, int)},
        "`n` holds int64, and an operation in place would write floats there",
    ),
    ("n += 0.5", {"n": torch.zeros(3).long()}, "`n` holds int64"),
    # None and other types
    (
        "h = hs.append(1)\nreturn h + 1",
        {"hs": []},
        "`h` is None: `append` changes `hs` itself and returns nothing",
    ),
    (
        "h = g()\nreturn h[0]",
        {"g": returns_nothing},
        "`h` is None, which has no entries: `g` returned nothing; is its `return` missing?",
    ),
    ("a, b = g()", {"g": returns_nothing}, "`g()` is None, which has nothing to go through or unpack"),
    ("for t in x:\n    pass", {"x": None}, "`x` is None, which has nothing to go through"),
    ("h.shape", {"h": None}, "`h` is None, which has no `shape`: it is an argument that may be None"),
    ("w.grad.sum()", {"w": T}, "`w.grad` is None, which has no `sum`: backward() has not run yet"),
    ("h[0] = 1", {"h": None}, "`h` is None, which has no entries to write to"),
    ("len(h)", {"h": None}, "`h` is None, which has no length"),
    ("np.tanh(h)", {"h": None}, "`h` is None"),
    ("float(h)", {"h": None}, "`h` is None"),
    ("x + h", {"x": A, "h": None}, "`h` is None"),
    (
        "a - b",
        {"a": THREE, "b": THREE},
        "`a` is a list and `b` is a list, and `-` is not defined for them; `np.array(a)`",
    ),
    ("a + 1", {"a": THREE}, "arithmetic on a list joins or repeats it"),
    ("a * 1.5", {"a": THREE}, "`a` and `1.5`: arithmetic on a list joins or repeats it"),
    ("'t = ' + t", {"t": 1}, "`str(…)` makes text of a number"),
    (
        "g + 1",
        {"g": returns_nothing},
        "`g` is a function, not its value: are the brackets of the call missing?",
    ),
    (
        "for t in n:\n    pass",
        {"n": 3},
        "`n` is a whole number, and a loop goes through several values; did you mean `range(n)`?",
    ),
    ("sum(n)", {"n": 2.5}, "`n` is one number, and several are wanted"),
    ("a, b = n", {"n": 2.5}, "`n` is one number, which cannot be taken apart into `(a, b)`"),
    (
        "for t, v in hs:\n    pass",
        {"hs": THREE},
        "each entry of `hs` is a whole number, not a pair; `enumerate(…)`",
    ),
    ("n[0]", {"n": 3}, "`n` is a whole number, without entries"),
    ("g[0]", {"g": returns_nothing}, "`g` is a function, which has no entries"),
    ("n[0] = 1", {"n": (1, 2)}, "`n` is a tuple, whose entries cannot be changed"),
    ("{}[x]", {"x": A}, "a NumPy array cannot be a dict's key"),
    # calls and attributes
    ("x(0)", {"x": A}, "`x` is a NumPy array, not a function: entries are in square brackets, `x[0]`"),
    ("x.T()", {"x": A}, "`x.T` is no method: leave the brackets out"),
    ("n(x)", {"n": 2, "x": A}, "is a `*` missing"),
    ("np(x)", {"x": A}, "`np` is a module"),
    ("x.summ()", {"x": A}, "`x` is a NumPy array, which has no `summ`; did you mean `x.sum`?"),
    ("x.tanh()", {"x": A}, "it is a function: `np.tanh(x)`"),
    ("x.unsqueeze(0)", {"x": A}, "`[:, None]` puts an axis in"),
    ("x.astype(float)", {"x": T}, "`.float()`, `.double()` and `.long()` do that"),
    ("hs.shape", {"hs": THREE}, "`len(hs)` is its length"),
    ("hs.mean()", {"hs": THREE}, "`np.array(hs)` makes one"),
    ("p.Wx", {"p": PARAMS}, "a dict's entries are `p['Wx']`"),
    ("np.tan_h(x)", {"x": A}, "`np` has no `tan_h`; did you mean `np.tanh`?"),
    ("g(x)", {"g": step, "x": A}, "`g` is called without `h`; it takes (x, h)"),
    ("g(x, x, x)", {"g": step, "x": A}, "it takes (x, h)"),
    ("g(x, b=x)", {"g": step, "x": A}, "`g` has no argument `b`; it takes (x, h)"),
    ("np.sum(x, dim=0)", {"x": A}, "`np.sum` has no argument `dim`; NumPy calls it `axis`"),
    # names and conditions
    ("total += n\nreturn total", {"n": 1}, "a line such as `total = 0` is missing before"),
    (
        "if n > 1:\n    y = n\nreturn y",
        {"n": 1},
        "`y` is assigned only in an `if` or a loop that did not run",
    ),
    ("z = y\ny = n", {"n": 1}, "`y` is read before the function assigns it"),
    (
        "x @ wx",
        {"x": A, "Wx": B},
        "`wx` is not one of the function's arguments (x, Wx), and no line above makes it; did you mean `Wx`?",
    ),
    ("plt.plot(x)", {"x": A}, "`import matplotlib.pyplot as plt`"),
    ("squash(x)", {"x": A}, "there is no function `squash` here: has the cell that defines it run?"),
    (
        "if x > 0:\n    pass",
        {"x": A},
        "`x > 0` is an array of several True and False, and one is wanted: `.all()`",
    ),
    ("while x:\n    pass", {"x": A}, "`x` is an array of several True and False"),
    ("if x > 0:\n    pass", {"x": T}, "`x > 0` is an array of several"),
    ("x > 0 and x < 1", {"x": A}, "entry by entry it is `(x > 0) & (x < 1)`"),
    ("0 < x < 1", {"x": A}, "entry by entry it is `(0 < x) & (x < 1)`"),
    ("not x", {"x": A}, "`~` turns round every entry"),
    ("max(x, 0)", {"x": A}, "entry by entry it is `np.maximum(x, 0)`"),
    ("x > 0 & x < 1", {"x": A}, "put each comparison in brackets"),
    ("x ^ 2", {"x": A}, "`^` is no power in Python; that is `x ** 2`"),
    ("a, b = x", {"x": A}, "`x` (3, 5) gives 3 values, and `(a, b)` takes 2"),
    ("a, b, c = g(1, 2), 1", {"g": step}, "gives 2 values, and `(a, b, c)` takes 3"),
    ("for a, b in x:\n    pass", {"x": A}, "each entry of `x` has more values, and `(a, b)` takes 2"),
    # numbers
    ("1 / len(hs)", {"hs": []}, "the divisor `len(hs)` is 0 here"),
    ("math.log(p)", {"p": 0.0}, "`math.log` is defined for numbers above 0, and `p` is 0.0"),
    ("math.exp(n)", {"n": 1000}, "`math.exp(n)` is larger than any float"),
    (
        "math.tanh(x)",
        {"x": A},
        "`math.tanh` takes one number, and `x` (3, 5) is an array; `np.tanh` takes arrays",
    ),
    ("float(x)", {"x": A}, "`float` makes one number, and `x` (3, 5) is an array of several"),
    ("x.item()", {"x": T}, "`x` (3, 5) is an array of several"),
    ("np.max(x)", {"x": A[:0]}, "`x` (0, 5) has no entries, so there is no maximum of it"),
    ("max(hs)", {"hs": []}, "`hs` has no entries, so there is no maximum of it"),
    ("np.argmax(hs)", {"hs": []}, "`hs` has no entries, so there is no argmax of it"),
    ("range(n / 2)", {"n": 3}, "`n / 2` is 1.5, a float"),
    ("np.zeros(3, 5)", {}, "takes the shape as one tuple: `np.zeros((3, 5))`"),
]


@pytest.mark.parametrize(("code", "arguments", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_common_errors_become_sentences_with_the_learners_names(code, arguments, wanted):
    text = told(code, **arguments)
    assert wanted in text
    assert " of its cell, `" in text and text.startswith("It raised ")


def test_every_rule_is_tried():
    """Each rule is the first to speak in one of the cases."""
    spoke = set()
    for code, arguments, _ in CASES:
        function, error = failing(code, arguments)
        spot = errors.find(error, function)
        text = f"{type(error).__name__}: {error}"
        for number, (pattern, translator) in enumerate(errors.RULES):
            found = pattern.search(text)
            if found and translator(found, spot):
                spoke.add(number)
                break
    silent = [pattern.pattern for number, (pattern, _) in enumerate(errors.RULES) if number not in spoke]
    assert not silent


def raised(function, *arguments):
    with pytest.raises(BaseException) as caught:
        function(*arguments)
    return describe_error(caught.value, function)


def test_the_sentence_has_type_line_and_source():
    assert told("y = x\nreturn y @ W", x=A, W=B) == (
        "It raised ValueError in line 3 of its cell, `return y @ W`: `y` (3, 5) @ `W` (10, 5): "
        "the inner sizes 5 and 10 differ; did you mean `W.T`?"
    )


def test_an_expression_over_several_lines_is_found():
    text = told("return (\n    x\n    + x\n    @ W\n    .reshape(10, 5)\n)", x=A, W=B)
    assert "`x` (3, 5) @ `W.reshape(10, 5)`: the inner sizes 5 and 10 differ" in text


def test_only_the_failing_part_of_a_line_is_told():
    assert "`h` (3, 4) @ `Wh` (5, 5)" in told(
        "np.tanh(x @ Wx + h @ Wh)", x=A, Wx=B.T, h=np.ones((3, 4)), Wh=np.ones((5, 5))
    )


def test_other_messages_stay_as_they_are():
    assert told("raise ValueError('the gate is stuck')") == (
        "It raised ValueError: the gate is stuck in line 2 of its cell: "
        "`raise ValueError('the gate is stuck')`."
    )


def test_a_function_of_another_cell_is_named():
    define("def affine(x, W):\n    return x @ W\nf = affine\n", "<ipython-input-3>")
    affine = define("def affine(x, W):\n    return x @ W\nf = affine\n", "/tmp/ipykernel_1/3.py")
    f = define("def f(x, W):\n    return affine(x, W)\n", "/tmp/ipykernel_1/4.py", affine=affine)
    text = raised(f, A, B)
    assert "in line 2 of the cell of `affine`, `return x @ W`: `x` (3, 5) @ `W` (10, 5)" in text


def test_what_a_helper_raises_is_told_at_the_learners_line_without_its_own_operands():
    """The names in the learner's call are not the operands of what failed inside the helper."""
    f = define("def f(x, W):\n    return require(False, x, W, 1)\n", require=require)
    assert "in line 2 of its cell: `return require(False, x, W, 1)`." in raised(f, 1, 2)
    made_up = str(Path(helpers.__file__).parent / "made_up.py")
    dot = define("def f(x, W):\n    return np.ones((2, 5)) @ np.ones((10, 7))\n", made_up)
    f = define("def f(x, W):\n    return dot(x, W)\n", dot=dot)
    text = raised(f, A, B)
    assert (
        "in line 2 of its cell, `return dot(x, W)`: a matrix product: the inner sizes 5 and 10 differ" in text
    )
    assert "`x`" not in text


def test_other_shapes_inside_a_librarys_function_are_not_the_operands():
    dot = define("def f(x, W):\n    return x @ np.ones((7, 2))\n", "/lib/site-packages/dot.py")
    f = define("def f(x, W):\n    return dot(x, W)\n", dot=dot)
    assert "`return dot(x, W)`: a matrix product: the inner sizes 5 and 7 differ" in raised(f, A, B)
    add = define("def f(x, W):\n    return np.ones((2, 3)) + np.ones(2)\n", "/lib/site-packages/add.py")
    f = define("def f(x, W):\n    return add(x, W)\n", add=add)
    assert "`return add(x, W)`: (2, 3) and (2,): sizes are matched from the right" in raised(f, A, B)


def test_compiled_code_with_frames_of_its_own_is_a_library():
    text = told("rng.choice(5, p=p)", rng=np.random.default_rng(0), p=np.ones(2) / 2)
    assert text.endswith("in line 2 of its cell: `rng.choice(5, p=p)`.")


def test_frames_around_the_learners_do_not_count():
    def trial(function):
        return function(A)[0]

    f = define("def f(x):\n    return None\n")
    with pytest.raises(TypeError) as caught:
        trial(f)
    assert describe_error(caught.value, f).startswith("It raised TypeError")
    g = define("def f(x):\n    return x[3]\n")
    with pytest.raises(IndexError) as caught:
        trial(g)
    assert "in line 2 of its cell, `return x[3]`: index 3" in describe_error(caught.value, g)


def test_without_source_the_shapes_of_the_message_remain():
    scope = {}
    exec(compile("def f(x, b):\n    return x + b\n", "<lost>", "exec"), scope)
    assert raised(scope["f"], A, np.ones(3)) == (
        "It raised ValueError: (3, 5) and (3,): sizes are matched from the right, and 5 meets 3."
    )


def test_without_columns_the_line_and_the_shapes_of_the_message_remain():
    """As under ``python -X no_debug_ranges``: a line table whose entries have no columns (kind 13)."""
    f = define("def f(x, b):\n    return x + b\n")
    units = len(f.__code__.co_code) // 2
    lengths = [8] * (units // 8) + ([units % 8] if units % 8 else [])
    steps = [2] + [0] * (len(lengths) - 1)   # one line down, then none
    table = b"".join(
        bytes([0x80 | 13 << 3 | length - 1, step]) for length, step in zip(lengths, steps, strict=True)
    )
    f.__code__ = f.__code__.replace(co_linetable=table)
    assert raised(f, A, np.ones(3)) == (
        "It raised ValueError in line 2 of its cell, `return x + b`: (3, 5) and (3,): "
        "sizes are matched from the right, and 5 meets 3."
    )


class Hostile:
    """Raises whatever it is asked, and keeps count."""

    asked = 0

    def _refuse(self, *_, **__):
        Hostile.asked += 1
        raise RuntimeError("asked")

    __repr__ = __str__ = __eq__ = __len__ = __iter__ = __bool__ = __getitem__ = __matmul__ = __add__ = _refuse
    __hash__ = __index__ = __float__ = __array__ = __contains__ = __getattr__ = _refuse
    shape = __class__ = property(_refuse)


@pytest.mark.parametrize(("code", "arguments", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_whatever_stands_in_the_frame_is_not_asked_and_nothing_is_raised(
    code, arguments, wanted, monkeypatch
):
    function, error = failing(code, arguments)
    spot = errors.find(error, function)
    for name in arguments:
        hostile = replace(spot, names={**spot.names, name: Hostile()}, local={**spot.local, name: Hostile()})
        monkeypatch.setattr(errors, "find", lambda error, function, spot=hostile: spot)
        Hostile.asked = 0
        assert describe_error(error, function).startswith("It raised ")
        assert not Hostile.asked


def test_an_object_that_raises_is_told_as_it_is():
    assert told("x @ W", x=Hostile(), W=A).startswith("It raised RuntimeError: asked")


class Mute(ValueError):
    def __str__(self):
        raise RuntimeError("asked")


def test_an_error_without_a_message_to_show():
    f = define("def f(E):\n    raise E\n", E=Mute)
    assert raised(f, Mute).startswith("It raised Mute: ")


def test_nothing_of_the_learners_is_called_again():
    calls = []

    class Counted:
        W = property(lambda self: calls.append("W") or B)

        def __getitem__(self, key):
            calls.append(key)
            return B

    assert "`c[0]`" in told("x @ c[0]", x=A, c=Counted()) and calls == [0]
    calls.clear()
    assert "`c.W`" in told("x @ c.W", x=A, c=Counted()) and calls == ["W"]


def test_a_broken_rule_is_passed_over(monkeypatch):
    def broken(found, spot):
        raise KeyError("no")

    pattern = re.compile("stuck")
    monkeypatch.setattr(
        errors, "RULES", ((pattern, broken), (pattern, lambda found, spot: "the second speaks"))
    )
    assert told("raise ValueError('stuck')").endswith(": the second speaks.")


dimensions = st.lists(st.integers(1, 4), max_size=3).map(tuple)
FORMS = [
    (np.ones, "x @ W"),
    (np.ones, "np.dot(x, W)"),
    (np.ones, "x.dot(W)"),
    (torch.ones, "x @ W"),
    (torch.ones, "torch.matmul(x, W)"),
    (torch.ones, "x.matmul(W)"),
]


@settings(max_examples=300, deadline=None)
@given(
    dimensions,
    dimensions,
    dimensions,
    st.sampled_from(FORMS),
    st.sampled_from(["({p}) + {b}", "{b} * ({p})"]),
)
def test_suggestions_really_fit(x, W, b, form, whole):
    make, product = form
    f = define(f"def f(x, W, b):\n    return {whole.format(p=product, b='b')}\n")
    values = {"x": make(x), "W": make(W), "b": make(b)}
    try:
        f(**values)
    except (ValueError, RuntimeError) as error:
        text = describe_error(error, f)
    else:
        return
    assert text.startswith(f"It raised {'ValueError' if make is np.ones else 'RuntimeError'}")
    sentence = text.partition("`: ")[2]
    for suggestion in re.findall("`(.*?)`", sentence.partition("; ")[2]):
        names = {node.id for node in ast.walk(ast.parse(suggestion)) if isinstance(node, ast.Name)} - {
            "np",
            "torch",
        }
        if " meets " in sentence:
            tried = (
                whole.format(p=product, b=suggestion) if names == {"b"} else whole.format(p=suggestion, b="b")
            )
        else:
            tried = suggestion if len(names) == 2 else re.sub(rf"\b{names.pop()}\b", suggestion, product)
        eval(tried, {"np": np, "torch": torch, **values})


def test_suggestions_are_made():
    """The test above would pass without any."""
    shapes = [
        ((3, 4), (2, 4), (2,)),
        ((4, 3), (2, 4), (2,)),
        ((3, 4), (4, 2), (3,)),
        ((2, 3, 4), (2, 3, 4), (1,)),
    ]
    for x, W, b in shapes:
        assert (
            "`"
            in told("x @ W + b", x=np.ones(x), W=np.ones(W), b=np.ones(b))
            .partition("`: ")[2]
            .partition("; ")[2]
        )


@pytest.mark.parametrize(
    ("kind", "message", "wanted"),
    [
        ("TypeError", "only length-1 arrays can be converted to Python scalars", "one number is wanted"),
        ("TypeError", "only size-1 arrays can be converted to Python scalars", "one number is wanted"),
        ("ValueError", "too many values to unpack (expected 2, got 3)", "gives 3 values"),
        ("ValueError", "expected a positive input, got 0.0", "a value it does not have"),
        ("ValueError", "max() iterable argument is empty", "no maximum of it"),
        ("UnboundLocalError", "local variable 'y' referenced before assignment", "`y` is read before"),
        (
            "IndexError",
            "boolean index did not match indexed array along dimension 0; dimension is 3 but corresponding "
            "boolean dimension is 4",
            "the array and the mask must have the same size",
        ),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (3x5 and 10x5)", "(3, 5) and (10, 5)"),
        ("RuntimeError", "size mismatch, got input (3), mat (3x5), vec (3)", "a product of (3, 5) and (3,)"),
    ],
)
def test_messages_of_other_versions(kind, message, wanted):
    assert wanted in told(f"raise {kind}({message!r})")
