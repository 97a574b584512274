package probe

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// longest is how many bytes a Path, a Script and a Host may have: the request
// must fit into the empty buffer of a new socket, and its parameters into one
// record.
const longest = 1024

// complete checks r and fills in what it leaves open.
func (r Request) complete() (Request, error) {
	r.Method = orElse(r.Method, "GET")
	r.Path = orElse(r.Path, "/")
	r.Host = orElse(r.Host, "localhost")
	switch r.Protocol {
	case FastCGI, HTTP, FastCGIValues:
	default:
		return r, fmt.Errorf("%q is no protocol (%s, %s, %s)", r.Protocol, FastCGI, FastCGIValues, HTTP)
	}
	if r.Method != "GET" && r.Method != "HEAD" {
		return r, fmt.Errorf("the method %q may change something (GET, HEAD)", r.Method)
	}
	if len(r.Path) > longest || len(r.Script) > longest || len(r.Host) > longest {
		return r, fmt.Errorf("path, script and host may have %d bytes each", longest)
	}
	if r.Path[0] != '/' {
		return r, fmt.Errorf("the path %q does not begin with a slash", r.Path)
	}
	if !visible(r.Path) || strings.Contains(r.Path, "#") {
		return r, fmt.Errorf("the path %q has characters that a URL writes as %%20, %%C3 and so on", r.Path)
	}
	if _, err := unescape(r.Path); err != nil {
		return r, fmt.Errorf("the path %q: %w", r.Path, err)
	}
	if !visible(r.Host) || strings.ContainsAny(r.Host, "/@?#") {
		return r, fmt.Errorf("%q is no host", r.Host)
	}
	if r.Script != "" && (!filepath.IsAbs(r.Script) || strings.ContainsRune(r.Script, 0)) {
		return r, fmt.Errorf("the script %q is not the absolute path of a file", r.Script)
	}
	if r.Script != "" && r.Protocol != FastCGI {
		return r, fmt.Errorf("a script goes with the protocol %s only", FastCGI)
	}
	return r, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// visible says that s is ASCII without spaces and control characters: nothing
// in it can end a line of HTTP or a part of one.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// unescape undoes %XX, as a web server does for PATH_INFO and SCRIPT_NAME
// (RFC 3875, 4.1.5).
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New("it ends within an escape")
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil || c == 0 {
			return "", fmt.Errorf("%q is no escape of a character", s[i:i+3])
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

// http is the request in HTTP/1.1 (RFC 9112).
func (r Request) http() []byte {
	return []byte(r.Method + " " + r.Path + " HTTP/1.1\r\nHost: " + r.Host +
		"\r\nUser-Agent: keepone\r\nAccept: */*\r\nConnection: close\r\n\r\n")
}

// variables are the request as CGI's meta-variables (RFC 3875, 4.1), with
// the further ones that web servers send and applications lean on.
func (r Request) variables() [][2]string {
	path, query, _ := strings.Cut(r.Path, "?")
	path, _ = unescape(path) // complete has tried it
	name, port := r.Host, "80"
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		name, port = name[:i], name[i+1:]
	}
	v := [][2]string{
		{"GATEWAY_INTERFACE", "CGI/1.1"},
		{"SERVER_SOFTWARE", "keepone"},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
		{"SERVER_NAME", name},
		{"SERVER_PORT", port},
		{"SERVER_ADDR", "127.0.0.1"},
		{"REMOTE_ADDR", "127.0.0.1"},
		{"REMOTE_PORT", "0"},
		{"REQUEST_METHOD", r.Method},
		{"REQUEST_SCHEME", "http"},
		{"REQUEST_URI", r.Path},
		{"QUERY_STRING", query},
		{"HTTP_HOST", r.Host},
		{"HTTP_USER_AGENT", "keepone"},
		{"HTTP_ACCEPT", "*/*"},
	}
	if r.Script == "" {
		return append(v, [2]string{"SCRIPT_NAME", ""}, [2]string{"PATH_INFO", path})
	}
	return append(v,
		[2]string{"SCRIPT_NAME", path},
		[2]string{"SCRIPT_FILENAME", r.Script},
		[2]string{"DOCUMENT_ROOT", filepath.Dir(r.Script)},
		[2]string{"REDIRECT_STATUS", "200"}, // without it a php built for CGI refuses
	)
}
