package webserver

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A fake is a /proc of the test's own, for what real processes do too seldom.
type fake struct {
	*testing.T
	root string
}

func newFake(t *testing.T) (*fake, *Finder) {
	f, finder := &fake{t, t.TempDir()}, New("")
	finder.scan.root = f.root
	return f, finder
}

// process makes or replaces one; state is a letter of proc_pid_stat(5).
func (f *fake) process(pid, parent, start int, comm string, state byte, sockets ...int) {
	f.Helper()
	f.end(pid)
	dir := filepath.Join(f.root, fmt.Sprint(pid))
	must(f.T, os.MkdirAll(filepath.Join(dir, "fd"), 0o755))
	must(f.T, os.WriteFile(filepath.Join(dir, "comm"), []byte(comm+"\n"), 0o644))
	stat := fmt.Sprintf("%d (%s) %c %d 1 2 34818 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %d 6262784 1 2 3\n", pid, comm, state, parent, start)
	must(f.T, os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o644))
	must(f.T, os.Symlink("/dev/null", filepath.Join(dir, "fd/0")))
	for i, ino := range sockets {
		must(f.T, os.Symlink(fmt.Sprintf("socket:[%d]", ino), filepath.Join(dir, "fd", fmt.Sprint(i+3))))
	}
}

func (f *fake) end(pid int) { must(f.T, os.RemoveAll(filepath.Join(f.root, fmt.Sprint(pid)))) }

// finds says what a search must find: pids, sorted.
func (f *fake) finds(finder *Finder, when string, peers []uint64, name string, proved bool, want ...int) {
	f.Helper()
	pids, gotName, gotProved := finder.Find(peers, nil)
	if !slices.Equal(pids, want) || gotName != name || gotProved != proved {
		f.Errorf("%s: %v %q %v, want %v %q %v", when, pids, gotName, gotProved, want, name, proved)
	}
}

// Every known name is found, and nothing that is called nearly so.
func TestKnown(t *testing.T) {
	for _, name := range []string{"lighttpd", "nginx", "apache2", "httpd", "caddy"} {
		f, finder := newFake(t)
		for i, other := range []string{"lighttpd-angel", "nginx2", "apache", "sh", "", ") S 1 (nginx"} {
			f.process(10+i, 1, 5, other, 'S', 77)
		}
		f.finds(finder, "others", []uint64{77}, "", false)
		f.process(30, 10, 5, name, 'S')
		f.process(31, 30, 6, name, 'R')
		f.process(32, 30, 6, name, 'Z')   // of no weight any more
		f.process(33, 30, 6, "perl", 'S') // its CGI
		f.finds(finder, name, []uint64{77}, name, false, 30, 31)
	}
}

// Two kinds are no guess. Numbers go round: a child's may be the smaller one,
// and a parent's may have been given to a younger stranger.
func TestTrees(t *testing.T) {
	f, finder := newFake(t)
	f.process(500, 1, 10, "nginx", 'S')
	f.process(20, 500, 11, "nginx", 'S', 77)
	f.process(21, 20, 12, "nginx", 'S')
	f.finds(finder, "one", nil, "nginx", false, 20, 21, 500)
	f.process(600, 500, 12, "caddy", 'S')
	f.process(601, 600, 12, "nginx", 'S') // below a caddy: another server
	f.finds(finder, "two kinds", nil, "", false)
	f.process(22, 21, 9, "nginx", 'S') // older than its parent
	f.finds(finder, "connected", []uint64{1, 77}, "nginx", true, 20, 21, 500)
}

// Whoever calls himself something that looks like more of the line gains
// nothing by it.
func TestParentheses(t *testing.T) {
	f, _ := newFake(t)
	finder := New("x) Z 1 2 (y")
	finder.scan.root = f.root
	f.process(10, 1, 5, "x) Z 1 2 (y", 'S')
	f.process(11, 10, 6, "x) Z 1 2 (y", 'S')
	f.finds(finder, "parentheses", nil, "x) Z 1 2 (y", false, 10, 11)
}

