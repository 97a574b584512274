package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Size is a number of bytes, written "96MiB", "1GB" or as a plain integer.
type Size int64

// Mode is permission bits, written as a string of octal digits: TOML's own integers are decimal.
type Mode uint32

// Limit is one rlimit (getrlimit(2)): bytes, seconds or a count.
type Limit uint64

// Unlimited is RLIM_INFINITY.
const Unlimited Limit = math.MaxUint64

// shortest is the least of the durations that may not be zero: with zero, keepone would spin or never get ready.
const shortest = 100 * time.Millisecond

var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, // binary first: String takes them in this order
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

// String writes the size exactly, in the largest binary unit that does.
func (s Size) String() string {
	for _, u := range units[:4] {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// String writes four octal digits, as chmod(1) takes them.
func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

func asSize(v any) (Size, error) {
	switch v := v.(type) {
	case int64:
		if v < 0 {
			return 0, fmt.Errorf("%d is negative", v)
		}
		return Size(v), nil
	case string:
		return parseSize(v)
	}
	return 0, errType
}

func parseSize(s string) (Size, error) {
	digits := strings.TrimLeft(s, "0123456789")
	number, unit := s[:len(s)-len(digits)], strings.TrimLeft(digits, " ")
	if number == "" {
		return 0, fmt.Errorf("%q does not begin with a whole number", s)
	}
	n, err := strconv.ParseInt(number, 10, 64)
	for _, u := range units {
		if u.name != unit {
			continue
		}
		if err != nil || n > math.MaxInt64/u.bytes {
			return 0, fmt.Errorf("%q is too large", s)
		}
		return Size(n * u.bytes), nil
	}
	return 0, fmt.Errorf("%q has no known unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)", s)
}

func asDuration(v any) (time.Duration, error) {
	if d, ok := v.(int64); ok {
		return 0, fmt.Errorf("%d has no unit: seconds are \"%ds\"", d, d)
	}
	s, ok := v.(string)
	if !ok {
		return 0, errType
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration (numbers with h, m, s or ms)", s)
	}
	if d < 0 {
		return 0, fmt.Errorf("%q is negative", s)
	}
	return d, nil
}

// durationText is d as one would write it: "90s", "5m", not "1m30s", "5m0s".
func durationText(d time.Duration) string {
	if d < 2*time.Minute && d%time.Second == 0 {
		return strconv.Itoa(int(d/time.Second)) + "s"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func asMode(v any) (Mode, error) {
	if _, ok := v.(int64); ok {
		return 0, errors.New("an integer is not octal in TOML: the digits belong in quotes")
	}
	s, ok := v.(string)
	if !ok {
		return 0, errType
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || len(s) < 3 || len(s) > 4 || n > 0o777 {
		return 0, fmt.Errorf("%q is no mode (octal, from \"0000\" to \"0777\")", s)
	}
	return Mode(n), nil
}

// asSignal knows signal(7)'s names and the numbers from 1 to 64, save 32 and 33, which C libraries keep for themselves.
func asSignal(v any) (syscall.Signal, error) {
	number, isNumber := v.(int64)
	s, isString := v.(string)
	if !isNumber && !isString {
		return 0, errType
	}
	if isString {
		if sig := unix.SignalNum("SIG" + strings.TrimPrefix(s, "SIG")); sig != 0 {
			return sig, nil
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("unknown signal %q", s)
		}
		number = n
	}
	if number < 1 || number > 64 || number == 32 || number == 33 {
		return 0, fmt.Errorf("unknown signal %d", number)
	}
	return syscall.Signal(number), nil
}

func asLimit(v any, count bool) (Limit, error) {
	if v == "unlimited" {
		return Unlimited, nil
	}
	if _, ok := v.(string); ok && count {
		return 0, errType
	}
	n, err := asSize(v)
	return Limit(n), err
}

func asText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", errType
	}
	if s == "" {
		return "", errors.New("the string is empty")
	}
	return s, noNUL(s)
}

func asName(v any) (string, error) {
	if n, ok := v.(int64); ok {
		return strconv.FormatInt(n, 10), nil
	}
	return asText(v)
}

// asList makes a new list, never nil.
func asList(v any, element func(any) (string, error)) ([]string, error) {
	all := []string{}
	if given, ok := v.([]string); ok {
		for _, s := range given {
			if _, err := element(s); err != nil {
				return given, err
			}
		}
		return append(all, given...), nil
	}
	elements, ok := v.([]any)
	if !ok {
		return nil, errType
	}
	for _, e := range elements {
		s, err := element(e)
		if errors.Is(err, errType) {
			return nil, fmt.Errorf("one of the list is %s", typeName(e))
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// noNUL refuses what no argument, path or variable can hold: C strings end at the first NUL.
func noNUL(s string) error {
	if strings.ContainsRune(s, 0) {
		return errors.New("the string contains a NUL")
	}
	return nil
}
