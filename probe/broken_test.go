package probe

import (
	"strings"
	"testing"
)

// rec is a record of our request with three bytes of padding.
func rec(kind byte, content string) string {
	b := appendRecord(nil, kind, ourRequest, []byte(content))
	b[6] = 3
	return string(b) + "pad"
}

// end is FCGI_END_REQUEST with an appStatus nobody looks at.
func end(status byte) string {
	return rec(endRequest, string([]byte{0, 0, 0, 7, status, 0, 0, 0}))
}

const page = "Content-Type: text/plain\r\n\r\nhello"

func TestFastCGIAnswers(t *testing.T) {
	good := rec(stdout, page) + rec(stdout, "") + end(0)
	for name, c := range map[string]struct {
		answer string
		want   []string // none: no error
	}{
		"page":               {answer: good},
		"no empty stdout":    {answer: rec(stdout, page) + end(0)},
		"cut in the header":  {answer: rec(stdout, page[:5]) + rec(stdout, page[5:28]) + rec(stderr, "x") + rec(stdout, page[28:]) + end(0)},
		"bare newlines":      {answer: rec(stdout, "Status: 204 No Content\n\n") + end(0)},
		"management between": {answer: string(appendRecord(nil, unknownType, management, make([]byte, 8))) + good},
		"long line":          {answer: rec(stdout, "Set-Cookie: "+strings.Repeat("x", 9000)+"\r\nStatus: 200\r\n\r\n") + end(0)},
		"continued line":     {answer: rec(stdout, "X: a\r\n b\r\n\r\n") + end(0)},
		"stderr beside":      {answer: rec(stderr, "a warning") + good},
		"status":             {rec(stdout, "Status: 404 Not Found\r\n\r\n") + end(0), []string{"the status is 404, expected 200-399"}},
		"status line":        {rec(stdout, "HTTP/1.1 503 Gone\r\nX: y\r\n\r\n") + end(0), []string{"the status is 503"}},
		"stderr and status": {rec(stderr, "PHP Fatal\n") + rec(stdout, "Status: 500\r\n\r\n") + end(0),
			[]string{"the status is 500", `FCGI_STDERR: "PHP Fatal"`, "cannot confirm GET /p over fastcgi"}},
		"long stderr":       {rec(stderr, strings.Repeat("e", 300)) + end(0), []string{"the answer is empty", strings.Repeat("e", 200) + `…"`}},
		"bad status":        {rec(stdout, "Status: fine\r\n\r\n") + end(0), []string{`no proper Status: "fine"`}},
		"low status":        {rec(stdout, "Status: 099\r\n\r\n") + end(0), []string{"no proper Status"}},
		"long status":       {rec(stdout, "Status: 2000\r\n\r\n") + end(0), []string{"no proper Status"}},
		"no field":          {rec(stdout, "Traceback (most recent call last)\n\n") + end(0), []string{`a line that is none: "Traceback`}},
		"empty":             {rec(stdout, "") + end(0), []string{"the answer is empty"}},
		"half a header":     {rec(stdout, "Status: 200\r\n") + end(0), []string{"ended within its header"}},
		"no end":            {rec(stdout, page), []string{"closed after", "before the answer was whole"}},
		"half a record":     {good[:20], []string{"closed after 20 bytes"}},
		"half a head":       {good[:3], []string{"closed after 3 bytes"}},
		"nothing":           {"", []string{"closed without an answer"}},
		"mpx":               {end(1), []string{"FCGI_CANT_MPX_CONN"}},
		"overloaded":        {end(2), []string{"FCGI_OVERLOADED"}},
		"role":              {end(3), []string{"FCGI_UNKNOWN_ROLE"}},
		"unknown refusal":   {end(9), []string{"unknown protocolStatus 9"}},
		"short end":         {rec(endRequest, "1234567"), []string{"has 7 bytes, not 8"}},
		"http":              {"HTTP/1.1 200 OK\r\n\r\n", []string{`not FastCGI: "HTTP/1.1 200 OK\r\n\r\n"`}},
		"another's request": {string(appendRecord(nil, stdout, 2, []byte("x"))), []string{"a record of type 6 for request 2"}},
		"our own record":    {rec(stdin, ""), []string{"a record of type 5 for request 1"}},
		"huge header":       {strings.Repeat(rec(stdout, "X: "+strings.Repeat("y", 10000)+"\r\n"), 7), []string{"larger than 64 KiB"}},
		"huge line":         {strings.Repeat(rec(stdout, strings.Repeat("y", 10000)), 7), []string{"larger than 64 KiB"}},
		"huge body":         {rec(stdout, page) + strings.Repeat(rec(stdout, strings.Repeat("y", 60000)), 18) + end(0), []string{"larger than 1 MiB"}},
		"huge stderr":       {strings.Repeat(rec(stderr, strings.Repeat("y", 60000)), 18) + good, []string{"larger than 1 MiB"}},
		"empty records":     {strings.Repeat(rec(stdout, ""), 1<<17), []string{"larger than 1 MiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, Request{Protocol: FastCGI, Path: "/p"})
			expect(t, askPeer(t, p, c.answer), c.want...)
			expect(t, askPeer(t, p, good)) // nothing of it is left
		})
	}
}

