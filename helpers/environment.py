"""Is this machine ready for the course? The check behind the start page."""

from __future__ import annotations

import html
import importlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from helpers import console, processor

COURSE = "unrolled"
PYTHON = (3, 11)
REINSTALL = "Run `make lab` in the course's folder; it installs what is missing."
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
            return f"Ready: all {len(self.findings)} points are in order."
        return f"{open_points} of {len(self.findings)} points to look at."

    def _words(self, finding: Finding) -> str:
        detail = f" ({finding.detail})" if self.details and finding.detail else ""
        advice = f" {finding.advice}" if finding.advice else ""
        return f"{finding.text}{detail}.{advice}"

    def __repr__(self) -> str:
        lines = [self.headline]
        lines += [f"{'✓' if f.ok else '✗'} {f.name}: {self._words(f)}" for f in self.findings]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for finding in self.findings:
            symbol, colour = ("✓", "#2e7d32") if finding.ok else ("✗", "#c62828")
            words = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(self._words(finding), quote=False))
            rows.append(
                f"<tr><td style='color:{colour}'><b>{symbol}</b></td>"
                f"<td style='text-align:left;white-space:nowrap'>{html.escape(finding.name)}</td>"
                f"<td style='text-align:left'>{words}</td></tr>"
            )
        return f"<div role='status'><b>{self.headline}</b><table>{''.join(rows)}</table></div>"


def check_environment() -> list[Finding]:
    """Look at Python, the packages, threads and folders, and return what was found. Nothing raises."""
    return [_python(), _numpy(), _torch(), _other_packages(), _threads(), _folders()]


def show_environment() -> None:
    """Display `check_environment()`; no versions and no hardware while the course is built."""
    console.show(Report(check_environment(), details=not os.environ.get("UNROLLED_BUILD")))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON))
    if tuple(sys.version_info[:2]) >= PYTHON:
        return Finding("Python", True, f"{wanted} or newer", detail=version)
    advice = f"Install Python {wanted} or newer, then run `make lab` again."
    return Finding("Python", False, f"{version} is too old, the course wants {wanted} or newer", advice)


def _numpy() -> Finding:
    problem, version = _tried("numpy", lambda numpy: numpy.ones((2, 3)) @ numpy.ones((3, 2)))
    if problem:
        return Finding("NumPy", False, f"{problem}, and no chapter runs without it", REINSTALL)
    return Finding("NumPy", True, "imported, and multiplies matrices", detail=version)


def _torch() -> Finding:
    """PyTorch is optional: say which of the chapters at hand use it."""
    problem, version = _tried("torch", lambda torch: torch.ones(2, 3).numpy())
    if not problem:
        return Finding("PyTorch", True, "imported, and hands arrays to NumPy", detail=version)
    users = chapters_using("torch", Path(__file__).resolve().parents[1] / "notebooks")
    need = f"chapters that need it: {', '.join(users) or 'none of those here'}"
    advice = f"{REINSTALL} The other chapters, and everything in `helpers.layers`, run without it."
    return Finding("PyTorch", False, f"{problem}; {need}", advice)


def chapters_using(package: str, notebooks: Path) -> list[str]:
    """Numbers ("01") of the notebooks in a folder with a line that imports `package`."""
    line = re.compile(rf'"\s*(?:import|from) {package}\b')   # a source line inside the notebook's JSON
    return [
        path.name[:2]
        for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))
        if line.search(path.read_text(encoding="utf-8", errors="replace"))
    ]


def _tried(package: str, use) -> tuple[str, str]:
    """Import `package` and use it → (what is wrong or "", version)."""
    try:
        module = importlib.import_module(package)
        use(module)
    except ModuleNotFoundError as error:
        missing = error.name == package
        return ("is not installed" if missing else f"cannot be imported: {error}"), ""
    except Exception as error:   # a broken installation fails in any way, OSError on Windows
        return f"is installed but does not work: {type(error).__name__}: {error}", ""
    return _unfit(package), str(getattr(module, "__version__", ""))


def _requirements() -> list:
    """What the installed course says it needs, as packaging's Requirements without the extras."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in requires(COURSE) or []]
    return [entry for entry in needed if not entry.marker or entry.marker.evaluate({"extra": ""})]


def _unfit(package: str) -> str:
    """"" if the installed version is one that the course allows, else what is wrong; "" if nobody knows."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        wanted = next((entry for entry in _requirements() if entry.name == package), None)
        found = version(package)
    except (ImportError, PackageNotFoundError):
        return ""   # said by "other packages"
    if wanted is None or wanted.specifier.contains(found, prereleases=True):
        return ""
    return f"is version {found}, the course wants {wanted.specifier}"


def _other_packages() -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    name = "Other packages"
    try:
        needed = [entry for entry in _requirements() if entry.name not in ("numpy", "torch")]
    except PackageNotFoundError:
        text = "this kernel belongs to another Python than the one the course is installed in"
        return Finding(name, False, text, f"{REINSTALL} Or choose its kernel: Kernel → Change Kernel.")
    except ImportError as error:
        return Finding(name, False, f"{error.name} is not installed", REINSTALL)
    problems = []
    for entry in needed:
        try:
            found = version(entry.name)
        except PackageNotFoundError:
            problems.append(f"{entry.name} is not installed")
            continue
        if not entry.specifier.contains(found, prereleases=True):
            problems.append(f"{entry.name} is version {found}, the course wants {entry.specifier}")
    if problems:
        return Finding(name, False, "; ".join(problems), REINSTALL)
    return Finding(name, True, f"all {len(needed)} installed, in versions that fit")


def _threads() -> Finding:
    cores = processor.cores()
    for variable in THREAD_VARIABLES:
        value = os.environ.get(variable, "")
        if value and (not value.isdecimal() or not 1 <= int(value) <= cores):
            text = f"`{variable}` is {value!r}, and this machine lends us {cores} cores"
            advice = "Unset it, or set it to the number of cores: more threads than cores make NumPy slower."
            return Finding("Threads", False, text, advice)
    chosen = next((os.environ[v] for v in THREAD_VARIABLES if os.environ.get(v)), "as many as NumPy likes")
    detail = f"threads: {chosen}, cores: {cores}"
    return Finding("Threads", True, "no more threads are asked for than there are cores", detail=detail)


def _folders() -> Finding:
    """The folders the course writes into: this notebook's, downloads and checkpoints."""
    from helpers.corpora.download import data_folder

    places = [Path.cwd(), data_folder() / "cache", data_folder() / "checkpoints"]
    refused = [place for place in places if not _writable(place)]
    if refused:
        text = f"cannot write into {', '.join(map(str, refused))}"
        advice = "Check who owns the folder; `UNROLLED_DATA_DIR` names another one for downloads."
        return Finding("Folders", False, text, advice)
    return Finding("Folders", True, "notebooks, downloads and checkpoints can be saved")


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
