# On Colab this cell fetches the course and installs what it needs, once a session. Elsewhere it does nothing.
ADDRESS = "https://github.com/OWNER/NAME"
COMMIT = "0000000000000000000000000000000000000000"
FOLDER = "/content/unrolled"
COLABS_OWN = ("ipykernel", "ipywidgets", "jupyterlab", "matplotlib", "numpy", "requests", "torch")


def fetch_course():
    import importlib
    import os
    import subprocess
    import sys
    import tomllib

    def run(what, *command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-800:]
            raise RuntimeError(f"{what} failed; run this cell again. What was said:\n{said}")
        return done.stdout.strip()

    git = ("git", "-C", FOLDER)
    if not os.path.isdir(f"{FOLDER}/.git") or run("Looking", *git, "rev-parse", "HEAD") != COMMIT:
        os.makedirs(FOLDER, exist_ok=True)
        print("Fetching the course …")
        run("Fetching", *git, "init", "-q")
        run("Fetching", *git, "fetch", "-q", "--depth", "1", ADDRESS, COMMIT)
        run("Fetching", *git, "checkout", "-q", "-f", COMMIT)
    print("Installing what it needs …")
    with open(f"{FOLDER}/pyproject.toml", "rb") as file:
        needed = tomllib.load(file)["project"]["dependencies"]
    pip = (sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check")
    run("Installing", *pip, *(each for each in needed if not each.startswith(COLABS_OWN)))
    run("Installing", *pip, "--no-deps", "-e", FOLDER)   # Colab's own packages stay as they are
    if FOLDER not in sys.path:
        sys.path.insert(0, FOLDER)
    os.chdir(f"{FOLDER}/notebooks")
    importlib.invalidate_caches()
    print("Ready. Colab forgets what you write here: File > Save a copy in Drive keeps it.")


if "google.colab" in __import__("sys").modules:
    fetch_course()
