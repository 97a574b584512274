package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestTCPRestarts: planned restarts under load lose nothing over TCP either: real web servers, HTTP and FastCGI, IPv4 and
// IPv6, both ways of handing the listening socket over.
func TestTCPRestarts(t *testing.T) {
	for _, c := range []struct {
		front, ip, name string
		option          string // of the program
		handoff         string
		times           int
	}{
		{"nginx", "127.0.0.1", "web.py", "", "fd0", 10},
		{"lighttpd", "127.0.0.1", "web.py", "", "listen-fds", 10},
		{"apache", "127.0.0.1", "web.py", "keepalive", "fd0", 10},
		{"nginx", "127.0.0.1", "php-cgi", "", "fd0", 10},
		{"lighttpd", "127.0.0.1", "php-cgi", "", "fd0", 3},
		{"apache", "127.0.0.1", "php-cgi", "", "fd0", 3},
		{"lighttpd", "0.0.0.0", "threaded.py", "", "listen-fds", 3},
		{"nginx", "::1", "web.py", "", "fd0", 3},
	} {
		t.Run(strings.Join([]string{c.front, c.name, c.ip}, "/"), func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				c.times = 3
			}
			command, set := backend(t, c.name)
			if c.option != "" {
				command = append(command, c.option)
			}
			set["backend.handoff"] = c.handoff
			restartSite(t, plan{front: c.front, command: command, at: freeAddress(t, c.ip), settings: set}, c.times)
		})
	}
}

// TestTCP: what the tests of these names want of a Unix socket, they want of an address.
func TestTCP(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, at string){
		"AdoptionWhileDraining":    adoptionWhileDraining,
		"WaitingShim":              waitingShim,
		"KillKeeponeWhileDraining": killKeeponeWhileDraining,
		"Hung":                     hung,
		"StopAndStart":             stopAndStart,
		"SocketCannotBeTaken":      cannotBeTaken,
		"ShutDown":                 shutDown,
		"ShrunkenBacklog":          shrunkenBacklog,
	} {
		t.Run(name, func(t *testing.T) { test(t, freeAddress(t, "127.0.0.1")) })
	}
	for name, c := range map[string]struct {
		front string
		test  func(*testing.T, plan)
	}{
		"Adoption":       {"nginx", adoption},
		"BackendKilled":  {"nginx", backendKilled},
		"Upgrade":        {"apache", upgrades},
		"Unavailable":    {"apache", unavailable},
		"WebServerFound": {"apache", webServerFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, set := backend(t, "web.py")
			c.test(t, plan{front: c.front, command: command, at: freeAddress(t, "127.0.0.1"), settings: set})
		})
	}
}

// TestTCPKilledUnderLoad: keepone is killed while a backend drains under load, again and again; the next keepone ends what
// was begun, and nothing is lost or refused.
func TestTCPKilledUnderLoad(t *testing.T) {
	t.Parallel()
	command, set := backend(t, "web.py")
	set["drain.patience"] = "100ms"
	s := newRunningSite(t, plan{front: "nginx", command: command, at: freeAddress(t, "127.0.0.1"), settings: set})
	knocked := s.knock(t, 5*time.Millisecond)
	l := openLoop(t, s.url, everyday...)
	for range 4 {
		before := s.await("up")
		slow := make(chan outcome, 1)
		go func() { slow <- ask(newClient(), s.url, "/sleep?ms=3000") }()
		s.awaitFigures("it is served for a while", 30*time.Second, func(f figures) bool { return f.Queue.Active > 0 && f.Queue.Oldest > 0.2 })
		cli := s.background("restart-backend")
		s.await("draining")
		s.killKeepone()
		_ = cli.Wait() // it was told nothing
		s.startKeepone()
		s.awaitThat("the next one is up", func(st state) bool { return st.State == "up" && st.Backend.PID != before.Backend.PID })
		if o := <-slow; o.err != nil || o.backend != before.Backend.PID {
			t.Errorf("the slow request: answered by %d (old backend %d), %v", o.backend, before.Backend.PID, o.err)
		}
	}
	l.lossless(t)
	if n, err := knocked(); err != nil {
		t.Errorf("after %d connections: %v", n, err)
	}
}

// TestTCPKeepalive: connections that the web server keeps look busy, so the drain takes its full time, and status says why.
func TestTCPKeepalive(t *testing.T) {
	for _, front := range []string{"nginx-keepalive", "apache-reuse"} {
		t.Run(front, func(t *testing.T) {
			command, set := backend(t, "web.py")
			keepaliveNamed(t, plan{front: front, command: append(command, "keepalive"), at: freeAddress(t, "127.0.0.1"), settings: set})
		})
	}
}

// TestTCPResident: at rest keepone is as small as with a Unix socket (law 4), also after some restarts.
func TestTCPResident(t *testing.T) {
	if testing.Short() {
		t.Skip("coming to rest takes up to two minutes")
	}
	t.Parallel()
	command, set := backend(t, "web.py")
	s := newRunningSite(t, plan{front: "lighttpd", command: command, at: freeAddress(t, "127.0.0.1"), settings: set})
	for range 3 {
		s.get("/fast")
		s.do("restart-backend")
	}
	s.get("/fast")
	s.rests("at a TCP address", trimTwice)
}
