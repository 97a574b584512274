package output

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLongLinesAreSplitBetweenCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c cutter
		var got []string
		most := rapid.IntRange(4, 20).Draw(t, "most")
		c = newCutter("prefix", most, func() { got = append(got, string(c.text())) })
		text := rapid.StringOfN(rapid.SampledFrom([]rune("aü€😀<3>")), 0, 60, -1).Draw(t, "text")
		for rest := []byte("x" + text); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			c.add(rest[:n])
			rest = rest[n:]
		}
		c.end()
		for _, piece := range got {
			if len(piece) > most || !utf8.ValidString(piece) {
				t.Fatalf("%q of %q", piece, text)
			}
		}
		if all := strings.Join(got, ""); all != "x"+text {
			t.Fatalf("%q became %q", text, got)
		}
		if string(c.buf) != "prefix" {
			t.Fatalf("left over: %q", c.buf)
		}
	})
}

func TestOnlyTheBeginningOfALineSaysItsLevel(t *testing.T) {
	var c cutter
	var got []string
	c = newCutter("", 4, func() { got = append(got, string(c.level)+" "+string(c.text())) })
	c.add([]byte("<4>a<5>b\n<2>\nc"))
	c.end()
	if want := []string{"4 a", "4 <5>b", "6 c"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}
