// The same answers from Go: FastCGI on descriptor 0, HTTP where LISTEN_FDS says so.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"time"
)

func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/fast":
		time.Sleep(10 * time.Millisecond)
	case "/slow":
		time.Sleep(700 * time.Millisecond)
	}
	fmt.Fprintf(w, "%d %s\n", os.Getpid(), r.URL.Path)
}

func main() {
	if os.Getenv("LISTEN_FDS") == "" {
		log.Fatal(fcgi.Serve(nil, http.HandlerFunc(answer)))
	}
	listener, err := net.FileListener(os.NewFile(3, "listening socket"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, http.HandlerFunc(answer)))
}
