package config

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyConfig draws a valid configuration, directly, without going through TOML.
func anyConfig(t *rapid.T) *Config {
	word := rapid.StringMatching(`[^\x00]{1,12}`)
	argv := append([]string{word.Draw(t, "program")}, rapid.SliceOf(rapid.StringMatching(`[^\x00]{0,12}`)).Draw(t, "arguments")...)
	c := Command("web2py", argv, asRoot)
	c.File = "/etc/keepone/web2py.toml"
	c.Backend.User = rapid.SampledFrom([]string{"nobody", "root", "0"}).Draw(t, "user")
	c.Backend.Groups = rapid.SampledFrom([][]string{nil, {}, {"0", "4242"}}).Draw(t, "groups")
	c.Backend.Check = rapid.SampledFrom([][]string{nil, {}, {"php", "-l"}}).Draw(t, "check")
	c.Backend.Umask = Mode(rapid.Uint32Range(0, 0o777).Draw(t, "umask"))
	c.Backend.Protocol = rapid.SampledFrom(keyNamed("backend.protocol").Values).Draw(t, "protocol")
	c.Socket.Path = rapid.OneOf(rapid.StringMatching(`/[^\x00/.]{1,12}`), rapid.StringMatching(`tcp://(127\.0\.0\.1|\[::1\]|0\.0\.0\.0):[1-9][0-9]{0,3}`)).Draw(t, "path")
	c.Socket.Backlog = rapid.IntRange(1, 65535).Draw(t, "backlog")
	soft := Size(rapid.Int64Range(mebibyte, math.MaxInt64-1).Draw(t, "soft"))
	c.Memory.Sample = rapid.SampledFrom([]time.Duration{1e6, 1e9, 1e10}).Draw(t, "sample")
	c.Memory.Soft = rapid.SampledFrom([]Amount{{}, {Bytes: soft}, {Percent: 1}}).Draw(t, "soft")
	c.Memory.Hard = rapid.SampledFrom([]Amount{{}, {Bytes: soft + 1}, {Percent: 100}}).Draw(t, "hard")
	c.Memory.Frugal = rapid.Bool().Draw(t, "frugal")
	c.Stop.Signal = syscall.Signal(rapid.SampledFrom([]int{1, 9, 15, 31, 34, 64}).Draw(t, "signal"))
	c.Stop.Timeout = time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "stop"))
	c.Drain.Timeout = time.Duration(rapid.Int64Range(0, 100_000).Draw(t, "drain")) * time.Second
	drawLimits(t, c)
	c.Environment.Files = rapid.SampledFrom([][]string{{}, {".env", "/etc/x y"}}).Draw(t, "files")
	vars := rapid.MapOf(rapid.StringMatching(`[A-Z_][A-Z0-9_]{0,9}`).Filter(func(s string) bool { return variableName(s) == nil }),
		rapid.StringMatching(`[^\x00]{0,20}`)).Draw(t, "variables")
	if len(vars) > 0 {
		c.Environment.Variables = vars
	}
	return c
}

func drawLimits(t *rapid.T, c *Config) {
	for i := range Keys {
		if Keys[i].section() != "limits" {
			continue
		}
		if l, ok := Keys[i].field(c).(limit); ok && rapid.Bool().Draw(t, Keys[i].Name) {
			n := Limit(rapid.Uint64Range(uint64(l.least), math.MaxInt64).Draw(t, "limit"))
			if rapid.Bool().Draw(t, "unlimited") {
				n = Unlimited
			}
			*l.to = &n
		}
	}
	if rapid.Bool().Draw(t, "nice") {
		n := rapid.IntRange(-20, 19).Draw(t, "n")
		c.Limits.Nice = &n
	}
}

func TestWhatIsPrintedParsesToTheSame(t *testing.T) {
	nobody(t)
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig(t)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := c.Print(&b, true); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(c.File, b.Bytes(), asRoot)
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if !reflect.DeepEqual(c, again) {
			t.Fatalf("printed\n%s\ngot  %+v\nwant %+v", b.String(), again, c)
		}
	})
}

func TestPrintMasksVariables(t *testing.T) {
	nobody(t)
	c := parse(t, smallest+"[environment]\nTOKEN = \"hunter2\"\n", asRoot)
	var b bytes.Buffer
	if err := c.Print(&b, false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "TOKEN = \"***\"\n") {
		t.Error(b.String())
	}
	parse(t, b.String(), asRoot)
	for section := range strings.SplitSeq(b.String(), "\n[") {
		if strings.Count(section, "\n#") > 1 {
			t.Errorf("more than one comment in\n%s", section)
		}
	}
	if err := c.Print(full{}, false); err == nil {
		t.Error("a failed write went unnoticed")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func FuzzParse(f *testing.F) {
	f.Add(smallest)
	f.Add(smallest + "[socket]\nmode = 660\n[environment]\nA = 1\n\"b.c\" = [[{}]]\n[[drain]]\n")
	f.Add("backend.command = ['x']\nbackend = {user = 1979-05-27}\n[a.b.\"\"]\nx = nan")
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []Defaults{asRoot, asUser} {
			c, err := Parse("/x/web2py.toml", []byte(text), d)
			if err != nil {
				_ = err.Error()
				continue
			}
			var b bytes.Buffer
			if err := c.Print(&b, true); err != nil {
				t.Fatal(err)
			}
			again, err := Parse("/x/web2py.toml", b.Bytes(), d)
			if err != nil || !reflect.DeepEqual(c, again) {
				t.Fatalf("%v\n%q\n%s", err, text, b.String())
			}
		}
	})
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"comand", "command", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Errorf("%q %q: %d", a, b, d)
		}
	})
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"0B": 0, "512B": 512, "64KiB": 65536, "96 MiB": 96 << 20, "1TiB": 1 << 40, "1kB": 1000, "2GB": 2e9} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "96", "B", "-1B", "1.5GiB", "1KB", "1mib", "96M", "1B B", "8388608TiB", "9223372036854775808B"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Size(rapid.Int64Range(0, math.MaxInt64).Draw(t, "s"))
		if got, err := parseSize(s.String()); err != nil || got != s {
			t.Errorf("%d is %s is %d, %v", s, s, got, err)
		}
	})
}
