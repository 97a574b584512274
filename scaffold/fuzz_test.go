package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// keysForTests are those that plans set, with defaults of every kind.
func keysForTests() []Key {
	var keys []Key
	for _, name := range strings.Fields(`backend.command backend.directory backend.user backend.group backend.groups backend.umask backend.handoff backend.protocol
		socket.path socket.owner socket.group socket.mode socket.backlog memory.soft memory.hard stop.signal stop.timeout ready.by ready.settle
		limits.nofile limits.nproc limits.core limits.as limits.cpu limits.fsize limits.memlock limits.stack limits.data limits.nice limits.oom_score_adj
		environment.files environment.NAME output.to output.limit output.keep`) {
		keys = append(keys, Key{Name: name, Doc: "What it is.", Default: "computed: somehow", Example: "1"})
	}
	return keys
}

// FuzzFrom: whatever a source says, reading it ends, and what is written is
// TOML that says what the plan says and no more.
func FuzzFrom(f *testing.F) {
	files, err := filepath.Glob("testdata/from/*.in")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, row := range rowsAdapt {
		f.Add(row.in + " &")
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range Kinds {
			beside := func(string) (string, bool) { return text, true }
			plans, err := From(kind, Source{Path: "/etc/x.service", Text: text, Beside: beside})
			if err != nil {
				continue
			}
			for _, p := range plans {
				p.Adapt("/run/x.sock")
				written(t, p)
			}
		}
	})
}

func written(t *testing.T, p *Plan) {
	text, err := p.Text(keysForTests())
	if err != nil {
		return // what no configuration can say
	}
	var back struct {
		Backend struct {
			Command         []string
			Directory, User string
		}
		Socket      struct{ Path string }
		Environment map[string]any
	}
	if err := toml.Unmarshal(text, &back); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if strings.Join(back.Backend.Command, "\x00") != strings.Join(p.Command, "\x00") || back.Backend.Directory != p.Directory || back.Backend.User != p.User || back.Socket.Path != p.Socket {
		t.Fatalf("%+v came back as %+v", p, back)
	}
	for _, v := range p.Env {
		if v.Name != "files" && back.Environment[v.Name] != v.Value {
			t.Fatalf("%q came back as %q", v, back.Environment[v.Name])
		}
	}
	delete(back.Environment, "files")
	if len(back.Environment) > len(p.Env) {
		t.Fatalf("%q came back as %q", p.Env, back.Environment)
	}
}

// Sources as large as may be, that make much of little, are read all the same.
func TestLargeSources(t *testing.T) {
	size := LargestSource
	if testing.Short() {
		size /= 8
	}
	for _, piece := range []string{"a=\n", "a=;", "export A=$A$A;", "x=$x$x\n", "(", "a&", "[program:x]\ncommand=a\n", "a=1 b & ", "[Service]\nA=\n", "Environment=A=1\n", "\\", "\"", "(\"a\"=>", "f=f+f ", "sh -c '", "%(x)s", "$("} {
		for _, head := range []string{"", "[program:x]\ncommand=", "[Service]\nExecStart=a\n", "fastcgi.server=", "var.f=(\"bin-path\"=>\"x\",)\n"} {
			text := head + strings.Repeat(piece, (size-len(head))/len(piece))
			for _, kind := range Kinds {
				plans, err := From(kind, Source{Path: "-", Text: text})
				if err == nil && len(plans) == 0 {
					t.Errorf("%s: neither a plan nor an error", kind)
				}
			}
		}
	}
	if _, err := From("shell", Source{Path: "-", Text: strings.Repeat("a", LargestSource+1)}); err == nil {
		t.Error("more than the most was read")
	}
}
