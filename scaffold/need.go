package scaffold

// A Need is a program or a module without which the command does not run.
type Need struct {
	What    string   // "the Python module flup"
	Test    []string // a command that succeeds when it is there
	Package string   // Debian's package, or what else brings it
}
