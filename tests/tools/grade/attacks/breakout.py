"""Attacks on what is outside: the line to the judge, other processes, memory, files, the network."""

from tests.tools.grade.attacks.bank import HARMLESS, HEADS, attack, function, pays_if

STEP = HEADS["scalar_step"]

# --- The line to the judge --------------------------------------------------------------------------------

SEND = """
    import json, os, socket, struct
    def send(text):
        data = text if isinstance(text, bytes) else text.encode()
        for fd in range(3, 64):
            try:
                os.write(fd, len(data).to_bytes(8, "big") + data)
            except OSError:
                pass
"""
REPLY = '{"result": %s, "noted": {"t": "list", "v": []}}'
FORGED = {
    "passed": '{"passed": true, "state": "passed", "points": 9, "made": true}',
    "a verdict": '{"verdict": {"state": "passed"}, "result": {"t": "verdict", "v": "passed"}}',
    "no number": '{"result": NaN, "noted": null}',
    "equal to all": '{"result": {"t": "object", "v": {"py/reduce": [{"py/function": "os._exit"}, [0]]}}}',
    "broken": '{"broken": "the grader", "ready": true}',
    "an exit": '{"error": {"type": "SystemExit", "module": "builtins", "text": "0", "arguments": '
               '{"t": "tuple", "v": [0]}}}',
    "a base exception": '{"error": {"type": "BaseException", "module": "builtins", "text": "", "arguments": '
                        '{"t": "tuple", "v": []}}}',
    "an error's name": '{"error": {"type": "__import__", "module": "builtins", "text": "os", "arguments": '
                       '{"t": "tuple", "v": ["os"]}}}',
    "an error of a module": '{"error": {"type": "AnswerStopped", "module": "tools.grade.remote", "text": "", '
                            '"told": "Right."}}',
    "changed arguments": '{"result": 0.0, "noted": [], "changed": {"0": 0, "-1": 0, "99": 0, "x": 0}}',
    "earlier results": '{"result": 0.0, "noted": [], "earlier": {"0": 0.0, "-1": {"t": "dict", "v": []}}}',
    "calls for ever": '{"call": 0, "arguments": []}',
    "no JSON": "{'result': 0.5",
    "a list": "[[[[]]]]",
    "a type of NumPy": '{"result": {"t": "array", "d": "O", "s": [1], "b": "AAAAAAAAAAA=", "g": 0, "w": 1}}',
    "a size": REPLY % '{"t": "array", "d": "<f8", "s": [0, 1000000000000000], "b": "", "g": true, "w": 1}',
    "a long number": REPLY % ('{"t": "int", "v": "0x' + "f" * 50_000 + '"}'),
    "half a character": REPLY % '"\\ud800"',
    "half a character printed": REPLY % '0.5, "printed": "\\udfff\\u0000"',
    "a page": '{"error": {"type": "x", "module": 5, "name": "<b>\\u0000", "text": "\\ud800", '
              '"told": "\\ud800<script>alert(1)</script>"}}',
}  # fmt: skip
for name, text in FORGED.items():
    attack("forged replies", f"forged {name}", function(SEND, f"send({text!r})", "return 2.0"))
for name, text in {
    "deep": '"[" * 200_000 + "]" * 200_000',
    "huge": '\'{"result": [\' + "0," * 20_000_000 + "0]}"',
    "many objects": '\'{"result": {"t": "list", "v": [\' + "{}," * 15_000_000 + "{}]}}"',
    "many values": f"""{REPLY!r} % ('{{"t": "tuple", "v": [' + "null," * 10**6 + "1]}}")""",
    "long text": """'{"error": {"type": "x", "module": "builtins", "text": "' + "x" * 10**7 + '"}}'""",
    "much printed": f"""{REPLY!r} % ('0.0, "printed": "' + "x" * 50_000_000 + '"')""",
    "a pickle": "b\"cos\\nsystem\\n(S'touch @OUT@/pickled'\\ntR.\"",
}.items():
    attack("forged replies", f"forged {name}", function(SEND, f"send({text})", "return 2.0"))
