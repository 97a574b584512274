package webserver

import (
	"os"
	"slices"
	"testing"
)

// found wants the whole of the server, whoever is forked meanwhile.
func found(f *front, finder *Finder, peers []uint64, not []int, processes int) {
	f.Helper()
	var pids []int
	proved := false
	eventually(f.T, "it is found", func() bool {
		before := f.tree()
		pids, _, proved = finder.Find(peers, not)
		return len(before) == processes && slices.Equal(pids, before) && slices.Equal(f.tree(), before)
	})
	if want := peers != nil; proved != want {
		f.Errorf("proved is %v", proved)
	}
	if latest := finder.Pids([]int{7}); !slices.Equal(latest, append([]int{7}, pids...)) {
		f.Errorf("%v, and later %v", pids, latest)
	}
}

var servers = []struct {
	program            string
	workers, processes int
}{{"lighttpd", 0, 1}, {"lighttpd", 2, 3}, {"nginx", 1, 2}, {"nginx", 3, 4}}

// Among whatever runs on this machine the web server is found that has a
// connection to our socket, all its processes, under its own name. It is known
// when it has no connection any more, and forgotten when it has ended.
func TestConnected(t *testing.T) {
	for _, c := range servers {
		t.Run(c.program, func(t *testing.T) {
			f := serve(t, c.program, c.program, c.workers)
			finder := New("")
			f.request()
			f.request()
			peers := f.peers()
			found(f, finder, peers, nil, c.processes)
			tree := f.tree()
			f.release()
			for _, none := range [][]uint64{nil, {1, 1 << 60}} {
				if pids, name, proved := finder.Find(none, nil); !slices.Equal(pids, tree) || name != c.program || !proved {
					t.Errorf("afterwards: %v %q %v, want %v", pids, name, proved, tree)
				}
			}
			f.stop()
			eventually(t, "it is forgotten", func() bool {
				pids, _, proved := finder.Find(nil, nil)
				return !proved && !slices.ContainsFunc(pids, func(pid int) bool { return slices.Contains(tree, pid) })
			})
		})
	}
}

// A name that is the only one is a guess, until there are two; then nobody is,
// until one is connected. Another that is connected later takes its place.
func TestByName(t *testing.T) {
	for _, c := range servers {
		t.Run(c.program, func(t *testing.T) {
			name := ours('n')
			finder := New(name)
			if pids, name, proved := finder.Find(nil, nil); len(pids) != 0 || name != "" || proved {
				t.Errorf("before: %v %q %v", pids, name, proved)
			}
			one := serve(t, c.program, name, c.workers)
			found(one, finder, nil, nil, c.processes)
			one.request()
			peers := one.peers()
			two := serve(t, c.program, name, c.workers)
			eventually(t, "there are two", func() bool { return len(two.tree()) == c.processes })
			if pids, _, proved := finder.Find(nil, nil); len(pids) != 0 || proved {
				t.Errorf("of two: %v %v", pids, proved)
			}
			found(one, finder, peers, nil, c.processes)
			two.request()
			found(two, finder, two.peers(), nil, c.processes)
			if pids, _, proved := finder.Find(nil, nil); !slices.Equal(pids, two.tree()) || !proved {
				t.Errorf("the second: %v %v", pids, proved)
			}
			two.stop()
			eventually(t, "the first is the only one", func() bool { _, _, proved := finder.Find(nil, nil); return !proved })
			found(one, finder, nil, nil, c.processes)
		})
	}
}

// The backend's tree is no web server, whatever it is called, not even when it
// is connected to its own socket; nor is a child that was born meanwhile.
func TestNotTheBackend(t *testing.T) {
	f := serve(t, "nginx", ours('b'), 2)
	f.request()
	peers := f.peers()
	found(f, New(ours('b')), peers, []int{1 << 30}, 3)
	for _, not := range [][]int{f.tree(), {f.cmd.Process.Pid}} {
		if pids, _, proved := New(ours('b')).Find(peers, not); len(pids) != 0 || proved {
			t.Errorf("without %v: %v %v", not, pids, proved)
		}
	}
}

// It is asked once a minute, for ever: it leaves no garbage, and nothing open.
func TestFindAllocatesNothing(t *testing.T) {
	f := serve(t, "nginx", ours('a'), 4)
	f.request()
	peers, not, buf := f.peers(), []int{1 << 30}, make([]int, 0, 64)
	nobody := []uint64{1}
	finder := New(ours('a'))
	found(f, finder, peers, not, 5)
	open := descriptors(t)
	n := testing.AllocsPerRun(20, func() {
		finder.Find(peers, not)
		finder.Find(nobody, not)
		finder.Find(nil, not)
		buf = finder.Pids(buf[:0])
	})
	if n != 0 || len(buf) != 5 {
		t.Errorf("%v allocations, %v", n, buf)
	}
	if now := descriptors(t); now != open {
		t.Errorf("%d descriptors before, %d after", open, now)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func TestLongName(t *testing.T) {
	name := ours('l') + "-and-some-more-of-it"
	f := serve(t, "lighttpd", name, 0)
	if pids, got, _ := New(name).Find(nil, nil); !slices.Equal(pids, []int{f.cmd.Process.Pid}) || got != name[:15] {
		t.Errorf("%v %q", pids, got)
	}
}

func BenchmarkFind(b *testing.B) {
	f, peers := New(""), []uint64{1}
	for range b.N {
		f.Find(peers, nil)
	}
	b.ReportMetric(float64(len(f.seen)), "candidates")
}
