package history

import (
	"encoding/binary"
	"unicode/utf8"
)

// A second is an entry of the first ring.
type second struct {
	number uint32
	at     uint32 // seconds since 1970, until 2106
	kib    uint32
}

func (s second) encode(r ring, entry []byte) {
	put(entry, 2, s.at)
	put(entry, 3, s.kib)
	r.seal(s.number, entry)
}

func secondOf(number uint32, entry []byte) second {
	return second{number, word(entry, 2), word(entry, 3)}
}

// A minute is an entry of the second ring.
type minute struct {
	number   uint32
	at       uint32        // minutes since 1970
	born     uint32        // the second in which the backend of then was started; 0 for not known
	min, max [Parts]uint32 // KiB
}

func (m minute) encode(r ring, entry []byte) {
	put(entry, 2, m.at)
	put(entry, 3, m.born)
	for i := range Parts {
		put(entry, 4+i, m.min[i])
		put(entry, 4+Parts+i, m.max[i])
	}
	r.seal(m.number, entry)
}

func minuteOf(number uint32, entry []byte) minute {
	m := minute{number: number, at: word(entry, 2), born: word(entry, 3)}
	for i := range Parts {
		m.min[i], m.max[i] = word(entry, 4+i), word(entry, 4+Parts+i)
	}
	return m
}

// fold adds a sample and says whether that changed anything.
func (m *minute) fold(part int, kib uint32) bool {
	if kib == 0 {
		return false
	}
	before := *m
	if m.min[part] == 0 || kib < m.min[part] {
		m.min[part] = kib
	}
	m.max[part] = max(m.max[part], kib)
	return *m != before
}

// encodeEvent fills the entry; what does not fit is cut off, and what would
// break a line is a space.
func encodeEvent(r ring, number uint32, ms, bytes uint64, kind, text string, entry []byte) {
	clear(entry)
	binary.NativeEndian.PutUint64(entry[8:], ms)
	binary.NativeEndian.PutUint64(entry[16:], bytes)
	entry[24] = byte(copyRunes(entry[kindAt:textAt], kind))
	entry[25] = byte(copyRunes(entry[textAt:], text))
	r.seal(number, entry)
}

// copyRunes copies as many whole runes as there is room for.
func copyRunes(to []byte, from string) (n int) {
	for _, c := range from {
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		if n+utf8.RuneLen(c) > len(to) {
			break
		}
		n += utf8.EncodeRune(to[n:], c)
	}
	return n
}

func eventMillis(entry []byte) uint64 { return binary.NativeEndian.Uint64(entry[8:]) }
func eventBytes(entry []byte) uint64  { return binary.NativeEndian.Uint64(entry[16:]) }

func eventKind(entry []byte) string {
	return string(entry[kindAt:][:min(int(entry[24]), textAt-kindAt)])
}

func eventText(entry []byte) string {
	return string(entry[textAt:][:min(int(entry[25]), eventSize-textAt)])
}
