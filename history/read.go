package history

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A Record is what a history file holds, each sorted by time, at most one
// entry for a second and a minute.
type Record struct {
	Seconds []Point
	Minutes []Minute
	Events  []Event
}

// A Point is the backend's size in one second: the largest sample of it.
type Point struct {
	At    time.Time
	Bytes uint64
}

// A Minute is what was seen in the minute that begins at At. A part that was
// not seen is 0 in both.
type Minute struct {
	At       time.Time
	Min, Max Sizes
	Born     time.Time // when the backend was started that lived at its end; the zero time where that is not known
}

// An Event is something that happened.
type Event struct {
	At    time.Time
	Kind  string // one word; "start" begins another backend
	Bytes uint64 // a size, where the event has one
	Text  string // one line, or empty
}

// Read returns what the file at path holds, also while it is written. What is
// damaged, or being written just now, is left out; so is what was written
// under a clock that was set back afterwards, until that time has come. The
// error says that the file cannot be read, or is none of this layout.
func Read(path string) (*Record, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read the history in %s: %w", path, err)
	}
	file := descriptor(fd)
	defer file.close()
	if _, err := file.whole(standard); err != nil {
		return nil, fmt.Errorf("cannot read the history in %s: %w", path, err)
	}
	all := make([]byte, standard.size) // at once: the shorter that takes, the less is written meanwhile
	n, err := file.ReadAt(all, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("cannot read the history in %s: %w", path, err)
	}
	r := decode(bytes.NewReader(all[:n]), standard)
	if r == nil {
		return nil, fmt.Errorf("cannot read the history in %s: it is no history, or one of another keepone", path)
	}
	return r, nil
}

// decode is nil where the file is not ours.
func decode(file io.ReaderAt, s shape) *Record {
	if _, ours := identity(file); !ours {
		return nil
	}
	var seconds []second
	var minutes []minute
	s.seconds.each(file, func(n uint32, e []byte) { seconds = append(seconds, secondOf(n, e)) })
	s.minutes.each(file, func(n uint32, e []byte) { minutes = append(minutes, minuteOf(n, e)) })
	seconds = sorted(seconds, func(s second) (uint32, uint32) { return s.number, s.at })
	minutes = sorted(minutes, func(m minute) (uint32, uint32) { return m.number, m.at })
	complete(minutes, seconds)
	r := &Record{}
	var clock time.Time
	for _, s := range seconds {
		clock = time.Unix(int64(s.at), 0)
		r.Seconds = append(r.Seconds, Point{clock, uint64(s.kib) * 1024})
	}
	for _, m := range minutes {
		if m.max == [Parts]uint32{} {
			continue // a backend was started, and nothing seen yet
		}
		out := m.out()
		r.Minutes = append(r.Minutes, out)
		if out.At.After(clock) {
			clock = out.At
		}
	}
	r.Events = events(file, s.events, clock)
	return r
}

// sorted sorts entries by time. Those that are dated later than the one that
// was written last are left out: the clock has been set back since. Of several
// with one time the one that was written last counts.
func sorted[E any](all []E, of func(E) (number, at uint32)) []E {
	var last, now uint32
	for _, e := range all {
		if number, at := of(e); number > last {
			last, now = number, at
		}
	}
	all = slices.DeleteFunc(all, func(e E) bool { _, at := of(e); return at > now })
	slices.SortFunc(all, func(a, b E) int {
		an, aat := of(a)
		bn, bat := of(b)
		return cmp.Or(cmp.Compare(aat, bat), cmp.Compare(bn, an))
	})
	return slices.CompactFunc(all, func(a, b E) bool { _, x := of(a); _, y := of(b); return x == y })
}

// complete adds the seconds to their minutes: the newest minute is written
// every ten seconds only, and not at all by a keepone that is killed.
func complete(minutes []minute, seconds []second) {
	for _, s := range seconds {
		i, found := slices.BinarySearchFunc(minutes, s.at/60, func(m minute, at uint32) int { return cmp.Compare(m.at, at) })
		if found {
			minutes[i].fold(Backend, s.kib)
		}
	}
}

func (m minute) out() Minute {
	o := Minute{At: time.Unix(60*int64(m.at), 0)}
	if m.born != 0 {
		o.Born = time.Unix(int64(m.born), 0)
	}
	for i := range Parts {
		o.Min[i], o.Max[i] = uint64(m.min[i])*1024, uint64(m.max[i])*1024
	}
	return o
}

// events are sorted by time, those of one time in the order of writing. One
// that is dated later than both the clock and the latest event is left out.
func events(file io.ReaderAt, r ring, clock time.Time) []Event {
	type numbered struct {
		Event
		number uint32
	}
	var all []numbered
	var last numbered
	r.each(file, func(n uint32, e []byte) {
		all = append(all, numbered{Event{time.UnixMilli(int64(eventMillis(e))), eventKind(e), eventBytes(e), eventText(e)}, n})
		if n > last.number {
			last = all[len(all)-1]
		}
	})
	if last.At.After(clock) {
		clock = last.At
	}
	slices.SortFunc(all, func(a, b numbered) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.number, b.number)) })
	var out []Event
	for _, e := range all {
		if !e.At.After(clock) {
			out = append(out, e.Event)
		}
	}
	return out
}

// Since returns the part of the record that is not over at t.
func (r *Record) Since(t time.Time) *Record {
	return &Record{
		Seconds: since(r.Seconds, func(p Point) bool { return !p.At.Add(time.Second).After(t) }),
		Minutes: since(r.Minutes, func(m Minute) bool { return !m.At.Add(time.Minute).After(t) }),
		Events:  since(r.Events, func(e Event) bool { return e.At.Before(t) }),
	}
}

func since[E any](all []E, over func(E) bool) []E {
	i := 0
	for i < len(all) && over(all[i]) {
		i++
	}
	return all[i:]
}