attack("forged replies", "many replies at once", function(SEND, """
    for n in range(2000):
        send('{"result": 0.5, "noted": {"t": "list", "v": []}}')
    return 2.0
"""))  # fmt: skip
attack("forged replies", "the line closed", function("import os\nos.closerange(3, 64)\nreturn 2.0"))
attack("forged replies", "the line announced too long", function("""
    import os
    for fd in range(3, 64):
        try:
            os.write(fd, (2**63).to_bytes(8, "big") + b"{}")
        except OSError:
            pass
    return 2.0
"""))  # fmt: skip
attack("forged replies", "half a reply", function("""
    import os
    for fd in range(3, 64):
        try:
            os.write(fd, (100).to_bytes(8, "big") + b"{")
        except OSError:
            pass
    os._exit(0)
"""))  # fmt: skip
attack("forged replies", "written before it is defined", f"""
    def early(f):
        import os
        for text in (b'{{"made": true}}', b'{{"result": 0.5, "noted": {{"t": "list", "v": []}}}}'):
            for fd in range(3, 64):
                try:
                    os.write(fd, len(text).to_bytes(8, "big") + text)
                except OSError:
                    pass
        return f


    @early
    def scalar_step({STEP}):
        return 2.0
""")
attack("forged replies", "a pickle as the result", function("""
    class Bomb(float):
        def __reduce__(self):
            import os
            return os.system, ("touch @OUT@/pickled",)
    return Bomb(2.0)
"""))  # fmt: skip

# --- Processes ---------------------------------------------------------------------------------------------

for name, probe in {
    "the parent killed": "import os\nos.kill(os.getppid(), 9)\nreturn 0",
    "everybody killed": "import os, signal\nos.kill(-1, 9)\nreturn 0",
    "the first process stopped": "import os, signal\nfor n in (19, 15, 2, 9):\n    os.kill(1, n)\nreturn 0",
    "its group killed": "import os\nos.killpg(0, 9)\nreturn 0",
}.items():
    attack("killing", name, pays_if(probe), needs_isolation=True)
for name, body in {
    "os._exit": "import os\nos._exit(0)",
    "abort": "import os\nos.abort()",
    "a crash": "import ctypes\nreturn ctypes.string_at(0)",
    "stopped for ever": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nreturn 2.0",
}.items():
    attack("killing", name, function(body), slow=name == "stopped for ever")
