#!/usr/bin/env bash
# grade.sh FORK OUT: grades the notebooks of FORK with the course that this script belongs to, and writes the
# reports into OUT. Ends with 0, or with 1 where UNROLLED_REQUIRE is not met, 2 for a wrong UNROLLED_REQUIRE,
# 3 where something could not be graded.
#
#   UNROLLED_REQUIRE      what has to be right, such as "01:5 02:all"; without it no answer turns this red
#   UNROLLED_NOTEBOOKS    the folder of notebooks in FORK, "notebooks" without it
#   UNROLLED_LEARNER      whose they are, for the reports
#   UNROLLED_CLASSROOM    "true": the points as GitHub Classroom reads them, in two notices
#
# Nothing in FORK is run or imported here, no setting of it is read, and only regular files named *.ipynb leave
# it: no link can hand in the course's own solutions. What a learner's answer prints cannot give the runner
# commands, and the grader sees none of the runner's variables.
set -u
course=$(cd "$(dirname "$0")/../.." && pwd -P)
fork=$(cd "$1" && pwd -P) || exit 2
mkdir -p "$2" && out=$(cd "$2" && pwd -P) || exit 2
require=$(printf '%s' "${UNROLLED_REQUIRE:-}" | tr '\r\n' '  ')
notebooks=${UNROLLED_NOTEBOOKS:-notebooks}
notebooks=${notebooks%/}
learner=$(printf '%s' "${UNROLLED_LEARNER:-me}" | tr -c 'A-Za-z0-9._-' '_' | sed 's/^\.*//')
summary=${GITHUB_STEP_SUMMARY:-/dev/null}

say() {   # for people, in the job's summary and (as $1: notice, warning, error) on its page
    echo "::$1 title=$2::$3"
    printf '**%s** %s\n\n' "$2." "$3" >> "$summary"
}

case /$notebooks/ in
    */../*|//*) say error "Not graded" "UNROLLED_NOTEBOOKS has to be a folder in the repository."; exit 2 ;;
esac
work=$(mktemp -d "${RUNNER_TEMP:-/tmp}/answers.XXXXXX") || exit 3
trap 'rm -rf "$work"' EXIT
handed=$work/class/${learner:-me}
mkdir -p "$handed"
rm -rf "$out/results.json" "$out/junit.xml" "$out/report.md" "$out/html"
if [ -d "$fork/$notebooks" ] && [ "$(cd "$fork/$notebooks" && pwd -P)" = "$fork/$notebooks" ]; then
    (cd "$fork/$notebooks" && find . -type d \( -name '.*' ! -name . -o -name replaced \) -prune \
        -o -type f -name '*.ipynb' -exec cp --parents -p -t "$handed" {} +)
fi
if [ -z "$(find "$handed" -name '*.ipynb' -print -quit)" ]; then
    say error "Not graded" "There is no notebook in the folder $notebooks of this repository."
    exit 3
fi

# From the course's folder, without what the environment or the fork could slip in: -I keeps the working folder,
# PYTHONPATH and the user's own packages out of Python's path.
cd "$course" || exit 3
stop=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$stop"
env -i PATH="$PATH" HOME="$work" TMPDIR="$work" LANG=C.UTF-8 PYTHONUTF8=1 OMP_NUM_THREADS=1 \
    ${LD_LIBRARY_PATH:+LD_LIBRARY_PATH="$LD_LIBRARY_PATH"} \
    python -I -m tools.grade "$work/class" --require "$require" --out "$work/results" --json "$out/results.json" \
    --junit "$out/junit.xml" --html "$out/html" --markdown "$out/report.md" < /dev/null 2>&1 | tee "$work/log"
status=${PIPESTATUS[0]}
echo
echo "::$stop::"

[ "$status" -ne 1 ] || [ -s "$out/report.md" ] || status="1, after an error"   # Python's own, for a traceback
if [ -s "$out/report.md" ]; then cat "$out/report.md" >> "$summary" && echo >> "$summary"; fi
if [ "${UNROLLED_CLASSROOM:-}" = true ] && [ -s "$out/results.json" ]; then
    python -I .github/scripts/points.py "$out/results.json"
fi
case $status in
    0) [ -n "$require" ] || echo "UNROLLED_REQUIRE is not set: nothing is required, and nothing turns this red." ;;
    1)
        say error "Not there yet" "Not all of UNROLLED_REQUIRE=\"$require\" is right. What is missing:"
        grep -E '^Chapter [0-9]{2}: ' "$work/log" | head -n 40 | sed 's/^/    /' | tee -a "$summary"
        ;;
    2) say error "UNROLLED_REQUIRE" "The requirement cannot be read; the log says why. An example: 01:5 02:all." ;;
    3) say error "Not graded" "Something could not be graded. That is no judgement of the answers: the summary says why." ;;
    *) say error "Not graded" "The grader itself failed (status $status); its last words are in the log."; status=3 ;;
esac
exit "$status"
