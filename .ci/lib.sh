# What .ci/run and .ci/release share. It is sourced, never run.
# shellcheck shell=bash disable=SC2034

set -euo pipefail
cd "$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)"

# The tools, by the versions that this tree is known to be clean with. They are
# built outside go.mod: what they depend on must not become what we depend on.
readonly golangci_lint=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
readonly goreleaser=github.com/goreleaser/goreleaser/v2@v2.14.3
readonly syft=github.com/anchore/syft/cmd/syft@v1.42.0
readonly hey=github.com/rakyll/hey@v0.1.4
readonly frp=github.com/fatedier/frp@v0.65.0
readonly pebble=github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1

# Built tools are kept from run to run. What else a run makes goes with it.
readonly tools=${HOOKS_CI_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/hooks-ci}
work=$(mktemp -d)
readonly work
trap 'rm -rf "$work"' EXIT

# Where the tests find Express and the libraries of some providers.
# install_runtimes puts them there.
export NODE_PATH=$work/node_modules

passed=0
failed=0
report=

# The script's arguments name the steps to run, by their commands. None: all.
only=" $* "

# step NAME COMMAND runs one part, goes on whatever comes of it, and remembers.
step() {
	local name=$1 begin=$SECONDS status
	shift
	[[ $only == "  " || $only == *" $1 "* ]] || return 0
	printf '\n=== %s\n' "$name"
	set +e
	(
		set -e
		"$@"
	)
	status=$?
	set -e
	if [[ $status -eq 0 ]]; then
		passed=$((passed + 1))
		report+=$(printf '  ok    %5d s  %s' "$((SECONDS - begin))" "$name")$'\n'
	else
		failed=$((failed + 1))
		report+=$(printf '  FAIL  %5d s  %s' "$((SECONDS - begin))" "$name")$'\n'
		printf '=== %s failed (%d)\n' "$name" "$status"
	fi
}

# finish prints what came of all steps and ends the run.
finish() {
	printf '\n=== Summary after %d s\n%s\n%d passed, %d failed\n' "$SECONDS" "$report" "$passed" "$failed"
	[[ $failed -eq 0 ]]
}

# tool MODULE@VERSION builds a tool, unless this version was built before by the
# same Go, and prints its path.
tool() {
	local path=${1%@*} version=${1##*@} name bin
	name=${path##*/}
	[[ $name =~ ^v[0-9]+$ ]] && name=$(basename "${path%/*}")
	bin=$tools/$name-$version-$(go env GOVERSION)
	if [[ ! -x $bin/$name ]]; then
		printf 'building %s\n' "$1" >&2
		GOBIN=$bin GOFLAGS=-mod=mod go install "$1" >&2
	fi
	printf '%s\n' "$bin/$name"
}

# install_frp DIR builds the tunnel that ours is measured beside. Its module
# replaces others, so it is built in a folder of its own.
install_frp() {
	local bin src=$work/frp
	bin=$tools/frp-${frp##*@}-$(go env GOVERSION)
	if [[ ! -x $bin/frpc ]]; then
		printf 'building %s\n' "$frp" >&2
		mkdir -p "$bin" "$src"
		cp -r "$(cd "$src" && GOFLAGS=-mod=mod go mod download -json "$frp" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')/." "$src"
		chmod -R u+w "$src"
		(cd "$src" && CGO_ENABLED=0 GOFLAGS=-mod=mod go build -trimpath -o "$bin/" ./cmd/frps ./cmd/frpc >&2)
	fi
	cp "$bin/frps" "$bin/frpc" "$1/"
}

# packages NAME… installs Debian packages.
packages() {
	local root=()
	[[ $(id -u) -eq 0 ]] || root=(sudo)
	if ! command -v apt-get >/dev/null || ! command -v "${root[@]:-env}" >/dev/null; then
		printf 'missing, and cannot be installed from here: %s\n' "$*" >&2
		return 1
	fi
	"${root[@]}" apt-get update -qq
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
		>"$work/apt.log" 2>&1 || {
		cat "$work/apt.log"
		return 1
	}
}

# install_runtimes gets what the tests want besides Go: Node with Express and
# those libraries, Python with Flask, shells and a few tools.
install_runtimes() {
	local wanted=() pair
	for pair in node:nodejs npm:npm openssl:openssl curl:curl dash:dash zsh:zsh fish:fish strace:strace groff:groff; do
		command -v "${pair%:*}" >/dev/null || wanted+=("${pair#*:}")
	done
	for pair in flask fastapi uvicorn; do
		python3 -c "import $pair" 2>/dev/null || /usr/bin/python3 -c "import $pair" 2>/dev/null || wanted+=("python3-$pair")
	done
	if [[ ${#wanted[@]} -gt 0 ]]; then
		printf 'installing %s\n' "${wanted[*]}"
		packages "${wanted[@]}"
	fi

	cp testdata/crosscheck/package.json testdata/crosscheck/package-lock.json "$work"
	npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error
	printf 'node %s, express %s, %s\n' "$(node --version)" \
		"$(node -p 'require("express/package.json").version')" "$(openssl version)"
}

# install_frameworks gets what the handlers of hooks snippet run on, as far as
# Debian and npm have it, besides what install_runtimes gets.
install_frameworks() {
	packages python3-django ruby-sinatra ruby-webrick ruby-rails php-cli php-mbstring php-xml php-laravel-framework \
		default-jdk-headless libspring-web-servlet-java libspring-context-java libspring-expression-java libcommons-logging-java \
		libservlet-api-java libjackson2-databind-java libjetty9-java
	export HOOKS_TEST_NEXT=$work/next
	mkdir -p "$HOOKS_TEST_NEXT"
	cp testdata/crosscheck/apps/next/package*.json "$HOOKS_TEST_NEXT"
	# The lock has what Linux needs: npm ci would want all systems' parts in it.
	npm install --prefix "$HOOKS_TEST_NEXT" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
}

# crashes CYCLES kills the program under load, in all its roles.
crashes() {
	HOOKS_TEST_CRASH_CYCLES=$1 go test -count=1 -timeout=60m -run 'Crash|Kill|KeepsEverything' -v \
		./internal/crosscheck ./cmd/hooks ./internal/store >"$work/crashes" || {
		cat "$work/crashes"
		return 1
	}
	grep -E '^(---|ok|    )' "$work/crashes"
	[[ $(grep -c '^--- PASS' "$work/crashes") -ge 3 ]]
}

# build_program builds hooks as a release does, for this machine.
build_program() {
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$work/hooks" ./cmd/hooks
	ls -l "$work/hooks"
}

# fuzz_targets prints "PACKAGE TARGET" a line.
fuzz_targets() {
	local package
	go list ./... | while read -r package; do
		go test -list '^Fuzz' "$package" | awk -v p="$package" '/^Fuzz/ { print p, $1 }'
	done
}
