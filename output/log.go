package output

// A Log is a connection to the syslog daemon, facility daemon, for what keepone
// itself has to say. One goroutine uses it.
type Log struct{ sink *datagrams }

// NewLog connects to nothing yet. tag is who speaks, without newlines.
func NewLog(tag string) Log { return Log{newSyslog(Target{Name: tag})} }

// Say sends a line, with or without its newline; "<4>" before it is its level, as
// in sd-daemon(3). Where no daemon listens it is lost; one that takes nothing is
// waited for a fifth of a second.
func (l Log) Say(line string) {
	l.sink.write([]byte(line))
	l.sink.flush()
}