func TestFastCGILocationIsARedirect(t *testing.T) {
	only, err := ParseStatuses("302")
	must(t, err)
	p := newProbe(t, Request{Protocol: FastCGI, Status: only})
	expect(t, askPeer(t, p, rec(stdout, "Location: /login\r\n\r\n")+end(0)))
	expect(t, askPeer(t, p, rec(stdout, page)+end(0)), "the status is 200, expected 302")
	expect(t, askPeer(t, p, rec(stdout, "Location: /made\r\nStatus: 201 Created\r\n\r\n")+end(0)), "the status is 201")
}

func TestHTTPAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, c := range map[string]struct {
		answer string
		want   []string
	}{
		"length":             {answer: ok + "content-length: 5\r\n\r\nhello"},
		"lengths that agree": {answer: ok + "Content-Length: 5\r\nContent-Length:5 \r\n\r\nhello"},
		"until close":        {answer: ok + "\r\nhello"},
		"HTTP/1.0":           {answer: "HTTP/1.0 200\n\nhello"},
		"chunks":             {answer: ok + "Transfer-Encoding: gzip, Chunked\r\n\r\n5;x=y\r\nhello\r\n0a \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"},
		"chunks win":         {answer: ok + "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n"},
		"many chunks":        {answer: ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 50000) + "0\r\n\r\n"},
		"no content":         {answer: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"},
		"not modified":       {answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
		"interim":            {answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n"},
		"switching":          {"HTTP/1.1 101 Switching Protocols\r\n\r\n", []string{"the status is 101"}},
		"status":             {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", []string{"cannot confirm GET /p over http: the status is 502, expected 200-399"}},
		"no status":          {"HTTP/1.1 OK\r\n\r\n", []string{"status of three digits"}},
		"no status at all":   {"HTTP/1.1\r\n\r\n", []string{"status of three digits"}},
		"short body":         {ok + "Content-Length: 6\r\n\r\nhello", []string{"before the answer was whole"}},
		"bad length":         {ok + "Content-Length: -1\r\n\r\n", []string{`no proper Content-Length: "-1"`}},
		"no length":          {ok + "Content-Length:\r\n\r\n", []string{"no proper Content-Length"}},
		"lengths that fight": {ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", []string{"no proper Content-Length"}},
		"cut length":         {ok + "Content-Length: " + strings.Repeat("0", 300) + "\r\n\r\n", []string{"Content-Length is too long"}},
		"short chunk":        {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", []string{"before the answer was whole"}},
		"no last chunk":      {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", []string{"before the answer was whole"}},
		"no end of trailers": {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n", []string{"before the answer was whole"}},
		"bad chunk":          {ok + "Transfer-Encoding: chunked\r\n\r\nhello\r\n", []string{`no proper size: "hello"`}},
		"empty chunk size":   {ok + "Transfer-Encoding: chunked\r\n\r\n\r\n", []string{"no proper size"}},
		"long chunk":         {ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", []string{"longer than it says"}},
		"huge chunk":         {ok + "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", []string{"larger than 1 MiB"}},
		"overflowing chunk":  {ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", []string{"no proper size"}},
		"huge length":        {ok + "Content-Length: 1048577\r\n\r\n", []string{"larger than 1 MiB"}},
		"huge body":          {ok + "\r\n" + strings.Repeat("x", 1<<20), []string{"larger than 1 MiB"}},
		"huge header":        {ok + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 70), []string{"larger than 64 KiB"}},
		"huge status line":   {ok[:12] + strings.Repeat("y", 70000), []string{"larger than 64 KiB"}},
		"endless interim":    {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 3000), []string{"larger than 64 KiB"}},
		"huge trailers":      {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 11000), []string{"larger than 64 KiB"}},
		"no field":           {ok + "hello\r\n\r\n", []string{`a line that is none: "hello"`}},
		"space before colon": {ok + "Content-Length : 5\r\n\r\n", []string{"a line that is none"}},
		"half a header":      {ok + "X: y\r\n", []string{"before the answer was whole"}},
		"fastcgi":            {end(0), []string{`not HTTP/1: "\x01\x03`}},
		"another version":    {"HTTP/2 200\r\n\r\n", []string{`not HTTP/1: "HTTP/2 200`}},
		"nothing":            {"", []string{"closed without an answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, Request{Protocol: HTTP, Path: "/p"})
			expect(t, askPeer(t, p, c.answer), c.want...)
			expect(t, askPeer(t, p, ok+"Content-Length: 0\r\n\r\n"))
		})
	}
}

func TestHTTPHeadHasNoBody(t *testing.T) {
	p := newProbe(t, Request{Protocol: HTTP, Method: "HEAD"})
	expect(t, askPeer(t, p, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"))
}

func TestValuesAnswers(t *testing.T) {
	p := newProbe(t, Request{Protocol: FastCGIValues})
	result := string(appendRecord(nil, valuesResult, management, appendPair(nil, "FCGI_MPXS_CONNS", "0")))
	expect(t, askPeer(t, p, result))
	expect(t, askPeer(t, p, string(appendRecord(nil, unknownType, management, make([]byte, 8)))))
	expect(t, askPeer(t, p, result[:len(result)-1]), "cannot confirm FCGI_GET_VALUES: closed after")
	expect(t, askPeer(t, p, end(0)), "a record of type 3 for request 1")
	expect(t, askPeer(t, p), "closed without an answer")
}
