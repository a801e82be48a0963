"""The page of all recorded runs: command, seed, versions, hardware, what came out, and the record itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from helpers.notebooks import TITLE
from helpers.records import on_what
from tools.site.chapters import Chapter

Record = Mapping[str, Any]

INTRODUCTION = """# All recorded runs

Every number that the course states comes from a cell you can run or from one of these {count} records. A
record names the command that made it, its seed, the versions, the hardware and the data it read; the command,
given again, measures it again (into `data/own/`, beside the course's record). Where a run has many rows, its
main result is the lowest and the highest of them, kind by kind; what they mean stands in the chapter.
"""
MEASURES = (
    "test_perplexity", "test_accuracy", "valid_perplexity", "valid_accuracy", "test", "exact", "accuracy",
    "valid", "found", "milliseconds",
)  # fmt: skip
"""What a row of a curve is judged by: the first of these that it has, else its times, bytes and the like."""
WORDS = {
    "test": "right on the test",
    "valid": "right on validation",
    "exact": "exactly right",
    "found": "steps until found",
    "valid_perplexity": "validation perplexity",
    "valid_accuracy": "validation accuracy",
}
UNITS = ("_seconds", "_bytes", "_difference")
KINDS = ("model", "cell", "variant", "case", "kind", "precision", "library")
"""What tells a curve's rows apart: the first of these that they have."""


def page(records: Mapping[str, Record], chapters: list[Chapter]) -> str:
    """The page's Markdown; `records` by name."""
    lines = [INTRODUCTION.format(count=len(records))]
    lines += ["| Run | Main result | Chapter | Seed | Time |", "|---|---|--:|--:|--:|"]
    for name, record in records.items():
        time = duration(record["seconds"])
        link = f"[`{name}`](#{anchor(name)})"
        lines.append(f"| {link} | {outcome(record)} | {int(record['chapter'])} | {record['seed']} | {time} |")
    lines.append("")
    for chapter in chapters:
        of_chapter = {n: r for n, r in records.items() if r["chapter"] == chapter.name[:2]}
        if of_chapter:
            lines += [f"## {chapter.says(TITLE)}", ""]
            lines += [f"What they are for: [the chapter]({chapter.page}).", ""]
            lines += [line for name, record in of_chapter.items() for line in _section(name, record)]
    return "\n".join(lines)


def anchor(name: str) -> str:
    """The place of a record on the page."""
    return "record-" + name.replace(".", "-")


def slug(name: str) -> str:
    """The same place, as a link from another page names it: MyST's name of the heading."""
    return name.replace(".", "")


def _section(name: str, record: Record) -> Iterator[str]:
    hardware = record["hardware"]
    rows = {
        "Main result": outcome(record),
        "Command": f"`{record['command']}`",
        "Seed": str(record["seed"]),
        "Time": duration(record["seconds"]),
        "Parameters": f"{record['parameters']:,}" if "parameters" in record else "",
        "Versions": ", ".join(f"{library} {version}" for library, version in record["versions"].items()),
        "Hardware": f"{on_what(record)}; {hardware['cores']} cores, {hardware['system']}",
        "Settings": ", ".join(f"`{key}={json.dumps(value)}`" for key, value in record["settings"].items()),
        "Record": f'<a href="records/{name}.json" download>{name}.json</a>, {len(record["curve"])} rows',
    }
    yield f"({anchor(name)})="
    yield f"### `{name}`"
    yield ""
    yield "| What | Recorded |"
    yield "|---|---|"
    yield from (f"| {what} | {text.replace('|', chr(92) + '|')} |" for what, text in rows.items() if text)
    yield ""


def duration(seconds: float) -> str:
    """12 s, 4 min, 1 h 7 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def outcome(record: Record) -> str:
    """What came out, in one line."""
    if "diverged" in record:
        return f"diverged: {record['diverged']}"
    results = record["results"]
    found = {k: v for k, v in {**record, **results}.items() if k in MEASURES and isinstance(v, float | int)}
    if found:
        floor = record.get("floor_perplexity")
        said = [f"{_words(key)} {_number(found[key])}" for key in MEASURES if key in found]
        return ", ".join(said) + (f"; no model can go below {floor:.2f} on the test" if floor else "")
    rows = results.get("runs") or record["curve"]
    measures = [key for key in MEASURES if any(row.get(key) is not None for row in rows)][:1]
    measures = measures or [key for key in rows[-1] if key.endswith(UNITS)][:4]
    kind = next((key for key in KINDS if key in rows[-1]), None)
    return "; ".join(_ranges(rows, measure, kind) for measure in measures)


def _ranges(rows: list[Record], measure: str, kind: str | None) -> str:
    """Lowest and highest value of `measure`, for each kind of row."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if row.get(measure) is not None:
            values.setdefault(str(row[kind]) if kind else "", []).append(row[measure])
    said = []
    for name, found in values.items():
        low, high = (_number(value, measure) for value in (min(found), max(found)))
        said.append(f"{name} {low if low == high else f'{low} to {high}'}".strip())
    return f"{_words(measure)}: {', '.join(said)}"


def _words(key: str) -> str:
    return WORDS.get(key) or key.removesuffix("_seconds").removesuffix("_bytes").replace("_", " ")


def _number(value: float, measure: str = "") -> str:
    """Three or four digits, and the unit that the name of the measure tells."""
    if measure.endswith("_seconds"):
        return f"{1000 * value:.3g} ms"
    if measure.endswith("_bytes"):
        return f"{value / 1e6:.3g} MB"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) > 1 else f"{value:.3g}"
