package output

import (
	"path/filepath"
	"regexp"
	"testing"
)

// A daemon that comes late gets what is said from then on.
func TestLogSpeaksToSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := Log{newSyslog(Target{Name: "keepone", Socket: path})}
	l.Say("nobody hears this\n")
	l.sink.tried = longAgo
	d := listenAt(t, path)
	l.Say("web: listening\n")
	l.Say("<4>web: warning: odd")
	got := d.all()
	if len(got) != 2 || !regexp.MustCompile(`^<30>.{15} keepone: web: listening$`).MatchString(got[0]) ||
		!regexp.MustCompile(`^<28>.{15} keepone: web: warning: odd$`).MatchString(got[1]) {
		t.Errorf("%q", got)
	}
}
