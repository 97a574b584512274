// Static is a backend that needs nothing but itself: no libc, no shell, no
// file. It speaks HTTP at descriptor 0, says what it does on standard output,
// and follows SIGTERM at once, with N words after
// "bye N".
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	words := 0
	if len(os.Args) == 3 && os.Args[1] == "bye" {
		words, _ = strconv.Atoi(os.Args[2])
	} else if len(os.Args) > 1 {
		alone(os.Args[1])
		return
	}
	signal.Ignore(syscall.SIGPIPE)
	l, err := net.FileListener(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	go leave(words)
	fmt.Println("static serves as user", os.Getuid(), "group", os.Getgid())
	for {
		conn, err := l.Accept()
		if err != nil {
			os.Exit(4)
		}
		go serve(conn)
	}
}

// leave has much to say at the end.
func leave(words int) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
	for n := range words {
		fmt.Println("bye", n)
	}
	os.Exit(0)
}

func serve(conn net.Conn) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return
	}
	text := fmt.Sprint(os.Getpid())
	switch f := strings.Fields(line); f[1] {
	case "/slow", "/last":
		fmt.Println(f[1][1:])
		time.Sleep(time.Second)
	case "/never":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("never")
		select {}
	case "/orphan": // whose end is reaped by nobody but process 1
		start("parent").Wait()
	}
	fmt.Fprintf(conn, "HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// alone is a process without a backend's duties: a parent that leaves a child.
func alone(who string) {
	if who == "parent" {
		start("child")
	}
}

func start(who string) *os.Process {
	p, err := os.StartProcess("/proc/self/exe", []string{"static", who}, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
	return p
}
