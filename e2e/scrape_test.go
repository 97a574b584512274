package e2e

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scraped connects to keepone metrics --http over TCP, as a socket unit with Accept=yes hands a connection over, sends a request
// and returns all of the answer.
func (s *site) scraped(request string) string {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	s.must(err)
	defer client.Close()
	accepted, err := l.Accept()
	s.must(err)
	file, err := accepted.(*net.TCPConn).File()
	s.must(err, accepted.Close(), syscall.SetNonblock(int(file.Fd()), false)) // as an init system hands it over
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, keepone, "metrics", "--http", "-c", s.config, "--run-dir", s.run)
	cmd.Env, cmd.Stdin, cmd.Stdout = s.environ(), file, file
	s.must(cmd.Start(), file.Close())
	if request != "" {
		_, err = client.Write([]byte(request))
		s.must(err)
	}
	text, err := io.ReadAll(client)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // that is how what was not read ends
		s.t.Errorf("%.30q: the connection ended with %v", request, err)
	}
	_ = cmd.Wait() // its exit code is nobody's to see
	if ctx.Err() != nil {
		s.t.Errorf("%.30q: keepone waits for more, for ever", request)
	}
	return string(text)
}

// TestMetricsHTTP: one request on a TCP connection gets one answer, and who sends nothing is not waited for.
func TestMetricsHTTP(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{}})
	head := " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Prometheus\r\nAccept: application/openmetrics-text\r\n\r\n"
	for request, want := range map[string]int{
		"GET /metrics" + head: 200, "GET /" + head: 200, "GET /metrics?name=x" + head: 200, "HEAD /metrics" + head: 200,
		"POST /metrics" + head: 405, "GET /nothing" + head: 404, "GET /metrics\r\n\r\n": 400, "rubbish\r\n\r\n": 400,
		"GET /metrics HTTP/1.0\r\n\r\n": 200, "GET /metrics HTTP/2.0\r\n\r\n": 400,
	} {
		answered(t, s, request, want)
	}
}

// answered demands one whole answer with that status, and metrics where that is 200.
func answered(t *testing.T, s *site, request string, want int) {
	t.Helper()
	method, _, _ := strings.Cut(request, " ")
	text := s.scraped(request)
	response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), &http.Request{Method: method})
	if err != nil {
		t.Errorf("%q: %v\n%s", request, err, text)
		return
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want || !response.Close {
		t.Errorf("%q: %s, closes %v, %v", request, response.Status, response.Close, err)
	}
	if want == 405 && response.Header.Get("Allow") == "" {
		t.Errorf("%q: no Allow", request)
	}
	if method == "HEAD" {
		if len(body) != 0 || response.ContentLength < 1000 {
			t.Errorf("HEAD: %d bytes of %d", len(body), response.ContentLength)
		}
		return
	}
	if int64(len(body)) != response.ContentLength {
		t.Errorf("%q: %d bytes of %d", request, len(body), response.ContentLength)
	}
	if want == 200 {
		if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text; version=1.0.0") {
			t.Errorf("%q: Content-Type %q", request, kind)
		}
		if value(t, parse(t, s, string(body)), "keepone_running") != 1 {
			t.Errorf("%q: it does not run", request)
		}
	}
}

// TestMetricsHTTPStrange: who sends nothing, or no end, is let go after a while; what is no request is not read for ever.
func TestMetricsHTTPStrange(t *testing.T) {
	for name, request := range map[string]string{
		"nothing": "", "half": "GET /metrics HTTP/1.1\r\nHost: x", "garbage": strings.Repeat("\x00\xff\r", 2000), "long": "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 4000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plan{command: []string{"/bin/true"}})
			text := s.scraped(request)
			if strings.Contains(text, " 200 ") {
				t.Errorf("answered with\n%s", text)
			}
		})
	}
}
