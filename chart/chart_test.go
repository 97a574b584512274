package chart

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

var (
	zone = time.FixedZone("CET", 3600)
	noon = time.Date(2026, 3, 14, 12, 0, 0, 0, zone)
)

// sawtooth is two hours of a backend that grows by 0.5 MiB a minute from 30
// MiB, with a restart after an hour, and with nobody looking from 12:20 to
// 12:40.
func sawtooth() Chart {
	c := Chart{Title: "shop", Soft: 64 << 20, Hard: 80 << 20, From: noon, To: noon.Add(2 * time.Hour)}
	for i := range 121 {
		if i > 20 && i < 40 {
			continue
		}
		size := float64(30+float64(i%60)/2) * mebibyte
		c.Points = append(c.Points, Point{noon.Add(time.Duration(i) * time.Minute), size - 4*mebibyte, size})
	}
	c.Marks = []Mark{{noon.Add(time.Hour), "memory"}}
	return c
}

const drawn = `
    MiB  shop
hard 80┤════════════════════════════════════════
soft 64┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
     60┤              ╭─────╮             ╭─────
       │             ─╯░░   │      ╭──────╯░░  ░
     40┤───────             ╰──────╯░░         ░
     20┤░░                  ░░                 ░
       │
      0┤
       └┬─────────┬─────────▲─────────┬────────┬
      12:00     12:30     13:00     13:30  14:00
─ largest  ░ down to smallest
┄ soft limit 64 MiB  ═ hard limit 80 MiB
▲ 13:00 memory
`

func TestText(t *testing.T) {
	if got := "\n" + Text(sawtooth(), 48, 14, false); got != drawn {
		t.Errorf("got%s\nwant%s", got, drawn)
	}
}

func TestASCII(t *testing.T) {
	c := sawtooth()
	c.Title, c.Marks[0].Label = "Läden", "größer\x1b[2J"
	got := ASCII(c, 48, 14, false)
	for _, r := range got {
		if r > '~' || r < ' ' && r != '\n' {
			t.Fatalf("%q in\n%s", r, got)
		}
	}
	for _, want := range []string{"L?den\n", "hard 80+====", "soft 64+~~~~", "^ 13:00 gr??er?[2J\n", "40+-------             '------'::         :\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}

var rendition = regexp.MustCompile("\x1b\\[[0-9]+m")

func TestColor(t *testing.T) {
	bare, colored := Text(sawtooth(), 60, 20, false), Text(sawtooth(), 60, 20, true)
	if got := rendition.ReplaceAllString(colored, ""); got != bare {
		t.Errorf("got\n%s\nwant\n%s", got, bare)
	}
	for line := range strings.Lines(colored) {
		codes := rendition.FindAllString(line, -1)
		if n := len(codes); n > 0 && codes[n-1] != "\x1b[0m" {
			t.Errorf("a line leaves its color behind: %q", line)
		}
	}
	for _, want := range []string{"\x1b[31m═", "\x1b[33m┄", "\x1b[36m─", "\x1b[34m░", "\x1b[35m▲"} {
		if !strings.Contains(colored, want) {
			t.Errorf("there is no %q", want)
		}
	}
}

// What there is room for is told; the curve keeps its rows.
func TestTextInLittleRoom(t *testing.T) {
	c := sawtooth()
	c.Marks = nil
	for i := range 50 {
		c.Marks = append(c.Marks, Mark{noon.Add(time.Duration(i) * time.Minute), "operator"})
	}
	if got := Text(c, 40, 14, false); !strings.HasSuffix(got, " and 47 more\n") || strings.Count(got, "\n") != 14 {
		t.Errorf("%s", got)
	}
	if got := Text(c, 1, 1, false); strings.Count(got, "\n") != leastRows+3 {
		t.Errorf("%s", got)
	}
	c.Hard = 600 << 20
	if got := Text(c, 80, 20, false); !strings.Contains(got, "\nhard limit 600 MiB is above the picture\n") || strings.Contains(got, "═") {
		t.Errorf("%s", got)
	}
	if got := Text(Chart{}, 80, 20, false); !strings.Contains(got, nothing) {
		t.Errorf("%s", got)
	}
}

func TestGaps(t *testing.T) {
	at := func(minute int) Point { return Point{noon.Add(time.Duration(minute) * time.Minute), 1, 2} }
	hole := Point{noon.Add(90 * time.Second), math.NaN(), 2}
	for _, test := range []struct {
		points []Point
		every  time.Duration
		want   []int // the lengths of the parts
	}{
		{[]Point{at(0), at(1), at(2), at(5), at(6)}, 0, []int{5}},
		{[]Point{at(0), at(1), at(2), at(6), at(7)}, 0, []int{3, 2}},
		{[]Point{at(0), at(1), at(2), at(6), at(7)}, 2 * time.Minute, []int{5}},
		{[]Point{at(7), at(0), at(2), at(6), at(1)}, 0, []int{3, 2}}, // in any order
		{[]Point{at(0), at(1), hole, at(2)}, 0, []int{2, 1}},
		{[]Point{at(0), at(1), at(60)}, 0, []int{2, 1}},
		{[]Point{hole}, 0, nil},
	} {
		var got []int
		for _, part := range (Chart{Points: test.points, Every: test.every}).frame(1000, 5).curves {
			got = append(got, len(part))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, want %v", test.points, got, test.want)
		}
	}
}

// Whatever is drawn, it fits, and every line of it is text.
func TestTextFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, width, height := anything(t), rapid.IntRange(-1, 220).Draw(t, "width"), rapid.IntRange(-1, 60).Draw(t, "height")
		for _, draw := range []func(Chart, int, int, bool) string{Text, ASCII} {
			got := draw(c, width, height, false)
			if n := strings.Count(got, "\n"); n != max(height, leastRows+3) {
				t.Fatalf("%d lines of %d\n%s", n, height, got)
			}
			for line := range strings.Lines(got) {
				line = strings.TrimSuffix(line, "\n")
				if utf8.RuneCountInString(line) > max(width, leastWidth) || strings.TrimRight(line, " ") != line || printable(line) != line {
					t.Fatalf("%q in\n%s", line, got)
				}
			}
		}
	})
}

