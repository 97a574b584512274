package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// meant are the ends of names that say what a sample is.
var meant = []string{"_total", "_created", "_info", "_count", "_sum", "_bucket"}

// check says what is wrong with a family. Taken is what the samples of the
// families before it are called, and in which family.
func (f Family) check(taken map[string]string) error {
	if !valid(f.Name) {
		return errors.New("its name is not letters, digits and underscores, or begins with a digit")
	}
	for _, end := range meant {
		if strings.HasSuffix(f.Name, end) {
			return fmt.Errorf("its name ends in %s, which only a type may add", end)
		}
	}
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if other, ok := taken[name]; ok {
			return fmt.Errorf("%s is a name of the family %q already", name, other)
		}
		taken[name] = f.Name
	}
	if f.Unit != "" && (f.Type == Info || !strings.HasSuffix(f.Name, "_"+f.Unit)) {
		return fmt.Errorf("its unit is %q: the name must end in _%s, and an info has none", f.Unit, f.Unit)
	}
	return f.checkSamples()
}

// names are what the family and its samples are called.
func (f Family) names() ([]string, error) {
	switch f.Type {
	case Gauge:
		return []string{f.Name}, nil
	case Counter:
		return []string{f.Name, f.Name + "_total", f.Name + "_created"}, nil
	case Info:
		return []string{f.Name, f.Name + "_info"}, nil
	}
	return nil, fmt.Errorf("its type is %q, not gauge, counter or info", string(f.Type))
}

func (f Family) checkSamples() error {
	seen := map[string]bool{}
	before := ""
	for i, s := range f.Samples {
		id, err := s.identity()
		if err == nil {
			err = f.checkValue(s)
		}
		if err == nil && seen[id] {
			err = f.follows(i, id == before)
		}
		if err != nil {
			return fmt.Errorf("sample %d: %w", i+1, err)
		}
		seen[id], before = true, id
	}
	return nil
}

// identity checks the labels, and returns what tells them from others.
func (s Sample) identity() (string, error) {
	labels := slices.Clone(s.Labels)
	slices.SortFunc(labels, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var id strings.Builder
	for i, l := range labels {
		if !valid(l[0]) || strings.HasPrefix(l[0], "__") {
			return "", fmt.Errorf("the label name %q is not letters, digits and underscores, or begins with a digit or __", l[0])
		}
		if i > 0 && labels[i-1][0] == l[0] {
			return "", fmt.Errorf("there are two labels %q", l[0])
		}
		if l[1] != "" { // an empty label is as good as none
			id.WriteString(l[0] + "=" + strconv.Quote(strings.ToValidUTF8(l[1], "\uFFFD")) + ",")
		}
	}
	return id.String(), nil
}

func (f Family) checkValue(s Sample) error {
	switch {
	case f.Type == Counter && !(s.Value >= 0):
		return fmt.Errorf("a counter cannot be %s", number(s.Value))
	case f.Type != Counter && !s.Created.IsZero():
		return errors.New("only a counter is created")
	case f.Type == Info && !s.At.IsZero(): // parsers take all of an info for one figure
		return errors.New("an info is of no time")
	case early(s.Created) || early(s.At):
		return errors.New("its time is before 1970")
	}
	return nil
}

// follows says whether sample i may have the labels of one before it.
func (f Family) follows(i int, next bool) error {
	switch {
	case !next:
		return errors.New("others stand between it and the one with the same labels")
	case f.Samples[i].At.IsZero() || !f.Samples[i].At.After(f.Samples[i-1].At) || f.Samples[i-1].At.IsZero():
		return errors.New("it has the labels of the one before it, and is not later")
	}
	return nil
}

func early(t time.Time) bool { return !t.IsZero() && t.Unix() < 0 }

// valid says whether s is a name. Colons, which OpenMetrics keeps for what is
// computed from metrics, are none.
func valid(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// exact is the end of the integers that a float64 holds one by one.
const exact = 1 << 53

// number writes a value: a whole number without an exponent.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < exact {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64) // also NaN, +Inf and -Inf, as they are to be written
}

// seconds writes a time after 1970 to the nanosecond, which a float64 cannot.
func seconds(t time.Time) string {
	whole := strconv.FormatInt(t.Unix(), 10)
	if t.Nanosecond() == 0 {
		return whole
	}
	return whole + "." + strings.TrimRight(fmt.Sprintf("%09d", t.Nanosecond()), "0")
}
