package install

// UserSystemd tells whether this user's systemd can be reached; else [Task] with
// User goes by the crontab.
func UserSystemd() bool { return exists(userBus()) }

// otherWay undoes what was installed for a user by whom it is not done now:
// whether the user's systemd runs is another at each login, and two that start
// a site would be in each other's way.
func (t *Task) otherWay(k keeper) error {
	if !t.User {
		return nil
	}
	if _, now := k.(cron); now {
		s := newUserSystemd(t)
		if links, err := s.links(); err != nil || len(links) == 0 && !ours(s.file()) {
			return err
		}
		return s.uninstall()
	}
	c := cron{t}
	if !has("crontab") {
		return nil
	}
	lines, err := c.table()
	if err != nil || len(c.without(lines)) == len(lines) {
		return nil // who may not read a crontab has none
	}
	return c.uninstall()
}
