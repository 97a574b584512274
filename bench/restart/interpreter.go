package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// interpreter measures php-cgi alone: from SIGTERM to its exit, and from exec until it answers on a listening socket.
func interpreter(ctx context.Context, dir, php string, n int) (stops, starts []time.Duration, err error) {
	path := filepath.Join(dir, "alone.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	for range n {
		// Without this php-cgi would see EAGAIN: the flag is shared by all holders of the socket.
		if err := syscall.SetNonblock(int(file.Fd()), false); err != nil {
			return nil, nil, err
		}
		cmd := exec.Command(php)
		cmd.Stdin, cmd.SysProcAttr = file, &syscall.SysProcAttr{Setpgid: true}
		begun := time.Now()
		if err := cmd.Start(); err != nil {
			return nil, nil, err
		}
		err := answered(ctx, path)
		starts = append(starts, time.Since(begun))
		begun = time.Now()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // ended by a signal, as asked
		stops = append(stops, time.Since(begun))
		if err != nil {
			return nil, nil, err
		}
	}
	return stops, starts, nil
}

// getValues is FCGI_GET_VALUES with FCGI_MPXS_CONNS, which php-cgi answers itself, without a script (FastCGI
// specification, section 4.1).
var getValues = append([]byte{1, 9, 0, 0, 0, 17, 0, 0, 15, 0}, "FCGI_MPXS_CONNS"...)

// answered asks until php-cgi answers. A peer may have no socket or a dead one for a while.
func answered(ctx context.Context, path string) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := once(path, deadline)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("php-cgi does not answer at %s: %w", path, err)
		}
		time.Sleep(time.Millisecond / 2)
	}
}

func once(path string, deadline time.Time) error {
	if _, err := os.Lstat(path); err != nil {
		return err
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := c.Write(getValues); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 8))
	return err
}
