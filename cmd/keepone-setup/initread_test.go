package main

import (
	"os"
	"testing"
)

// What runs code of the site's has no way back to who asked: neither root's
// rights nor its terminal, which is a session's.
func TestHarmlessly(t *testing.T) {
	i := &initiation{}
	if err := i.harmlessly("/", []string{"sh", "-c", `read -r _ _ _ _ _ session _ </proc/self/stat; test "$session" = $$`}); err != nil {
		t.Errorf("it is in our session: %v", err)
	}
	if err := i.harmlessly("/", []string{"sh", "-c", `test "$(id -u)" != 0`}); err != nil && os.Geteuid() == 0 {
		t.Errorf("it is root: %v", err)
	}
}
