package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// ask sends so many FastCGI requests, so many at a time, and waits for all answers. At the beginning the socket may not
// be there yet.
func ask(ctx context.Context, socket, page string, requests, together int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		if _, err := os.Lstat(socket); err == nil {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("cannot find the socket %s: %w", socket, ctx.Err())
		}
		time.Sleep(time.Millisecond)
	}
	text := request(page)
	failed := make(chan error, together)
	for i := range together {
		go func() {
			var err error
			for n := i; n < requests && err == nil; n += together {
				err = one(ctx, socket, text)
			}
			failed <- err
		}()
	}
	var first error
	for range together {
		if err := <-failed; first == nil {
			first = err
		}
	}
	return first
}

// request is a FastCGI GET for that script: FCGI_BEGIN_REQUEST as a responder, FCGI_PARAMS, and no FCGI_STDIN.
func request(page string) []byte {
	var params []byte
	for _, p := range [][2]string{{"REQUEST_METHOD", "GET"}, {"SCRIPT_FILENAME", page}, {"SCRIPT_NAME", "/"}, {"REQUEST_URI", "/"},
		{"QUERY_STRING", ""}, {"SERVER_PROTOCOL", "HTTP/1.1"}, {"GATEWAY_INTERFACE", "CGI/1.1"}, {"REDIRECT_STATUS", "200"}} {
		params = append(params, byte(len(p[0])))
		params = binary.BigEndian.AppendUint32(params, 1<<31|uint32(len(p[1])))
		params = append(append(params, p[0]...), p[1]...)
	}
	var all []byte
	for _, r := range []struct {
		kind    byte
		content []byte
	}{{1, []byte{0, 1, 0, 0, 0, 0, 0, 0}}, {4, params}, {4, nil}, {5, nil}} {
		all = append(all, 1, r.kind, 0, 1, byte(len(r.content)>>8), byte(len(r.content)), 0, 0)
		all = append(all, r.content...)
	}
	return all
}

// one asks once and demands a body that is a number: a page with an error in it would be another measurement.
func one(ctx context.Context, socket string, text []byte) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return err
		}
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := c.Write(text); err != nil {
		return err
	}
	body, err := stdout(c)
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(body, []byte("\r\n\r\n"))
	if _, err := strconv.Atoi(string(bytes.TrimSpace(rest))); err != nil {
		return fmt.Errorf("the backend answered %q, which is no number", body)
	}
	return nil
}

// stdout collects FCGI_STDOUT to FCGI_END_REQUEST.
func stdout(c io.Reader) ([]byte, error) {
	var body []byte
	head := make([]byte, 8)
	for {
		if _, err := io.ReadFull(c, head); err != nil {
			return nil, fmt.Errorf("cannot read the answer: %w", err)
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:6]))+int(head[6]))
		if _, err := io.ReadFull(c, content); err != nil {
			return nil, fmt.Errorf("cannot read the answer: %w", err)
		}
		switch head[1] {
		case 6:
			body = append(body, content[:binary.BigEndian.Uint16(head[4:6])]...)
		case 3:
			return body, nil
		}
	}
}
