"""Attacks that hand in what the course has: references, variants, stand-ins, its layers, its judge."""

from tests.tools.grade.attacks.bank import HEADS, REVIEWED, attack, function

STEP = HEADS["scalar_step"]

for name, body in {
    "reference called": f"""
        from helpers.checks.chapter_00 import scalar_step_reference
        return scalar_step_reference({STEP})
    """,
    "reference by importlib": f"""
        import importlib
        module = importlib.import_module("hel" + "pers.che" + "cks.chapter_00")
        return getattr(module, "scalar_step" + "_reference")({STEP})
    """,
    "reference by __import__": f"""
        return __import__("helpers.checks", fromlist=["get"]).get("scalar_step").reference({STEP})
    """,
    "variant called": f"""
        from helpers.checks import get
        return get("scalar_step").variants[0].function({STEP})
    """,
    "oracle called": f"""
        from helpers.checks import get
        return get("scalar_step").oracles[0].function({STEP})
    """,
    "registry's own table": f"""
        from helpers.checks import registry
        return registry._REGISTRY["scalar_step"].reference({STEP})
    """,
    "what check hands back": f"""
        from helpers.checks import check
        def stub(w_x, w_h, b, x, h_prev):
            raise NotImplementedError
        return check("scalar_step", stub)({STEP})
    """,
    "prepared answers": """
        import numpy as np
        from helpers.checks import get
        from helpers.checks.prepared import prepared
        known = prepared(get("scalar_step"), np.float64)
        mine = (w_x, w_h, b, x, h_prev)
        found = [n for n, case in enumerate(known.cases) if tuple(case.arguments.values()) == mine]
        return known.right[found[0]].outputs["h"] if found else 2.0
    """,
    "a layer of the course": """
        import numpy as np
        from helpers.layers import RNN
        layer = RNN(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
        for name, value in (("Wx", w_x), ("Wh", w_h), ("b", b)):
            layer.params[name][...] = value
        return layer.forward(np.full((1, 1, 1), x), np.full((1, 1), h_prev)).item()
    """,
}.items():
    attack("the course's functions", name, function(body), teeth=True)

for name, source in {
    "reference under the name": "from helpers.checks.chapter_00 import scalar_step_reference as scalar_step",
    "stand-in assigned": """
        from helpers.checks import get

        scalar_step = get("scalar_step").stand_in()
    """,
    "lambda round the reference": f"""
        from helpers.checks import get

        scalar_step = lambda {STEP}: get("scalar_step").reference({STEP})
    """,
    "partial of a lambda of it": f"""
        import functools
        from helpers.checks import get

        scalar_step = functools.partial(lambda f, {STEP}: f({STEP}), get("scalar_step").reference)
    """,
    "class with __call__": f"""
        class Step:
            def __call__(self, {STEP}):
                from helpers.checks import registry
                return registry.get("scalar_step").reference({STEP})

        scalar_step = Step()
    """,
    "decorator that exchanges it": f"""
        def better(f):
            from helpers.checks.chapter_00 import scalar_step_reference
            return lambda {STEP}: scalar_step_reference({STEP})


        @better
        def scalar_step({STEP}):
            return 2.0
    """,
    "default argument": """
        from helpers.checks import get


        def scalar_step(w_x, w_h, b, x, h_prev, f=get("scalar_step").reference):
            return f(w_x, w_h, b, x, h_prev)
    """,
    "body of a class": f"""
        class Found:
            from helpers.checks.chapter_00 import scalar_step_reference as f


        def scalar_step({STEP}):
            return Found.f({STEP})
    """,
    "annotation that patches": f"""
        def patched():
            import numpy as np
            from helpers.checks import compare, judge
            for module in (compare, judge):
                module.difference = lambda *a, **k: None
            judge._problem = judge._problem_again = lambda *a, **k: ""
            return float


        def scalar_step({STEP}) -> patched():
            return 2.0
    """,
    "text and exec": f'''
        exec("""
        from helpers.checks.chapter_00 import scalar_step_reference
        def scalar_step({STEP}):
            return scalar_step_reference({STEP})
        """)
    ''',
}.items():
    attack("the course's functions, wrapped", name, source,
           teeth=name not in ("reference under the name", "stand-in assigned", "annotation that patches"))

for name, body in {
    "quiz reference": "from helpers.checks import get\nreturn get('quiz_shapes').reference()",
    "quiz answer": "from helpers.checks import get\nreturn get('quiz_shapes').answer",
    "quiz options that say yes": """
        from helpers.checks import get
        return next(letter for letter, text in get("quiz_shapes").options.items() if text.startswith("Yes"))
    """,
    "quiz in memory": """
        import gc
        found = [each for each in gc.get_objects() if type(each).__name__ == "Quiz"]
        found = [each.answer for each in found if each.name == "quiz_shapes"]
        return found[0] if found else "a"
    """,
}.items():
    attack("quizzes", name, function(body, exercise="quiz_shapes"), exercise="quiz_shapes", teeth=True)
