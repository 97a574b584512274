package backends

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is the page that this package runs and writes.
const document = "../../BACKENDS.md"

// page is its text.
type page string

func readPage(t *testing.T) page {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return page(text)
}

// block returns the configuration that stands in the fence below the comment that names it.
func (p page) block(t *testing.T, name string) string {
	t.Helper()
	return p.fence(t, "run: "+name)
}

func (p page) fence(t *testing.T, name string) string {
	t.Helper()
	_, after, found := strings.Cut(string(p), "<!-- "+name+" -->\n```")
	_, after, opened := strings.Cut(after, "\n")
	block, _, closed := strings.Cut(after, "\n```\n")
	if !found || !opened || !closed {
		t.Fatalf("%s has no block %q", document, name)
	}
	return block + "\n"
}

// key returns a key's value in the row's block as it stands there, or what it is without.
func (p page) key(t *testing.T, r row, name, otherwise string) string {
	t.Helper()
	if m := regexp.MustCompile(`(?m)^` + name + ` *= (.*)$`).FindStringSubmatch(p.block(t, r.name)); m != nil {
		return strings.Trim(m[1], `"`)
	}
	return otherwise
}

// frontOf is the block of the web servers that a row wants.
func (p page) frontOf(t *testing.T, r row) string {
	t.Helper()
	if r.front != "" {
		return r.front
	}
	return p.key(t, r, "protocol", "fastcgi")
}

// The tables stand between these two.
const (
	verdictsBegin, verdictsEnd = "<!-- verdicts: make backends -->\n", "<!-- end of verdicts -->\n"
	figuresBegin, figuresEnd   = "<!-- figures: make backends -->\n", "<!-- end of figures -->\n"
)

// between returns what stands between two marks, and the page with text in its place.
func (p page) between(t *testing.T, begin, end, text string) (string, page) {
	t.Helper()
	before, rest, begun := strings.Cut(string(p), begin)
	was, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		t.Fatalf("%s has no %q", document, strings.TrimSpace(begin))
	}
	return was, page(before + begin + text + end + after)
}

// table writes lines of cells.
func table(head []string, lines [][]string) string {
	text := "| " + strings.Join(head, " | ") + " |\n|" + strings.Repeat("---|", len(head)) + "\n"
	for _, cells := range lines {
		text += "| " + strings.Join(cells, " | ") + " |\n"
	}
	return text
}

// TestPage is what does not need the backends: each row has its block, each block is run, each row is in both tables, and the
// programs on the page are those that are run.
func TestPage(t *testing.T) {
	p := readPage(t)
	var known []string
	for _, r := range rows {
		front := p.frontOf(t, r)
		known = append(known, r.name, "lighttpd "+front, "nginx "+front)
		p.block(t, "lighttpd "+front)
		p.block(t, "nginx "+front)
		if *update {
			continue
		}
		for _, marks := range [][2]string{{verdictsBegin, verdictsEnd}, {figuresBegin, figuresEnd}} {
			if was, _ := p.between(t, marks[0], marks[1], ""); !strings.Contains(was, "\n| "+r.name+" |") {
				t.Errorf("%s: no line for %s: make backends", document, r.name)
			}
		}
	}
	for _, m := range regexp.MustCompile(`<!-- run: (.*) -->`).FindAllStringSubmatch(string(p), -1) {
		if !slices.Contains(known, m[1]) {
			t.Errorf("%s: nothing runs the block %q", document, m[1])
		}
	}
	for _, m := range regexp.MustCompile(`<!-- (file: (.*)) -->`).FindAllStringSubmatch(string(p), -1) {
		if text, err := os.ReadFile("testdata/" + m[2]); err != nil || p.fence(t, m[1]) != string(text) {
			t.Errorf("%s: %s is another one in testdata (%v)", document, m[2], err)
		}
	}
}
