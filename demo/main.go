// Demo shows keepone at work: a web server and a backend in a temporary directory, ten restarts under load, and how many
// requests were lost. Then it serves until Ctrl-C. It is a program of its own and no part of keepone.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const restarts = 10

func main() {
	path := flag.String("keepone", "keepone", "the keepone `program`")
	listen := flag.String("listen", "127.0.0.1:8080", "where the web server listens, an `address` with a port")
	once := flag.Bool("once", false, "end after the restarts")
	backend := flag.Bool("backend", false, "be the stand-in for php-cgi: answer FastCGI on descriptor 0")
	flag.Parse()
	if *backend {
		fail(serveBackend())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	failed, err := run(ctx, *path, *listen, *once)
	stop()
	fail(err)
	if failed > 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run is the whole demo; it returns how many requests failed. Whatever happens, nothing that it started is left.
func run(ctx context.Context, path, listen string, once bool) (failed int, err error) {
	program, err := exec.LookPath(path)
	if err != nil {
		return 0, fmt.Errorf("cannot find keepone: %w (build it with: go build ./cmd/keepone)", err)
	}
	if program, err = filepath.Abs(program); err != nil {
		return 0, err
	}
	if err := free(listen); err != nil {
		return 0, err
	}
	s, err := newSite(program, listen)
	if err != nil {
		return 0, err
	}
	defer s.end()
	if err := s.start(ctx); err != nil {
		return 0, err
	}
	fmt.Printf("%s before %s, in %s\nhttp://%s/\n\n", s.frontName(), s.backendName(), s.dir, listen)
	if err := s.show("status"); err != nil {
		return 0, err
	}
	if failed, err = underLoad(ctx, s); err != nil || once || ctx.Err() != nil {
		return failed, err
	}
	fmt.Printf("\nhttp://%s/ serves until Ctrl-C. Try meanwhile:\n  %s\n", listen, s.advice("restart-backend"))
	<-ctx.Done()
	return failed, nil
}

// free tells whether somebody else listens already.
func free(listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w (choose another with -listen 127.0.0.1:PORT)", listen, err)
	}
	return l.Close()
}

// underLoad restarts the backend while an open-loop load runs.
func underLoad(ctx context.Context, s *site) (failed int, err error) {
	fmt.Printf("\n%d restarts under %d requests of 10 ms and %d of 1 s each second:\n", restarts, fastRate, slowRate)
	l := openLoop("http://" + s.listen)
	for i := 1; i <= restarts && err == nil && ctx.Err() == nil; i++ {
		begun := time.Now()
		if err = s.quietly("restart-backend"); err == nil {
			fmt.Printf("  %2d. restarted in %.1f s\n", i, time.Since(begun).Seconds())
		}
	}
	r := l.stop()
	fmt.Printf("%d requests sent, %d failed, the longest took %.1f s\n", r.sent, r.failed, r.longest.Seconds())
	if r.first != nil {
		fmt.Println("the first failure:", r.first)
	}
	if ctx.Err() != nil {
		err = nil // Ctrl-C ended the command too
	}
	return r.failed, err
}
