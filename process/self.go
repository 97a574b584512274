package process

import (
	"fmt"
	"os"
	"syscall"
)

// Self starts keepone's own program for a short errand, with those arguments,
// and delivers how it ended: nil for status 0. It reads input at descriptor 0;
// what it says goes to output. env is all of its environment. It is in no
// backend's tree.
func (r *Reaper) Self(args, env []string, input, output *os.File) (<-chan error, error) {
	attr := &syscall.ProcAttr{
		Env: env, Files: []uintptr{input.Fd(), output.Fd(), output.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	}
	_, ended, err := r.start(func() (int, error) {
		return syscall.ForkExec("/proc/self/exe", append([]string{"keepone"}, args...), attr)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot start keepone %s: %w", args[0], err)
	}
	done := make(chan error, 1)
	go func() {
		if status := <-ended; status != 0 {
			done <- fmt.Errorf("keepone %s: %s", args[0], describe(status, "").Text)
		}
		close(done)
	}()
	return done, nil
}
