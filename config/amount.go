package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is a number of bytes, or of percent of the memory that there is; neither for none.
type Amount struct {
	Bytes   Size
	Percent int // from 1 to 100
}

// Set says whether it is an amount at all.
func (a Amount) Set() bool { return a != Amount{} }

// Of is the amount in bytes where there are so many.
func (a Amount) Of(room uint64) uint64 {
	if a.Percent > 0 {
		return room/100*uint64(a.Percent) + room%100*uint64(a.Percent)/100
	}
	return uint64(a.Bytes)
}

// String writes it as the file may: "96MiB" or "40%".
func (a Amount) String() string {
	if a.Percent > 0 {
		return strconv.Itoa(a.Percent) + "%"
	}
	return a.Bytes.String()
}

func asAmount(v any) (a Amount, err error) {
	s, ok := v.(string)
	digits, percent := strings.CutSuffix(s, "%")
	if !ok || !percent {
		a.Bytes, err = asSize(v)
		return a, err
	}
	a.Percent, err = strconv.Atoi(digits)
	if err != nil || a.Percent < 1 || a.Percent > 100 {
		return Amount{}, fmt.Errorf("%q is no percentage from 1%% to 100%%", s)
	}
	return a, nil
}

func (f amount) get() any {
	if !f.to.Set() {
		return nil
	}
	return f.to.String()
}
func (f amount) set(v any) error {
	a, err := asAmount(v)
	if err == nil && a.Percent == 0 && a.Bytes < f.least {
		err = fmt.Errorf("%s is less than %s", a.Bytes, f.least)
	}
	*f.to = a
	return err
}
