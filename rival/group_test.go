package rival

import "testing"

// What is further in than a unit may be called whatever its user likes.
func TestUnitOf(t *testing.T) {
	for path, want := range map[string][2]string{
		"/system.slice/web2py.service":                                                    {"web2py.service", ""},
		"/system.slice/system-keepone.slice/keepone@a.service/b.service":                  {"keepone@a.service", ""},
		"/user.slice/user-1000.slice/user@1000.service/app.slice/x.service":               {"x.service", "1000"},
		"/user.slice/user-1000.slice/user@1000.service/user@0.service/nginx.service":      {"user@0.service", "1000"},
		"/user.slice/user-1000.slice/session-3.scope":                                     {"session-3.scope", ""},
		"/user.slice/user-1000.slice/user@1000.service/user@x.service/nginx.service/more": {"user@x.service", "1000"},
		"/":                                      {"", ""},
		"/user.slice/user@x.service/ssh.service": {"ssh.service", "x"},
	} {
		if unit, owner := unitOf(path); unit != want[0] || owner != want[1] {
			t.Errorf("%s: %q of %q, want %q", path, unit, owner, want)
		}
	}
	if o := (&search{host: newFake(t).host}).ofUnit("ssh.service", "x", ""); o.end != "" || o.returns {
		t.Errorf("of nobody's systemd: %+v", o)
	}
}
