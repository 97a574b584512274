package scaffold

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rlimits are the keys of setrlimit(2)'s limits, and whether bytes are counted.
var rlimits = map[string]struct {
	key   string
	bytes bool
}{
	"LimitNOFILE": {"limits.nofile", false}, "LimitNPROC": {"limits.nproc", false}, "LimitCORE": {"limits.core", true},
	"LimitAS": {"limits.as", true}, "LimitCPU": {"limits.cpu", false}, "LimitFSIZE": {"limits.fsize", true},
	"LimitMEMLOCK": {"limits.memlock", true}, "LimitSTACK": {"limits.stack", true}, "LimitDATA": {"limits.data", true},
}

// limitOrNote carries over a Limit*=, of soft:hard the soft one, and notes what
// keepone has nothing for.
func (u *unit) limitOrNote(l setting) {
	limit, known := rlimits[l.key]
	soft, _, _ := strings.Cut(l.value, ":")
	switch {
	case known && soft == "infinity":
		u.p.set(limit.key, quote("unlimited"))
	case known:
		n, err := strconv.ParseInt(soft, 10, 62)
		if text, ok := byteSize(soft); limit.bytes && ok {
			u.p.set(limit.key, quote(text))
		} else if err == nil && n >= 0 && !limit.bytes {
			u.p.set(limit.key, strconv.FormatInt(n, 10))
		} else {
			u.p.note("%s=%s was not carried over; see [limits]", l.key, l.value)
		}
	case !slices.Contains(silent, l.key):
		u.p.note("%s=%s was not carried over: put it into a drop-in of keepone's unit where it is needed", l.key, l.value)
	}
}

// memory makes of the cgroup's limits keepone's own: it restarts the backend
// where the kernel would slow it down or kill it.
func (u *unit) memory(key, value string) {
	name := "memory.hard"
	if key == "MemoryHigh" {
		name = "memory.soft"
	}
	if value == "infinity" {
		return
	}
	if n, err := strconv.ParseUint(strings.TrimSuffix(value, "%"), 10, 8); err == nil && strings.HasSuffix(value, "%") && n > 0 && n <= 100 {
		u.p.set(name, quote(value))
		return
	}
	if text, ok := byteSize(value); ok {
		u.p.set(name, quote(text))
		return
	}
	u.p.note("%s=%s was not carried over; see [memory]", key, value)
}

// byteSize writes systemd's size, powers of two, as keepone does.
func byteSize(text string) (string, bool) {
	digits := strings.TrimRight(text, "BKMGT")
	n, err := strconv.ParseUint(digits, 10, 53)
	unit, known := map[string]string{"": "B", "B": "B", "K": "KiB", "M": "MiB", "G": "GiB", "T": "TiB"}[text[len(digits):]]
	if err != nil || !known {
		return "", false
	}
	return fmt.Sprintf("%d%s", n, unit), true
}

// timeSpan writes a time of systemd.time(7) as keepone does; a bare number is seconds.
func timeSpan(text string) (string, bool) {
	units := map[string]float64{"": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 0.001, "msec": 0.001, "m": 60, "min": 60, "minute": 60, "minutes": 60,
		"h": 3600, "hr": 3600, "hour": 3600, "hours": 3600}
	total, seen := 0.0, false
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		end := len(text) - len(strings.TrimLeft(text, "0123456789."))
		n, err := strconv.ParseFloat(text[:end], 64)
		text = strings.TrimLeft(text[end:], " ")
		word := len(text) - len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyz"))
		factor, known := units[text[:word]]
		if err != nil || !known {
			return "", false
		}
		total, seen, text = total+n*factor, true, text[word:]
	}
	if !seen || total > 1e6 {
		return "", false
	}
	if total == float64(int(total)) {
		return fmt.Sprintf("%ds", int(total)), true
	}
	return fmt.Sprintf("%dms", int(total*1000)), true
}
