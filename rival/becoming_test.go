package rival

import "testing"

// What systemd forks has the sockets of its descriptor store until it becomes a
// program; nobody else is excused by a name in brackets.
func TestBecoming(t *testing.T) {
	for _, c := range []struct {
		name, parent string
		rival        bool
	}{
		{"(agetty)", "systemd", false},
		{"agetty", "systemd", true},
		{"(agetty)", "sh", true},
		{"(agetty)", "", true},
	} {
		who := &candidate{process: process{pid: 7, name: c.name}, named: []spot{{at: true}}}
		if c.parent != "" {
			who.chain = []process{{pid: 1, name: c.parent}}
		}
		if rule, _ := new(search).socket(who); (rule == Path) != c.rival {
			t.Errorf("%s below %q: rule %q", c.name, c.parent, rule)
		}
	}
}
