package chart

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func texts(f frame, most int) (all []string) {
	for _, t := range f.times(most) {
		all = append(all, t.text)
	}
	return all
}

func TestTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("there are no time zones here: %v", err)
	}
	for _, test := range []struct {
		from time.Time
		long time.Duration
		most int
		want []string
	}{
		{noon.Add(7 * time.Minute), time.Hour, 4, []string{"12:15", "12:30", "12:45", "13:00"}},
		{noon, 40 * time.Second, 4, []string{"12:00:00", "12:00:10", "12:00:20", "12:00:30", "12:00:40"}},
		{noon, 36 * time.Hour, 6, []string{"12:00", "18:00", "15 Mar", "06:00", "12:00", "18:00", "16 Mar"}},
		{noon, 4 * 24 * time.Hour, 5, []string{"15 Mar", "16 Mar", "17 Mar", "18 Mar"}},
		// The night without a time from 2 to 3, and the one with two of them.
		{time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), 4 * time.Hour, 5, []string{"00:00", "01:00", "03:00", "04:00", "05:00"}},
		{time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), 5 * time.Hour, 5, []string{"00:00", "01:00", "02:00", "03:00", "04:00"}},
	} {
		f := Chart{From: test.from, To: test.from.Add(test.long)}.frame(80, 5)
		if got := texts(f, test.most); !slices.Equal(got, test.want) {
			t.Errorf("%v for %v: %q, want %q", test.from, test.long, got, test.want)
		}
	}
}

// The picture is of the zone that its beginning is in.
func TestZone(t *testing.T) {
	c := Chart{From: noon, To: noon.UTC().Add(time.Hour), Marks: []Mark{{noon.UTC(), "operator"}}}
	f := c.frame(80, 5)
	if got := f.moment(f.marks[0].At); got != "12:00" {
		t.Errorf("the mark is at %s", got)
	}
	if got := texts(f, 2); !slices.Equal(got, []string{"12:00", "12:30", "13:00"}) {
		t.Errorf("the axis has %q", got)
	}
}

// Ticks rise, lie on the axis, and are not more than there is room for.
func TestAxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(0, 30).Draw(t, "most")
		f := anything(t).frame(rapid.IntRange(1, 500).Draw(t, "columns"), most)
		last := -1.0
		ticks := f.times(most)
		for _, tick := range ticks {
			if !(tick.at >= 0 && tick.at <= 1 && tick.at > last) {
				t.Fatalf("%v", ticks)
			}
			last = tick.at
		}
		if len(ticks) > max(1, most)+2 {
			t.Fatalf("%d of %d times", len(ticks), most)
		}
		values := f.values()
		if n := len(values); n < 2 || n > max(1, most)+3 || math.Abs(values[n-1]-f.high) > f.step/2 || values[0] != f.low {
			t.Fatalf("%v for %v to %v, of %d", values, f.low, f.high, most)
		}
		for _, part := range f.curves {
			for _, s := range part {
				if !(s.low >= f.low && s.high <= f.high && s.low <= s.high && s.at >= 0 && s.at <= 1) {
					t.Fatalf("%+v is not between %v and %v", s, f.low, f.high)
				}
			}
		}
	})
}

func TestScale(t *testing.T) {
	for _, test := range []struct {
		low, high   float64 // of the curve, in MiB
		soft, hard  uint64
		least, most float64
		above       int
	}{
		{1, 34, 0, 0, 0, 40, 0},
		{1, 34, 64, 80, 0, 80, 0},
		{1, 34, 64, 512, 0, 80, 1},
		{1, 34, 128, 512, 0, 40, 2},
		{250, 262, 256, 0, 245, 270, 0},
		{0, 0, 64, 512, 0, 600, 0},
	} {
		p := Point{noon, test.low * mebibyte, test.high * mebibyte}
		f := Chart{Points: []Point{p}, Soft: test.soft << 20, Hard: test.hard << 20}.frame(80, 6)
		if f.low/mebibyte != test.least || f.high/mebibyte != test.most || len(f.above) != test.above {
			t.Errorf("%+v: from %v to %v, %d above", test, f.low/mebibyte, f.high/mebibyte, len(f.above))
		}
	}
}

func TestMiB(t *testing.T) {
	for bytes, want := range map[float64]string{0: "0", 1 << 20: "1", 1.5 * mebibyte: "1.5", 33.333 * mebibyte: "33.3", 0.25 * mebibyte: "0.25", 1 << 30: "1024"} {
		if got := mib(bytes); got != want {
			t.Errorf("%v bytes are %s MiB, want %s", bytes, got, want)
		}
	}
}

func TestSparkline(t *testing.T) {
	nan, huge := math.NaN(), math.MaxFloat64
	for _, test := range []struct {
		values []float64
		width  int
		want   string
	}{
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 8, "▁▂▃▄▅▆▇█"},
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 4, "▁▃▆█"}, // of 1, 3, 5, 7
		{[]float64{0, 7}, 4, "  ▁█"},
		{[]float64{0, nan, math.Inf(1), 7}, 4, "▁  █"},
		{[]float64{0, nan, nan, nan, nan, 7, 7, 0}, 4, "▁ ██"},
		{[]float64{1000, 1001, 1002}, 3, "▄▅▅"}, // noise
		{[]float64{5, 5}, 2, "▅▅"},
		{[]float64{0, 0}, 2, "▅▅"},
		{[]float64{-huge, huge}, 2, "▁▁"},
		{nil, 3, "   "},
		{[]float64{1}, 0, ""},
		{[]float64{1}, -1, ""},
	} {
		if got := Sparkline(test.values, test.width); got != test.want {
			t.Errorf("%v in %d: %q, want %q", test.values, test.width, got, test.want)
		}
	}
}
