#!/usr/bin/env bash
# pin.sh COURSE FORK: checks out, in the clone COURSE, the version of the course that FORK works with: the newest
# commit with the same chapters (solutions/); where those were changed, the newest that both histories hold.
# It comes from the course's history, never from the fork's. Without such a commit, or before the course had
# this check, the newest stays.
set -eu
course=$1 fork=$2

git -C "$course" fetch --quiet --no-tags "$(cd "$fork" && pwd -P)" HEAD
commit=
if chapters=$(git -C "$course" rev-parse --quiet --verify FETCH_HEAD:solutions); then
    for candidate in $(git -C "$course" rev-list HEAD); do
        if [ "$(git -C "$course" rev-parse --quiet --verify "$candidate:solutions")" = "$chapters" ]; then
            commit=$candidate
            break
        fi
    done
fi
commit=${commit:-$(git -C "$course" merge-base HEAD FETCH_HEAD || true)}
if [ -n "$commit" ] && git -C "$course" cat-file -e "$commit:.github/actions/check-answers/action.yml" 2>/dev/null
then
    git -C "$course" checkout --quiet --detach "$commit"
    echo "The version of the course that this fork has: $(git -C "$course" show -s --format='%h of %cs' HEAD)."
else
    echo "The course's newest version: $(git -C "$course" show -s --format='%h of %cs' HEAD)."
fi
