"""Attacks on what lies in the answer's own process: frames, objects, modules, patched NumPy, threads."""

from tests.tools.grade.attacks.bank import HEADS, attack, function, pays_if

STEP = HEADS["scalar_step"]
TRIED = f"""
    for f in found:
        try:
            value = f({STEP})
            if isinstance(value, float) and not isinstance(value, bool) and abs(value) <= 1:
                return value
        except Exception:
            pass
    return 2.0
"""
"""Call whatever was found on the arguments."""

for name, search, teeth in (
    ("functions of five arguments", """
        import gc, types
        mine = globals().get("scalar_step")
        found = [each for each in gc.get_objects() if isinstance(each, types.FunctionType)
                 and each.__code__.co_argcount == 5 and each is not mine
                 and each.__code__.co_varnames[:5] == ("w_x", "w_h", "b", "x", "h_prev")
                 and each.__module__ != "__main__"]
    """, True),
    ("exercises in memory", """
        import gc
        found = [each.reference for each in gc.get_objects() if type(each).__name__ == "Exercise"]
        found = [each for each in found if "scalar_step" in each.__name__]
    """, True),
    ("frames of the callers", """
        import sys
        frame, found = sys._getframe(), []
        while frame is not None:
            for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
                for inner in (value, getattr(value, "reference", None), getattr(value, "f", None)):
                    if callable(inner) and "reference" in getattr(inner, "__name__", ""):
                        found.append(inner)
            frame = frame.f_back
    """, True),
    ("frames of all threads", """
        import sys
        found = []
        for frame in sys._current_frames().values():
            while frame is not None:
                for value in list(frame.f_locals.values()):
                    inner = getattr(value, "reference", None)
                    found += [inner] if callable(inner) else []
                frame = frame.f_back
    """, True),
    ("what the work brought along", """
        import gc
        found = []
        for each in gc.get_objects():
            if isinstance(each, dict) and ("tried" in each or "describe" in each):
                for value in each.values():
                    for inner in value if isinstance(value, tuple) else (value,):
                        for key, known in getattr(inner, "__globals__", {}).items():
                            if "reference" in key or "oracle" in key or key == "get":
                                found.append(known)
        found = [f("scalar_step").reference if getattr(f, "__name__", "") == "get" else f for f in found]
    """, False),
):  # fmt: skip
    attack("frames and gc", name, function(search, TRIED), teeth=teeth)

attack("frames and gc", "wanted values of the callers", function("""
    import sys
    import numpy as np
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            for known in (value, getattr(value, "right", None), getattr(value, "answers", None)):
                if isinstance(known, dict) and "h" in known:
                    return known["h"]
        prepared = frame.f_locals.get("known")
        cases = getattr(prepared, "cases", None)
        if cases:
            mine = (w_x, w_h, b, x, h_prev)
            for case, right in zip(cases, prepared.right):
                if tuple(case.arguments.values()) == mine:
                    return right.outputs["h"]
        frame = frame.f_back
    return 2.0
"""))  # fmt: skip
attack("frames and gc", "asks for the case's answer", function("""
    import sys
    frame = sys._getframe()
    while frame is not None:
        case = frame.f_locals.get("message") or {}
        for key in ("answer", "right", "want", "outputs", "case"):
            if isinstance(case, dict) and key in case:
                return case[key]
        frame = frame.f_back
    return 2.0
"""))  # fmt: skip
attack("frames and gc", "module of its own name", pays_if("""
    import sys
    names = [each for each in sys.modules if each.partition(".")[0] in ("helpers", "tools", "solutions")]
    return any(hasattr(sys.modules[each], "get") or "reference" in dir(sys.modules[each]) for each in names)
"""), teeth=True)  # fmt: skip

for name, patch in {
    "np.max": "np.max = np.amax = np.nanmax = lambda *a, **k: 0.0",
    "np.abs": "np.abs = np.absolute = lambda *a, **k: 0.0",
    "np.allclose": "np.allclose = np.isclose = np.array_equal = lambda *a, **k: True",
    "builtins": """
        import builtins
        builtins.max = builtins.abs = lambda *a, **k: 0.0
        builtins.isinstance = lambda *a: True
    """,
    "json": """
        import json
        json.loads = lambda *a, **k: {"passed": True, "state": "passed", "points": 9}
        json.dumps = lambda *a, **k: '{"state": "passed", "points": 9}'
    """,
    "the codec": """
        import sys
        sys.modules["codec"].Encoder.encode = lambda self, value, depth=0: {"t": "equal"}
    """,
    "the codec's numbers": """
        import sys
        sys.modules["codec"].Encoder.encode = lambda self, value, depth=0: float("nan")
    """,
}.items():
    body = function("import numpy as np", patch, "return 2.0")
    attack("patched NumPy and builtins", f"patched {name}", body)
attack("patched NumPy and builtins", "patched by a decorator", f"""
    def patched(f):
        np.max = np.abs = np.amax = np.absolute = lambda *a, **k: np.float64(0.0)
        np.ndarray.__sub__ = lambda *a: 0.0
        return f


    @patched
    def scalar_step({STEP}):
        return 2.0
""")
attack("patched NumPy and builtins", "patched at the top", f"""
    np.max = np.abs = np.amax = np.absolute = np.maximum = lambda *a, **k: np.float64(0.0)
    np.allclose = lambda *a, **k: True


    def scalar_step({STEP}):
        return 2.0
""")

for name, body in {
    "a trace that rewrites": """
        import sys
        def rewrite(frame, event, argument):
            for key in ("want", "right", "got"):
                if key in frame.f_locals:
                    frame.f_locals[key] = 2.0
            return rewrite
        sys.settrace(rewrite)
        sys.setprofile(rewrite)
        return 2.0
    """,
    "a thread that comes later": """
        import threading, time
        import numpy as np
        found = np.array(2.0)
        def later():
            time.sleep(0.01)
            found[...] = np.tanh(w_x * x + w_h * h_prev + b)
        threading.Thread(target=later).start()
        return found
    """,
    "at the exit": """
        import atexit, os
        atexit.register(lambda: open("@OUT@/results.json", "w").write("{}"))
        return 2.0
    """,
    "a signal's handler": """
        import signal
        def handler(*_):
            raise SystemExit(0)
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        return 2.0
    """,
    "a swallowed traceback": """
        import sys
        sys.excepthook = lambda *a: None
        sys.unraisablehook = lambda *a: None
        sys.tracebacklimit = 0
        try:
            raise RuntimeError
        finally:
            return 2.0
    """,
    "an object's end": """
        import os
        class End(float):
            def __del__(self):
                os.write(1, b"passed")
                raise SystemExit(0)
        return End(2.0)
    """,
    "a collector's callback": """
        import gc
        def called(phase, info):
            raise KeyboardInterrupt
        gc.callbacks.append(called)
        gc.set_threshold(1, 1, 1)
        return 2.0
    """,
    "memory of the interpreter": """
        import ctypes
        ctypes.pythonapi.PyErr_SetInterrupt()
        return 2.0
    """,
}.items():
    attack("threads, traces and ends", name, function(body))
