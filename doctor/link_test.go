package doctor

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Debian's servers read their sites by links, which stay links when what they
// lead to is mended.
func TestFixesFollowLinks(t *testing.T) {
	for name, c := range map[string][3]string{
		"nginx":           {"server { location / {\nfastcgi_pass unix:/s;\n} }\n", "fastcgi_read_timeout 70s;", "# configuration file %s:\n%s"},
		"nginx, set":      {"server { location / {\nfastcgi_pass unix:/s; fastcgi_read_timeout 5;\n} }\n", "fastcgi_read_timeout 70s;", "# configuration file %s:\n%s"},
		"apache":          {"ProxyPass / unix:/s|fcgi://localhost/\n", "timeout=70", "  (1) %s\n"},
		"apache, set":     {"ProxyPass / unix:/s|fcgi://localhost/ timeout=5\n", "timeout=70", "  (1) %s\n"},
		"apache, handler": {"SetHandler proxy:unix:/s|fcgi://localhost/\n", "ProxyTimeout 70", "  (1) %s\n"},
	} {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		file, link := filepath.Join(dir, "available"), filepath.Join(dir, "enabled 100%")
		if err := os.WriteFile(file, []byte(c[0]), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("available", link); err != nil {
			t.Fatal(err)
		}
		var all []backend
		if strings.HasPrefix(name, "nginx") {
			all = nginxBackends(fmt.Sprintf(c[2], link, c[0]))
		} else {
			all = apacheBackends(fmt.Sprintf(c[2], link))
		}
		if len(all) != 1 {
			t.Fatalf("%s: %+v", name, all)
		}
		fix := fmt.Sprintf(all[0].longer, 70)
		if out, err := exec.Command("sh", "-ec", fix).CombinedOutput(); err != nil {
			t.Errorf("%s: %s: %v\n%s", name, fix, err, out)
		}
		text, err := os.ReadFile(file)
		if info, bad := os.Lstat(link); err != nil || bad != nil || info.Mode().Type() != os.ModeSymlink || !strings.Contains(string(text), c[1]) {
			t.Errorf("%s: after %s the link is %v, and its file\n%s", name, fix, info, text)
		}
	}
}
