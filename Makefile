# `make lab` opens the course, `make test` tests it (`make torture` what takes minutes); `make help` lists the rest.
#
# Two environments: learners get .venv; .venv-test adds what builds, tests and grades the course,
# nbgrader among it, whose JupyterLab extensions switch themselves on and are not for learners.
# Every path is relative, so the course may live in a folder with spaces in its name.

SHELL = /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help lab progress train update check reset grade release test site test-site test-browser torture range build messages bench lint lock clean FORCE

LAB := .venv/bin/python
DEV := .venv-test/bin/python
# Set on make's command line only: a variable of the machine's that happens to be called so is not meant.
JOBS := 2
WORKERS = $(shell expr $(JOBS) + 1)   # some tests wait for processes
VERSIONS := lowest-direct
NAME :=
CHAPTERS :=
CHAPTER :=
EXERCISE :=
FROM :=
SUBMISSIONS :=
REQUIRE := $(UNROLLED_REQUIRE)
LANGUAGE :=
export NAME FROM CHAPTER EXERCISE SUBMISSIONS CHAPTERS REQUIRE

# The edition: LANGUAGE=ko is the Korean one.
ifneq ($(LANGUAGE),)
export UNROLLED_LANGUAGE := $(LANGUAGE)
endif
START := notebooks/$(if $(filter-out en,$(LANGUAGE)),$(LANGUAGE)/)00_start_here.ipynb

ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMEXPR_NUM_THREADS=1 \
    VECLIB_MAXIMUM_THREADS=1

help:
	@echo "For learners"
	@echo "  make lab                    install what the course needs, once, and open it in JupyterLab"
	@echo "  make progress               which exercises of your notebooks have passed"
	@echo "  make train NAME=ptb-small   run a named experiment; its record is in data/own/"
	@echo "  make check                  run and judge the answers in your notebooks (REQUIRE=\"01:5 02:all\": these)"
	@echo "  make reset CHAPTER=01       begin a chapter afresh; what was there is kept (EXERCISE=rnn_step: only that)"
	@echo "  make update                 the course's newest version, with your answers (FROM=new.zip: from that)"
	@echo
	@echo "LANGUAGE=ko with any of these: in Korean (한국어판: make lab LANGUAGE=ko)"
	@echo
	@echo "For teachers (docs/teaching.md)"
	@echo "  make release CHAPTERS=\"01 04\"   a zip for a class, without solutions"
	@echo "  make grade SUBMISSIONS=folder    points, mistakes and feedback for a class"
	@echo
	@echo "For authors"
	@echo "  make test                   lint, fresh notebooks, unit tests, chapters' outputs"
	@echo "  make site                   the course as a static site, in build/site"
	@echo "  make test-site              tests of the site; they build it"
	@echo "  make test-browser           JupyterLab and the site, as a learner sees them, in Chromium"
	@echo "  make torture                minutes of kills, faults and random inputs"
	@echo "  make range                  tests with the oldest allowed versions (VERSIONS=highest: the newest)"
	@echo "  make build                  rebuild the notebooks whose source changed (CHAPTERS=05: only that one)"
	@echo "  make messages               bring the catalogues of the other languages, po/, up to date"
	@echo "  make bench                  time the NumPy layers against torch, the checks, moves of figures"
	@echo "  make lint                   ruff"
	@echo "  make lock                   write the versions installed in .venv-test into constraints.txt"
	@echo "  make clean                  remove environments and caches; notebooks and data stay"
	@echo
	@echo "PYTHON=python3.12 names the Python to use; LAB_OPTIONS=--no-browser is handed to JupyterLab."

# --- Environments ------------------------------------------------------------------------------------
# The file `installed` in an environment is written last, so an interrupted installation has none, and
# holds the folder it was made in: environments do not survive being moved.

