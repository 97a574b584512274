package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// patience is how long who asks waits for the whole answer, as a web server would.
const patience = 30 * time.Second

// ask sends one FastCGI request on a connection of its own and returns the pid that is the answer. One that is refused,
// cut off or not answered in time has failed; nothing is tried twice.
func ask(socket, script, query string) (pid int, err error) {
	c, err := net.DialTimeout("unix", socket, patience)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := c.Write(request(script, query)); err != nil {
		return 0, err
	}
	body, err := answer(c)
	if err != nil {
		return 0, err
	}
	_, text, found := bytes.Cut(body, []byte("\r\n\r\n"))
	if pid, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil || !found {
		return 0, fmt.Errorf("%s answers %q", socket, body)
	}
	return pid, nil
}

// Record types and the responder's role, from the FastCGI specification, section 8.
const (
	beginRequest, endRequest, params, stdin, stdout = 1, 3, 4, 5, 6
	responder                                       = 1
)

func request(script, query string) []byte {
	var pairs []byte
	for _, p := range [][2]string{{"QUERY_STRING", query}, {"SCRIPT_FILENAME", script}, {"SCRIPT_NAME", "/leak"},
		{"REQUEST_METHOD", "GET"}, {"REDIRECT_STATUS", "200"}, {"SERVER_PROTOCOL", "HTTP/1.1"}} {
		pairs = append(pairs, byte(len(p[0])))
		pairs = binary.BigEndian.AppendUint32(pairs, uint32(len(p[1]))|1<<31)
		pairs = append(append(pairs, p[0]...), p[1]...)
	}
	all := record(nil, beginRequest, []byte{0, responder, 0, 0, 0, 0, 0, 0})
	all = record(all, params, pairs)
	return record(record(all, params, nil), stdin, nil)
}

func record(to []byte, kind byte, content []byte) []byte {
	to = append(to, 1, kind, 0, 1)
	to = binary.BigEndian.AppendUint16(to, uint16(len(content)))
	return append(append(to, 0, 0), content...)
}

// answer is all of standard output, up to the record that ends the request.
func answer(from io.Reader) (body []byte, err error) {
	head := make([]byte, 8)
	for {
		if _, err := io.ReadFull(from, head); err != nil {
			return nil, err
		}
		size := int(binary.BigEndian.Uint16(head[4:]))
		content := make([]byte, size+int(head[6]))
		if _, err := io.ReadFull(from, content); err != nil {
			return nil, err
		}
		switch head[1] {
		case stdout:
			body = append(body, content[:size]...)
		case endRequest:
			return body, nil
		}
	}
}
