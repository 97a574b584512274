package output

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func wordsOf(chunks ...string) []string {
	var t tail
	for _, c := range chunks {
		t.add([]byte(c))
	}
	return t.lines()
}

func TestLines(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name   string
		chunks []string
		want   []string
	}{
		{"nothing", nil, nil},
		{"blank lines", []string{"\n\n \t\n\r\n"}, nil},
		{"a partial line", []string{"a\nb"}, []string{"a", "b"}},
		{"in pieces", []string{"a", "b", "\n", "c"}, []string{"ab", "c"}},
		{"eleven", []string{"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n"}, []string{"2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}},
		{"control characters", []string{"\x1b[31mred\x00\x7f\tx\r\n"}, []string{"␛[31mred␀␡    x"}},
		{"not UTF-8", []string{"gr\xfcn \u202egnikaf\n"}, []string{"gr\ufffdn \ufffdgnikaf"}},
		{"UTF-8 in pieces", []string{"gr\xc3", "\xbcn"}, []string{"grün"}},
		{"too long a last line", []string{"a\n", x(3000)}, []string{"…" + x(mostText-3)}},
		{"too long together", []string{x(1500), "\n", x(1000)}, []string{x(1000)}},
		{"too long by a newline", []string{x(1024) + "\n" + x(1024)}, []string{x(1024)}},
		{"longer than the tail", []string{x(5000), "y\n"}, []string{"…" + x(mostText-4) + "y"}},
		{"one chunk longer than the tail", []string{x(9000) + "\nend"}, []string{"end"}},
		{"cut within a line", []string{"a" + x(99), "\n" + x(0) + strings.Repeat("\n", 3900) + x(100)}, []string{"…" + x(95), x(100)}},
		{"cut between lines", []string{"gone\n", x(40) + "\n", strings.Repeat("\n", tailSize-41)}, []string{x(40)}},
	} {
		if got := wordsOf(c.chunks...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q; want %q", c.name, got, c.want)
		}
	}
}

func TestTailIsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tl tail
		var all []byte
		for range rapid.IntRange(1, 20).Draw(t, "chunks") {
			n := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(0, chunkSize)).Draw(t, "n")
			chunk := bytes.Repeat([]byte{rapid.SampledFrom([]byte("ab\n")).Draw(t, "byte")}, n)
			tl.add(chunk)
			all = append(all, chunk...)
		}
		from := max(0, len(all)-tailSize)
		if !bytes.Equal(tl.bytes[:tl.n], all[from:]) {
			t.Fatalf("the last %d of %d bytes are not the end", tl.n, len(all))
		}
		if cut := from > 0 && all[from-1] != '\n'; tl.cut != cut {
			t.Fatalf("cut is %v", tl.cut)
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\n"), 1)
	f.Add(bytes.Repeat([]byte("\x1b\xff\n"), 2000), 700)
	f.Add(bytes.Repeat([]byte("ü"), 2500), 3)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		b = b[:min(len(b), 2*chunkSize)]
		var tl tail
		for c := range slices.Chunk(b, min(max(piece, 1), chunkSize)) {
			tl.add(c)
		}
		got := tl.lines()
		if text := strings.Join(got, "\n"); len(got) > mostRows || len(text) > mostText || !utf8.ValidString(text) {
			t.Fatalf("%d lines, %q", len(got), text)
		}
		for _, l := range got {
			if strings.TrimSpace(l) == "" && l != "" || l == "" {
				t.Fatalf("a blank line in %q", got)
			}
			if i := strings.IndexFunc(l, func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 {
				t.Fatalf("%q in %q", l[i:], got)
			}
		}
		if tail := visible(b[bytes.LastIndexByte(b, '\n')+1:]); tail != "" && len(tail) < 1000 && len(b) < tailSize && got[len(got)-1] != tail {
			t.Fatalf("%q does not end with %q", got, tail)
		}
	})
}
