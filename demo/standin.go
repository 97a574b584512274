package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"
)

// serveBackend stands in for php-cgi: a FastCGI responder on descriptor 0.
func serveBackend() error {
	l, err := net.FileListener(os.Stdin)
	if err != nil {
		return fmt.Errorf("cannot serve on descriptor 0: %w", err)
	}
	return fcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Millisecond)
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "answered by process %d\n", os.Getpid())
	}))
}

// startBuiltin stands in for lighttpd: HTTP in front, one FastCGI connection per request behind.
func (s *site) startBuiltin() error {
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", s.listen, err)
	}
	s.builtin = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.pass(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})}
	go func() {
		if err := s.builtin.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "demo:", err)
		}
	}()
	return nil
}

// Record types of FastCGI, section 8 of its specification.
const fcgiBegin, fcgiEnd, fcgiParams, fcgiStdin, fcgiStdout = 1, 3, 4, 5, 6

// pass asks the backend and copies its answer.
func (s *site) pass(w http.ResponseWriter, r *http.Request) error {
	c, err := net.Dial("unix", s.socket())
	if err != nil {
		return err
	}
	defer c.Close()
	var out bytes.Buffer
	record(&out, fcgiBegin, []byte{0, 1, 0, 0, 0, 0, 0, 0}) // a responder, one request per connection
	record(&out, fcgiParams, params(map[string]string{
		"REQUEST_METHOD": r.Method, "REQUEST_URI": r.URL.RequestURI(), "QUERY_STRING": r.URL.RawQuery,
		"SERVER_PROTOCOL": r.Proto, "SCRIPT_FILENAME": s.path("index.php"), "HTTP_HOST": r.Host,
	}))
	record(&out, fcgiParams, nil)
	record(&out, fcgiStdin, nil)
	if _, err := c.Write(out.Bytes()); err != nil {
		return err
	}
	body, err := answer(bufio.NewReader(c))
	if err != nil {
		return err
	}
	return copyAnswer(w, body)
}

// record appends one record; content is below 64 KiB here.
func record(out *bytes.Buffer, kind byte, content []byte) {
	out.Write([]byte{1, kind, 0, 1})
	_ = binary.Write(out, binary.BigEndian, uint16(len(content))) // a Buffer takes everything
	out.Write([]byte{0, 0})
	out.Write(content)
}

// params encodes names and values with the long form of their lengths.
func params(values map[string]string) []byte {
	var out []byte
	for name, value := range values {
		out = binary.BigEndian.AppendUint32(out, uint32(len(name))|1<<31)
		out = binary.BigEndian.AppendUint32(out, uint32(len(value))|1<<31)
		out = append(append(out, name...), value...)
	}
	return out
}

// answer reads until the end record and returns the output; an earlier end of file is a lost request.
func answer(in io.Reader) ([]byte, error) {
	var out []byte
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return nil, fmt.Errorf("the backend hung up: %w", err)
		}
		content := make([]byte, (int(head[4])<<8|int(head[5]))+int(head[6]))
		if _, err := io.ReadFull(in, content); err != nil {
			return nil, fmt.Errorf("the backend hung up: %w", err)
		}
		switch head[1] {
		case fcgiStdout:
			out = append(out, content[:len(content)-int(head[6])]...)
		case fcgiEnd:
			return out, nil
		}
	}
}

// copyAnswer turns a CGI answer into an HTTP one.
func copyAnswer(w http.ResponseWriter, text []byte) error {
	in := bufio.NewReader(bytes.NewReader(text))
	header, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		return err
	}
	status := http.StatusOK
	if given, _, _ := strings.Cut(header.Get("Status"), " "); given != "" {
		if status, err = strconv.Atoi(given); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", header.Get("Content-Type"))
	w.WriteHeader(status)
	_, err = io.Copy(w, in)
	return err
}
