#!/usr/bin/env bash
# Installs hooks for the steps that follow, as action.yml says. Nothing of an
# archive is unpacked or run before its checksum has been compared.
set -euo pipefail

fail() {
	printf '::error title=hooks::%s\n' "$1"
	exit 1
}

# The folder of the program; it is put on the PATH.
bin=${RUNNER_TEMP:?}/hooks-bin
mkdir -p "$bin"
work=$(mktemp -d "${RUNNER_TEMP}/hooks-XXXXXX")
trap 'rm -rf "$work"' EXIT

download() { # URL FILE
	curl --fail --silent --show-error --location --retry 3 --max-time 300 --output "$2" "$1" || fail "cannot download $1"
}

sha256() { # FILE
	if command -v sha256sum >/dev/null; then
		sha256sum "$1"
	else
		shasum -a 256 "$1"
	fi | cut -d ' ' -f 1
}

name=hooks
case ${RUNNER_OS:?} in
Linux) os=linux ending=tar.gz ;;
macOS) os=macOS ending=tar.gz ;;
Windows) os=windows ending=zip name=hooks.exe ;;
*) fail "no release for $RUNNER_OS" ;;
esac
case ${RUNNER_ARCH:?} in
X64) arch=amd64 ;;
ARM64) arch=arm64 ;;
*) fail "no release for $RUNNER_ARCH" ;;
esac

from_release() {
	local releases=${INSTALL_RELEASES%/} version=${INSTALL_VERSION#v} archive want got
	if [[ $version == latest ]]; then
		version=$(curl --fail --silent --show-error --location --retry 3 --head --output "$work/head" \
			--write-out '%{url_effective}' "$releases/latest") || fail "cannot find the latest release at $releases"
		version=${version##*/v}
	fi
	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.-]+)?$ ]] || fail "\"$version\" is no version such as 1.2.3"
	archive=hooks_${version}_${os}_${arch}.$ending
	download "$releases/download/v$version/$archive" "$work/$archive"
	want=$(tr '[:upper:]' '[:lower:]' <<<"$INSTALL_CHECKSUM")
	if [[ -z $want ]]; then
		download "$releases/download/v$version/checksums.txt" "$work/checksums.txt"
		want=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/checksums.txt")
	fi
	[[ $want =~ ^[0-9a-f]{64}$ ]] || fail "no checksum for $archive"
	got=$(sha256 "$work/$archive")
	[[ $got == "$want" ]] || fail "$archive has the checksum $got, not $want"
	if [[ $ending == zip ]]; then
		unzip -q -o "$work/$archive" "$name" -d "$work"
	else
		tar -xzf "$work/$archive" -C "$work" "$name"
	fi
	mv -f "$work/$name" "$bin/$name"
}

from_checkout() {
	command -v go >/dev/null || fail "Go builds hooks: add actions/setup-go before this action"
	(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && CGO_ENABLED=0 go build -trimpath -o "$bin/$name" ./cmd/hooks) || fail "hooks could not be built"
}

case ${INSTALL_BUILD:-false} in
true) from_checkout ;;
false) from_release ;;
*) fail "build is true or false, not \"$INSTALL_BUILD\"" ;;
esac

version=$("$bin/$name" version) || fail "the program that was installed does not run"
version=${version%%$'\n'*}
printf '%s\n' "$bin" >>"${GITHUB_PATH:?}"
{
	printf 'version=%s\n' "$version"
	printf 'path=%s\n' "$bin/$name"
} >>"${GITHUB_OUTPUT:?}"
printf '%s\n' "$version"
