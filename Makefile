# Two targets are all a newcomer needs: make demo, make test.

GO      ?= go
LDFLAGS  = -s -w -X runtime.godebugDefault=disablethp=1
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -buildmode=exe -ldflags '$(LDFLAGS)'
MINUTES  = 30
TOOLS    = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test vm chaos demo lint race bench packages-for-tests packages-for-vm packages-for-demo clean

build: ## the keepone binary, static, not position-independent (DESIGN.md, "Go")
	$(BUILD) -o keepone ./cmd/keepone

test: packages-for-tests ## every test but the virtual machine's; as root all of them
	$(GO) test -timeout 20m -parallel 8 $$($(GO) list ./... | grep -v /e2e/vm)

vm: packages-for-tests packages-for-vm ## a Debian under qemu, for what only cgroup v2 can show
	$(GO) test -timeout 20m ./e2e/vm

chaos: packages-for-tests ## random events under load for MINUTES; CHAOS_SEED=N plays a run again
	CHAOS_MINUTES=$(MINUTES) $(GO) test -count=1 -v -timeout $$(($(MINUTES) + 10))m -run '^TestChaos$$' ./e2e

race: ## the unit tests under the race detector, which needs cgo
	$(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v -e /e2e -e /bench -e /demo)

lint: ## vet, staticcheck, formatting, go.mod tidy
	$(GO) vet ./...
	$(GO) run $(TOOLS) ./...
	test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	$(GO) mod tidy -diff

demo: packages-for-demo build ## a real site, restarted ten times under load
	@$(GO) build -o keepone-demo ./demo
	@./keepone-demo -keepone ./keepone

bench: packages-for-tests build ## side by side with the peers
	$(GO) run ./bench/restart -keepone ./keepone
	$(GO) run ./bench/resident -keepone ./keepone
	$(GO) run ./bench/frugal -keepone ./keepone
	$(GO) run ./bench/leak -keepone ./keepone -restarts 0

# Debian packages are installed only as root, and only the missing ones. Without
# them the demo uses its stand-ins, and a test that needs one says so.
packages-for-demo:
	@./packaging/need lighttpd:lighttpd php-cgi:php-cgi

packages-for-tests:
	@./packaging/need lighttpd:lighttpd php-cgi:php-cgi nginx:nginx-light python3:python3 curl:curl mmdebstrap:mmdebstrap ip:iproute2 fcgiwrap:fcgiwrap \
		"/usr/lib/*/perl5/*/FCGI.pm:libfcgi-perl" \
		/usr/lib/python3/dist-packages/prometheus_client/openmetrics/parser.py:python3-prometheus-client

packages-for-vm:
	@./packaging/need qemu-system-x86_64:qemu-system-x86

clean:
	rm -f keepone keepone-demo
