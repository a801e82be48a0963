#!/usr/bin/env bash
# Installs bubblewrap, in which answers run without network and without sight of the course, and tries it.
# Where it cannot be had, grading goes on in plain processes, and the reports call that "not isolated".
set -u

works() { bwrap --unshare-all --die-with-parent --ro-bind / / --dev /dev true 2>/dev/null; }
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

if [ "$(uname -s)" != Linux ]; then
    echo "::notice title=Not isolated::bubblewrap is for Linux: here answers run in plain processes."
    exit 0
fi
if ! command -v bwrap >/dev/null; then
    { as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends bubblewrap; } \
        >/dev/null 2>&1 || true
fi
# Ubuntu from 23.10 on lets programs make user namespaces only if an AppArmor profile names them; 24.04's
# bubblewrap has none. This is the profile that later releases bring; without AppArmor's tools, the switch.
if command -v bwrap >/dev/null && ! works; then
    profile=/etc/apparmor.d/bwrap
    if [ -d /etc/apparmor.d ] && [ ! -e "$profile" ] && command -v apparmor_parser >/dev/null; then
        printf '%s\n' 'abi <abi/4.0>,' 'include <tunables/global>' '' \
            "profile bwrap $(command -v bwrap) flags=(unconfined) {" '  userns,' '}' \
            | as_root tee "$profile" >/dev/null && as_root apparmor_parser -r "$profile" || true
    fi
    works || as_root sysctl -q -w kernel.apparmor_restrict_unprivileged_userns=0 || true
fi
if works; then
    echo "Answers run in bubblewrap."
else
    echo "::warning title=Not isolated::bubblewrap does not run on this machine: answers run in plain" \
        "processes that can reach its files and the network."
fi
