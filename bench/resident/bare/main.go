// Bare does nothing once a second: the least that a Go program which looks at something every second costs.
package main

import "time"

func main() {
	for {
		time.Sleep(time.Second)
	}
}
