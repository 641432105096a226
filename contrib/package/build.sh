#!/bin/sh
# build.sh DIR: build the Debian package and the RPM of the commit that is checked
# out, into DIR. "make package" calls it. The same commit gives the same bytes.
#
# nfpm is run at a pinned version and not made a tool of go.mod: some sixty modules
# would come with it. It is the newest version that depends on no more than it uses
# for these two formats. Go holds it and what it needs against its checksum database.
set -eu
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2

[ $# = 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
umask 022
mkdir -p "$1"
out=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
root=$stage/root
doc=$root/usr/share/doc/pausetest
put() { install -D -m 644 "$1" "$2"; }
pack() { gzip -9n <"$1" | install -D -m 644 /dev/stdin "$2"; }

# --- when, and which version --------------------------------------------------

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
CGO_ENABLED=0 ${GO:-go} build -trimpath -ldflags=-s -o "$stage/pausetest" ./cmd/pausetest
release=$("$stage/pausetest" version)
release=${release#pausetest }
release=${release%%[ +]*}
# What is built between two releases sorts before the coming one, by its date.
PACKAGE_VERSION=$release
if [ "$(git describe --exact-match --tags --match "v$release" 2>/dev/null)" != "v$release" ]; then
	PACKAGE_VERSION=$release~git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$(git rev-parse --short=8 HEAD)
fi
PACKAGE_ARCH=$(${GO:-go} env GOARCH)
export PACKAGE_VERSION PACKAGE_ARCH

# --- the files, as they are installed -----------------------------------------

install -D -m 755 "$stage/pausetest" "$root/usr/bin/pausetest"

mkdir "$stage/man"
"$stage/pausetest" man "$stage/man"
for page in "$stage"/man/*; do
	pack "$page" "$root/usr/share/man/man${page##*.}/${page##*/}.gz"
done

"$stage/pausetest" completion bash | install -D -m 644 /dev/stdin "$root/usr/share/bash-completion/completions/pausetest"
"$stage/pausetest" completion fish | install -D -m 644 /dev/stdin "$root/usr/share/fish/vendor_completions.d/pausetest.fish"
"$stage/pausetest" completion zsh >"$stage/pausetest.zsh"

for unit in contrib/systemd/*; do
	put "$unit" "$root/usr/lib/systemd/system/${unit##*/}"
done
put contrib/cron.d/pausetest "$doc/examples/cron.d/pausetest"
install -D -m 755 contrib/amanda/pausetest-check "$doc/examples/amanda/pausetest-check"
put docs/amanda-hooks.md "$doc/amanda-hooks.md"
put docs/schedule.schema.json "$doc/schedule.schema.json"
put README.md "$doc/README.md"
put LICENSE "$doc/copyright"
pack CHANGELOG.md "$doc/changelog.gz"
install -d "$root/etc/pausetest/rules.d" "$root/var/lib/pausetest"

# --- the packages -------------------------------------------------------------

cp "$here"/nfpm.yaml "$here"/*.sh "$here"/lintian-overrides "$stage"
cat >"$stage/changelog.yaml" <<END
- semver: $PACKAGE_VERSION-1
  date: $(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
  packager: The pausetest authors <pausetest@localhost>
  deb: {urgency: medium, distributions: [unstable]}
  changes:
    - note: What changed is in changelog.gz beside this file.
END
find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
cd "$stage"
for packager in deb rpm; do
	GOFLAGS=-mod=mod ${GO:-go} run "$nfpm" package --config nfpm.yaml --packager $packager --target "$out"
done