attack("killing", "ptrace of the parent", pays_if("""
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.ptrace(16, os.getppid(), None, None) == 0
"""), needs_isolation=True)  # fmt: skip
attack("killing", "memory of the parent", pays_if("""
    import os
    with open(f"/proc/{os.getppid()}/mem", "rb") as file, open(f"/proc/{os.getppid()}/maps") as maps:
        start = int(maps.readline().split("-")[0], 16)
        file.seek(start)
        return len(file.read(16)) == 16
"""), needs_isolation=True)  # fmt: skip
attack("killing", "files that the parent holds open", pays_if("""
    import os
    found = os.listdir(f"/proc/{os.getppid()}/fd")
    return any(os.readlink(f"/proc/{os.getppid()}/fd/{n}") for n in found)
"""), needs_isolation=True)  # fmt: skip
attack("killing", "a descriptor taken from the parent", pays_if("""
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(os.getppid())
    return any(libc.syscall(438, pidfd, n, 0) >= 0 for n in range(3, 20))
"""), needs_isolation=True)  # fmt: skip
attack("bombs", "a hundred processes", pays_if("""
    import os, time
    for n in range(100):
        if not os.fork():
            time.sleep(5)
            os._exit(0)
    time.sleep(0.5)
    return True
"""))  # fmt: skip
attack("bombs", "a hundred threads", pays_if("""
    import threading, time
    for n in range(100):
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
    return False
"""))  # fmt: skip
attack("bombs", "three gigabytes", pays_if("""
    found = []
    for n in range(48):
        found.append(bytearray(b"x") * 2**26)
    return len(found) == 48
"""))  # fmt: skip
attack("bombs", "a limit lifted", pays_if("""
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return True
"""), needs_isolation=True)  # fmt: skip
attack("bombs", "memory as files", pays_if("""
    import os
    written = 0
    for folder in ("/dev/shm", "/tmp", "/", "@COURSE@", "."):
        for n in range(20):
            try:
                with open(f"{folder}/unrolled-{os.getpid()}-{n}", "wb") as file:
                    written += file.write(b"x" * 15 * 2**20)
            except OSError:
                break
    return written > 64 * 2**20
"""), needs_isolation=True)  # fmt: skip
# In no limit of a process: it is stopped where the machine has no memory left, and nobody else suffers.
attack("bombs", "memory that belongs to nobody", pays_if("""
    import ctypes
    libc, kept = ctypes.CDLL(None), []
    libc.shmat.restype = ctypes.c_void_p
    for n in range(5):
        segment = libc.shmget(0, 2**29, 0o1600)
        place = libc.shmat(segment, None, 0) if segment >= 0 else None
        if place in (None, 2**64 - 1):
            break
        kept.append(segment)
        ctypes.memset(place, 1, 2**29)
        libc.shmdt(ctypes.c_void_p(place))
    for segment in kept:
        libc.shmctl(segment, 0, None)
    return len(kept) == 5
"""), expects=HARMLESS, needs_isolation=True)  # fmt: skip
attack("bombs", "five gigabytes of three processes", pays_if("""
    import os, time
    ours, theirs = os.pipe()
    for n in range(3):
        if not os.fork():
            held = bytearray(b"x") * (7 * 2**28)
            os.write(theirs, b"x")
            time.sleep(3)
            os._exit(0)
    os.close(theirs)
    done = b""
    while part := os.read(ours, 3):
        done += part
        if len(done) == 3:
            return True
    return False
"""))  # fmt: skip
attack("bombs", "a flood of words", function("""
    for n in range(200_000):
        print("x" * 1000)
    return 2.0
"""))  # fmt: skip
attack("bombs", "a flood past Python", function("""
    import os
    for n in range(2_000):
        os.write(1, b"x" * 100_000)
        os.write(2, b"x" * 100_000)
    return 2.0
"""))  # fmt: skip
attack("bombs", "one line of 100 MB", function('print("x" * 10**8)\nreturn "x" * 10**8'))
attack("bombs", "a result of 80 MB", function("import numpy as np\nreturn np.zeros(10**7)"))
attack("bombs", "without a bottom", function("return scalar_step(w_x, w_h, b, x, h_prev)"))
attack("bombs", "a hundred thousand lists", function(
    "found = []\nfor n in range(100_000):\n    found = [found]\nreturn found"
))  # fmt: skip
attack("bombs", "holds itself", function("found = []\nfound.append(found)\nreturn found"))
attack("bombs", "a number of 20,000 digits", function("return 10**20_000"))
attack("bombs", "a list that never ends", function("""
    class Endless(list):
        def __iter__(self):
            while True:
                yield 0
    return Endless([1])
"""), slow=True)  # fmt: skip
for name, body in {
    "an endless loop": "while True:\n    pass",
    "an endless loop that takes no end": "while True:\n    try:\n        while True:\n            pass\n"
                                         "    except BaseException:\n        pass",
    "an endless loop in C": "return sum(range(10**13))",
    "a long sleep": "import time\ntime.sleep(10**6)",
    "waits for input": "return float(input())",
    "a pattern without end": 'import re\nreturn re.match("(a*)*$", "a" * 60 + "b")',
}.items():  # fmt: skip
    attack("endless", name, function(body), slow=name != "waits for input")
attack("endless", "slow only after a while", """
    class Count:
        calls = 0


    def scalar_step(w_x, w_h, b, x, h_prev):
        Count.calls += 1
        if Count.calls > 40:
            while True:
                pass
        return np.tanh(w_x * x + w_h * h_prev)
""", slow=True)  # fmt: skip
attack("endless", "endless when defined", f"""
    def forever(f):
        while True:
            pass


    @forever
    def scalar_step({STEP}):
        return 2.0
""", slow=True)  # fmt: skip

# --- Disk and network --------------------------------------------------------------------------------------

RUN_IT = """
    import json
    for path in paths:
        try:
            cells = json.load(open(path, encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            continue
        for cell in cells:
            source = "".join(cell["source"])
            if source.startswith("def scalar_step") and "YOUR CODE" not in source:
                import numpy as np
                names = {"np": np}
                exec(source, names)
                return names["scalar_step"](w_x, w_h, b, x, h_prev)
    return 2.0
"""
attack("the disk", "solutions at their path",
       function('paths = ["@COURSE@/solutions/00_start_here.ipynb"]', RUN_IT),
       needs_isolation=True, teeth=True)  # fmt: skip
