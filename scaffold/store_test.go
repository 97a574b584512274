package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	file := filepath.Join(dir, "x.toml")
	put := func(text string, replace bool) (string, error) { return Store(file, []byte(text), 0o600, replace) }
	if backup, err := put("one", false); err != nil || backup != "" {
		t.Fatal(backup, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if _, err := put("two", false); !errors.Is(err, fs.ErrExist) || strings.Count(err.Error(), "x.toml") != 1 {
		t.Error(err)
	}
	for i, name := range []string{"x.toml.bak", "x.toml.bak.2"} {
		backup, err := put([]string{"two", "three"}[i], true)
		kept, bad := os.ReadFile(filepath.Join(dir, name))
		if err != nil || bad != nil || backup != filepath.Join(dir, name) || string(kept) != []string{"one", "two"}[i] {
			t.Error(backup, err, bad, string(kept))
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "three" {
		t.Error(string(text), err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Error(left, err)
	}
	if err := os.Symlink("elsewhere.toml", filepath.Join(dir, "link.toml")); err != nil {
		t.Fatal(err)
	}
	if _, err := Store(filepath.Join(dir, "link.toml"), nil, 0o644, false); !errors.Is(err, fs.ErrExist) {
		t.Error("a link was followed:", err)
	}
	if backup, err := Store(filepath.Join(dir, "new.toml"), nil, 0o644, true); backup != "" || err != nil {
		t.Error(backup, err)
	}
}

func TestAsk(t *testing.T) {
	digits := func(answer string) error {
		if strings.Trim(answer, "0123456789") != "" {
			return errors.New("digits, please")
		}
		return nil
	}
	var out strings.Builder
	d := NewDialogue(strings.NewReader("abc\n 12 \n\n\n7\nhalf a line"), &out)
	for i, want := range []string{"12", "5", "7"} {
		q := Question{Text: "Number", Why: "It is counted.", Proposal: "5", Check: digits}
		if i == 2 {
			q.Proposal = ""
		}
		if got, err := d.Ask(q); err != nil || got != want {
			t.Errorf("%q, %v; want %s", got, err, want)
		}
	}
	if _, err := d.Ask(Question{Check: digits}); !errors.Is(err, ErrEnded) {
		t.Error(err)
	}
	for _, shown := range []string{"It is counted.\nNumber [5]: ", "digits, please", "there is no proposal"} {
		if !strings.Contains(out.String(), shown) {
			t.Errorf("%q is not in %q", shown, out.String())
		}
	}
}

func TestPlan(t *testing.T) {
	p := &Plan{Command: []string{"x"}}
	p.setenv("A", "1")
	p.setenv("A", "2")
	p.setenv("LISTEN_FDS", "3")
	p.setenv("no-name", "3")
	if !slices.Equal(p.Env, []Variable{{"A", "2"}}) || len(p.Notes) != 2 {
		t.Errorf("%+v", p)
	}
	for name, private := range map[Variable]bool{{"DB_PASSWORD", "x"}: true, {"secret_key", ""}: true, {"URL", "pg://u:p@h/"}: true, {"LANG", "C"}: false, {"MAIL", "a@b"}: false} {
		if got := (&Plan{Env: []Variable{name}}).Private(); got != private {
			t.Errorf("%v: %v", name, got)
		}
	}
	for in, want := range map[string]string{"a b": "a-b", "../x": "x", "ü": "site", "": "site", "a.b_c-D1": "a.b_c-D1", strings.Repeat("a", 99): strings.Repeat("a", 64)} {
		if got := SafeName(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for _, bad := range []*Plan{{}, {Command: []string{""}}, {Command: []string{"a\x00b"}}, {Command: []string{"a"}, User: "\xff"}, {Command: []string{"a"}, Set: map[string]string{"no.key": "1"}}} {
		if text, err := bad.Text([]Key{{Name: "backend.command"}, {Name: "backend.user"}}); err == nil {
			t.Errorf("%+v: %s", bad, text)
		}
	}
}

func TestFromProcess(t *testing.T) {
	proc := fixture(t, map[string]string{"7/cmdline": "php-cgi\x00-b\x00/run/a b.sock\x00", "7/status": "Uid:\t1\t77777\t1\t1\nGid:\t1\t77778\t1\t1\n", "8/cmdline": ""})
	if err := os.Symlink("/srv/my site", filepath.Join(proc, "7/cwd")); err != nil {
		t.Fatal(err)
	}
	p, err := FromProcess(proc, "7")
	if err != nil {
		t.Fatal(err)
	}
	p.Adapt("/run/x.sock")
	if got, want := show(p), `my-site: ["php-cgi"] in /srv/my site user=77777 group=77778 handoff=fd0 protocol=fastcgi socket=/run/a b.sock`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, pid := range []string{"8", "9", "0", "-1", "../7", ""} {
		if p, err := FromProcess(proc, pid); err == nil {
			t.Errorf("%s: %+v", pid, p)
		}
	}
}

func TestLetIn(t *testing.T) {
	for _, row := range []struct{ mode, group, own, want string }{{"", "", "a", `"web"`}, {"", `"mine"`, "a", `"mine"`}, {`"0666"`, "", "a", ""}, {"", "", "web", ""}} {
		p := &Plan{Group: row.own, Set: map[string]string{"socket.mode": row.mode, "socket.group": row.group}}
		if p.LetIn("web"); p.Set["socket.group"] != row.want {
			t.Errorf("%+v: %s", row, p.Set["socket.group"])
		}
	}
}

// No text gets out of its quotes, or out of a comment.
func TestTextIsQuoted(t *testing.T) {
	odd := "a\"b\\c\nd\te\x01\x7f\u00e9\u2028'#${x}"
	p := &Plan{Name: "x", Origin: "x\n[backend]\r\nuser = \"root\"", Command: []string{"p", odd}, Directory: "/" + odd, User: odd, Socket: "/run/" + odd, Env: []Variable{{"A", odd}, {"B", ""}}}
	p.note("one\n[backend]\nuser = \"root\"")
	if _, err := p.Text(keysForTests()); err != nil {
		t.Fatal(err)
	}
	written(t, p)
}
