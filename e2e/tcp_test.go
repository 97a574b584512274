package e2e

import (
	"strings"
	"testing"
)

// TestTCPRestarts: planned restarts under load lose nothing over TCP either: real web servers, HTTP and FastCGI, IPv4 and
// IPv6, both ways of handing the listening socket over.
func TestTCPRestarts(t *testing.T) {
	for _, c := range []struct {
		front, ip, name string
		option          string
		handoff         string
		times           int
	}{
		{"nginx", "127.0.0.1", "web.py", "", "fd0", 10},
		{"lighttpd", "127.0.0.1", "web.py", "", "listen-fds", 10},
		{"apache", "127.0.0.1", "web.py", "keepalive", "fd0", 10},
		{"nginx", "127.0.0.1", "php-cgi", "", "fd0", 10},
		{"lighttpd", "127.0.0.1", "php-cgi", "", "fd0", 3},
		{"apache", "127.0.0.1", "php-cgi", "", "fd0", 3},
		{"lighttpd", "127.0.0.1", "threaded.py", "", "listen-fds", 3},
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

// TestTCP: what the tests of these names want of a Unix socket, of an address.
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
