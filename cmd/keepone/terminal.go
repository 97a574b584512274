package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// interruptible ends what is waited for when a signal comes that ends a job, and
// lets none of them end this process by itself: it has a job to see off. What was
// ignored when it began stays so, as nohup(1) wants it.
func interruptible(ctx context.Context) (context.Context, func()) {
	var all []os.Signal
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(sig) {
			all = append(all, sig)
		}
	}
	if len(all) == 0 { // for Notify that would be every signal
		return ctx, func() {}
	}
	signal.Notify(make(chan os.Signal, 1), all...)
	return signal.NotifyContext(ctx, all...)
}

// onTerminal says whether somebody may be typing.
func onTerminal() bool {
	_, err := unix.IoctlGetTermios(0, unix.TCGETS)
	return err == nil
}
