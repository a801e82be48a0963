"""Find the files of a corpus: fetched once, their sums checked, nothing left half-written behind.

pooch compares the SHA-256 of what was downloaded before the file is moved to its place. What it does not do
is go on where a broken download stopped; `_receive` adds that. Of two processes that want the same file the
second waits for the first.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.files import check_writable, lock
from helpers.languages import listed, translate
from helpers.validation import require, require_choice, require_path

DATA_DIR_VARIABLE = "UNROLLED_DATA_DIR"
TIMEOUT = (10, 30)  # seconds: to connect, and between two pieces of the answer
CHUNK_BYTES = 1 << 16


class CorpusUnavailable(RuntimeError):
    """A corpus is not here, or is not what it should be; the message says what to do about it."""


def data_folder() -> Path:
    """The folder ``data``: UNROLLED_DATA_DIR if set, else the repository's, else ``./data``."""
    if chosen := os.environ.get(DATA_DIR_VARIABLE):
        return Path(os.path.expanduser(chosen))
    repository = Path(__file__).resolve().parents[2]
    return (repository if (repository / "pyproject.toml").is_file() else Path.cwd()) / "data"


def cache_folder(name: str) -> Path:
    """Where the downloaded corpus `name` lives: ``data/cache/<name>`` (not created here)."""
    return data_folder() / "cache" / name


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits. Raises OSError if it cannot be read."""
    with require_path("path", path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Source:
    """Where the files of a corpus are, or can be had.

    `module` is the one with a command line, `cache` the name of the `cache_folder`, `files` has the name of
    each split's file. An environment variable may name a folder of the user's own (`folder_variable`), and
    another one replace the address `base_url` (`url_variable`).
    """

    title: str
    module: str
    cache: str
    files: Mapping[str, str]
    base_url: str
    folder_variable: str
    url_variable: str

    def filename(self, split: str) -> str:
        """The name of a split's file. Raises ValueError for a split there is not."""
        require_choice("split", split, self.files)
        return self.files[split]

    def find(
        self,
        split: str,
        sha256: Mapping[str, str],
        *,
        also: Mapping[str, str] | None = None,
        download: bool = False,
        base_url: str | None = None,
        progress: bool = True,
    ) -> Path:
        """The checked file of a split: from the user's own folder, from the cache, or downloaded if asked.

        `sha256` has the sum of each split's file; in the user's own folder it may also be that of `also`.
        Raises CorpusUnavailable, saying which file to put where, when there is none or a wrong one.
        """
        name = self.filename(split)
        require(isinstance(base_url, str | None), "base_url", repr(base_url), "an address, or None")
        base_url = base_url or os.environ.get(self.url_variable) or self.base_url
        url = base_url.rstrip("/") + "/" + name
        cached = cache_folder(self.cache) / name
        advice = self._advice(url, cached)
        own = None
        if folder := os.environ.get(self.folder_variable):
            own = Path(os.path.expanduser(folder)) / name
            if own.exists():
                return verified(own, [sums[split] for sums in (sha256, also) if sums], advice)
        if download:
            return fetch(url, cached, sha256[split], progress=progress, advice=advice)
        if cached.exists():
            return verified(cached, sha256[split], advice)
        there_is = {"corpus": self.title, "split": split, "file": cached}
        if own:
            problem = translate(
                "{corpus}, split {split}: there is no {file} or {own} ({variable}).",
                **there_is, own=own, variable=self.folder_variable,
            )  # fmt: skip
        else:
            problem = translate("{corpus}, split {split}: there is no {file}.", **there_is)
        raise CorpusUnavailable(f"{problem}\n{advice}")

    def command_line(
        self, find: Callable[..., Path], size: str, arguments: list[str] | None = None
    ) -> dict[str, Path]:
        """Read a corpus's command line (`--download`, `--base-url`) and ``find(split, …)`` every file.

        `size` says how much there is to download. Exits with the message of CorpusUnavailable and status 1,
        with 130 when stopped.
        """
        import argparse

        parser = argparse.ArgumentParser(
            prog=f"python -m {self.module}",
            description=translate(
                "Find the files of the {corpus}, or download them, and check them.", corpus=self.title
            ),
        )
        missing = translate("download what is missing ({size})", size=size)
        parser.add_argument("--download", action="store_true", help=missing)
        address = translate(
            "where to download from (default: {variable} or {address})",
            variable=self.url_variable, address=self.base_url,
        )  # fmt: skip
        parser.add_argument("--base-url", help=address)
        chosen = parser.parse_args(arguments)
        try:
            return {s: find(s, download=chosen.download, base_url=chosen.base_url) for s in self.files}
        except CorpusUnavailable as error:
            parser.exit(1, f"{error}\n")
        except KeyboardInterrupt:
            goes_on = translate("The same command goes on with what has arrived.")
            parser.exit(130, f"{translate('Stopped.')} {goes_on}\n")

    def _advice(self, url: str, cached: Path) -> str:
        download = translate("To download it: {command}", command=f"python -m {self.module} --download")
        save = translate("By hand: save {address}\n     as  {file}", address=url, file=cached)
        put = translate(
            "or put {files} in a folder of your own and set {variable} to it.",
            files=listed(list(self.files.values())), variable=self.folder_variable,
        )  # fmt: skip
        return f"{download}\n{save}\n  {put}"


