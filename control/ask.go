package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Ask sends r to the keepone that listens at path and returns its answer, be it
// a refusal. It waits until ctx ends, then hangs up; what was asked for may go on.
//
// An error means that there is no answer: fs.ErrNotExist and ECONNREFUSED that
// keepone is not running, fs.ErrPermission that the caller may not ask, the
// error of ctx that it took too long.
func Ask(ctx context.Context, path string, r Request) (Answer, error) {
	conn, err := dial(ctx, path)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return Answer{}, fmt.Errorf("cannot reach keepone at %s: %w", path, cause(err))
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(longAgo) })()
	a, err := exchangeOver(conn, r)
	if err == nil {
		return a, nil
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		err = fmt.Errorf("it hung up without an answer: %w", cause(err))
	default:
		err = cause(err)
	}
	return Answer{}, fmt.Errorf("cannot get an answer from keepone at %s: %w", path, err)
}

// dial connects. While the backlog is full, connect(2) says EAGAIN to a
// non-blocking socket instead of waiting, so dial waits.
func dial(ctx context.Context, path string) (net.Conn, error) {
	if err := fits(path); err != nil {
		return nil, err
	}
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "unix", path)
		if !errors.Is(err, unix.EAGAIN) {
			return conn, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// exchangeOver writes the request and reads the answer. A server that refuses
// may close before it has read everything, so a failed write is an error only
// where no answer waits.
func exchangeOver(conn net.Conn, r Request) (Answer, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return Answer{}, err
	}
	_, written := conn.Write(append(line, '\n'))
	line, err = readLine(conn, maxAnswer)
	if err != nil {
		if written != nil {
			err = written
		}
		return Answer{}, err
	}
	var a Answer
	if err := json.Unmarshal(line, &a); err != nil {
		return Answer{}, fmt.Errorf("it is not JSON: %w", err)
	}
	return a, nil
}