// A proof lasts as long as anybody of the server does, and not for another
// with the same number.
func TestRemembered(t *testing.T) {
	f, finder := newFake(t)
	f.process(10, 1, 5, "nginx", 'S')
	f.process(11, 10, 6, "nginx", 'S', 77)
	f.process(12, 10, 6, "nginx", 'S', 88)
	f.process(40, 1, 5, "nginx", 'S', 99)
	f.process(5, 1, 5, "nginx", 'S', 66)
	f.finds(finder, "connected", []uint64{77}, "nginx", true, 10, 11, 12)
	f.finds(finder, "another is, too", []uint64{66, 77}, "nginx", true, 10, 11, 12)
	f.end(11) // a reload
	f.process(13, 10, 7, "nginx", 'S')
	f.finds(finder, "other children", nil, "nginx", true, 10, 12, 13)
	f.process(14, 10, 8, "nginx", 'S') // the next master, and its child
	f.process(15, 14, 9, "nginx", 'S')
	f.finds(finder, "replaced in place", nil, "nginx", true, 10, 12, 13, 14, 15)
	f.end(10)
	for _, orphan := range []int{12, 13, 14} {
		f.process(orphan, 1, map[int]int{12: 6, 13: 7, 14: 8}[orphan], "nginx", 'S')
	}
	f.finds(finder, "the former master is gone", []uint64{1}, "nginx", true, 12, 13, 14, 15)
	f.finds(finder, "another is connected", []uint64{99}, "nginx", true, 40)
	f.process(40, 1, 50, "nginx", 'S') // another process
	f.finds(finder, "the number is another's", nil, "", false)
}

// What was found stands while /proc cannot be read.
func TestUnreadable(t *testing.T) {
	f, finder := newFake(t)
	f.finds(finder, "nothing", nil, "", false)
	f.process(10, 1, 5, "caddy", 'S', 77)
	f.finds(finder, "connected", []uint64{77}, "caddy", true, 10)
	finder.scan.root = filepath.Join(f.root, "10/comm") // no directory
	f.finds(finder, "no /proc", nil, "caddy", true, 10)
	finder.scan.root = f.root + "/none"
	f.finds(finder, "no proc(5)", nil, "caddy", true, 10)
	finder.scan.root = f.root
	must(t, os.Remove(f.root+"/10/comm"))
	must(t, os.Symlink("comm", f.root+"/10/comm"))
	f.finds(finder, "one cannot be read", nil, "caddy", true, 10)
	f.process(10, 1, 5, "caddy", 'S', 77)
	f.process(11, 1, 6, "caddy", 'S')
	f.finds(finder, "/proc again", nil, "caddy", true, 10)
	f.end(10)
	f.finds(finder, "it is gone", nil, "caddy", false, 11)
	must(t, os.WriteFile(f.root+"/11/stat", []byte("11 (caddy) S 1 1 1 0 -1"), 0o644))
	f.finds(finder, "half a line", nil, "", false)
}

// A web server of very many connections costs no more than others, and its
// search ends.
func TestManyLinks(t *testing.T) {
	f, finder := newFake(t)
	inodes := make([]int, linksMost+500)
	for i := range inodes {
		inodes[i] = 1000 + i
	}
	f.process(10, 1, 5, "nginx", 'S', inodes...)
	f.process(11, 1, 5, "nginx", 'S', 77)
	finder.Find([]uint64{1}, nil)
	if finder.scan.links > 0 {
		t.Errorf("%d links are left", finder.scan.links)
	}
	f.finds(finder, "more than one search looks at", []uint64{77}, "", false)
}

// A search finds what a slow and simple one would, in whatever forest.
func TestForest(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f, finder := newFake(t)
		defer os.RemoveAll(f.root)
		n := rapid.IntRange(1, 12).Draw(r, "processes")
		parent, name := make([]int, n), make([]string, n)
		root := func(i int) int {
			for parent[i] >= 0 && name[parent[i]] == name[i] {
				i = parent[i]
			}
			return i
		}
		pids := rapid.Permutation([]int{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}).Draw(r, "pids")
		for i := range n { // a parent is the older one
			parent[i] = rapid.IntRange(-1, i-1).Draw(r, "parent")
			name[i] = rapid.SampledFrom([]string{"nginx", "caddy", "sh"}).Draw(r, "name")
			ppid := 1
			if parent[i] >= 0 {
				ppid = pids[parent[i]]
			}
			f.process(pids[i], ppid, 100+i, name[i], 'S', 1000+i)
		}
		who := rapid.IntRange(0, n-1).Draw(r, "connected")
		var ours []int
		for i := range n {
			if name[who] != "sh" && root(i) == root(who) {
				ours = append(ours, pids[i])
			}
		}
		slices.Sort(ours)
		got, _, proved := finder.Find([]uint64{uint64(1000 + who)}, nil)
		if name[who] != "sh" && (!proved || !slices.Equal(got, ours)) || name[who] == "sh" && proved {
			r.Fatalf("%v %v, want %v", got, proved, ours)
		}
	})
}
