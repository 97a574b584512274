// Package history is what the operator can look back on: how much memory the
// parts of a site had, and what happened to it. It is one file of a fixed size
// with three rings: ten minutes at one second, a day at one minute, and the
// latest events. The resident writes it and keeps none of it on its heap; the
// commands read it, while keepone writes, or is dead, or when the file came
// back with a reboot.
//
// Nothing is locked. Every entry carries a number that counts the entries of
// its ring, its time, and a check over itself; its place follows from its
// number. So there is no index that could disagree with the entries, an entry
// that is half written or damaged counts as none, and a clock that jumps
// damages nothing. Words are native: the file stays on its machine.
package history

import (
	"encoding/binary"
	"io"
)

// The parts of a site.
const (
	Backend   = 0 // with its whole tree
	KeepOne   = 1
	WebServer = 2
	Parts     = 3
)

// Sizes are resident sets in bytes, kept as whole KiB, rounded up. 0 is not
// known, or nobody there.
type Sizes [Parts]uint64

// How much is kept.
const (
	secondsKept = 600
	minutesKept = 1440
	eventsKept  = 64
)

// magic begins the file; its last byte is the version of the layout.
const magic = "keephis\x01"

// headSize is magic, 8 bytes that tell this file from one made anew, 12 of
// nothing, and the check over all that.
const headSize = 32

// Sizes of the entries, in bytes. Each begins with its check and its number.
const (
	secondSize = 4 * 4                           // ..., second, KiB
	minuteSize = 4 * (4 + 2*Parts)               // ..., minute, the backend's birth, minima, maxima in KiB
	eventSize  = 4 + 4 + 8 + 8 + 1 + 1 + 14 + 88 // ..., milliseconds, bytes, two lengths, kind, text
	kindAt     = 4 + 4 + 8 + 8 + 1 + 1           // of an event
	textAt     = kindAt + 14                     // of an event
	largest    = eventSize                       // of them
)

// A ring is a part of the file: count entries of size bytes from base on. The
// entry with number n, from 1 on, lies at n modulo count.
type ring struct {
	base        int64
	size, count int
}

// A shape is where the rings lie. There is one; tests have smaller ones.
type shape struct {
	seconds, minutes, events ring
	size                     int64 // of the file
}

var standard = newShape(secondsKept, minutesKept, eventsKept)

func newShape(seconds, minutes, events int) shape {
	s := shape{
		seconds: ring{headSize, secondSize, seconds},
		minutes: ring{0, minuteSize, minutes},
		events:  ring{0, eventSize, events},
	}
	s.minutes.base = s.seconds.end()
	s.events.base = s.minutes.end()
	s.size = s.events.end()
	return s
}

func (r ring) end() int64 { return r.base + int64(r.size*r.count) }

// place is where the entry with that number lies.
func (r ring) place(number uint32) int64 {
	return r.base + int64(int(number%uint32(r.count))*r.size)
}

// each calls visit with every sound entry, in the order of their places. The
// bytes are good until visit returns.
func (r ring) each(file io.ReaderAt, visit func(number uint32, entry []byte)) {
	var page [32 * largest]byte
	for first := 0; first < r.count; {
		some := min(r.count-first, len(page)/r.size)
		n, _ := file.ReadAt(page[:some*r.size], r.base+int64(first*r.size))
		for i := range max(n, 0) / r.size {
			entry := page[i*r.size:][:r.size]
			number := word(entry, 1)
			if number != 0 && int(number%uint32(r.count)) == first+i && word(entry, 0) == check(entry[4:]) {
				visit(number, entry)
			}
		}
		first += some
	}
}

// seal completes an entry whose other fields are set.
func (r ring) seal(number uint32, entry []byte) {
	put(entry, 1, number)
	put(entry, 0, check(entry[4:r.size]))
}

// check is FNV-1a, 32 bits: a single byte that differs always makes another
// sum, since every step can be undone.
func check(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// word is the i-th word of an entry.
func word(entry []byte, i int) uint32 { return binary.NativeEndian.Uint32(entry[4*i:]) }

func put(entry []byte, i int, v uint32) { binary.NativeEndian.PutUint32(entry[4*i:], v) }

// identity returns the 8 bytes that tell this file from one made anew, and
// whether the file is ours at all.
func identity(file io.ReaderAt) (id uint64, ours bool) {
	var head [headSize]byte
	if n, _ := file.ReadAt(head[:], 0); n != headSize {
		return 0, false
	}
	ours = string(head[:len(magic)]) == magic && word(head[:], headSize/4-1) == check(head[:headSize-4])
	return binary.NativeEndian.Uint64(head[len(magic):]), ours
}

// makeHead is the beginning of a new file.
func makeHead(id uint64) (head [headSize]byte) {
	copy(head[:], magic)
	binary.NativeEndian.PutUint64(head[len(magic):], id)
	put(head[:], headSize/4-1, check(head[:headSize-4]))
	return head
}

// kib rounds up, so that what is there is never kept as nothing.
func kib(bytes uint64) uint32 {
	k := bytes / 1024
	if bytes%1024 != 0 {
		k++
	}
	return uint32(min(k, 1<<32-1))
}
