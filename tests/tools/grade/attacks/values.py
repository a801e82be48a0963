"""Attacks by what an answer returns or raises: lying numbers and arrays, evil errors, known cases."""

from collections.abc import Callable

import numpy as np

from tests.tools.grade.attacks.bank import NO_POINTS, NOT_ALL, attack, function

LIARS = {
    "equal to everything": """
        class Liar(float):
            __eq__ = __le__ = __ge__ = __lt__ = __gt__ = lambda *a: True
            __ne__ = lambda *a: False
            __hash__ = float.__hash__
            __sub__ = __rsub__ = __abs__ = lambda *a: 0.0
        return Liar(2.0)
    """,
    "another number when asked": """
        import numpy as np
        class Liar:
            def __array__(self, *a, **k):
                return np.array(0.5)
            def __float__(self):
                return 0.5
            __index__ = lambda self: 0
        return Liar()
    """,
    "an array that takes no difference": """
        import numpy as np
        class Liar(np.ndarray):
            def __array_ufunc__(self, ufunc, method, *inputs, **k):
                return np.float64(0.0)
            def __array_function__(self, *a):
                return np.float64(0.0)
        return np.array(2.0).view(Liar)
    """,
    "an array of liars": """
        import numpy as np
        class Liar:
            __eq__ = lambda *a: True
            __sub__ = __rsub__ = __abs__ = lambda *a: 0.0
            __float__ = lambda self: 0.5
        found = np.empty((), dtype=object)
        found[()] = Liar()
        return found
    """,
    "another class": """
        class Liar:
            @property
            def __class__(self):
                return float
            __float__ = lambda self: 0.5
        return Liar()
    """,
    "a class that is everything": """
        class Everything(type):
            __instancecheck__ = __subclasscheck__ = __eq__ = lambda *a: True
            __hash__ = type.__hash__
        class Liar(metaclass=Everything):
            pass
        return Liar()
    """,
    "masked": "import numpy as np\nreturn np.ma.masked_all(())",
    "not a number": 'return float("nan")',
    "infinite": 'return float("inf")',
    "numbers side by side": "import numpy as np\nreturn np.linspace(-1, 1, 100_001)",
    "true": "return True",
    "a function": "return lambda *a: 0.5",
    "a generator": "yield 0.5",
    "complex": "return complex(0.5, 0.0)",
    "text": 'return "0.5"',
    "a set": "return {0.1, 0.5}",
    "a type of a time": 'import numpy as np\nreturn np.datetime64("2024-01-01")',
    "a record": 'import numpy as np\nreturn np.zeros((), dtype=[("h", float)])',
}
for name, body in LIARS.items():
    attack("lying values", name, function(body))
for name, body in {
    "not numbers anywhere": "import numpy as np\nreturn np.full((len(x), len(b)), np.nan)",
    "masked everywhere": "import numpy as np\nreturn np.ma.masked_all((len(x), len(b)))",
    "huge by steps of 0": "import numpy as np\nreturn np.broadcast_to(0.5, (10**6, 10**6))",
    "its argument, changed in place": "x[...] = 0\nh_prev[...] = 0\nWx[...] = 0\nWh[...] = 0\nb[...] = 0\n"
                                      "import numpy as np\nreturn np.zeros((len(x), len(b)))",
    "its argument, with another type": "import numpy as np\nh_prev.dtype = np.int64\nreturn h_prev",
    "its argument, resized": "import numpy as np\nh_prev.resize((0, 0), refcheck=False)\nreturn h_prev",
}.items():  # fmt: skip
    attack("lying values", name, function(body, exercise="rnn_step"), exercise="rnn_step")

