package output

import (
	"context"
	"fmt"
	"os"
)

// An ask is answered after what the FIFO holds has been read.
type ask struct {
	forget  bool    // the last words, afterwards
	reopen  bool    // the target
	target  *Target // is the one from now on, unless nil
	between func()  // called while nothing is on its way to the target
	reply   chan Words
}

// Between calls f while everything that was read from the FIFO has gone to
// the target, and nothing is read. When ctx ends first, or Run has returned, f is not called.
func (o *Output) Between(ctx context.Context, f func() error) error {
	turn, done := make(chan struct{}, 1), make(chan error, 1)
	turn <- struct{}{} // whoever takes it decides whether f is called
	call := func() {
		select {
		case <-turn:
			done <- f()
		default:
		}
	}
	_, err := o.ask(ctx, ask{between: call})
	select {
	case <-turn:
		return err
	default:
		return <-done
	}
}

// Last returns the last words after everything has been read that was in the
// FIFO when it was called: after a backend's exit, its very last line is there.
// With forget they are forgotten afterwards, for a new backend to begin with
// none. It fails when ctx ends first, or when Run has returned.
func (o *Output) Last(ctx context.Context, forget bool) (Words, error) {
	w, err := o.ask(ctx, ask{forget: forget})
	if err != nil {
		return Words{}, fmt.Errorf("cannot read the last words: %w", err)
	}
	return w, nil
}

// Reopen opens the file anew that is at the target's path, for logrotate has
// moved the former, or connects again. What was printed before goes to the old
// one. It returns why the target cannot be opened; it is tried again by itself.
// It fails when ctx ends first, or when Run has returned.
func (o *Output) Reopen(ctx context.Context) error {
	w, err := o.ask(ctx, ask{reopen: true})
	if err != nil {
		return fmt.Errorf("cannot reopen the output: %w", err)
	}
	return w.Cause
}

// Redirect makes t the target. What was printed before goes to the old one, and
// files of the old one stay. An error means what Reopen's does: t is in force
// even where it cannot be opened, unless ctx has ended or Run returned.
func (o *Output) Redirect(ctx context.Context, t Target) error {
	w, err := o.ask(ctx, ask{target: &t})
	if err != nil {
		return fmt.Errorf("cannot redirect the output to %s: %w", t.To, err)
	}
	return w.Cause
}

func (o *Output) ask(ctx context.Context, a ask) (Words, error) {
	a.reply = make(chan Words, 1)
	select {
	case o.asks <- a:
	case <-o.ended:
		return Words{}, os.ErrClosed
	case <-ctx.Done():
		return Words{}, ctx.Err()
	}
	o.wake()
	select {
	case w := <-a.reply:
		return w, nil
	case <-o.ended:
	case <-ctx.Done():
		return Words{}, ctx.Err()
	}
	select {
	case w := <-a.reply: // answered just before the end
		return w, nil
	default:
		return Words{}, os.ErrClosed
	}
}
