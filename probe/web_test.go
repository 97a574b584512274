package probe

import (
	"fmt"
	"io"
	"net/http"
	"net/http/fcgi"
	"strconv"
	"strings"
	"testing"
)

// site answers by path, for HTTP and for FastCGI.
var site = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	kind, argument, _ := strings.Cut(r.URL.Path[1:], "/")
	n, _ := strconv.Atoi(argument)
	switch kind {
	case "status":
		w.WriteHeader(n)
	case "bytes":
		w.Header().Set("Content-Length", argument)
		io.WriteString(w, strings.Repeat("x", n))
	case "chunks":
		for range n {
			io.WriteString(w, strings.Repeat("x", 1000))
			w.(http.Flusher).Flush()
		}
	case "interim":
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
	case "to":
		http.Redirect(w, r, "/", http.StatusFound)
	case "panic":
		panic(http.ErrAbortHandler)
	case "told":
		if got := fmt.Sprint(r.Method, r.Host, r.URL.RawQuery, r.UserAgent()); got != "GETexample.orgq=1keepone" {
			http.Error(w, got, http.StatusTeapot)
		}
	}
})

func TestNetHTTP(t *testing.T) {
	l, path := listen(t)
	server := &http.Server{Handler: site}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	site := func(method, page string, want ...string) {
		t.Helper()
		expect(t, ask(t, path, Request{Protocol: HTTP, Method: method, Path: page, Host: "example.org"}), want...)
	}
	checkSite(site)
	site("GET", "/interim")
	site("GET", "/panic", "closed without an answer")
}

func TestNetFCGI(t *testing.T) {
	l, path := listen(t)
	go fcgi.Serve(l, site)
	checkSite(func(method, page string, want ...string) {
		t.Helper()
		expect(t, ask(t, path, Request{Protocol: FastCGI, Method: method, Path: page, Host: "example.org"}), want...)
	})
	expect(t, ask(t, path, Request{Protocol: FastCGIValues}))
}

func checkSite(site func(method, page string, want ...string)) {
	for _, method := range []string{"GET", "HEAD"} {
		site(method, "/")
		site(method, "/status/204")
		site(method, "/status/304")
		site(method, "/status/404", "the status is 404")
		site(method, "/status/500", "the status is 500")
		site(method, "/to")
	}
	site("GET", "/told?q=1")
	site("GET", "/bytes/0")
	site("GET", "/bytes/1000000")
	site("GET", "/bytes/1100000", "larger than 1 MiB")
	site("HEAD", "/chunks/3")
	site("GET", "/chunks/3")
	site("GET", "/chunks/1000")
	site("GET", "/chunks/1100", "larger than 1 MiB")
}
