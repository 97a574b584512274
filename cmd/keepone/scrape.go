package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"keepone/metrics"

	"golang.org/x/sys/unix"
)

const (
	scrapeTimeout = 5 * time.Second
	longestHead   = 16 << 10 // bytes of a request
)

// serveScrape answers one HTTP request and is done: RFC 9112. There is nothing
// to be had but the metrics, at /metrics and at /.
func serveScrape(in *os.File, out io.Writer, text func() ([]byte, error)) error {
	patience := unix.NsecToTimeval(scrapeTimeout.Nanoseconds())
	unix.SetsockoptTimeval(int(in.Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience) // a pipe has none
	head := bufio.NewReader(io.LimitReader(in, longestHead))
	line, err := head.ReadString('\n')
	for field := line; err == nil && strings.TrimSpace(field) != ""; {
		field, err = head.ReadString('\n') // nothing in the header matters
	}
	if err != nil {
		return fmt.Errorf("cannot read the request: %w", err)
	}
	method, rest, _ := strings.Cut(line, " ")
	path, protocol, _ := strings.Cut(strings.TrimSpace(rest), " ")
	path, _, _ = strings.Cut(path, "?")
	kind, body, status := "text/plain; charset=utf-8", []byte(nil), "200 OK"
	switch {
	case !strings.HasPrefix(protocol, "HTTP/1."):
		status = "400 Bad Request"
	case method != "GET" && method != "HEAD":
		status = "405 Method Not Allowed\r\nAllow: GET, HEAD"
	case path != "/" && path != "/metrics":
		status = "404 Not Found"
	default:
		if body, err = text(); err != nil {
			status = "500 Internal Server Error"
			break
		}
		kind = metrics.ContentType
	}
	if body == nil {
		first, _, _ := strings.Cut(status, "\r")
		body = []byte(first + "\n")
	}
	fmt.Fprintf(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", status, kind, len(body))
	if method != "HEAD" {
		out.Write(body)
	}
	return err
}
