"""Dependencies, pins, environment.yml, workflows and the Makefile agree, and installing fails clearly."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
RANGES = [Requirement(text) for texts in (PROJECT["dependencies"], *EXTRAS.values()) for text in texts]
PINS = {
    canonicalize_name(pin.name): pin
    for pin in map(Requirement, re.findall(r"^[^#\s].*$", (ROOT / "constraints.txt").read_text(), re.M))
}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def pinned(name):
    """The one version that constraints.txt allows."""
    [specifier] = PINS[canonicalize_name(name)].specifier
    assert specifier.operator == "==" and "*" not in specifier.version
    return specifier.version


# --- pyproject.toml, constraints.txt, what is installed ----------------------------------------------


@pytest.mark.parametrize("requirement", RANGES, ids=lambda requirement: requirement.name)
def test_every_range_has_both_ends_and_contains_its_pin(requirement):
    assert {specifier.operator for specifier in requirement.specifier} == {">=", "<"}
    assert requirement.specifier.contains(pinned(requirement.name)), pinned(requirement.name)


def test_every_pin_is_exact_and_stands_once():
    lines = re.findall(r"^[^#\s].*$", (ROOT / "constraints.txt").read_text(), re.M)
    assert len(lines) == len(PINS)
    assert all(pinned(name) for name in PINS)
    assert not [pin.name for pin in PINS.values() if pin.marker or pin.url or "+" in str(pin.specifier)]


def test_torch():
    assert pinned("torch") == "2.13.0"


CUDA = re.compile(r"nvidia-|cuda-|triton$")   # torch's CUDA build pins its own


def missing_and_different(requirements, extras=()):
    """Everything that `requirements` bring here, at any depth: what is not pinned; what differs."""
    missing, different, seen = [], [], set()
    todo = [(requirement, tuple(extras)) for requirement in requirements]
    while todo:
        requirement, wanted = todo.pop()
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in (*wanted, "")):
            continue
        name, asked = canonicalize_name(requirement.name), tuple(sorted(requirement.extras))
        if (name, asked) in seen:
            continue
        seen.add((name, asked))
        try:
            there = Version(metadata.version(name)).public
        except metadata.PackageNotFoundError:
            different.append(f"{name} is not installed")
            continue
        if name not in PINS and not CUDA.match(name):
            missing.append(name)
        elif name in PINS and Version(there) != Version(pinned(name)):
            different.append(f"{name} {there}, pinned {pinned(name)}")
        todo += [(Requirement(text), asked) for text in metadata.requires(name) or []]
    return sorted(missing), sorted(different)


ON_DEMAND = ("korean", "site", "browser")   # make test needs none of them
OPTIONAL = {Requirement(text).name for extra in ON_DEMAND for text in EXTRAS[extra]}


def is_installed(name):
    return bool(list(metadata.distributions(name=name)))


def test_everything_installed_is_pinned_at_that_version():
    if sys.platform != "linux":
        pytest.skip("the pins were made on Linux; elsewhere a dependency may bring its own")
    ours = [each for each in RANGES if each.name not in OPTIONAL or is_installed(each.name)]
    missing, different = missing_and_different(ours)
    if different and not (Path(sys.prefix) / "installed").exists():
        pytest.skip(f"not the pinned environment (make test has it): {', '.join(different)}")
    assert not different
    assert not missing, f"installed but not pinned (make lock): {missing}"


def test_the_walk_over_dependencies_goes_deep():
    names = {canonicalize_name(requirement.name) for requirement in RANGES}
    missing, different = missing_and_different([Requirement("jupyterlab")])
    if different:
        pytest.skip("not the pinned environment: another version may bring others")
    assert not missing and "jupyter-client" not in names
    gone = {name: PINS.pop(name) for name in ("jupyter-client", "parso")}   # one and three steps down
    try:
        assert missing_and_different([Requirement("jupyterlab")])[0] == ["jupyter-client", "parso"]
    finally:
        PINS.update(gone)


def test_nobody_needs_what_is_optional():
    assert {"kiwipiepy", "sphinx", "playwright"} <= OPTIONAL
    needed = [*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS["grade"]]
    assert not OPTIONAL & {Requirement(text).name for text in needed}
    assert "korean" not in MAKEFILE


def test_learners_do_not_get_the_instructors_extensions():
    assert "nbgrader" not in {Requirement(text).name for text in PROJECT["dependencies"] + EXTRAS["test"]}
    assert re.search(r'INSTALL" install \.venv \.$', MAKEFILE, re.M)


def test_the_oldest_python_is_the_same_everywhere():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"needs Python {oldest} or newer" in MAKEFILE
    assert f"({oldest.replace('.', ', ')})" in MAKEFILE
    assert f"python={oldest}" in (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert oldest in (ROOT / "README.md").read_text(encoding="utf-8")


# --- environment.yml, .ci ----------------------------------------------------------------------


def test_environment_yml():
    described = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert described["name"] == PROJECT["name"]
    *conda, pip = described["dependencies"]
    # One "=": with ">=" Binder's repo2docker takes its own default.
    assert conda == [f"python={PROJECT['requires-python'].removeprefix('>=')}", "pip"]
    options = ("-c ", "--extra-index-url ")
    assert "-c constraints.txt" in pip["pip"]
    assert [line for line in pip["pip"] if not line.startswith(options)] == ["-e .[test]"]
    assert "test" in EXTRAS


def test_ci_run_makes_what_make_test_makes_and_the_site():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"\bmake ([\w-]+)", script) == ["test", "test-site"]


# --- What no file may name ---------------------------------------------------------------------------


def repository_files():
    """Text files of the repository, as git lists them; without git all but caches and environments."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True, encoding="utf-8",
        ).stdout.split("\0")
        paths = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        skipped = re.compile(
            r"\.venv.*|\.git|__pycache__|build|cache|\.?\w*checkpoints|\..*_cache|\.hypothesis|.*egg-info"
        )
        paths = [
            path for path in ROOT.rglob("*")
            if not any(skipped.fullmatch(part) for part in path.relative_to(ROOT).parts)
        ]
    for path in paths:
        if path.is_file():
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue   # a picture


HOSTS = [".".join(parts) for parts in [
    ("pypi", "org"), ("pythonhosted", "org"), ("deb", "debian", "org"), ("registry", "npmjs", "org"),
    ("archive", "ubuntu", "com"), ("conda", "anaconda", "org"), ("crates", "io"),
]]
MACHINE_PATHS = ["/" + "work" + "/", "../" + "shared"]


def test_no_file_names_a_package_registry():
    found = [(name, host) for name, text in repository_files() for host in HOSTS if host in text]
    assert not found


def test_no_file_outside_the_tests_names_a_path_of_one_machine():
    found = [
        (name, path)
        for name, text in repository_files() if not name.startswith("tests/")
        for path in MACHINE_PATHS if path in text
    ]
    assert not found


def test_the_files_looked_through_are_the_repository():
    names = {name for name, _ in repository_files()}
    assert {"README.md", "Makefile", "pyproject.toml", "tests/test_environment.py"} <= names
    assert not [name for name in names if name.startswith((".venv", ".git/", "build/"))]
