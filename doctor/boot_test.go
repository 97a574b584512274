package doctor

import (
	"os"
	"path/filepath"
	"testing"
)

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// NAMES= is the shell's: quotes end it, and a comment may follow.
func TestListed(t *testing.T) {
	for text, want := range map[string]bool{
		"NAMES=\"web php\"\n": true, "NAMES='php' # ours\n": true, "NAMES=php # web\n": true, " export NAMES=\"php\"\n": true, "NAMES=\"web\"\nNAMES=\"php\"": true,
		"NAMES=\"\" # not php \n": false, "# NAMES=\"php\"\n": false, "NAMES=\"php2\"\n": false, "NAMES=web # php\n": false, "NAMES=\"php\"\nNAMES=\"web\"\n": false, "": false,
	} {
		if got := listed(written(t, text), "php"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// A line runs this site's keepone, and not that of one with a longer name.
func TestRuns(t *testing.T) {
	for text, want := range map[string]int{
		"\nk:2345:respawn:/usr/bin/keepone run php >/dev/null\n": 2, "keepone run -c /etc/keepone/php.toml &": 1, "su x -c 'keepone run -n php'": 1,
		"keepone run php2": 0, "keepone run web # php": 0, "#keepone run php": 0, "keepone-setup run php": 0, "keepone check php": 0,
	} {
		if got := runs(written(t, text), "php"); got != want {
			t.Errorf("%q: line %d, want %d", text, got, want)
		}
	}
}