// anything draws a chart that somebody might think of.
func anything(t *rapid.T) Chart {
	when := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 9).Draw(t, "zero") == 0 {
			return time.Time{}
		}
		return noon.Add(time.Duration(rapid.Int64Range(0, 1<<rapid.IntRange(1, 50).Draw(t, "bits")).Draw(t, "at")))
	})
	point := rapid.Custom(func(t *rapid.T) Point {
		odd := rapid.SampledFrom([]float64{0, 1, 3e7, 3e8, 1e300, -1, math.NaN(), math.Inf(1)})
		size := rapid.OneOf(odd, rapid.Float64Range(0, 1e9))
		return Point{when.Draw(t, "when"), size.Draw(t, "min"), size.Draw(t, "max")}
	})
	mark := rapid.Custom(func(t *rapid.T) Mark { return Mark{when.Draw(t, "when"), rapid.String().Draw(t, "label")} })
	limit := rapid.OneOf(rapid.SampledFrom([]uint64{0, 1, math.MaxUint64}), rapid.Uint64Range(0, 1<<32))
	return Chart{
		Title: rapid.String().Draw(t, "title"), Points: rapid.SliceOfN(point, 0, 60).Draw(t, "points"),
		Soft: limit.Draw(t, "soft"), Hard: limit.Draw(t, "hard"), Marks: rapid.SliceOfN(mark, 0, 20).Draw(t, "marks"),
		From: when.Draw(t, "from"), To: when.Draw(t, "to"),
	}
}

func ExampleSparkline() {
	fmt.Printf("|%s|\n", Sparkline([]float64{30, 31, 34, math.NaN(), 41, 48, 55, 32}, 10))
	// Output: |  ▁▁▂ ▄▆█▁|
}
