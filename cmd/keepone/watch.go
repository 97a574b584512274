package main

import (
	"context"
	"fmt"
	"keepone/command"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// What a terminal is told, ECMA-48: the other screen and back, no cursor and
// one again, to the first line, and what is behind to the end of line or screen
// gone.
const (
	toOther, fromOther = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
	toTop              = "\x1b[H"
	restOfLine         = "\x1b[K"
	restOfScreen       = "\x1b[J"
)

// watchStatus redraws the status in place every second until it is
// interrupted. A keepone that does not answer is waited for.
func watchStatus(t target) error {
	if !term.IsTerminal(int(os.Stdout.Fd())) {
		return command.Misused("for a script: keepone status --json", "cannot watch %s: standard output is no terminal", t.name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	fmt.Print(toOther)
	defer fmt.Print(fromOther)
	for tick := time.NewTicker(time.Second); ; {
		fmt.Print(frame(screen(ctx, t)))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// screen is what there is to see now.
func screen(ctx context.Context, t target) string {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	own, pid := atRest(t)
	r, err := askStatus(ctx, t)
	if err != nil {
		return fmt.Sprintf("%v\n", notRunning(t, err))
	}
	r.enrich(t, own, pid)
	width, _ := terminal()
	return r.text() + "\n" + recent(t, width)
}

// terminal is the size of the terminal, 80 times 24 where it does not say.
func terminal() (width, height int) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// frame cuts text to the terminal's size, so that no line wraps and none
// scrolls the first away.
func frame(text string) string {
	width, height := terminal()
	var b strings.Builder
	b.WriteString(toTop)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines[:min(len(lines), height)] {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width])
		}
		b.WriteString(line + restOfLine)
	}
	return b.String() + restOfScreen
}
