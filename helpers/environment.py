"""Is this machine ready for the course? The check behind the start page."""

from __future__ import annotations

from helpers import hidden

with hidden.SetAside():   # a learner's file that hides one of Python's modules is told of, not run into
    import os
    import re
    import shutil
    import sys
    import tempfile
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor
    from dataclasses import dataclass
    from importlib.util import find_spec
    from pathlib import Path

    from helpers import console, installed, markup, processor
    from helpers.languages import LANGUAGES, VARIABLE, listed, translate

COURSE = "unrolled"
PYTHON = (3, 11)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    `text` says the same on every machine where all is well; `detail` is what differs from one to the next
    (versions, cores); `advice` says what to do when `ok` is False.
    """

    name: str
    ok: bool
    text: str
    advice: str = ""
    detail: str = ""


@dataclass(frozen=True, repr=False)
class Report:
    """Findings for display, as HTML and as plain text; `details` adds versions and cores."""

    findings: list[Finding]
    details: bool = True

    @property
    def headline(self) -> str:
        """The whole report in one sentence."""
        open_points = sum(not finding.ok for finding in self.findings)
        if not open_points:
            return translate("Ready: all {count} points are in order.", count=len(self.findings))
        return translate("{open} of {count} points to look at.", open=open_points, count=len(self.findings))

    def _words(self, finding: Finding) -> str:
        detail = f" ({finding.detail})" if self.details and finding.detail else ""
        advice = f" {finding.advice}" if finding.advice else ""
        return f"{finding.text}{detail}.{advice}"

    def __repr__(self) -> str:
        lines = [self.headline]
        lines += [f"{'✓' if f.ok else '✗'} {_called(f.name)}: {self._words(f)}" for f in self.findings]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows, left = [], "text-align:left"
        good, bad = f"✓ {translate('fine')}", f"✗ {translate('look')}"
        for finding in self.findings:
            said = (good, markup.GOOD) if finding.ok else (bad, markup.BAD)
            rows.append(
                f"<tr><td style='{left};white-space:nowrap'>{markup.badge(*said)}</td>"
                f"<th scope='row' style='{left}'>{markup.spoken(_called(finding.name))}</th>"
                f"<td style='{left};overflow-wrap:anywhere'>{markup.rich(self._words(finding))}</td></tr>"
            )
        headers = translate("State"), translate("Looked at"), translate("Found")
        body = f"<tbody>{''.join(rows)}</tbody>"
        return f"<div role='status'>{markup.table(self.headline, headers, body, above=True)}</div>"


def _called(name: str) -> str:
    """The name of a finding, as it is shown."""
    names = {
        "Other packages": translate("Other packages"),
        "Threads": translate("Threads"),
        "Folders": translate("Folders"),
        "Language": translate("Language"),
    }
    return names.get(name, name)


def check_environment() -> list[Finding]:
    """Look at Python, the packages, threads and folders, and return what was found; of the language only
    where the environment names one that the course does not have. Nothing raises."""
    looks = LOOKS | ({"Language": _language} if _unknown_language() else {})
    with hidden.SetAside(), ThreadPoolExecutor() as pool:   # most of them wait for another process
        return list(pool.map(_safely, looks, looks.values()))


def _safely(name: str, look: Callable[[], Finding]) -> Finding:
    """What `look` finds, or that it could not look."""
    try:
        return look()
    except Exception as error:
        told = f"{type(error).__name__}: {error}".rstrip(".: ")
        return Finding(name, False, translate("could not be looked at: {error}", error=told), reinstall())


def reinstall() -> str:
    """How to get what is missing, on this system and in this Python."""
    if hiding := hidden.hiding_files():   # nothing is missing, perhaps
        names = listed([f"`{os.path.basename(path)}`" for path in hiding])
        return translate("Rename {files}, then restart the kernel.", files=names)
    if _on_colab():
        return translate(
            "Run this notebook's first cell, which fetches the course, and then restart the session."
        )
    conda = os.path.exists(os.path.join(sys.prefix, "conda-meta"))
    if sys.platform != "win32" and not conda and shutil.which("make"):
        return translate("Run `make lab` in the course's folder; it installs what is missing.")
    course = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    python = sys.executable.removeprefix(course + os.sep).removesuffix(".exe")   # as in the README
    python = f'"{python}"' if " " in python else python
    line = f"{python} -m pip install" if find_spec("pip") else f"uv pip install --python {python}"
    return translate(
        "In the course's folder run `{command}`, then restart the kernel.",
        command=f"{line} -c constraints.txt -e .",
    )


def _on_colab() -> bool:
    return "google.colab" in sys.modules


def show_environment() -> None:
    """Display `check_environment()`; no versions and no hardware while the course is built."""
    console.show(Report(check_environment(), details=not os.environ.get("UNROLLED_BUILD")))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON))
    if tuple(sys.version_info[:2]) >= PYTHON:
        return Finding("Python", True, translate("{version} or newer", version=wanted), detail=version)
    advice = translate("Install Python {version} or newer, then run `make lab` again.", version=wanted)
    text = translate("{found} is too old, the course wants {wanted} or newer", found=version, wanted=wanted)
    return Finding("Python", False, text, advice)


def _numpy() -> Finding:
    problem, version = _tried("numpy", "numpy.ones((2, 3)) @ numpy.ones((3, 2))")
    if problem:
        text = translate("{problem}, and no chapter runs without it", problem=problem)
        return Finding("NumPy", False, text, reinstall())
    return Finding("NumPy", True, translate("imported, and multiplies matrices"), detail=version)


def _torch() -> Finding:
    """PyTorch is optional: say which of the chapters at hand use it."""
    problem, version = _tried("torch", "torch.ones(2, 3).numpy()")
    if not problem:
        return Finding("PyTorch", True, translate("imported, and hands arrays to NumPy"), detail=version)
    users = chapters_using("torch", Path(__file__).resolve().parents[1] / "notebooks")
    need = ", ".join(users) or translate("none of those here")
    text = translate("{problem}; chapters that need it: {chapters}", problem=problem, chapters=need)
    others = translate("The other chapters, and everything in `helpers.layers`, run without it.")
    return Finding("PyTorch", False, text, f"{reinstall()} {others}")


def chapters_using(package: str, notebooks: Path) -> list[str]:
    """Numbers ("01") of the notebooks in a folder with a line that imports `package`."""
    line = re.compile(rf'"\s*(?:import|from) {package}\b')   # a source line inside the notebook's JSON
    return [
        path.name[:2]
        for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))
        if line.search(path.read_text(encoding="utf-8", errors="replace"))
    ]


def _tried(package: str, use: str) -> tuple[str, str]:
    """Import `package` and use it, in another process → (what is wrong or "", version)."""
    problem, version = installed.tried(package, use)
    return problem or _unfit(package), version


def _requirements() -> list:
    """What the installed course says it needs, as packaging's Requirements without the extras."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in requires(COURSE) or []]
    if _on_colab():   # which has its own
        needed = [entry for entry in needed if entry.name not in ("ipykernel", "ipywidgets", "jupyterlab")]
    return [entry for entry in needed if not entry.marker or entry.marker.evaluate({"extra": ""})]


