package supervise

// A Kind is what sort of thing happened. Only what an operator would want to
// look back on, or be told of, is an event.
type Kind string

// The kinds. Every backend begins with one Begun; its text says why.
const (
	Begun    Kind = "start"        // a backend was spawned
	Survived Kind = "adopted"      // a former keepone's backend is supervised from now on
	Ended    Kind = "stop"         // there is no backend, and none is wanted
	Limit    Kind = "memory"       // a limit was passed, and a restart follows
	Warning  Kind = "warning"      // a limit was passed, and nothing follows
	Crash    Kind = "crash"        // it ended unasked
	Starved  Kind = "oom"          // the kernel killed it for want of memory
	Loop     Kind = "backoff"      // and again, soon after the start
	Hang     Kind = "hung"         // it does nothing while requests wait
	Rival    Kind = "blocked"      // another interpreter runs
	Beside   Kind = "rival"        // one runs beside the backend
	Refused  Kind = "check failed" // a restart was given up before anything was touched
	Failed   Kind = "given up"     // likewise, because the next socket could not be had
)

func (s *Supervisor) event(kind Kind, text string) {
	if s.cfg.Event != nil {
		s.cfg.Event(kind, text)
	}
}