define INSTALL
set -eu
folder=$$1 packages=$$2
if [ -n "$${PYTHON:-}" ]; then set -- "$$PYTHON"
else set -- python3 python3.13 python3.12 python3.11 python; fi
python= bare= found=
for candidate do
    version=$$("$$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
    found="$$found$${found:+, }$$candidate is $$version"
    "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
    if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then python=$$candidate; break; fi
    bare=$${bare:-$$candidate}
done
if [ -z "$$python" ] && [ -n "$$bare" ]; then
    echo "This needs Python's venv module, which $$bare lacks. On Debian or Ubuntu: sudo apt install python3-venv" >&2
    exit 1
elif [ -z "$$python" ]; then
    echo "This needs Python 3.11 or newer; found: $${found:-none of $$*}. Another one: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi
here=$$(pwd -P)
made_in=$$(cat "$$folder/installed" 2>/dev/null || echo "$$here")
if [ "$$made_in" != "$$here" ] || ! "$$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Making $$folder with $$python ($$version)"
    "$$python" -m venv --clear "$$folder"
fi
rm -f "$$folder/installed"
echo "Installing into $$folder: about a minute and 1.5 GB, this once"
"$$folder/bin/python" -m pip install --disable-pip-version-check --no-input -c constraints.txt -e "$$packages" || {
    echo "The installation is not finished; pip says why above. It needs a network and room for 1.5 GB." \
        "Run the same command again, it goes on from there." >&2
    exit 1
}
echo "$$here" > "$$folder/installed"
endef
export INSTALL

# FORCE when the environment in folder $(1) was made elsewhere or has lost its Python.
moved = $(shell [ ! -e $(1)/installed ] || { [ -x $(1)/bin/python ] && \
    [ "$$(cat $(1)/installed)" = "$$(pwd -P)" ]; } || echo FORCE)

.venv/installed: pyproject.toml constraints.txt $(call moved,.venv)
	@sh -c "$$INSTALL" install .venv .

.venv-test/installed: pyproject.toml constraints.txt $(call moved,.venv-test)
	@sh -c "$$INSTALL" install .venv-test '.[test,grade]'

# What only the site and the browser need: 500 MB that make test does without.
.venv-test/browser: .venv-test/installed
	@$(DEV) -m pip install --disable-pip-version-check --no-input -q -c constraints.txt \
	    -e '.[test,grade,site,browser]'
	@touch $@

# --- For learners ------------------------------------------------------------------------------------

# .jupyter/ holds JupyterLab's defaults here (no news pop-up); a learner's own settings win over them.
# Jupyter writes into the home folder; where that is read-only, into build/ here.
lab: .venv/installed
	@if [ ! -e "$(START)" ]; then echo "LANGUAGE: got $(LANGUAGE), wanted en or ko" >&2; exit 2; fi
	@if ! [ -w "$${HOME:-/nowhere}" ]; then HOME="$$(pwd -P)/build/home"; export HOME; mkdir -p "$$HOME"; fi; \
	PATH="$$(pwd -P)/.venv/bin:$$PATH" \
	JUPYTER_CONFIG_PATH="$$(pwd -P)/.jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
	    $(LAB) -m jupyterlab --ServerApp.root_dir=. $(LAB_OPTIONS) $(START)

progress: .venv/installed
	@$(LAB) -m tools.progress

train: .venv/installed
	@if [ -z "$$NAME" ]; then echo "Which experiment? For example: make train NAME=ptb-small" >&2; exit 2; fi
	@$(LAB) -m helpers.experiments run "$$NAME"

# Without installing first: what the new version needs, the next make lab installs.
update:
	@[ -x $(LAB) ] || $(MAKE) .venv/installed
	@$(LAB) -m tools.update $${FROM:+--from "$$FROM"} $(UPDATE_OPTIONS)

# Its answers run isolated where bubblewrap is installed; they are one's own in any case.
check: .venv/installed
	@$(LAB) -m tools.grade notebooks --out build/check --require "$$REQUIRE" $(GRADE_OPTIONS)

reset: .venv/installed
	@$(LAB) -m tools.reset $$CHAPTER $${EXERCISE:+--exercise "$$EXERCISE"} $${FROM:+--from "$$FROM"} $(RESET_OPTIONS)

# --- For teachers ------------------------------------------------------------------------------------

grade: .venv/installed
	@if [ -z "$$SUBMISSIONS" ]; then echo "Whose? For example: make grade SUBMISSIONS=submitted" >&2; exit 2; fi
	@$(LAB) -m tools.grade "$$SUBMISSIONS" --jobs $(JOBS) $(GRADE_OPTIONS)

release: .venv-test/installed
	@if [ -z "$$CHAPTERS" ]; then echo "Which chapters? For example: make release CHAPTERS=\"01 04\"" >&2; exit 2; fi
	@$(DEV) -m tools.release $$CHAPTERS $(RELEASE_OPTIONS)

# --- For authors -------------------------------------------------------------------------------------

# The Korean chapters have the code of the English ones, words apart, and tests compare what they printed:
# the shortest is run as well, here, and all of them by make torture.
RUN := --ignore=solutions/ko solutions solutions/ko/00_start_here.ipynb

heading = @printf '\n== %s\n' "$(1)"
# pytest ends with 5 when it found no test at all, without a word of error.
none_found = { code=$$?; [ $$code -ne 5 ] || echo "No tests found in $(1)/: nothing was tested." >&2; exit $$code; }

test: .venv-test/installed
	$(call heading,Lint)
	@$(DEV) -m ruff check .
	$(call heading,Notebooks are what their sources build)
	@$(DEV) -m tools.build --check
	$(call heading,Other languages are complete and up to date)
	@$(DEV) -m tools.editions check
	@$(DEV) -m tools.editions build --check
	$(call heading,Unit tests)
	@$(ONE_THREAD) $(DEV) -m pytest -q -n $(WORKERS) --dist loadgroup --no-loadscope-reorder tests \
	    || $(call none_found,tests)
	$(call heading,Chapters run and give their stored outputs)
	@$(DEV) -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout=300 \
	    -n $(JOBS) --dist loadgroup --no-loadscope-reorder $(RUN) || $(call none_found,solutions)
	$(call heading,All passed)

site: .venv-test/browser
	@$(DEV) -m tools.site $(SITE_OPTIONS)

test-site: .venv-test/browser
	@$(ONE_THREAD) $(DEV) -m pytest -q tests/site

# Screenshots go to build/screenshots.
test-browser: .venv-test/browser
	@$(DEV) -m pytest -q -m browser -o timeout=1200 $(BROWSER_OPTIONS) tests/browser
	@$(DEV) -m pytest -q -m browser -o timeout=1200 $(BROWSER_OPTIONS) tests/site

# Tests marked `torture`: what takes minutes and finds what the short tests cannot.
torture: .venv-test/installed
	@$(ONE_THREAD) $(DEV) -m pytest -q -n $(JOBS) -m torture -o timeout=1200 tests
	@$(DEV) -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout=300 \
	    -n $(JOBS) --dist loadgroup --no-loadscope-reorder solutions/ko

# With the oldest versions that pyproject.toml allows (VERSIONS=highest: the newest): their own environment.
range:
	@$${PYTHON:-python3} -m venv --clear build/range && build/range/bin/python -m pip install -q uv
	@build/range/bin/python -m uv pip install --python build/range/bin/python --torch-backend cpu \
	    --resolution $(VERSIONS) -e '.[test,grade]'
	$(call heading,Unit tests)
	@$(ONE_THREAD) build/range/bin/python -m pytest -q -n $(JOBS) --dist loadgroup --no-loadscope-reorder tests
	$(call heading,Chapters run)
	@build/range/bin/python -m pytest -q --nbval --nbval-current-env --nbval-cell-timeout=300 \
	    -n $(JOBS) --dist loadgroup --no-loadscope-reorder solutions

build: .venv-test/installed
	@$(DEV) -m tools.build --jobs $(JOBS) $(CHAPTERS)
	@$(DEV) -m tools.editions build --jobs $(JOBS) $(CHAPTERS)

messages: .venv-test/installed
	@$(DEV) -m tools.editions messages

bench: .venv-test/installed
	@$(DEV) -m tools.bench $(BENCH_OPTIONS)
	@$(DEV) -m tools.bench.checks
	@$(DEV) -m tools.bench.controls

lint: .venv-test/installed
	@$(DEV) -m ruff check .

# Newer versions: .venv-test/bin/python -m pip install --upgrade …, make lock, make test.
lock: .venv-test/installed
	@{ echo "# Exact versions of everything that make and CI install (made by 'make lock')." && \
	   $(DEV) -m pip freeze --all --exclude-editable --exclude pip > constraints.tmp && \
	   sed 's/+cpu$$//' constraints.tmp; } > constraints.new
	@rm constraints.tmp && mv constraints.new constraints.txt

clean:
	rm -rf .venv .venv-test build .pytest_cache .ruff_cache .hypothesis unrolled.egg-info
	find helpers tools tests -name __pycache__ -type d -prune -exec rm -rf {} +