def verified(path: Path, sha256: str | Collection[str], advice: str = "") -> Path:
    """Return `path` if its SHA-256 is `sha256`, or one of them, else raise CorpusUnavailable.

    The file is not touched.
    """
    sums = (sha256,) if isinstance(sha256, str) else tuple(sha256)
    try:
        got = sha256_of(path)
    except OSError as error:
        problem = translate("Cannot read {file}: {error}.", file=path, error=error)
        raise CorpusUnavailable(_message(problem, advice)) from error
    if got not in sums:
        wanted = sums[0]
        for other in sums[1:]:
            wanted = translate("{first} or {second}", first=wanted, second=other)
        what = translate(
            "{file} is not the file expected: its SHA-256 is {found}, wanted {wanted}. An editor or a "
            "transfer that changes line ends is enough for that.",
            file=path, found=got, wanted=wanted,
        )  # fmt: skip
        raise CorpusUnavailable(_message(what, advice))
    return Path(path)


def fetch(url: str, path: Path, sha256: str, *, progress: bool = True, advice: str = "") -> Path:
    """Make sure that `path` holds the file with this `sha256`, downloading it from `url` if need be.

    A file already there with the right sum is returned without a network, and without writing anything. A
    cut connection leaves ``<name>.part`` beside `path`, and the next call goes on from there. A file whose
    sum is wrong is removed and never reaches `path`. While another process downloads the same file this one
    waits, and says so. `advice` is added to every error message.

    Raises CorpusUnavailable when the file cannot be had: no network, HTTP error, cut connection,
    wrong sum, or a folder that cannot be written.
    """
    import requests

    path = require_path("path", path)
    if _has(path, sha256):
        return path
    part = path.with_name(path.name + ".part")
    try:
        with lock(path, waiting=lambda line: print(line, file=sys.stderr)):
            if not _has(path, sha256):
                check_writable(path)
                _retrieve(url, path, part, sha256, progress, advice)
        return path
    except OSError as error:   # requests' errors are among them
        if isinstance(error, requests.RequestException):
            problem = translate("Could not download {address}: {error}.", address=url, error=error)
        else:
            problem = translate("Cannot write in {folder}: {error}.", folder=path.parent, error=error)
        if part.is_file():
            kept = translate(
                "The part that arrived is kept: run it again to go on from there ({part}).", part=part
            )
            problem = f"{problem} {kept}"
        raise CorpusUnavailable(_message(problem, advice)) from error


def _has(path: Path, sha256: str) -> bool:
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False


def _retrieve(url: str, path: Path, part: Path, sha256: str, progress: bool, advice: str) -> None:
    """Download into `part`, and have pooch compare the sum. CorpusUnavailable when it is another file.

    pooch's own temporary file stands in a folder of this file's, which the next download clears away if this
    one is killed.
    """
    import pooch

    def collect(url: str, output_file: str, pooch: object) -> None:
        if not _has(part, sha256):   # (killed before it was put in its place)
            _receive(url, part, progress)
        os.replace(part, output_file)

    pooch.get_logger().setLevel("WARNING")   # the bar says what is being done
    incoming = path.with_name(f".{path.name}.incoming")
    for resumed in (part.is_file(), False):
        shutil.rmtree(incoming, ignore_errors=True)
        try:
            pooch.retrieve(
                url, known_hash=f"sha256:{sha256}", fname=path.name, path=incoming, downloader=collect
            )
            os.replace(incoming / path.name, path)
            return
        except ValueError as error:   # the sum is wrong, and the download is gone
            if isinstance(error, OSError):   # requests' error about an address
                raise
            if not resumed:   # (two halves of different files are wrong too: then once more from the start)
                problem = translate("{address} is not the file expected. {error}", address=url, error=error)
                raise CorpusUnavailable(_message(problem, advice)) from error
        finally:
            shutil.rmtree(incoming, ignore_errors=True)


def _receive(url: str, part: Path, progress: bool) -> None:
    """Append to `part` what it lacks of the file at `url`; all of it where the server sends no ranges."""
    import requests
    from tqdm import tqdm

    have = part.stat().st_size if part.is_file() else 0
    # "identity": byte positions are those of the file, not of a compressed transfer.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416 and have:  # the part is as long as the file, or longer
            part.unlink()
            return _receive(url, part, progress)
        response.raise_for_status()
        start = have if _starts_at(response, have) else 0
        length = response.headers.get("Content-Length", "")
        known = length.isdecimal() and "Content-Encoding" not in response.headers
        bar = tqdm(
            desc=part.stem,
            total=start + int(length) if known else None,
            initial=start,
            unit="B",
            unit_scale=True,
            disable=not progress,
        )
        with part.open("ab" if start else "wb") as file, bar:
            for chunk in response.iter_content(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))


def _starts_at(response, position: int) -> bool:
    """Whether this answer goes on at `position`: a server without Range sends the whole file, status 200."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return response.status_code == 206 and found is not None and int(found[1]) == position


def _message(problem: str, advice: str) -> str:
    return f"{problem}\n{advice}" if advice else problem
