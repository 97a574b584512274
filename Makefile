# Two targets are all a newcomer needs: make demo, make test.

GO      ?= go
LDFLAGS  = -s -w -X runtime.godebugDefault=disablethp=1
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -buildmode=exe -ldflags '$(LDFLAGS)'
MINUTES  = 30
UPDATE   = -update
PREFIX   = /usr/local
VERSION  =
TOOLS    = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test long test-boot vm backends chaos demo lint race bench packages-for-tests packages-for-boot packages-for-backends packages-for-demo packages manual install uninstall clean

build: ## keepone and keepone-setup, static, not position-independent (DESIGN.md, "Go")
	$(BUILD) -o keepone ./cmd/keepone
	$(BUILD) -o keepone-setup ./cmd/keepone-setup

test: packages-for-tests ## every test but the long ones, the booted systems' and the backends'; as root all of them
	$(GO) test -count=1 -short -timeout 20m -parallel 8 $$($(GO) list ./... | grep -v -e /e2e/boot -e /e2e/vm -e /e2e/backends)

long: packages-for-tests ## all of e2e, with the tests that take half a minute and more, such as coming to rest
	$(GO) test -count=1 -timeout 20m -parallel 8 ./e2e

test-boot: vm ## systems that really boot: every init, packages, installation, Debian 11 to 13
	$(GO) test -count=1 -timeout 30m -parallel 4 ./e2e/boot ./packaging

vm: packages-for-tests packages-for-boot ## a Debian under qemu, for what only cgroup v2 can show
	$(GO) test -count=1 -timeout 20m ./e2e/vm

backends: packages-for-backends ## two dozen real backends; writes the tables of BACKENDS.md, or compares them with UPDATE=
	KEEPONE_BACKENDS=1 $(GO) test -count=1 -timeout 10m -parallel 6 ./e2e/backends $(UPDATE)

chaos: packages-for-tests ## random events, and a rogue, under load for MINUTES; CHAOS_SEED=N, ROGUE_SEED=N play a run again, CHAOS_TCP=1 is for an address
	CHAOS_MINUTES=$(MINUTES) $(GO) test -count=1 -v -timeout $$(($(MINUTES) + 10))m -run '^Test(Chaos|Rogue)$$' ./e2e

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

packages: ## .deb, .rpm, .apk and tarballs in dist/, for four architectures, with checksums and an SBOM; VERSION=1.2.3 for another than NEWS.md's
	$(GO) run ./packaging -o dist $(if $(VERSION),-version $(VERSION))

manual: build ## man pages and completions in dist/manual/
	$(GO) run ./manual -o dist/manual

# What the tarball holds, for a system without packages; "keepone install" brings
# what the init system needs. As root: make build manual && sudo make install
install: ## into $(DESTDIR)$(PREFIX), what make build manual has made; enables and starts nothing
	@test -e keepone -a -e keepone-setup -a -d dist/manual || { echo "make build manual comes first" >&2; exit 1; }
	install -D -m 755 keepone $(DESTDIR)$(PREFIX)/bin/keepone
	install -D -m 755 keepone-setup $(DESTDIR)$(PREFIX)/lib/keepone/keepone-setup
	for page in dist/manual/*.[1-9]; do install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit; done
	install -D -m 644 dist/manual/completions/keepone.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/keepone
	install -D -m 644 dist/manual/completions/_keepone $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_keepone
	install -D -m 644 dist/manual/completions/keepone.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/keepone.fish
	for file in README.md OPERATING.md CONFIGURATION.md BACKENDS.md NEWS.md LICENSE; do install -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/doc/keepone/$$file || exit; done

uninstall: ## what install has put there, and nothing else; keepone uninstall NAME comes first
	rm -f $(DESTDIR)$(PREFIX)/bin/keepone $(DESTDIR)$(PREFIX)/lib/keepone/keepone-setup \
		$(DESTDIR)$(PREFIX)/share/man/man8/keepone.8 $(DESTDIR)$(PREFIX)/share/man/man5/keepone.toml.5 $(DESTDIR)$(PREFIX)/share/man/man7/keepone-lighttpd.7 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/keepone $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_keepone \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/keepone.fish
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/keepone
	rmdir $(DESTDIR)$(PREFIX)/lib/keepone || :

# Debian packages are installed only as root, and only the missing ones. Without
# them the demo uses its stand-ins, and a test that needs one says so.
packages-for-demo:
	@./packaging/need lighttpd:lighttpd php-cgi:php-cgi

packages-for-tests:
	@./packaging/need lighttpd:lighttpd php-cgi:php-cgi nginx:nginx-light apachectl:apache2 caddy:caddy setfacl:acl ps:procps python3:python3 curl:curl ip:iproute2 fcgiwrap:fcgiwrap supervisord:supervisor \
		"/usr/lib/*/perl5/*/FCGI.pm:libfcgi-perl" lintian:lintian shellcheck:shellcheck secilc:secilc checkmodule:checkpolicy qemu-arm:qemu-user \
		mandoc:mandoc man:man-db zsh:zsh fish:fish bash:bash /usr/share/bash-completion/bash_completion:bash-completion \
		/usr/lib/python3/dist-packages/prometheus_client/openmetrics/parser.py:python3-prometheus-client

packages-for-boot:
	@./packaging/need mmdebstrap:mmdebstrap qemu-system-x86_64:qemu-system-x86

packages-for-backends:
	@./packaging/need lighttpd:lighttpd nginx:nginx-light php-cgi:php8.2-cgi php-fpm8.2:php8.2-fpm python3:python3 fcgiwrap:fcgiwrap \
		/usr/share/perl5/CGI/Fast.pm:libcgi-fast-perl "/usr/lib/*/perl5/*/FCGI.pm:libfcgi-perl" \
		/usr/share/perl5/FCGI/ProcManager.pm:libfcgi-procmanager-perl plackup:libplack-perl starman:starman \
		/usr/share/perl5/Plack/Handler/Starlet.pm:starlet ruby:ruby /usr/lib/ruby/vendor_ruby/fcgi.rb:ruby-fcgi puma:puma \
		unicorn:unicorn uwsgi-core:uwsgi-core /usr/lib/uwsgi/plugins/python3_plugin.so:uwsgi-plugin-python3 gunicorn:gunicorn \
		uvicorn:uvicorn hypercorn:python3-hypercorn node:nodejs \
		/usr/lib/python3/dist-packages/waitress/__init__.py:python3-waitress

clean:
	rm -f keepone keepone-setup keepone-demo
