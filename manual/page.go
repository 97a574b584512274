package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/russross/blackfriday/v2"
)

// sources is what the pages are made of.
type sources struct {
	dir           string // of the pages' Markdown
	version, date string
	units, keys   string // of a configuration, as Markdown
	states        string // of a backend
}

// readSources looks into the source tree. What is written down elsewhere, and
// held against the program there by a test, is taken from there.
func readSources(root string) (*sources, error) {
	s := &sources{dir: filepath.Join(root, "manual")}
	text := map[string]string{}
	for _, name := range []string{"NEWS.md", "CONFIGURATION.md", "README.md"} {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		text[name] = string(b)
	}
	err := s.dated(text["NEWS.md"], os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return nil, err
	}
	if s.units, s.keys, err = configuration(text["CONFIGURATION.md"]); err != nil {
		return nil, err
	}
	for _, m := range regexp.MustCompile(`(?m)^- \*\*([a-z]+)\*\*: (.*)$`).FindAllStringSubmatch(text["README.md"], -1) {
		s.states += "**" + m[1] + "**\n: " + strings.ToUpper(m[2][:1]) + m[2][1:] + "\n\n"
	}
	if s.states == "" {
		return nil, errors.New("cannot find the states in README.md")
	}
	return s, nil
}

var newest = regexp.MustCompile(`(?m)^## ([0-9.]+) \((.*)\)$`)

// dated reads version and date from the head of NEWS.md. SOURCE_DATE_EPOCH, in
// seconds as https://reproducible-builds.org/specs/source-date-epoch/ has it,
// is the date where it is set. What is not released is of today.
func (s *sources) dated(news, epoch string) error {
	m := newest.FindStringSubmatch(news)
	if m == nil {
		return errors.New("cannot find a version in NEWS.md")
	}
	day, err := time.Parse(time.DateOnly, m[2])
	if err != nil {
		day = time.Now()
	}
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("cannot read SOURCE_DATE_EPOCH: %w", err)
		}
		day = time.Unix(seconds, 0)
	}
	s.version, s.date = m[1], day.UTC().Format(time.DateOnly)
	return nil
}

// page is a man page, ready for man(1).
func (s *sources) page(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, name+".md"))
	if err != nil {
		return nil, err
	}
	whole := strings.NewReplacer("<!-- units -->", s.units, "<!-- keys -->", s.keys, "<!-- states -->", s.states).Replace(string(text))
	head, body, _ := strings.Cut(whole, "\n")
	head = strings.NewReplacer("DATE", s.date, "VERSION", s.version).Replace(head)
	return roff([]byte(head + "\n" + body)), nil
}

// roff converts Markdown.
func roff(text []byte) []byte {
	usual := md2man.NewRoffRenderer()
	r := &renderer{Renderer: usual}
	made := blackfriday.Run(text, blackfriday.WithRenderer(r), blackfriday.WithExtensions(usual.GetExtensions()))
	made = empty.ReplaceAll(append(made, '\n'), []byte("\n"))
	made = twice.ReplaceAll(made, []byte("$1"))
	return title.ReplaceAll(made, []byte(".nr HY 0\n$1.nh\n.ad l\n"))
}

// An empty line would be a paragraph, and so would one that begins where a
// heading has begun one. In an example an empty line is never empty: see literal.
var (
	empty = regexp.MustCompile(`\n\n+`)
	twice = regexp.MustCompile(`(?m)^(\.S[HS] .*\n)\.PP\n`)
	title = regexp.MustCompile(`(?m)^(\.TH .*\n)`) // which sets hyphenation, by HY, and adjustment
)

// A renderer is md2man's, but what is typed or copied comes out as it is: roff
// makes typographic signs of - ' ~ ^ and the backquote, groff_char(7).
type renderer struct{ blackfriday.Renderer }

var literal = strings.NewReplacer(`\\`, `\(rs`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`, `\&'`, `\&\(aq`)

// RenderNode is that of blackfriday's Renderer.
func (r *renderer) RenderNode(w io.Writer, node *blackfriday.Node, entering bool) blackfriday.WalkStatus {
	switch node.Type {
	case blackfriday.Code, blackfriday.CodeBlock:
	case blackfriday.Text:
		var b bytes.Buffer
		status := r.Renderer.RenderNode(&b, node, entering)
		io.WriteString(w, strings.ReplaceAll(b.String(), `\\`, `\(rs`))
		return status
	default:
		return r.Renderer.RenderNode(w, node, entering)
	}
	var b bytes.Buffer
	status := r.Renderer.RenderNode(&b, node, entering)
	text := literal.Replace(b.String())
	if node.Type == blackfriday.CodeBlock {
		text = strings.TrimPrefix(text, "\n.EX\n")
		text = ".EX\n" + strings.ReplaceAll(strings.TrimSuffix(text, ".EE\n"), "\n\n", "\n\\&\n") + ".EE\n"
		if node.Parent.Type == blackfriday.Item {
			text = "\n.IP\n" + text
		} else {
			text = "\n.PP\n.RS 4\n" + text + ".RE\n"
		}
	}
	io.WriteString(w, text)
	return status
}
