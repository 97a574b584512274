package probe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Statuses is a set of HTTP status codes. The zero value is 200-399.
type Statuses struct{ ranges []span }

type span struct{ from, to int }

var usual = []span{{200, 399}}

// ParseStatuses reads status codes from 200 to 599 and ranges of them, with
// commas between: "200", "200-399", "200,302,400-499". The error says what is
// wrong with which part.
func ParseStatuses(text string) (Statuses, error) {
	if strings.TrimSpace(text) == "" {
		return Statuses{}, errors.New(`cannot read the statuses: there are none; "200-399" is the usual choice`)
	}
	var s Statuses
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, ok := code(first)
		to, okToo := code(last)
		switch {
		case !ok || !okToo:
			return Statuses{}, fmt.Errorf(`cannot read the statuses %q: %q is neither a status from 200 to 599 nor a range like "200-399"`, text, part)
		case from > to:
			return Statuses{}, fmt.Errorf(`cannot read the statuses %q: %q runs backwards; write "%d-%d"`, text, part, to, from)
		}
		s.ranges = append(s.ranges, span{from, to})
	}
	return s, nil
}

func code(s string) (int, bool) {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil && len(s) == 3 && n >= 200 && n <= 599
}

func (s Statuses) spans() []span {
	if s.ranges == nil {
		return usual
	}
	return s.ranges
}

// Has says whether the set has the status.
func (s Statuses) Has(status int) bool {
	for _, r := range s.spans() {
		if r.from <= status && status <= r.to {
			return true
		}
	}
	return false
}

// String writes the set as ParseStatuses reads it.
func (s Statuses) String() string {
	var b strings.Builder
	for i, r := range s.spans() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(r.from))
		if r.to != r.from {
			b.WriteString("-" + strconv.Itoa(r.to))
		}
	}
	return b.String()
}
