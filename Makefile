# What a person or a machine that works on pausetest calls. `make test` is all
# that CI calls for the tests; it needs Debian, Go and, for what touches the
# kernel (namespaces, a real Amanda), root.

GO ?= go
# Tests that can't run for want of one of these fail instead of skipping. Of the two
# kinds of cgroup hierarchy, a modern system mounts only one.
comma = ,
REQUIRE = root,netns,ipv6,bpf,amanda,chromium,prometheus,package,strace$(if $(wildcard /sys/fs/cgroup/freezer/cgroup.procs),$(comma)cgroup)$(if $(wildcard /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device),$(comma)blkio)$(if $(wildcard /proc/sys/kernel/task_delayacct),$(comma)taskstats)$(if $(wildcard /sys/fs/cgroup/memory/memory.limit_in_bytes),$(comma)memcg)
FUZZTIME ?= 10s
TORTURE ?= 1000

# Where `make package` leaves the Debian package and the RPM.
DIST ?= dist

.PHONY: all build package test lint fuzz torture table bench clean

all: build

build:
	$(GO) build -o pausetest ./cmd/pausetest

package:
	GO="$(GO)" contrib/package/build.sh $(DIST)

# One package after the other: some measure, and two cores are few.
# The real Amanda comes last and tells what was said of its four hosts.
test: packages
	PAUSETEST_REQUIRE=$(REQUIRE) $(GO) test -race -p 1 -timeout 60m $$($(GO) list ./... | grep -v /test/amanda)
	PAUSETEST_REQUIRE=$(REQUIRE) $(GO) test -v -timeout 40m ./test/amanda

.PHONY: packages
packages:
	test/install-packages.sh

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt would change:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

# Every fuzz target of every package, each for FUZZTIME.
fuzz:
	test/fuzz.sh $(FUZZTIME)

# The long form of the torture tests; docs/reliability.md has its figures.
torture:
	PAUSETEST_REQUIRE=$(REQUIRE) PAUSETEST_TORTURE=$(TORTURE) $(GO) test -timeout 3h -v -run 'Torture' ./internal/guard
	PAUSETEST_REQUIRE=$(REQUIRE) PAUSETEST_TORTURE=$(TORTURE) $(GO) test -timeout 3h -v -run 'Storm|Hops|Reused' ./internal/procctl

# The table of docs/statistics.md, 2,000 simulated runs a world, held against the
# published one.
table:
	PAUSETEST_TABLE=2000 $(GO) test -v -timeout 60m -run 'TestTable$$' ./internal/simulate

# Beside their peers, in one run and by turns; docs/performance.md has the table.
bench: build
	test/install-packages.sh test/bench/debian-packages.txt
	$(GO) run ./test/bench

clean:
	rm -rf pausetest dist
