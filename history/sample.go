package history

import (
	"math"
	"time"
)

const (
	// setBack is how many seconds a clock may be set back without its being
	// taken for another time: until it has caught up, time stands still. So a
	// small correction costs no maximum of a minute that is over.
	setBack = 60
	// between is how many seconds the current minute may wait to be written.
	between = 10
)

// start is the kind of event that begins another backend.
const start = "start"

// Sample notes the backend's size in bytes; 0 is nothing to note. The samples
// of one second are one entry, their maximum. It allocates nothing.
func (w *Writer) Sample(now time.Time, backend uint64) {
	at, ok := w.clock(now)
	if !ok || backend == 0 {
		return
	}
	k := kib(backend)
	if w.latest.number == 0 || w.latest.at != at {
		w.latest = second{w.latest.number + 1, at, 0}
	}
	if k > w.latest.kib {
		w.latest.kib = k
		w.latest.encode(w.shape.seconds, w.entry[:])
		w.write(w.shape.seconds, w.latest.number)
	}
	w.turn(at)
	w.dirty = w.current.fold(Backend, k) || w.dirty
	if at < w.written || at-w.written >= between {
		w.flush()
		w.written = at
	}
}

// Others notes the sizes in bytes of keepone itself and of the web server, once
// in a while: each minute is enough. 0 is not known. It allocates nothing.
func (w *Writer) Others(now time.Time, keepone, webserver uint64) {
	at, ok := w.clock(now)
	if !ok || keepone == 0 && webserver == 0 {
		return
	}
	w.turn(at)
	w.dirty = w.current.fold(KeepOne, kib(keepone)) || w.dirty
	w.dirty = w.current.fold(WebServer, kib(webserver)) || w.dirty
	w.flush()
}

// Event notes what happened: a word for the kind, a size in bytes or 0, and a
// text, of which 88 bytes are kept. The kind "start" says that a backend was
// spawned, so that its sizes are not mixed with those of the former one. It
// allocates nothing.
func (w *Writer) Event(now time.Time, kind string, bytes uint64, text string) {
	at, ok := w.clock(now)
	if !ok {
		return
	}
	w.events++
	encodeEvent(w.shape.events, w.events, uint64(now.UnixMilli()), bytes, kind, text, w.entry[:])
	w.write(w.shape.events, w.events)
	if kind == start {
		w.turn(at)
		w.current.born, w.dirty = at, true
		w.flush() // now: the next keepone must not take this backend for the former
	}
}

// clock is the second of a time, and false where there is nothing to do.
func (w *Writer) clock(now time.Time) (at uint32, ok bool) {
	if w == nil || w.file < 0 {
		return 0, false
	}
	s := now.Unix()
	if s < 60 || s > math.MaxUint32 {
		return 0, false
	}
	if late := int64(w.latest.at) - s; late > 0 && late <= setBack {
		return w.latest.at, true
	}
	return uint32(s), true
}

// turn makes the minute of that second the current one.
func (w *Writer) turn(at uint32) {
	if w.current.number != 0 && w.current.at == at/60 {
		return
	}
	w.flush()
	w.current = minute{number: w.current.number + 1, at: at / 60, born: w.current.born}
	w.written = 0 // its first sample is written at once
}
