package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// tcp is the address of the listening socket, where that has one.
func (s *site) tcp() (at netip.AddrPort, ok bool) {
	text, ok := strings.CutPrefix(s.socket, "tcp://")
	if !ok {
		return at, false
	}
	at, err := netip.ParseAddrPort(text)
	s.must(err)
	return at, true
}

// nextPort is below what the kernel gives to clients (net.ipv4.ip_local_port_range), who would take a free one before
// keepone does. It begins anywhere: somebody else may run these tests, too.
var nextPort atomic.Int64

func init() { nextPort.Store(10_000 + rand.Int64N(20_000)) }

// freeAddress is where nobody listens, as socket.path says it; the test is skipped where the host has no such address.
func freeAddress(t *testing.T, ip string) string {
	t.Helper()
	for range 100 {
		at := netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(10_000+nextPort.Add(1)%22_000))
		l, err := net.Listen("tcp", at.String())
		if err == nil {
			l.Close()
			return "tcp://" + at.String()
		}
		if strings.Contains(err.Error(), "cannot assign requested address") || strings.Contains(err.Error(), "not supported") {
			t.Skip(err)
		}
	}
	t.Fatal("no port is free")
	return ""
}

// apache is a configuration of Apache's, which keeps connections to an HTTP backend unless it is told not to.
func (s *site) apache(port int) []byte {
	user, reuse, to := "", "disablereuse=On", "http://localhost"
	if name, uid := account(); uid >= 0 {
		user = fmt.Sprintf("User %[1]s\nGroup %[1]s", name)
	}
	at, tcp := s.tcp()
	if tcp {
		to = "http://" + at.String()
	}
	pass := `ProxyPass "/" "%s/" %s`
	if !s.http() { // what follows the address is SCRIPT_FILENAME
		to = strings.Replace(to, "http://", "fcgi://", 1)
		pass = `ProxyPassMatch "^/.*$" "%s` + s.dir + `/echo.php" %s`
	}
	if !tcp {
		to = "unix:" + s.socket + "|" + to
	}
	if s.plan.front == "apache-reuse" {
		reuse = ""
	}
	return fmt.Appendf(nil, `ServerRoot %[1]q
ServerName localhost
Listen 127.0.0.1:%[2]d
PidFile %[1]s/web.pid
DefaultRuntimeDir %[1]s/var
Mutex file:%[1]s/var
ErrorLog %[1]s/var/web.error
%[3]s
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so
ProxyFCGIBackendType GENERIC
ServerLimit 6
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 384
%[4]s
`, s.dir, port, user, fmt.Sprintf(pass, to, reuse))
}
