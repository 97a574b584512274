package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeCrontab keeps a table in a file. Like cron's it fails where there is none.
func fakeCrontab(t *testing.T) (table string) {
	t.Helper()
	dir := t.TempDir()
	table = filepath.Join(dir, "table")
	script := `#!/bin/sh
case $1 in
-l) [ -e ` + table + ` ] || { echo "no crontab for me" >&2; exit 1; }; cat ` + table + ` ;;
-r) rm ` + table + ` ;;
-) cat >` + table + ` ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "crontab"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("XDG_RUNTIME_DIR", dir) // in which there is no systemd
	return table
}

func userTask(t *testing.T) *Task {
	dir := t.TempDir()
	return &Task{Name: "php", Program: "/opt/keepone", Config: filepath.Join(dir, "php.toml"), RunDir: filepath.Join(dir, "run/php"),
		User: true, NoStart: true, Out: &strings.Builder{}}
}

// The line comes and goes, and everything else stays as it is to the byte.
func TestCrontab(t *testing.T) {
	table := fakeCrontab(t)
	const line = "@reboot exec /opt/keepone run php >/dev/null 2>&1 # keepone install php\n"
	others := "# mine\n\n@reboot /opt/keepone run php # not install's\n@reboot x # keepone install php2\n5 4 * * *  true % x\n\n"
	for _, before := range []string{"", others, strings.TrimRight(others, "\n")} {
		if before != "" {
			if err := os.WriteFile(table, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want := before
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n" // cron takes no table without
		}
		for range 2 {
			if err := userTask(t).Install(); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(table); string(got) != want+line {
				t.Fatalf("%q became %q", before, got)
			}
		}
		for range 2 {
			if err := userTask(t).Uninstall(false); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(table); string(got) != want {
				t.Fatalf("%q became %q after uninstall", before, got)
			}
		}
	}
}

// A line with another path is replaced.
func TestCrontabOtherPath(t *testing.T) {
	table := fakeCrontab(t)
	const line = "@reboot exec /opt/keepone run php >/dev/null 2>&1 # keepone install php\n"
	if err := os.WriteFile(table, []byte("@reboot /old/keepone run php # keepone install php\n# end\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := userTask(t).Install(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(table); string(got) != "# end\n"+line {
		t.Errorf("the table is %q", got)
	}
}

// A crontab that cannot be read is not taken for an empty one.
func TestCrontabUnreadable(t *testing.T) {
	table := fakeCrontab(t)
	if err := os.WriteFile(table, []byte("# mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	crontab, err := exec.LookPath("crontab")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(crontab, []byte("#!/bin/sh\n[ $1 != -l ] || { echo not today >&2; exit 1; }\nexec cat >"+table+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := userTask(t).Install(); err == nil || !strings.Contains(err.Error(), "not today") {
		t.Errorf("install ends with %v", err)
	}
	if got, _ := os.ReadFile(table); string(got) != "# mine\n" {
		t.Errorf("the table became %q", got)
	}
}

func TestNoCrontab(t *testing.T) {
	fakeCrontab(t)
	t.Setenv("PATH", t.TempDir())
	if err := userTask(t).Install(); err == nil || !strings.Contains(err.Error(), "neither a systemd for this user nor a crontab") {
		t.Errorf("install ends with %v", err)
	}
}

// What is started now is started as at the next boot.
func TestCronEnvironment(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	for _, variable := range (cron{userTask(t)}).shell().Environ() {
		if strings.HasPrefix(variable, "NOTIFY_SOCKET=") {
			t.Error(variable)
		}
	}
}
