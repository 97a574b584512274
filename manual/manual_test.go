package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// made writes the pages of this tree, without what shells complete.
func made(t *testing.T) map[string]string {
	t.Helper()
	s, err := readSources("..")
	if err != nil {
		t.Fatal(err)
	}
	dir, all := t.TempDir(), map[string]string{}
	for _, page := range pages {
		text, err := s.page(page)
		if err != nil {
			t.Fatal(err)
		}
		all[page] = filepath.Join(dir, page)
		if err := os.WriteFile(all[page], text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The pages are right to those who know: mandoc, and groff behind man.
func TestPagesAreWellFormed(t *testing.T) {
	for _, file := range made(t) {
		for _, argv := range [][]string{
			{"mandoc", "-Tlint", "-W", "warning", file},
			{"man", "--warnings", "-E", "UTF-8", "-l", file},
		} {
			if _, err := exec.LookPath(argv[0]); err != nil {
				t.Skipf("no %s: apt-get install mandoc man-db", argv[0])
			}
			c := exec.Command(argv[0], argv[1:]...)
			c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80", "MANPAGER=cat")
			var said, complaints bytes.Buffer
			c.Stdout, c.Stderr = &said, &complaints
			err := c.Run()
			if argv[0] == "mandoc" {
				complaints.Write(said.Bytes())
			} else if !strings.Contains(said.String(), "SEE ALSO") {
				t.Errorf("%q shows nothing", argv)
			}
			if err != nil || complaints.Len() > 0 {
				t.Errorf("%q: %v\n%s", argv, err, complaints.String())
			}
		}
	}
}

// What is copied from a page is what was meant: no typographic signs, and no
// line of an example lost.
func TestExamplesCanBeCopied(t *testing.T) {
	if _, err := exec.LookPath("man"); err != nil {
		t.Skip("no man: apt-get install man-db")
	}
	for page, file := range made(t) {
		c := exec.Command("man", "-E", "UTF-8", "-l", file)
		c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=200", "MANPAGER=cat")
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		shown := regexp.MustCompile(".\b").ReplaceAllString(string(out), "")
		source, err := os.ReadFile(page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.Lines(string(source)) {
			if example, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    "); ok {
				found++
				if !strings.Contains(shown, example+"\n") {
					t.Errorf("%s does not show %q", page, example)
				}
			}
		}
		if found < 10 {
			t.Errorf("%s has %d lines of examples", page, found)
		}
	}
}

// Two builds are the same bytes, and of the day that is said.
func TestReproducible(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	first, second := made(t), made(t)
	for page := range first {
		a, _ := os.ReadFile(first[page])
		b, _ := os.ReadFile(second[page])
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same twice", page)
		}
		if !strings.Contains(string(a), `"1970-01-02"`) {
			t.Errorf("%s is not of 1970-01-02: %.100s", page, a)
		}
	}
}

func TestDated(t *testing.T) {
	for _, c := range []struct{ news, epoch, version, date string }{
		{"# News\n\n## 1.2.3 (2026-12-24)\n\n## 1.2.2 (2026-01-01)\n", "", "1.2.3", "2026-12-24"},
		{"# News\n\n## 1.2.3 (not released)\n", "1000000000", "1.2.3", "2001-09-09"},
	} {
		s := new(sources)
		if err := s.dated(c.news, c.epoch); err != nil || s.version != c.version || s.date != c.date {
			t.Errorf("%q: %s %s %v", c.news, s.version, s.date, err)
		}
	}
	if err := new(sources).dated("# News\n", ""); err == nil {
		t.Error("no version is no error")
	}
	if err := new(sources).dated("## 1 (x)\n", "soon"); err == nil {
		t.Error("a SOURCE_DATE_EPOCH of words is no error")
	}
}

func TestBrokenTable(t *testing.T) {
	for _, text := range []string{"", "- a unit\n", "- a unit\n## [backend]\n| `command` | list |\n"} {
		if _, _, err := configuration(text); err == nil {
			t.Errorf("%q is no error", text)
		}
	}
}