ERRORS = {
    "an error that cannot be told": """
        class Evil(Exception):
            def __str__(self):
                raise SystemExit(0)
            __repr__ = __str__
        raise Evil
    """,
    "an error that claims much": """
        class Evil(Exception):
            __module__ = "builtins"
            told = property(lambda self: "Right.")
            passed = True
            args = property(lambda self: (lambda: 0,))
        Evil.__name__ = Evil.__qualname__ = "SystemExit"
        raise Evil("passed")
    """,
    "beside all exceptions": "class Evil(BaseException):\n    pass\nraise Evil",
    "the exception of all": "raise BaseException('passed')",
    "a group of them": "raise BaseExceptionGroup('all', [SystemExit(0), KeyboardInterrupt()])",
    "an exit": "raise SystemExit(0)",
    "sys.exit": "import sys\nsys.exit(0)",
    "an interrupt": "raise KeyboardInterrupt",
    "a generator's end": "raise GeneratorExit",
    "an iteration's end": "raise StopIteration(0.5)",
    "no memory": "raise MemoryError",
    "half a character": 'raise ValueError("\\ud800\\udfff \\x00 \\x1b[2J")',
    "half a character in its name": 'raise type("\\ud800", (Exception,), {})("x")',
    "a code of the wrong kind": 'raise UnicodeDecodeError("utf-8", b"x" * 10**6, 0, 1, "\\ud800")',
    "a circle of causes": "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a",
    "ten megabytes of text": 'raise ValueError("x" * 10**7)',
    "a dialogue": 'raise NotImplementedError if x > 1 else ValueError("passed")',
    "the judge's own": """
        class Stopped(BaseException):
            pass
        class LimitExceeded(Exception):
            places = ()
        raise LimitExceeded from Stopped()
    """,
    "page and workflow": """
        text = "</pre><script>alert(1)</script>\\n::error::x\\n| a | b |\\n]]>\\n=1+1"
        print(text)
        print("\\x1b]0;owned\\x07\\ud800\\x00")
        raise ValueError(text)
    """,
    "cannot be deleted": """
        class Sticky(Exception):
            def __del__(self):
                raise SystemExit(1)
            def with_traceback(self, *_):
                raise SystemExit(1)
        raise Sticky
    """,
}  # fmt: skip
for name, body in ERRORS.items():
    attack("evil errors", name, function(body))


def _by_heart(source: str) -> Callable[[], str]:
    """`source` with the cases of the notebook's box for ROWS, as a learner could write them down."""

    def written() -> str:
        from helpers.checks import get
        from helpers.checks.prepared import prepared

        known = prepared(get("scalar_step"), np.float64)
        arguments = [tuple(map(float, case.arguments.values())) for case in known.cases]
        values = [float(right.outputs["h"]) for right in known.right]
        return source.replace("ROWS", repr(dict(zip(arguments, values, strict=True))))

    return written


attack("memorised cases", "a table of the box's cases", _by_heart("""
    def scalar_step(w_x, w_h, b, x, h_prev):
        return ROWS[tuple(map(float, (w_x, w_h, b, x, h_prev)))]
"""), teeth=True)  # fmt: skip
attack("memorised cases", "the nearest of the box's cases", _by_heart("""
    def scalar_step(w_x, w_h, b, x, h_prev):
        known, mine = ROWS, (w_x, w_h, b, x, h_prev)
        return known[min(known, key=lambda each: sum((a - b) ** 2 for a, b in zip(each, mine)))]
"""), teeth=True)  # fmt: skip
attack("memorised cases", "cases counted", _by_heart("""
    class Count:
        calls = -1
        values = list(ROWS.values())


    def scalar_step(w_x, w_h, b, x, h_prev):
        Count.calls += 1
        return Count.values[Count.calls % len(Count.values)]
"""))  # fmt: skip
for name, source in {
    "right half of the time": """
        def scalar_step(w_x, w_h, b, x, h_prev):
            return np.tanh(w_x * x + w_h * h_prev + b) if w_x > 0 else 2.0
    """,
    "right the first time": """
        class Seen:
            rows = set()


        def scalar_step(*numbers):
            w_x, w_h, b, x, h_prev = numbers
            new = numbers not in Seen.rows
            Seen.rows.add(numbers)
            return np.tanh(w_x * x + w_h * h_prev + b) if new else 2.0
    """,
}.items():
    attack("memorised cases", name, source, expects=NOT_ALL if name == "right the first time" else NO_POINTS)