attack("quizzes", "quiz lambda", """
    from helpers.checks import get

    quiz_shapes = lambda: get("quiz_shapes").reference()
""", exercise="quiz_shapes", teeth=True)  # fmt: skip
for name, value in {
    "every letter at once": '"abcd"',
    "a list of letters": 'list("abcd")',
    "letters with brackets": '"(a)(b)(c)(d)"',
}.items():
    attack("quizzes", name, function(f"return {value}", exercise="quiz_shapes"), exercise="quiz_shapes")
attack("quizzes", "a letter equal to all", """
    class Any(str):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return hash("b")

        def strip(self, *_):
            return self

        def lower(self):
            return self

        def __str__(self):
            return self


    def quiz_shapes():
        return Any("a")
""", exercise="quiz_shapes", teeth=True)  # fmt: skip

for name, patch in {
    "judge says passed": """
        from helpers.checks import judge, verdict
        judge.judge = lambda exercise, function, **k: verdict.Verdict(exercise.name, "passed", "Right.")
        judge._judge_function = lambda exercise, *a: verdict.Verdict(exercise.name, "passed", "Right.")
    """,
    "strict lets everything pass": """
        from helpers.checks import strict
        for name in list(vars(strict)):
            if callable(vars(strict)[name]) and not isinstance(vars(strict)[name], type):
                setattr(strict, name, lambda *a, **k: None)
        from helpers.checks import judge
        judge._problem = judge._problem_again = lambda *a, **k: ""
    """,
    "verdicts are born passed": """
        from helpers.checks import verdict
        verdict.Verdict.passed = property(lambda self: True)
        verdict.FAILED = "passed"
    """,
}.items():
    attack("a patched judge", name, function(patch, "return 2.0"))

attack("a library's layer", "torch.nn.RNNCell", """
    import torch


    def rnn_step(x, h_prev, Wx, Wh, b):
        cell = torch.nn.RNNCell(x.shape[1], len(b), dtype=torch.float64)
        with torch.no_grad():
            cell.weight_ih.copy_(torch.tensor(Wx.T.copy()))
            cell.weight_hh.copy_(torch.tensor(Wh.T.copy()))
            cell.bias_ih.copy_(torch.tensor(b.copy()))
            cell.bias_hh.zero_()
            found = cell(torch.tensor(x.copy()), torch.tensor(h_prev.copy()))
        return found.numpy()
""", exercise="rnn_step", expects=REVIEWED, teeth=True)  # fmt: skip
attack("a library's layer", "the course's RNN stacked", """
    from helpers.layers import RNN


    def stacked_forward(x, layers, return_sequences):
        for Wx, Wh, b in layers:
            layer = RNN(len(Wx), len(b), rng=np.random.default_rng(0), dtype=np.float64)
            for name, value in (("Wx", Wx), ("Wh", Wh), ("b", b)):
                layer.params[name][...] = value
            x = layer.forward(x)
        return x if return_sequences else x[:, -1]
""", exercise="stacked_forward", expects=REVIEWED, teeth=True)  # fmt: skip

attack("a library's layer", "the course's schedule", """
    from helpers.torch_training.schedules import cosine


    def cosine_rate(step, total_steps, warmup_steps, lr):
        return lr * cosine(total_steps, warmup_steps)(step)
""", exercise="cosine_rate", expects=REVIEWED)  # fmt: skip
attack("a library's layer", "the colleague's other function", """
    from helpers.colleague import chapter_04 as colleague


    def read_weights(Wx, Wh, b):
        return colleague.write_weights(Wx, Wh, b)
""", exercise="read_weights", expects=REVIEWED)  # fmt: skip
CELL = """
    cell = torch.nn.RNNCell(x.shape[1], len(b), dtype=torch.float64)
    values = (Wx.T, Wh.T, b, 0 * b)
    with torch.no_grad():
        for parameter, value in zip(cell.parameters(), values):
            parameter.copy_(torch.tensor(value.copy()))
        return cell(torch.tensor(x.copy()), torch.tensor(h_prev.copy())).numpy()
"""
for name, way in {
    "torch by a text": 'import importlib\ntorch = importlib.import_module("tor" + "ch")',
    "torch by NumPy's own modules": """
        import numpy as np
        bring = np._core._internal.sys.modules["builtins"].__dict__["__imp" + "ort__"]
        torch = bring("tor" + "ch")
        np._core._internal.sys.modules.pop("tor" + "ch")
    """,
    "torch by a loader": """
        import numpy as np
        torch = np.__loader__.__class__("torch", np.__file__.replace("numpy", "torch")).load_module()
    """,
    "torch by print's globals": """
        bring = [v for k, v in print.__self__.__dict__.items() if k.startswith("__imp")][0]
        torch = bring("".join(map(chr, (116, 111, 114, 99, 104))))
    """,
}.items():
    attack("a library's layer, hidden", name, function(way, CELL, exercise="rnn_step"), exercise="rnn_step",
           expects=REVIEWED)  # fmt: skip
