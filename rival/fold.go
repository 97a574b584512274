package rival

// fold finds the topmost process of each rival, returns their pids, and keeps in
// s.tops what is known of each. Above who a rule applies to belongs to it who
// runs the same command, step by step: a program that starts itself anew.
func (s *search) fold(seen []*candidate) (pids []int) {
	known := map[int]*candidate{}
	for _, c := range seen {
		known[c.pid] = c
	}
	s.tops = map[int]top{}
	for _, c := range seen {
		if c.rule == "" {
			continue
		}
		t, same := c, c.rule == Script || c.rule == Program || c.rule == Launcher
		for _, above := range c.chain {
			a := known[above.pid]
			same = same && a != nil && a.sameCommand(c) && !s.isOurs(a)
			if a != nil && a.rule != "" || same {
				t = a
			}
		}
		listens := append(s.tops[t.pid].listens, s.listening(c)...)
		if t.rule == "" {
			t.rule, t.why = c.rule, c.why
		}
		if !t.spot.at && (c.spot.at || t.spot.inode == 0) {
			t.spot = c.spot
		}
		if _, ok := s.tops[t.pid]; !ok {
			pids = append(pids, t.pid)
		}
		s.tops[t.pid] = top{t, listens}
	}
	return pids
}

// A top is the topmost process of a rival, and where all of it listens.
type top struct {
	*candidate
	listens []listener
}

// sameCommand says whether both run the same script or module with the same
// arguments.
func (c *candidate) sameCommand(of *candidate) bool {
	if c.exe != of.exe || c.module != of.module || c.code != of.code || c.title != "" || len(c.args) != len(of.args) {
		return false
	}
	for i := range c.args {
		if c.args[i] != of.args[i] {
			return false
		}
	}
	return true
}
