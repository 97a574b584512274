package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// What a shell does with a line when Tab is pressed: a script for it, in which
// $LINE is the line and $FILE what keepone gave it to read. Each prints the
// words that could follow, and what it would do itself, as lines.
var tabbed = map[string]struct{ needs, file, script string }{
	"bash": {"/usr/share/bash-completion/bash_completion", "keepone.bash", `
		. /usr/share/bash-completion/bash_completion
		. "$FILE"
		COMP_LINE=$LINE COMP_POINT=${#LINE} COMP_TYPE=63
		read -r -a COMP_WORDS <<<"$LINE"
		case $LINE in *" ") COMP_WORDS+=("") ;; esac
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		__start_keepone 2>/dev/null
		printf '%s\n' "${COMPREPLY[@]}"`},
	"fish": {"fish", "keepone.fish", `source $FILE; complete --do-complete "$LINE"`},
	"zsh": {"zsh", "_keepone", `
		zmodload zsh/zpty
		zpty tty zsh -f -i
		send() { zpty -w tty "$1" }
		send 'autoload -U compinit && compinit -u -D; source $FILE; PS1= RPS1=; LISTMAX=0; stty rows 200; zstyle ":completion:*" list-prompt ""; setopt auto_list no_beep; unsetopt list_ambiguous auto_menu menu_complete; print set""up'
		zpty -r tty out '*setup*'
		zpty -w -n tty "$LINE"$'\t\t'
		zpty -w -n tty $'\C-a\C-k'; send 'print do""ne'
		zpty -r tty out '*done*'
		print -r -- "$out"`},
}

// Tab completes commands, backends, flags and their values, in every shell that
// is there.
func TestShellsComplete(t *testing.T) {
	pages, bin := manual(t)
	home := t.TempDir()
	names := []string{"completed-shop", "completed-web2py"}
	for _, dir := range []string{pages, bin, home} {
		if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // TempDir's own is nobody else's to enter
			t.Fatal(err)
		}
	}
	ordinary := ordinaryUser(t, home, names)
	for shell, how := range tabbed {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(how.needs); err != nil && !exists(how.needs) {
				t.Skipf("no %s: apt-get install bash-completion zsh fish", how.needs)
			}
			for line, want := range map[string][]string{
				"keepone st":                          {"status", "start-backend", "stop-backend"},
				"keepone status comp":                 names,
				"keepone restart-backend completed-s": nil, // one only: it is inserted, not listed
				"keepone status --js":                 {"--json"},
				"keepone status -n comp":              names,
				"keepone run --handoff ":              {"fd0", "listen-fds"},
				"keepone exec comp":                   names,
				"keepone logs --re":                   {"--reopen"},
			} {
				c := exec.Command(shell, "-c", how.script)
				c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+home, "TERM=dumb", "LINE="+line, "FILE="+filepath.Join(pages, "completions", how.file))
				c.Dir, c.SysProcAttr = home, ordinary
				out, err := c.Output()
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				words := strings.FieldsFunc(string(out), func(r rune) bool { return strings.ContainsRune(" \t\r\n()\x1b", r) })
				if want == nil {
					want = names[:1]
				}
				for _, word := range want {
					if !slices.Contains(words, word) {
						t.Errorf("%q: no %s in %q", line, word, out)
					}
				}
				if slices.Contains(words, "uninstall") {
					t.Errorf("%q: %q", line, out)
				}
			}
		})
	}
}

// ordinaryUser has configurations of these names at home. Root's are those of
// /etc/keepone, which is not for a test to change: root becomes somebody else.
func ordinaryUser(t *testing.T, home string, names []string) *syscall.SysProcAttr {
	t.Helper()
	dir := filepath.Join(home, ".config/keepone")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name+".toml"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 {
		return nil
	}
	const nobody = 65534
	for _, path := range []string{home, filepath.Join(home, ".config"), dir} {
		if err := os.Chown(path, nobody, nobody); err != nil { // fish writes into its home
			t.Fatal(err)
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
