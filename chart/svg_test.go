package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// An element is one of the picture, with the text in it.
type element struct {
	name string
	attr map[string]string
	text string
}

// parse reads a picture as XML does, strictly, and demands that it lies within
// its own frame.
func parse(t interface {
	Helper()
	Fatalf(string, ...any)
}, picture string) (all []*element) {
	t.Helper()
	var open []*element
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			all, open = append(all, e), append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(token)
			}
		}
	}
	wide, _ := strconv.ParseFloat(all[0].attr["width"], 64)
	high, _ := strconv.ParseFloat(all[0].attr["height"], 64)
	for _, e := range all {
		for _, at := range e.places() {
			if !(at[0] >= 0 && at[0] <= wide && at[1] >= 0 && at[1] <= high) {
				t.Fatalf("%s %v lies outside of %v by %v", e.name, at, wide, high)
			}
		}
	}
	return all
}

var pairs = regexp.MustCompile(`[ML]([^ ]+) ([^LZ]+)`)

// places returns where an element is.
func (e *element) places() (all [][2]float64) {
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return math.NaN()
		}
		return f
	}
	for _, names := range [][2]string{{"x", "y"}, {"x1", "y1"}, {"x2", "y2"}, {"cx", "cy"}} {
		if x, ok := e.attr[names[0]]; ok {
			all = append(all, [2]float64{number(x), number(e.attr[names[1]])})
		}
	}
	for _, p := range pairs.FindAllStringSubmatch(e.attr["d"], -1) {
		all = append(all, [2]float64{number(p[1]), number(p[2])})
	}
	return all
}

func drawSVG(t interface {
	Helper()
	Fatalf(string, ...any)
}, c Chart) string {
	t.Helper()
	var out strings.Builder
	if err := SVG(&out, c); err != nil {
		t.Fatalf("%v", err)
	}
	return out.String()
}

// count says how many elements have that attribute.
func count(all []*element, name, attr, value string) (n int) {
	for _, e := range all {
		if e.name == name && e.attr[attr] == value {
			n++
		}
	}
	return n
}

func TestSVG(t *testing.T) {
	c := sawtooth()
	c.Points = append(c.Points, Point{noon.Add(30 * time.Minute), 1 << 20, 50 << 20}) // alone in the gap
	c.To = c.To.UTC()                                                                 // which is not the picture's zone
	c.Title, c.Marks[0].Label = `<shop> & "Läden"`, "memory\x00\xff\x1b ]]> <b>"
	all := parse(t, drawSVG(t, c))
	said := map[string]int{}
	for _, e := range all {
		said[e.text]++
	}
	for _, want := range []string{`<shop> & "Läden"`, "soft 64 MiB", "hard 80 MiB", "memory??? ]]> <b>", "13:00 memory??? ]]> <b>", "restarts: 1", "13:00",
		"14 March 2026 12:00 to 14:00 CET", "MiB", "40", "largest", "down to smallest", "soft limit", "hard limit"} {
		if said[want] == 0 {
			t.Errorf("%q is not said: %v", want, said)
		}
	}
	for _, want := range []struct {
		name, attr, value string
		n                 int
	}{
		{"path", "stroke", stroke, 2}, // before the gap and after it
		{"path", "fill", shade, 3},
		{"circle", "fill", stroke, 1},
		{"line", "stroke-dasharray", softDash, 2}, // the line, and the one in the legend
		{"line", "stroke-dasharray", hardDash, 2},
		{"line", "stroke-dasharray", markDash, 2},
	} {
		if n := count(all, want.name, want.attr, want.value); n != want.n {
			t.Errorf("%d of %+v", n, want)
		}
	}
}

// Many restarts: those whose label has no room do not hide the curve.
func TestSVGCrowded(t *testing.T) {
	c := sawtooth()
	c.Soft, c.Hard, c.Marks = 79<<20, 400<<20, nil
	for i := range 100 {
		c.Marks = append(c.Marks, Mark{noon.Add(time.Duration(i) * time.Minute), "over the soft limit"})
	}
	picture := drawSVG(t, c)
	all := parse(t, picture)
	lines := count(all, "line", "stroke-dasharray", markDash) - 1 // one is the legend's
	if lines < 9 || lines > 20 {
		t.Errorf("%d restarts have labels", lines)
	}
	for _, want := range []string{">restarts: 100, of which " + strconv.Itoa(100-lines) + " have no room for the reason<", ">The hard limit of 400 MiB is above the picture.<"} {
		if !strings.Contains(picture, want) {
			t.Errorf("there is no %q", want)
		}
	}
}

// The names of limits that are close to each other do not lie on each other.
func TestSVGNamesLimitsApart(t *testing.T) {
	c := sawtooth()
	c.Soft, c.Hard = 64<<20, 65<<20
	var at []float64
	for _, e := range parse(t, drawSVG(t, c)) {
		if strings.HasPrefix(e.text, "soft 64 ") || strings.HasPrefix(e.text, "hard 65 ") {
			at = append(at, e.places()[0][1])
		}
	}
	if len(at) != 2 || at[0]-at[1] < 12 {
		t.Errorf("they are at %v", at)
	}
}

// A long title and a long reason are shortened; who points at the mark sees all.
func TestSVGOfManyWords(t *testing.T) {
	c := sawtooth()
	c.Title, c.Marks[0].Label = strings.Repeat("title ", 50), strings.Repeat("reason ", 50)
	picture := drawSVG(t, c)
	for want, n := range map[string]int{">" + c.Title[:74] + "…<": 2, ">" + c.Marks[0].Label[:44] + "…<": 1, "13:00 " + c.Marks[0].Label: 1} {
		if got := strings.Count(picture, want); got != n {
			t.Errorf("%d times %q", got, want)
		}
	}
}

func TestSVGOfNothing(t *testing.T) {
	if picture := drawSVG(t, Chart{}); !strings.Contains(picture, nothing) {
		t.Errorf("%s", picture)
	}
}

func TestSVGOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { parse(t, drawSVG(t, anything(t))) })
}

type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestSVGSaysWhatFails(t *testing.T) {
	if err := SVG(full{}, sawtooth()); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}
