package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A value is one field of a Config as TOML sees it: get gives a string, an int64 or a []string (nil when unset), and set takes what
// get gives or what the decoder made, checks it, and stores it. So set(get()) is the check of a field that was set from Go.
type value interface {
	get() any
	set(v any) error
}

const (
	mebibyte = 1 << 20
	// lockFD is the descriptor at which a backend inherits its lock: a lower RLIMIT_NOFILE would keep it from being put there.
	lockFD = 200
)

// errType is what set returns for a value of another TOML type.
var errType = errors.New("wrong type")

type (
	text struct{ to *string } // not empty
	path struct {
		to   *string
		also string // the one other word that is allowed
	}
	address struct{ to *string }   // a path, or tcp://ADDRESS:PORT
	name    struct{ to *string }   // a user or group, by name or number
	list    struct{ to *[]string } // nil is unset
	names   struct{ to *[]string } // as list, of names
	size    struct {
		to    *Size // 0 is unset
		least Size
	}
	amount struct { // unset is neither bytes nor percent
		to    *Amount
		least Size
	}
	duration struct {
		to    *time.Duration
		least time.Duration
		never bool // 0 is allowed all the same
	}
	truth   struct{ to *bool }
	mode    struct{ to *Mode }
	signal  struct{ to *syscall.Signal }
	integer struct {
		to          *int
		least, most int
	}
	optional struct {
		to          **int // nil is unset
		least, most int
	}
	limit struct {
		to    **Limit // nil is unset
		least Limit
		count bool // a plain number, never a size
	}
)

func (f text) get() any { return word(*f.to) }
func (f text) set(v any) (err error) {
	*f.to, err = asText(v)
	return err
}

func (f path) get() any { return word(*f.to) }
func (f path) set(v any) error {
	s, err := asText(v)
	switch {
	case err != nil:
		return err
	case s == f.also:
		*f.to = s
	case !filepath.IsAbs(s):
		return fmt.Errorf("%q is not an absolute path", s)
	default:
		*f.to = filepath.Clean(s)
	}
	return nil
}

func (f name) get() any { return word(*f.to) }
func (f name) set(v any) (err error) {
	*f.to, err = asName(v)
	return err
}

func (f list) get() any { return words(*f.to) }
func (f list) set(v any) (err error) {
	*f.to, err = asList(v, func(v any) (string, error) {
		s, ok := v.(string)
		if !ok {
			return "", errType
		}
		return s, noNUL(s)
	})
	return err
}

func (f names) get() any { return words(*f.to) }
func (f names) set(v any) (err error) {
	*f.to, err = asList(v, asName)
	return err
}

func (f size) get() any {
	if *f.to == 0 {
		return nil
	}
	return f.to.String()
}
func (f size) set(v any) error {
	n, err := asSize(v)
	if err == nil && n < f.least {
		err = fmt.Errorf("%s is less than %s", n, f.least)
	}
	*f.to = n
	return err
}

func (f truth) get() any { return *f.to }
func (f truth) set(v any) error {
	b, ok := v.(bool)
	if !ok {
		return errType
	}
	*f.to = b
	return nil
}

func (f duration) get() any { return durationText(*f.to) }
func (f duration) set(v any) error {
	d, err := asDuration(v)
	if err == nil && d < f.least && !(f.never && d == 0) {
		err = fmt.Errorf("%s is less than %s", durationText(d), durationText(f.least))
	}
	*f.to = d
	return err
}

func (f mode) get() any { return f.to.String() }
func (f mode) set(v any) (err error) {
	*f.to, err = asMode(v)
	return err
}

func (f signal) get() any {
	if name := unix.SignalName(*f.to); name != "" {
		return name
	}
	return int64(*f.to)
}
func (f signal) set(v any) (err error) {
	*f.to, err = asSignal(v)
	return err
}

func (f integer) get() any { return int64(*f.to) }
func (f integer) set(v any) error {
	n, ok := v.(int64)
	if !ok {
		return errType
	}
	if n < int64(f.least) || n > int64(f.most) {
		return fmt.Errorf("%d is not between %d and %d", n, f.least, f.most)
	}
	*f.to = int(n)
	return nil
}

func (f optional) get() any {
	if *f.to == nil {
		return nil
	}
	return int64(**f.to)
}
func (f optional) set(v any) error {
	var n int
	err := integer{&n, f.least, f.most}.set(v)
	*f.to = &n
	return err
}

func (f limit) get() any {
	switch {
	case *f.to == nil:
		return nil
	case **f.to == Unlimited:
		return "unlimited"
	case f.count:
		return int64(**f.to)
	}
	return Size(**f.to).String()
}
func (f limit) set(v any) error {
	n, err := asLimit(v, f.count)
	if err == nil && n < f.least {
		err = fmt.Errorf("%v is less than %v", limit{to: ptr(&n), count: f.count}.get(), limit{to: ptr(&f.least), count: f.count}.get())
	}
	*f.to = &n
	return err
}

func ptr(l *Limit) **Limit { return &l }

// word and words keep an unset value from becoming a non-nil any.
func word(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func words(s []string) any {
	if s == nil {
		return nil
	}
	return s
}
