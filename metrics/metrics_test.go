package metrics

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

var began = time.Date(2026, 3, 14, 12, 0, 0, 250_000_000, time.UTC)

// some is a little of everything.
func some() []Family {
	return []Family{
		{Name: "keepone_build", Help: "What runs.", Type: Info, Samples: []Sample{{Labels: [][2]string{{"version", "0.1.0"}}}}},
		{Name: "keepone_memory_bytes", Help: "Resident memory.", Unit: "bytes", Type: Gauge, Samples: []Sample{
			{Labels: [][2]string{{"part", "backend"}, {"name", "a\"b\\c\nd é"}}, Value: 33554432},
			{Labels: [][2]string{{"part", "keepone"}}, Value: math.NaN()},
			{Labels: [][2]string{{"part", "limit"}}, Value: math.Inf(1)},
		}},
		{Name: "keepone_restarts", Help: "Restarts\nby \"reason\", \\.", Type: Counter, Samples: []Sample{
			{Labels: [][2]string{{"reason", "memory"}}, Value: 3, Created: began},
			{Labels: [][2]string{{"reason", "operator"}}, Value: 0.5},
		}},
		{Name: "keepone_up", Type: Gauge, Samples: []Sample{{Value: 1, At: began}, {Value: math.Inf(-1), At: began.Add(time.Second)}}},
		{Name: "keepone_empty", Type: Gauge},
	}
}

const written = `# TYPE keepone_build_info gauge
# HELP keepone_build_info What runs.
keepone_build_info{version="0.1.0"} 1
# TYPE keepone_memory_bytes gauge
# UNIT keepone_memory_bytes bytes
# HELP keepone_memory_bytes Resident memory.
keepone_memory_bytes{part="backend",name="a\"b\\c\nd é"} 33554432
keepone_memory_bytes{part="keepone"} NaN
keepone_memory_bytes{part="limit"} +Inf
# TYPE keepone_restarts counter
# HELP keepone_restarts Restarts\nby \"reason\", \\.
keepone_restarts_total{reason="memory"} 3
keepone_restarts_created{reason="memory"} 1773489600.25
keepone_restarts_total{reason="operator"} 0.5
# TYPE keepone_up gauge
keepone_up 1 1773489600.25
keepone_up -Inf 1773489601.25
# TYPE keepone_empty gauge
# EOF
`

func text(t *testing.T, families []Family) string {
	t.Helper()
	var out strings.Builder
	if err := Write(&out, families); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWrite(t *testing.T) {
	if got := text(t, some()); got != written {
		t.Errorf("got\n%s\nwant\n%s", got, written)
	}
	f := []Family{gauge("x", labelled("file", "a\xffb"))}
	if got := text(t, f); !strings.Contains(got, "x{file=\"a\uFFFDb\"} 0\n") {
		t.Errorf("what is no UTF-8 is %q", got)
	}
	if got := text(t, nil); got != "# EOF\n" {
		t.Errorf("nothing is %q", got)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", -3: "-3", 1e15: "1000000000000000", 1e16: "1e+16", 0.1: "0.1", 1e-9: "1e-09", 1<<53 - 1: "9007199254740991"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
	for at, want := range map[time.Time]string{time.Unix(0, 1): "0.000000001", time.Unix(1700000000, 123456789): "1700000000.123456789", time.Unix(5, 0): "5"} {
		if got := seconds(at); got != want {
			t.Errorf("%v is written %s, want %s", at, got, want)
		}
	}
}

func gauge(name string, samples ...Sample) Family {
	return Family{Name: name, Type: Gauge, Samples: samples}
}

func labelled(labels ...string) (s Sample) {
	for i := 0; i < len(labels); i += 2 {
		s.Labels = append(s.Labels, [2]string{labels[i], labels[i+1]})
	}
	return s
}

// refused is what OpenMetrics forbids, and why.
func refused() []refusal {
	later := func(s Sample, by time.Duration) Sample { s.At = began.Add(by); return s }
	a, b := labelled("x", "a"), labelled("x", "b")
	return []refusal{
		{"its name is not letters", []Family{gauge("9x")}},
		{"its name is not letters", []Family{gauge("")}},
		{"its name is not letters", []Family{gauge("a:b")}},
		{"its name is not letters", []Family{gauge("größe")}},
		{"its name ends in _total", []Family{{Name: "x_total", Type: Counter}}},
		{"its name ends in _info", []Family{{Name: "x_info", Type: Info}}},
		{"its type is \"\"", []Family{{Name: "x"}}},
		{"its type is \"histogram\"", []Family{{Name: "x", Type: "histogram"}}},
		{"x is a name of the family \"x\"", []Family{gauge("x", a), gauge("y"), gauge("x", b)}},
		{"its unit is \"bytes\"", []Family{{Name: "x", Unit: "bytes", Type: Gauge}}},
		{"its unit is \"byte\"", []Family{{Name: "x_megabyte", Unit: "byte", Type: Gauge}}},
		{"its unit is \"seconds\"", []Family{{Name: "x_seconds", Unit: "seconds", Type: Info}}},
		{"sample 1: the label name \"\"", []Family{gauge("x", labelled("", "a"))}},
		{"the label name \"__x\"", []Family{gauge("x", labelled("__x", "a"))}},
		{"the label name \"a b\"", []Family{gauge("x", labelled("a b", "a"))}},
		{"there are two labels \"x\"", []Family{gauge("x", labelled("x", "a", "y", "", "x", "b"))}},
		{"sample 2: it has the labels", []Family{gauge("x", labelled("x", "a", "y", "b"), labelled("y", "b", "x", "a"))}},
		{"sample 2: it has the labels", []Family{gauge("x", Sample{}, labelled("x", ""))}},
		{"sample 2: it has the labels", []Family{gauge("x", later(a, 1), later(a, 0))}},
		{"sample 2: it has the labels", []Family{gauge("x", later(a, 1), a)}},
		{"sample 2: it has the labels", []Family{gauge("x", a, later(a, 1))}},
		{"sample 3: others stand between", []Family{gauge("x", later(a, 0), b, later(a, 1))}},
		{"a counter cannot be -1", []Family{{Name: "x", Type: Counter, Samples: []Sample{{Value: -1}}}}},
		{"a counter cannot be NaN", []Family{{Name: "x", Type: Counter, Samples: []Sample{{Value: math.NaN()}}}}},
		{"only a counter is created", []Family{gauge("x", Sample{Created: began})}},
		{"an info is of no time", []Family{{Name: "x", Type: Info, Samples: []Sample{{At: began}}}}},
		{"its time is before 1970", []Family{gauge("x", Sample{At: time.Unix(-1, 0)})}},
	}
}

type refusal struct {
	why      string
	families []Family
}

// What is refused is told before a byte is written.
func TestRefused(t *testing.T) {
	for _, test := range refused() {
		var out strings.Builder
		err := Write(&out, append([]Family{gauge("first")}, test.families...))
		if err == nil || !strings.Contains(err.Error(), test.why) || !strings.HasPrefix(err.Error(), "cannot write the metric family \"") {
			t.Errorf("%q is no %q", fmt.Sprint(err), test.why)
		}
		if out.Len() > 0 {
			t.Errorf("%s: %q was written", test.why, out.String())
		}
	}
}

type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteSaysWhatFails(t *testing.T) {
	if err := Write(full{}, some()); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}
