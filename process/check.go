package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Check runs a command that ends by itself, as the backend's user in its
// directory and environment, and delivers nil when it exited with status 0 in
// time. The error carries its last lines. When ctx ends, so does the command.
func (s *Spawner) Check(ctx context.Context, spec Spec, timeout time.Duration) <-chan error {
	result := make(chan error, 1)
	read, write, err := os.Pipe()
	if err != nil {
		result <- fmt.Errorf("cannot make a pipe: %w", err)
		return result
	}
	p, err := s.Spawn(spec, Ends{Socket: -1, Output: write}, false)
	write.Close()
	if err != nil {
		read.Close()
		result <- err
		return result
	}
	go func() {
		defer read.Close()
		result <- p.check(ctx, read, timeout, spec.Argv[0])
	}()
	return result
}

func (p *Process) check(ctx context.Context, read *os.File, timeout time.Duration, name string) error {
	said := make(chan string, 1)
	go func() { said <- lastWords(read) }()
	defer p.Close()
	late := time.NewTimer(timeout)
	defer late.Stop()
	var cause error
	var exit Exit
	select {
	case exit = <-p.Exited():
	case <-late.C:
		cause = fmt.Errorf("no answer after %s", timeout)
	case <-ctx.Done():
		cause = ctx.Err()
	}
	if cause != nil {
		p.Kill()
		<-p.Exited()
	} else if !exit.Clean {
		cause = errors.New(exit.Text)
	}
	if cause == nil {
		return nil
	}
	read.SetReadDeadline(time.Now().Add(time.Second)) // an orphan may hold the other end
	return fmt.Errorf("the check %s failed: %w\n%s", name, cause, <-said)
}

// lastWords reads to the end or the deadline, and keeps the last lines.
func lastWords(f *os.File) string {
	kept, buf := []byte{}, make([]byte, 4096)
	for {
		n, err := f.Read(buf)
		kept = append(kept, buf[:n]...)
		if over := len(kept) - 2048; over > 0 {
			kept = kept[over:]
		}
		if err != nil {
			break
		}
	}
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(kept), "?")), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
