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
LAYER = torch.nn.Linear(2, 2)
LEAF = torch.ones(3, requires_grad=True)
LOCKED = np.ones(3)
LOCKED.flags.writeable = False
THREE = [1, 2, 3]
RNG = np.random.default_rng(0)
PARAMS = {"Wx": A, "Wh": B}


def returns_nothing():
    pass


def step(x, h):
    return x + h


CASES = [
    # products
    ("x @ W", {"x": A, "W": B}, "(3, 5) @ `W` (10, 5): the inner sizes 5 and 10 differ; did you mean `W.T`?"),
    ("x @ W", {"x": np.ones((5, 3)), "W": B}, "5): the inner sizes 3 and 10 differ; did you mean `W @ x`?"),
    ("x @ W", {"x": V, "W": B}, "(10, 5): the inner sizes 5 and 10 differ; did you mean `W.T` or `W @ x`?"),
    ("x @ d", {"x": A, "d": np.ones((3, 2))}, "did you mean `x.T`?"),
    ("x @ W", {"x": A, "W": np.ones((4, 6))}, "the inner sizes 5 and 4 differ."),
    ("x @ W.T", {"x": A, "W": np.ones((5, 2))}, "(2, 5): the inner sizes 5 and 2 differ; did you mean `W`?"),
    ("np.tanh(x) @ W", {"x": A, "W": B}, "`W` (10, 5): the inner sizes 5 and 10 differ; did you mean `W.T`?"),
    ("(x + 1) @ W", {"x": np.ones((5, 3)), "W": np.ones((5, 2))}, "`x + 1` (5, 3) @ `W` (5, 2)"),
    ("(x + 1) @ W", {"x": np.ones((5, 3)), "W": np.ones((5, 2))}, "did you mean `(x + 1).T`?"),
    ("p['x'] @ p['W']", {"p": {"x": A, "W": B}}, "`p['x']` (3, 5) @ `p['W']` (10, 5)"),
    ("x[:, 0] @ W", {"x": np.ones((3, 4, 5)), "W": B}, "`x[:, 0]` (3, 5) @ `W` (10, 5)"),
    ("x[:, t] @ W", {"x": np.ones((3, 4, 5)), "t": 1, "W": B}, "`x[:, t]` (3, 5) @ `W` (10, 5)"),
    ("q @ k", {"q": np.ones((2, 3, 5)), "k": np.ones((2, 4, 5))}, "did you mean `k.swapaxes(-1, -2)`?"),
    ("q @ k", {"q": torch.ones(2, 3, 5), "k": torch.ones(2, 4, 5)}, "did you mean `k.transpose(-1, -2)`?"),
    ("q @ k", {"q": np.ones((2, 3, 5)), "k": np.ones((3, 5, 4))}, "`q` (2, 3, 5) @ `k` (3, 5, 4): the axes"),
    ("q @ k", {"q": torch.ones(2, 3, 5), "k": torch.ones(3, 5, 4)}, "`q` (2, 3, 5) @ `k` (3, 5, 4): the"),
    ("x @ 2", {"x": A}, "`2` is a single number"),
    ("x @ W", {"x": A, "W": None}, "`W` is None here"),
    ("x @= W", {"x": A, "W": B}, "the inner sizes 5 and 10 differ."),
    ("np.dot(x, W)", {"x": A, "W": B}, "@ `W` (10, 5): the inner sizes 5 and 10 differ; did you mean `W.T`?"),
    ("np.dot(x, W)", {"x": V, "W": B}, "5): the inner sizes 5 and 10 differ; did you mean `W.T` or `W @ x`?"),
    ("x.dot(W)", {"x": V, "W": B}, "5): the inner sizes 5 and 10 differ; did you mean `W.T` or `W @ x`?"),
    ("np.matmul(x, W)", {"x": A, "W": B}, "(10, 5): the inner sizes 5 and 10 differ; did you mean `W.T`?"),
    ("torch.mm(x, W)", {"x": T, "W": torch.ones(10, 5)}, "inner sizes 5 and 10 differ; did you mean `W.T`?"),
    ("torch.matmul(x, W)", {"x": T, "W": torch.ones(10, 5)}, "did you mean `W.T`?"),
    ("x @ W", {"x": T[0], "W": torch.ones(10, 5)}, "5): the inner sizes 5 and 10 differ; did you mean `W.T`"),
    ("x @ v", {"x": T, "v": torch.ones(3)}, "the inner sizes 5 and 3 differ; did you mean `x.T` or `v @ x`?"),
    ("torch.mv(x, v)", {"x": T, "v": torch.ones(3)}, "sizes 5 and 3 differ; did you mean `x.T` or `v @ x`?"),
    ("q @ k.T", {"q": np.ones((2, 3, 5)), "k": np.ones((2, 4, 5))}, "did you mean `k.swapaxes(-1, -2)`?"),
    ("q @ k.T", {"q": np.ones((2, 3, 2)), "k": np.ones((2, 4, 2))}, "did you mean `k.swapaxes(-1, -2)`?"),
    ("q @ k.T", {"q": torch.ones(3, 3, 7), "k": torch.ones(3, 5, 7)}, "did you mean `k.transpose(-1, -2)`?"),
    ("torch.bmm(q, k)", {"q": torch.ones(2, 3, 5), "k": torch.ones(2, 4, 5)}, "mean `k.transpose(-1, -2)`?"),
    ("F.linear(x, W)", {"x": T, "W": torch.ones(5, 10)}, "a matrix product: the inner sizes 5 and 10"),
    ("layer(x)", {"x": T, "layer": torch.nn.Linear(4, 2)}, "`x` (3, 5) has 5 entries on its last axis, and"),
    # broadcasting
    ("x + b", {"x": A, "b": np.ones(3)}, "`x` (3, 5) and `b` (3,): sizes are matched from the right, and 5"),
    ("b - x", {"x": A, "b": np.ones(3)}, "`b` (3,) and `x` (3, 5): sizes are matched from the right, and 3"),
    ("x + b", {"x": A, "b": np.ones(4)}, "5 meets 4."),
    ("x * W", {"x": A, "W": np.ones((5, 3))}, "`W.T` (3, 5) would fit"),
    ("x > b", {"x": A, "b": np.ones(3)}, "`x` (3, 5) and `b` (3,): sizes are matched from the right, and 5"),
    ("x @ W + b", {"x": A, "W": B.T, "b": np.ones(3)}, "`x @ W` (3, 10) and `b` (3,): sizes are matched"),
    ("x / x.sum(axis=1)", {"x": A}, "`x.sum(axis=1, keepdims=True)` (3, 1) would fit"),
    ("x / np.exp(x).sum(axis=1)", {"x": A}, "`np.exp(x).sum(axis=1)[:, None]` (3, 1) would fit"),
    ("h * m", {"h": np.ones((2, 3, 4)), "m": np.ones((2, 3))}, "`m[:, :, None]` (2, 3, 1) would fit"),
    ("np.maximum(x, b)", {"x": A, "b": np.ones(3)}, "`x` (3, 5) and `b` (3,): sizes are matched from the"),
    ("np.where(x > 0, a, b)", {"x": A, "a": np.ones(3), "b": V}, "`x > 0` (3, 5) and `a` (3,) and `b` (5,)"),
    ("x + b", {"x": T, "b": torch.ones(3)}, "`x` (3, 5) and `b` (3,): sizes are matched from the right, and"),
    ("torch.tanh(x) + b", {"x": T, "b": torch.ones(3)}, "`torch.tanh(x)` and `b` (3,): sizes are matched"),
    ("b += x", {"b": V, "x": A}, "result (3, 5) has no room in `b` (5,); `x.sum(axis=0)` (5,) would fit."),
    ("b += x", {"b": torch.ones(5), "x": T}, "`x.sum(dim=0)` (5,) would fit"),
    ("b *= x", {"b": np.ones(1), "x": A}, "the result (3, 5) has no room in `b` (1,)."),
    ("x += b", {"x": A, "b": np.ones(3)}, "`x` (3, 5) and `b` (3,): sizes are matched from the right, and 5"),
    ("x += b", {"x": np.ones((1, 5)), "b": np.ones(3)}, "5 meets 3."),
    # assignment
    ("h[0] = v", {"h": A.copy(), "v": np.ones(4)}, "`h[0]` has room for (5,), and `v` (4,) is written there"),
    ("h[:] = v", {"h": A.copy(), "v": np.ones((5, 3))}, "`h[:]` has room for (3, 5), and `v` (5, 3) is"),
    ("h[:, 0] = v", {"h": A.copy(), "v": np.ones((3, 1))}, "`h[:, 0]` has room for (3,), and `v` (3, 1) is"),
    ("h[[0, 1]] = v", {"h": A.copy(), "v": np.ones(4)}, "has room for (2, 5), and `v` (4,)"),
    ("h[0] = v", {"h": T.clone(), "v": torch.ones(4)}, "`h[0]` has room for (5,), and `v` (4,)"),
    ("h[0, 0] = v", {"h": A.copy(), "v": V}, "`h[0, 0]` is one number's place, and `v` (5,) is a sequence"),
    ("np.array([a, b])", {"a": np.ones(2), "b": V}, "`a` (2,), `b` (5,): parts of different lengths make no"),
    ("torch.tensor(rows)", {"rows": [[1, 2], [3]]}, "parts of different lengths make no array"),
    ("h[0] = v", {"h": torch.ones(3), "v": torch.ones(2)}, "`h[0]` has room for one number, and `v` (2,)"),
    # joining, reshaping
    ("np.concatenate([a, x])", {"a": V, "x": A}, "`a` (5,), `x` (3, 5): to be joined, all parts need the"),
    ("np.concatenate([h, x])", {"h": np.ones((3, 4)), "x": A}, "`h` (3, 4), `x` (3, 5): apart from the axis"),
    ("np.concatenate(hs)", {"hs": [np.ones((3, 4)), A]}, "`hs[0]` (3, 4), `hs[1]` (3, 5)"),
    ("np.vstack([h, x])", {"h": np.ones((3, 4)), "x": A}, "`h` (3, 4), `x` (3, 5): apart from the axis"),
    ("np.stack([h, x])", {"h": np.ones((3, 4)), "x": A}, "to be stacked, all parts need one shape"),
    ("np.concatenate(a, b)", {"a": V, "b": V}, "takes the arrays as one tuple or list: `np.concatenate((a,"),
    ("torch.cat([h, x])", {"h": torch.ones(3, 4), "x": T}, "`h` (3, 4), `x` (3, 5): apart from the axis"),
    ("torch.cat([h, x])", {"h": torch.ones(3), "x": T}, "the same number of axes"),
    ("torch.stack([h, x])", {"h": torch.ones(3), "x": T}, "`h` (3,), `x` (3, 5): to be stacked"),
    ("torch.cat(h, x)", {"h": T, "x": T}, "`torch.cat((h, x))`"),
    ("x.reshape(5, 4)", {"x": A}, "`x` (3, 5) has 15 entries, and shape (5, 4) needs 20"),
    ("x.reshape(4, -1)", {"x": A}, "15 entries, which 4 does not divide"),
    ("x.view(5, 4)", {"x": T}, "`x` (3, 5) has 15 entries, and shape (5, 4) needs 20"),
    ("x.sum(axis=2)", {"x": A}, "axis 2 is asked for, and `x` (3, 5) has axes 0 and 1"),
    ("x.sum(dim=2)", {"x": T}, "axis 2 is asked for, and `x` (3, 5) has axes 0 and 1"),
    # indices
    ("x[0, 5]", {"x": A}, "index 5 is out of bounds: axis 1 of `x` (3, 5) has size 5."),
    ("x[t]", {"x": A, "t": -4}, "index -4 is out of bounds: axis 0 of `x` (3, 5) has size 3."),
    ("x[3]", {"x": T}, "axis 0 of `x` (3, 5) has size 3"),
    ("hs[t + 1]", {"hs": THREE, "t": 2}, "index 3 of `hs`, a list of length 3: indices start at 0."),
    ("hs[3] = 0", {"hs": THREE}, "`hs.append(…)` adds one"),
    ("p['wx']", {"p": PARAMS}, "`p` has no key 'wx'; its keys are 'Wx', 'Wh'; did you mean 'Wx'?"),
    ("p.pop('b')", {"p": {}}, "`p` has no key 'b'; its keys are none."),
    ("range(x)", {"x": A}, "`x` (3, 5) stands where one whole number is wanted; did you mean `len(x)`?"),
    ("hs[i]", {"hs": THREE, "i": np.array([0, 1])}, "`hs` is a list, which an array cannot index; an array"),
    ("hs[i]", {"hs": (1, 2), "i": np.array([0, 1])}, "`hs` is a tuple, which an array cannot index; an"),
    ("x[i]", {"x": A, "i": np.ones(2)}, "`i` holds floats, and indices are whole numbers; `i.astype(int)`"),
    ("x[i]", {"x": T, "i": torch.ones(2)}, "`i` holds floats, and indices are whole numbers; `i.long()`"),
    ("hs[n / 2]", {"hs": THREE, "n": 3}, "the index `n / 2` is 1.5, a float"),
    ("x[n / 2]", {"x": A, "n": 3}, "the index `n / 2` is 1.5, a float"),
    ("x['a']", {"x": A}, "`x` is a NumPy array, and `'a'` is text, no place in it."),
    ("hs[w]", {"hs": THREE, "w": (A, A)}, "`hs` is a list, and `w` is a tuple, no place in it."),
    ("hs[0, 1]", {"hs": THREE}, "`hs` is a list, which takes one index at a time: `hs[0][1]`."),
    ("range(hs)", {"hs": THREE}, "`hs` stands where one whole number is wanted; did you mean `len(hs)`?"),
    ("x[i, j]", {"x": A, "i": np.arange(3), "j": np.arange(2)}, "and (3,) and (2,) do not: `[:, None]` puts"),
    ("np.take_along_axis(x, i, axis=-1)", {"x": A, "i": np.arange(3)},
     "`i` (3,) needs as many axes as `x` (3, 5): `i[..., None]` has one more."),
    ("if not i:\n    return 0", {"i": np.arange(3)}, "whether it is empty asks `len(i) == 0`."),
    ("d = np.add.at(x, 0, 1)\nreturn d[0]", {"x": A.copy()}, "`d` is None here: `at` changes `x` itself"),
    ("[v for v in h]", {"h": None}, "`h` is None here: it is an argument that may be None, for which a line"),
    ("y.flatten()", {"y": (T, None)}, "it holds 2 values, which `y, … = …` takes apart."),
    ("x.index_add_(0, i, x)", {"x": T, "i": np.arange(3)}, "and `i` is a NumPy array: `torch.from_"),
    ("torch.nn.utils.clip_grad_norm_(m.parameters, 1)", {"m": LAYER}, "are the brackets of the call"),
    ("torch.nn.utils.clip_grad_norm_(m, 1)", {"m": LAYER}, "takes the parameters first, `model.par"),
    ("np.einsum('nd,hd->nh', x, W)", {"x": A, "W": np.ones((5, 10))}, "of different sizes: `x` (3, 5)"),
    ("x[0, 0, 0]", {"x": A}, "3 indices are given, and `x` (3, 5) has fewer axes."),
    ("np.stack([])", {}, "there is nothing to be joined, the list is empty"),
    ("max([])", {}, "it is the largest or smallest of nothing"),
    ("next(v for v in x if v[0] > 1)", {"x": A}, "`next` finds nothing any more"),
    ("np.min(1, s)", {"s": np.float64(0.5)}, "for an axis; of two numbers it is `np.minimum(1, s)`."),
    ("x[:, :n / 4]", {"x": A, "n": 8}, "the index `n / 4` is 2.0, a float; indices are whole numbers"),
    ("x * np.tanh", {"x": A}, "`np.tanh` is a function, not its value: are the brackets"),
    ("np.hstack(x, x, x)", {"x": A}, "takes the arrays as one tuple or list: `np.hstack((x, x, x))`."),
    ("np.concatenate(x, x, axis=1)", {"x": A}, "or list: `np.concatenate((x, x), axis=1)`."),
    ("x ^ 2", {"x": A}, "`^` is no power in Python; a power is `**`."),
    ("n ^ 2", {"n": 0.5}, "`^` is no power in Python; a power is `**`."),
    ("n.item()", {"n": 0.5}, "`n` is one number, which has no `item`: it is a number already."),
    ("F.cross_entropy(z, y)", {"z": torch.ones(3, 4, 6), "y": torch.ones(3, 4).long()}, "are torch's axis 1"),
    ("x[0][0][0]", {"x": A}, "a single number is indexed: one index too many?"),
    # read-only arguments and autograd
    ("h[0] = 1", {"h": LOCKED}, "it writes into its argument `h`; work on a copy: `h = h.copy()`"),
    ("h += 1", {"h": LOCKED}, "it writes into its argument `h`; work on a copy: `h = h.copy()`"),
    ("h.sort()", {"h": LOCKED}, "work on a copy: `h = h.copy()`"),
    ("np.add(h, 1, out=h)", {"h": LOCKED}, "into an argument; work on a copy, as `h = h.copy()` makes one."),
    ("v = h[:2]\nv[0] = 1", {"h": LOCKED}, "into `v`, part of an argument; work on a copy: `v = v.copy()`."),
    ("w += 1", {"w": LEAF}, "it changes `w` in place, and autograd follows `w`: put the line under `with"),
    ("w[0] = 1", {"w": LEAF}, "it changes `w` in place"),
    ("w.numpy()", {"w": LEAF}, "`w` is followed by autograd: `.detach()` first, or use torch's function in"),
    ("np.exp(w)", {"w": LEAF}, "`w` is followed by autograd: `.detach()` first, or use torch's function in"),
    ("x.sum().backward()", {"x": T}, "`x.sum()` depends on no tensor with `requires_grad=True`"),
    ("w.backward()", {"w": LEAF}, "backward() starts from one number, and `w` has several: take its"),
    ("y = (w * w).sum()\ny.backward()\ny.backward()", {"w": LEAF}, "the same graph a second time"),
    ("y = w.exp()\ny += 1\ny.sum().backward()", {"w": LEAF}, "was changed in place"),
    ("y = x.T\nreturn y.view(15)", {"x": T}, "`y` is transposed or cut, so `view` cannot show it in another"),
    ("x @ W", {"x": T, "W": torch.ones(5, 2).double()}, "`x` is float32 and `W` is float64, and a product"),
    (
        "torch.bmm(q, k)",
        {"q": torch.ones(1, 2, 2), "k": torch.ones(1, 2, 2).double()},
        "`q` is float32 and `k` is float64",
    ),
    ("x @ v", {"x": T[0], "v": torch.ones(5).double()}, "`x` is float32 and `v` is float64"),
    ("layer(x)", {"x": T.double(), "layer": torch.nn.Linear(5, 2)}, "the tensors have two dtypes, and one"),
    ("F.embedding(i, W)", {"i": torch.ones(3), "W": T}, "indices and class numbers are whole numbers in"),
    ("F.cross_entropy(z, y)", {"z": T, "y": torch.ones(3)}, "indices and class numbers are whole numbers in"),
    ("F.embedding(i, W)", {"i": torch.tensor([7]), "W": T}, "not below the number of rows"),
    ("F.cross_entropy(z, y)", {"z": T, "y": torch.tensor([0, 1, 9])}, "the class number 9"),
    ("F.cross_entropy(z, y)", {"z": T, "y": torch.tensor([0, 1, -1])}, "the class number -1 is negative, or"),
    ("torch.exp(x)", {"x": A}, "`torch.exp` wants a tensor, and `x` is a NumPy array"),
    ("x @ W", {"x": A, "W": torch.ones(5, 2)}, "`x` is a NumPy array and `W` is a torch tensor"),
    ("n += 0.5", {"n": np.zeros(3, int)}, "`n` holds whole numbers, and the result has floats: make it with"),
    ("n += 0.5", {"n": torch.zeros(3).long()}, "`n` holds whole numbers, and the result has floats: make it"),
    # None and other types
    ("h = hs.append(1)\nreturn h + 1", {"hs": []}, "`h` is None here: `append` changes `hs` itself and"),
    ("h = rng.shuffle(hs)\nreturn h[0]", {"rng": RNG, "hs": [1, 2]}, "`shuffle` changes `hs` itself"),
    ("h = g()\nreturn h[0]", {"g": returns_nothing}, "`h` is None here: `g` returned nothing; is its"),
    ("a, b = g()", {"g": returns_nothing}, "`g()` is None here: `g` returned nothing; is its `return`"),
    ("for t in x:\n    pass", {"x": None}, "`x` is None here: it is an argument that may be None, for which"),
    ("h.shape", {"h": None}, "`h` is None here: it is an argument that may be None, for which a line is"),
    ("w.grad.sum()", {"w": T}, "`w.grad` is None here: backward() has not run yet, or this tensor is no"),
    ("h[0] = 1", {"h": None}, "`h` is None here: it is an argument that may be None, for which a line is"),
    ("len(h)", {"h": None}, "`h` is None here: it is an argument that may be None, for which a line is"),
    ("np.tanh(h)", {"h": None}, "`h` is None"),
    ("float(h)", {"h": None}, "`h` is None"),
    ("x + h", {"x": A, "h": None}, "`h` is None"),
    ("a - b", {"a": THREE, "b": THREE}, "`a` is a list and `b` is a list, and `-` is not defined for them;"),
    ("a + 1", {"a": THREE}, "arithmetic on a list joins or repeats it"),
    ("a * 1.5", {"a": THREE}, "arithmetic on a list joins or repeats it; `np.array(…)` of the list"),
    ("g + 1", {"g": returns_nothing}, "`g` is a function, not its value: are the brackets of the call"),
    ("for t in n:\n    pass", {"n": 3}, "and a loop goes through several values; did you mean `range(n)`?"),
    ("sum(n)", {"n": 2.5}, "`n` is one number, and several values are wanted."),
    ("a, b = n", {"n": 2.5}, "`n` is one number, and several values are wanted."),
    ("for t, v in hs:\n    pass", {"hs": THREE}, "a value is a whole number, and several values are wanted."),
    # calls and attributes
    ("x(0)", {"x": A}, "`x` is a NumPy array, not a function: entries are in square brackets, `x[0]`"),
    ("x.T()", {"x": A}, "`x.T` is no method: leave the brackets out"),
    ("n(x)", {"n": 2, "x": A}, "is a `*` missing"),
    ("np(x)", {"x": A}, "`np` is a module"),
    ("x.summ()", {"x": A}, "`x` is a NumPy array, which has no `summ`; did you mean `x.sum`?"),
    ("x.tanh()", {"x": A}, "it is a function: `np.tanh(x)`"),
    ("x.matmul(y)", {"x": A, "y": B}, "it is a function: `np.matmul(x, y)`"),
    ("x.unsqueeze(0)", {"x": A}, "`[:, None]` puts an axis in"),
    ("x.astype(float)", {"x": T}, "`.float()`, `.double()` and `.long()` do that"),
    ("hs.shape", {"hs": THREE}, "`hs` is a list, which has no `shape`: arrays have it; `np.array(hs)`"),
    ("hs.mean()", {"hs": THREE}, "`np.array(hs)` makes one"),
    ("p.Wx", {"p": PARAMS}, "a dict's entries are `p['Wx']`"),
    ("np.tan_h(x)", {"x": A}, "`np` has no `tan_h`; did you mean `np.tanh`?"),
    ("g(x)", {"g": step, "x": A}, "`g` is called without `h`; it takes (x, h)"),
    ("g(x, x, x)", {"g": step, "x": A}, "it takes (x, h)"),
    ("g(x, b=x)", {"g": step, "x": A}, "`g` has no argument `b`; it takes (x, h)"),
    ("np.sum(x, dim=0)", {"x": A}, "`np.sum` has no argument `dim`; NumPy calls it `axis`"),
    # names and conditions
    ("total += n\nreturn total", {"n": 1}, "`total` has no value to start from: a line such as `total = …`"),
    ("if n > 1:\n    y = n\nreturn y", {"n": 1}, "`y` is assigned in an `if` or a loop that did not run;"),
    ("z = y\ny = n", {"n": 1}, "`y` is read before the function assigns it"),
    ("x @ wx", {"x": A, "Wx": B}, "of the function (x, Wx), and no line above makes it; did you mean `Wx`?"),
    ("plt.plot(x)", {"x": A}, "write `import matplotlib.pyplot as plt` at the top of yours"),
    ("squash(x)", {"x": A}, "there is no function `squash` here: has the cell that defines it run?"),
    ("if x > 0:\n    pass", {"x": A}, "`x > 0` is an array of several True and False, and one is wanted:"),
    ("while x:\n    pass", {"x": A}, "`x` is an array of several True and False"),
    ("if x > 0:\n    pass", {"x": T}, "for a choice entry by entry `torch.where(condition, a, b)`"),
    ("x > 0 and x < 1", {"x": A}, "entry by entry it is `(x > 0) & (x < 1)`"),
    ("0 < x < 1", {"x": A}, "`0 < x < 1` is an array of several True and False, and one is wanted: `.all()`"),
    ("not x", {"x": A}, "`x` is an array of several True and False, and one is wanted: `.all()` or `.any()`"),
    ("max(x, 0)", {"x": A}, "entry by entry it is `np.maximum(x, 0)`"),
    ("max(x, 0, y)", {"x": A, "y": A}, "entry by entry it is `np.maximum(np.maximum(x, 0), y)`"),
    ("max(x * 1.0, x * 2.0 + x, x * 3.0 - x, x * 4.0)", {"x": A}, "it is `np.maximum(np.maximum("),
    ("max(x, y)", {"x": T, "y": T}, "entry by entry it is `torch.maximum(x, y)`"),
    ("a, b = x", {"x": A}, "`x` (3, 5) gives 3 values, and `(a, b)` takes 2"),
    ("a, b, c = g(1, 2), 1", {"g": step}, "gives 2 values, and `(a, b, c)` takes 3"),
    ("for a, b in x:\n    pass", {"x": A}, "each entry of `x` has more values, and `(a, b)` takes 2"),
    # numbers
    ("1 / len(hs)", {"hs": []}, "the divisor `len(hs)` is 0 here"),
    ("math.log(p)", {"p": 0.0}, "it has no value there, as a logarithm of 0 and a root of -1 have none."),
    ("math.tanh(x)", {"x": A}, "`math.tanh` takes one number, and `x` (3, 5) is an array of several;"),
    ("float(x)", {"x": A}, "one number is wanted, and `x` (3, 5) is an array of several."),
    ("x.item()", {"x": T}, "`x` (3, 5) is an array of several"),
    ("np.zeros(3, 5)", {}, "`np.zeros` takes the shape as one tuple or list: `np.zeros((3, 5))`."),
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
        for pattern, translator in errors.RULES + errors.PYTHON_RULES:
            found = re.search(pattern, text)
            if found and (isinstance(translator, str) or translator(found, spot)):
                spoke.add(pattern)
                break
    assert not [pattern for pattern, _ in errors.RULES + errors.PYTHON_RULES if pattern not in spoke]


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
    assert text.endswith("Your line 2, `return affine(x, W)`, has called it.")


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
        hostile = replace(spot, names={**spot.names, name: Hostile()})
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

    monkeypatch.setattr(errors, "RULES", (("stuck", broken), ("stuck", "the second speaks")))
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
