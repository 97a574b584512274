package unavailable

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	post = named("fastcgi", "post")
	get  = named("http", "get")
	head = named("http", "head")
)

func named(protocol, name string) request {
	return requests[slices.IndexFunc(requests, func(r request) bool { return r.protocol == protocol && r.name == name })]
}

// ask sends a whole request and checks the answer.
func (s *site) ask(r request) error {
	c, err := net.Dial("unix", s.path)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, r.text); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	return errors.Join(err, r.check(answer))
}

func TestParallel(t *testing.T) {
	s := newSite(t)
	st := s.open(page("fastcgi"))
	answers := make(chan error)
	for range 200 {
		go func() { answers <- s.ask(post) }()
	}
	for range 200 {
		s.must(<-answers)
	}
	s.close(st)
	s.must(s.blocking())
}

// Those who came before the process, and gave up, do not keep it from those
// who still wait, however many they are.
func TestGhosts(t *testing.T) {
	s := newSite(t)
	for i := range 500 {
		c := s.dial()
		if i%2 == 0 {
			io.WriteString(c, requests[0].text)
		}
		c.Close()
	}
	st := s.open(page("fastcgi"))
	s.must(s.ask(requests[0]))
	s.close(st)
}

// More connections than seats, and none says a word: when the word ends the
// process is gone nevertheless, and who found no seat waits for the backend.
func TestSilent(t *testing.T) {
	s := newSite(t)
	st := s.open(page("http"))
	var silent []net.Conn
	for range seats + 10 {
		c := s.dial()
		defer c.Close()
		silent = append(silent, c)
	}
	for _, c := range silent[:seats] {
		io.WriteString(c, "G")
		s.read(c)
	}
	s.close(st)
	for i := range 10 {
		c, err := s.accept()
		if err != nil {
			t.Fatalf("%d of 10 waited: %v", i, err)
		}
		c.Close()
	}
}

// The word ends while requests are half read: all get their answer, none a
// reset, and who comes later waits for the next process.
func TestEndOfTheWord(t *testing.T) {
	for _, r := range []request{post, bigPost("http"), bigPost("scgi"), bigPost("uwsgi")} {
		t.Run(r.protocol, func(t *testing.T) {
			s := newSite(t)
			st := s.open(page(r.protocol))
			half := len(r.text) - 10
			var inside []net.Conn
			for range 20 {
				c := s.dial()
				defer c.Close()
				io.WriteString(c, r.text[:half])
				s.read(c)
				inside = append(inside, c)
			}
			st.word.Close()
			for i, c := range inside {
				if i%2 == 0 { // the others never send the rest
					io.WriteString(c, r.text[half:])
				}
				answer, err := io.ReadAll(c)
				if err := errors.Join(err, r.check(answer)); err != nil {
					t.Error(i, err)
				}
			}
			s.await(st)
			s.must(s.blocking())
			next := s.open(page(r.protocol))
			s.must(s.ask(r))
			s.close(next)
		})
	}
}

func bigPost(protocol string) request {
	const size = 100000
	body := strings.Repeat("b", size)
	head := map[string]string{
		"http":  fmt.Sprintf("POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", size),
		"scgi":  netstring("CONTENT_LENGTH", fmt.Sprint(size), "SCGI", "1"),
		"uwsgi": variables("CONTENT_LENGTH", fmt.Sprint(size)),
	}
	return request{protocol: protocol, text: head[protocol] + body}
}

// read waits until what was sent has been read.
func (s *site) read(c net.Conn) {
	s.Helper()
	for deadline := time.Now().Add(patience); (&talk{Conn: c}).unread() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatal("nobody reads")
		}
	}
}

// One process follows the other under load, and every client gets the page.
func TestGenerations(t *testing.T) {
	s := newSite(t)
	stop, failed := make(chan struct{}), make(chan error)
	const clients = 8
	for range clients {
		go func() {
			var err error
			for err == nil {
				select {
				case <-stop:
					failed <- nil
					return
				default:
					err = s.ask(head)
				}
			}
			failed <- err
		}()
	}
	for range 20 {
		st := s.open(page("http"))
		s.must(s.ask(head))
		s.close(st)
	}
	last := s.open(page("http"))
	close(stop)
	for range clients {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	s.close(last)
}

// What cannot be served is said, and nobody is accepted.
func TestCannot(t *testing.T) {
	s := newSite(t)
	for _, bad := range []string{"{", `{"Protocol":"gopher"}`, `{"Protocol":"http","RetryAfter":-1}`} {
		st := s.openWith([]byte(bad))
		if err := st.Wait(); err == nil || st.ProcessState.ExitCode() != 1 || st.stderr.Len() == 0 {
			t.Errorf("%s: %v, %q", bad, err, st.stderr.String())
		}
	}
	st := s.open(page("http"))
	s.must(s.ask(get))
	unix.Shutdown(s.fd, unix.SHUT_RD)
	if err := st.Wait(); err == nil || !strings.Contains(st.stderr.String(), "cannot accept") {
		t.Errorf("shut down: %v, %q", err, st.stderr.String())
	}
}
