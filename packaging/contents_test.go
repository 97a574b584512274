package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testAPK looks at what Alpine's package manager would read: a control and a
// data archive, one behind the other.
func testAPK(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := members(t, text)
	info := files[".PKGINFO"]
	for _, line := range []string{"pkgname = keepone\n", "pkgver = 0.1.0\n", "arch = x86_64\n", "license = Apache-2.0\n", "pkgdesc = " + summary + "\n"} {
		if !strings.Contains(info, line) {
			t.Errorf(".PKGINFO lacks %q:\n%s", line, info)
		}
	}
	for line := range strings.Lines(info) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, " = ") {
			t.Errorf(".PKGINFO has a line that apk cannot read: %q", line)
		}
	}
	for _, name := range []string{"usr/bin/keepone", "usr/lib/keepone/keepone-setup", ".post-upgrade", ".pre-deinstall", ".post-deinstall"} {
		if files[name] == "" {
			t.Errorf("%s is not in the package", name)
		}
	}
	if !strings.HasPrefix(files["etc/init.d/keepone"], "#!/sbin/openrc-run\n") {
		t.Errorf("/etc/init.d/keepone is not OpenRC's:\n%.80s", files["etc/init.d/keepone"])
	}
	for name := range files {
		if strings.Contains(name, "systemd") || strings.HasSuffix(name, ".toml") && !strings.HasPrefix(name, "usr/share/doc/") {
			t.Errorf("%s should not be in the package", name)
		}
	}
}

// members are the files of one or more compressed archives.
func members(t *testing.T, text []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		body, err2 := io.ReadAll(r)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != 1700000000 && h.Name != ".PKGINFO" || h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s is of %v and of user %d", h.Name, h.ModTime, h.Uid)
		}
		files[h.Name] = string(body)
	}
}

func testTarball(t *testing.T, path string) {
	dir := t.TempDir()
	execute(t, "tar", "-C", dir, "--strip-components=1", "-xzf", path)
	if out := execute(t, dir+"/bin/keepone", "version"); out != "keepone 0.1.0\n" {
		t.Errorf("it says %q", out)
	}
	for _, name := range []string{"lib/keepone/keepone-setup", "share/doc/keepone/copyright", "share/man/man8/keepone.8.gz"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// testBill asks of the bill of materials what its schema asks, and that all of
// go.mod's linked modules are in it.
func testBill(t *testing.T, path string) {
	var b bom
	text, err := os.ReadFile(path)
	if err := errors.Join(err, json.Unmarshal(text, &b)); err != nil {
		t.Fatal(err)
	}
	refs := map[string]bool{b.Metadata.Component.Ref: true}
	for _, c := range b.Components {
		if refs[c.Ref] || c.Name == "" || c.Version == "" {
			t.Errorf("a component without a name of its own: %+v", c)
		}
		refs[c.Ref] = true
	}
	for _, d := range b.Depends {
		for _, ref := range append(d.Refs, d.Ref) {
			if !refs[ref] {
				t.Errorf("%s depends on %s, which is not listed", d.Ref, ref)
			}
		}
	}
	for _, name := range []string{"golang.org/x/sys", "github.com/spf13/cobra", "std", "keepone-setup"} {
		if !strings.Contains(string(text), `"name": "`+name+`"`) {
			t.Errorf("%s is not listed", name)
		}
	}
	if b.Format != "CycloneDX" || b.Metadata.Timestamp != "2023-11-14T22:13:20Z" {
		t.Errorf("the head is %s of %s", b.Format, b.Metadata.Timestamp)
	}
}

func TestChangelog(t *testing.T) {
	news := "# News\n\n## 0.2.0 (not released)\n\nOne\nparagraph.\n\n- An item that is\n  long.\n- Another.\n\n## 0.1.0 (2026-12-01)\n\n- First.\n"
	got, err := changelog(news, "0.2.1", "Me <me@example.org>", time.Unix(1700000000, 0).UTC())
	want := `keepone (0.2.1) unstable; urgency=medium

  * One paragraph.
  * An item that is long.
  * Another.

 -- Me <me@example.org>  Tue, 14 Nov 2023 22:13:20 +0000

keepone (0.1.0) unstable; urgency=medium

  * First.

 -- Me <me@example.org>  Tue, 01 Dec 2026 00:00:00 +0000
`
	if got != want || err != nil {
		t.Errorf("the changelog is\n%s%v", got, err)
	}
}

func TestMisuse(t *testing.T) {
	for _, args := range [][]string{{"-arch", "m68k"}, {"-formats", "ipk"}, {"deb"}, {"-x"}} {
		if err := run(args); err == nil {
			t.Errorf("%q is understood", args)
		}
	}
}
