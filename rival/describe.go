package rival

import (
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// commandMost is how much of a command line is told, in bytes.
const commandMost = 200

// listensMost is how many addresses of a rival are told.
const listensMost = 8

// explain tells what is known of a rival.
func (s *search) explain(pid int) Rival {
	t := s.tops[pid]
	r := Rival{
		PID: pid, Start: t.start, Since: since(t.start), User: s.user(pid), Command: t.told(),
		Rule: t.rule, Why: t.why, Socket: t.spot.inode, AtPath: t.spot.at, Listens: []string{}, Parents: []Parent{},
	}
	for _, l := range t.listens {
		if a := l.String(); !slices.Contains(r.Listens, a) && len(r.Listens) < listensMost {
			r.Listens = append(r.Listens, a)
		}
	}
	for _, p := range t.chain {
		r.Parents = append(r.Parents, Parent{p.pid, printable(p.name)})
	}
	o := s.origin(t.candidate)
	r.Origin, r.End, r.Returns = o.who, o.end, o.returns
	return r
}

// told is the command line for people; the name where there is none.
func (c *candidate) told() string {
	if len(c.argv) == 0 {
		return printable(c.name)
	}
	return printable(strings.Join(c.argv, " "))
}

// printable keeps what anybody may choose from writing lines of its own, and
// from filling ours.
func printable(s string) string {
	if len(s) > commandMost {
		cut := commandMost - len("...")
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// ticks is USER_HZ, in which /proc counts: 100 on every architecture that Go
// has.
const ticks = 100

// since is when a process started.
func since(start uint64) time.Time {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return time.Time{}
	}
	age := time.Duration(now.Nano()) - time.Duration(start)*(time.Second/ticks)
	return time.Now().Add(-age).Truncate(time.Second / ticks)
}

// uid is as whom the process acts; -1 where that cannot be told.
func (h host) uid(pid int) int { return h.userID(pid, 1) }

// realUID is who started it, which a set-user-ID program does not hide.
func (h host) realUID(pid int) int { return h.userID(pid, 0) }

// userID is one of the numbers in the line Uid of proc_pid_status(5).
func (h host) userID(pid, which int) int {
	_, line, _ := strings.Cut(string(h.read(pid, "status", 8<<10)), "\nUid:")
	f := strings.Fields(line)
	if len(f) < 2 {
		return -1
	}
	uid, err := strconv.Atoi(f[which])
	if err != nil {
		return -1
	}
	return uid
}

func (h host) user(pid int) string { return userName(h.uid(pid)) }

func userName(uid int) string {
	if uid < 0 {
		return "?"
	}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return printable(u.Username)
	}
	return strconv.Itoa(uid)
}

// word makes one word of a shell's out of a name that somebody else may have
// chosen; not ok where no name of a thing looks like that.
func word(name string) (text string, ok bool) {
	if name == "" || len(name) > 255 || name[0] == '-' || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", false
	}
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:@%+/-") == "" {
		return name, true
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'", true
}