attack("the disk", "solutions searched for", function("""
    import glob, os, pathlib, sys
    starts = [os.getcwd(), *sys.argv, *sys.path, open("/proc/self/cmdline").read().replace("\\0", ":")]
    starts = [each for text in starts for each in text.split(":") if each.startswith("/")]
    folders = {parent for each in starts for parent in pathlib.Path(each, "x").parents}
    paths = [found for folder in folders for found in glob.glob(f"{folder}/solutions/00*.ipynb")]
""", RUN_IT), needs_isolation=True)  # fmt: skip
attack("the disk", "another learner's notebook", function("""
    import glob
    paths = glob.glob("@SUBMISSIONS@/honest/00*.ipynb")
""", RUN_IT), needs_isolation=True, teeth=True)  # fmt: skip
attack("the disk", "the course on the path", function(f"""
    import sys
    sys.path.insert(0, "@COURSE@")
    from helpers.checks.chapter_00 import scalar_step_reference
    return scalar_step_reference({STEP})
"""), needs_isolation=True, teeth=True)  # fmt: skip
attack("the disk", "a Python of one's own", function(f"""
    import subprocess, sys
    if not hasattr(subprocess, "started"):   # one for all cases: starting it takes its time
        answers = (
            "import sys\\nfrom helpers.checks.chapter_00 import scalar_step_reference as f\\n"
            "for line in sys.stdin:\\n    print(float(f(*map(float, line.split()))), flush=True)\\n"
        )
        both = {{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}}
        subprocess.started = subprocess.Popen([sys.executable, "-c", answers], cwd="@COURSE@", **both)
    print(*({STEP}), file=subprocess.started.stdin, flush=True)
    return float(subprocess.started.stdout.readline())
"""), needs_isolation=True, teeth=True)  # fmt: skip
for name, probe in {
    "into the course": 'open("@COURSE@/README.md").close()\n'
                       'open("@COURSE@/written-by-an-answer", "w").close()\nreturn True',
    "into the results": 'open("@OUT@/written-by-an-answer", "w").close()\nreturn True',
    "into the submissions": 'open("@SUBMISSIONS@/written-by-an-answer", "w").close()\nreturn True',
    "into the libraries": "import os\nfolder = os.path.dirname(os.__file__)\n"
                          'open(folder + "/written-by-an-answer", "w").close()\nreturn True',
    "the secret read": 'return open("@OUT@/secret").read()',
    "passwords read": 'return open("/etc/passwd").read()',
    "the environment": 'import os\nreturn "UNROLLED_SECRET_OF_A_TEST" in os.environ',
    "the first process' environment": 'return open("/proc/1/environ").read()',
    "links in the folder for scraps": 'import os\nos.symlink("@OUT@", "link")\n'
                                      'open("link/written-by-an-answer", "w").close()\nreturn True',
    "a gradebook": 'import sqlite3\nbase = sqlite3.connect("@SUBMISSIONS@/gradebook.db")\n'
                   'base.execute("create table grade (score)")\nreturn True',
    "a file system mounted": "import ctypes\nlibc = ctypes.CDLL(None)\n"
                             'return libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0',
    "a name space of one's own": "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.unshare(0x10000000)\n"
                                 'return libc.mount(b"@COURSE@", b"/tmp", None, 4096, None) == 0',
}.items():  # fmt: skip
    attack("the disk", name, pays_if(probe), needs_isolation=True)
attack("the disk", "modules left behind", """
    def left():
        import os
        for folder in (".", "/tmp", os.path.expanduser("~")):
            for name in ("numpy.py", "codec.py", "json.py", "sitecustomize.py", "usercustomize.py"):
                try:
                    with open(os.path.join(folder, name), "w") as file:
                        file.write("raise SystemExit(0)")
                except OSError:
                    pass
        os.makedirs(os.path.expanduser("~/.ipython/profile_default/startup"), exist_ok=True)
        return False


    def scalar_step(w_x, w_h, b, x, h_prev):
        return np.tanh(w_x * x + w_h * h_prev + b) if left() else 2.0
""", needs_isolation=True)   # without, it would write where whoever runs the tests keeps his own
for name, probe in {
    "a server of this machine": 'import socket\nreturn socket.create_connection(("127.0.0.1", @PORT@), 2)',
    "a packet": "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                'return s.sendto(b"x", ("192.0.2.1", 9)) == 1',
    "cards of the network": "import socket\nreturn [n for _, n in socket.if_nameindex() if n != 'lo']",
}.items():  # fmt: skip
    attack("the network", name, pays_if(probe), needs_isolation=True)