def _unfit(package: str) -> str:
    """"" if the installed version is one that the course allows, else what is wrong; "" if nobody knows."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        wanted = next((entry for entry in _requirements() if entry.name == package), None)
        found = version(package)
    except (ImportError, PackageNotFoundError):
        return ""   # said by "other packages"
    if found is None:
        return translate("has lost the file that tells its version")
    if wanted is None or wanted.specifier.contains(found, prereleases=True):
        return ""
    return translate("is version {found}, the course wants {wanted}", found=found, wanted=wanted.specifier)


def _other_packages() -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    name = "Other packages"
    try:
        needed = [entry for entry in _requirements() if entry.name not in ("numpy", "torch")]
    except PackageNotFoundError:
        text = translate("this kernel belongs to another Python than the one the course is installed in")
        choose = translate("Or choose its kernel: Kernel → Change Kernel.")
        return Finding(name, False, text, f"{reinstall()} {choose}")
    except ImportError as error:
        text = translate("{package} is not installed", package=error.name)
        return Finding(name, False, text, reinstall())
    problems = []
    for entry in needed:
        try:
            found = version(entry.name)
        except PackageNotFoundError:
            problems.append(translate("{package} is not installed", package=entry.name))
            continue
        if found is None:
            lost = translate("{package} has lost the file that tells its version", package=entry.name)
            problems.append(lost)
        elif not entry.specifier.contains(found, prereleases=True):
            problems.append(translate(
                "{package} is version {found}, the course wants {wanted}",
                package=entry.name, found=found, wanted=entry.specifier,
            ))  # fmt: skip
    if not any("matplotlib" in problem for problem in problems):
        problem, _ = installed.tried("matplotlib.pyplot", "matplotlib.pyplot.figure().canvas.draw()")
        told = translate("{package} {problem}", package="matplotlib", problem=problem)
        problems += [told] if problem else []
    if problems:
        return Finding(name, False, "; ".join(problems), reinstall())
    return Finding(name, True, translate("all {count} installed, in versions that fit", count=len(needed)))


def _threads() -> Finding:
    cores = processor.cores()
    for variable in THREAD_VARIABLES:
        value = os.environ.get(variable, "")
        if value and (not value.isdecimal() or not 1 <= int(value) <= cores):
            text = translate(
                "`{variable}` is {value}, and this machine lends us {cores} cores",
                variable=variable, value=repr(value), cores=cores,
            )  # fmt: skip
            advice = translate(
                "Unset it, or set it to the number of cores: more threads than cores make NumPy slower."
            )
            return Finding("Threads", False, text, advice)
    chosen = next((os.environ[v] for v in THREAD_VARIABLES if os.environ.get(v)), "")
    asked = chosen or translate("as many as NumPy likes")
    detail = translate("threads: {threads}, cores: {cores}", threads=asked, cores=cores)
    text = translate("no more threads are asked for than there are cores")
    return Finding("Threads", True, text, detail=detail)


def _folders() -> Finding:
    """The folders the course writes into: this notebook's, downloads and checkpoints."""
    from helpers.corpora.download import data_folder

    if hiding := hidden.hiding_files():
        texts = (translate("`{path}` hides the module `{module}`", path=path, module=Path(path).stem)
                 for path in hiding)  # fmt: skip
        return Finding("Folders", False, "; ".join(texts), reinstall())
    places = [Path.cwd(), data_folder() / "cache", data_folder() / "checkpoints"]
    refused = [place for place in places if not _writable(place)]
    if refused:
        text = translate("cannot write into {folders}", folders=", ".join(map(str, refused)))
        advice = translate(
            "Check who owns the folder; `UNROLLED_DATA_DIR` names another one for downloads."
        )
        return Finding("Folders", False, text, advice)
    return Finding("Folders", True, translate("notebooks, downloads and checkpoints can be saved"))


def _unknown_language() -> str:
    """What the environment calls a language that the course does not have; "" if it does not."""
    wanted = os.environ.get(VARIABLE, "").strip()
    return "" if wanted.lower()[:2] in LANGUAGES else wanted


def _language() -> Finding:
    has = ", ".join(f"`{code}` ({name})" for code, name in LANGUAGES.items())
    text = translate(
        "`{variable}` is {value}, and the course has {languages}",
        variable=VARIABLE, value=repr(_unknown_language()), languages=has,
    )  # fmt: skip
    return Finding("Language", False, text, translate("Set it to one of these, or unset it."))


def _writable(folder: Path) -> bool:
    """Whether a file can be made in `folder`, or in the nearest folder above it that exists already."""
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"course")
    except OSError:
        return False
    return True


LOOKS = {
    "Python": _python,
    "NumPy": _numpy,
    "PyTorch": _torch,
    "Other packages": _other_packages,
    "Threads": _threads,
    "Folders": _folders,
}
"""What is looked at, in this order."""


if __name__ == "__main__":
    from helpers.console import command

    command(show_environment)
