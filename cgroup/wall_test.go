package cgroup

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// setting is the file that systemctl set-property --runtime makes.
const setting = "run/systemd/system.control/keepone@web.service.d/50-MemoryMax.conf"

func TestWall(t *testing.T) {
	for _, hard := range []uint64{0, 1, 32 << 20, 128 << 20, 8 << 30, None - 1, None} {
		high, max := Wall(hard)
		if high < hard || max < high || hard < None-1 && (high == hard || max == high) {
			t.Errorf("hard %d: high %d, max %d", hard, high, max)
		}
	}
	if high, max := Wall(128 << 20); high != 168<<20 || max != 224<<20 {
		t.Errorf("128 MiB: high %d, max %d", high, max)
	}
}

func TestRoom(t *testing.T) {
	const slice = "sys/fs/cgroup/system.slice/system-keepone.slice/memory.max"
	const ram = 1024000 * 1024
	for name, c := range map[string]struct {
		change tree
		want   uint64
	}{
		"the host's":         {nil, ram},
		"a limit above":      {tree{slice: "500000000\n", unit + "/memory.max": "600000000\n"}, 500000000},
		"the unit's":         {tree{slice: "500000000\n", unit + "/memory.max": "400000000\n"}, 400000000},
		"our own":            {tree{unit + "/memory.max": "400000000\n", setting: ""}, ram},
		"ours, and above":    {tree{slice: "500000000\n", unit + "/memory.max": "4000\n", setting: ""}, 500000000},
		"more than there is": {tree{slice: "5000000000000\n"}, ram},
		"a container's v1": {tree{"proc/self/cgroup": "3:cpu:/\n4:memory:/docker/x\n0::/\n",
			"proc/self/mountinfo":                        "35 31 0:32 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n" + v2mount,
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "300000000\n"}, 300000000},
		"v1 without": {tree{"proc/self/cgroup": "4:memory:/a/b\n", "proc/self/mountinfo": v1mount,
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n"}, ram},
		"v1, above": {tree{"proc/self/cgroup": "4:memory:/a/b\n", "proc/self/mountinfo": v1mount,
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "200000000\n"}, 200000000},
	} {
		f := underSystemd(webPath)
		for file, text := range c.change {
			f[file] = text
		}
		if got, err := Room(f.make(t)); got != c.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, c.want)
		}
	}
	if got, err := Room(tree{"proc/meminfo": "MemFree: 1 kB\n"}.make(t)); err == nil {
		t.Errorf("without MemTotal: %d", got)
	}
	if got, err := Room(""); got < 1<<24 || err != nil {
		t.Errorf("here: %d, %v", got, err)
	}
}

func TestSet(t *testing.T) {
	g := Group{Unit: "keepone@web.service"}
	want := []string{"systemctl", "set-property", "--runtime", "keepone@web.service", "MemoryHigh=4096", "MemoryMax=infinity"}
	if got := g.Set(4096, None); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	g.User = true
	if got := g.Set(1, 2)[:3]; !reflect.DeepEqual(got, []string{"systemctl", "--user", "set-property"}) {
		t.Errorf("%q", got)
	}
}

// An administrator's limit is never moved away, and only what is set is taken
// back.
func TestNearer(t *testing.T) {
	root := underSystemd(webPath).make(t)
	dir := filepath.Join(root, unit)
	g := Group{Dir: dir, Unit: "keepone@web.service", root: root}
	const low, mid, high = 4096 * 10, 4096 * 20, 4096 * 30
	if h, m, news := g.Nearer(low+1, high+4095); h != low || m != high || !news || g.Fits(low, high) {
		t.Errorf("where nothing is set: %d, %d, %v", h, m, news)
	}
	write(t, dir+"/memory.max", "81920\n")
	if h, m, news := g.Nearer(low, high); h != low || m != mid || !news {
		t.Errorf("below an administrator's max: %d, %d, %v", h, m, news)
	}
	write(t, dir+"/memory.high", "40960\n")
	if h, m, news := g.Nearer(low, high); h != low || m != mid || news || g.Fits(low, high) {
		t.Errorf("as it is: %d, %d, %v", h, m, news)
	}
	if !g.Fits(low+7, mid+7) {
		t.Error("limits that the kernel rounded do not fit")
	}
}

func TestUnset(t *testing.T) {
	f := underSystemd(webPath)
	f[setting] = ""
	f["run/systemd/transient/keepone@web.service.d/50-MemoryHigh.conf"] = ""
	f[filepath.Dir(setting)+"/50-CPUWeight.conf"] = ""
	root := f.make(t)
	g := Group{Unit: "keepone@web.service", root: root}
	if !g.Walled() {
		t.Error("a limit that was set is not seen")
	}
	for range 2 {
		if argv, err := g.Unset(); err != nil || !reflect.DeepEqual(argv, []string{"systemctl", "daemon-reload"}) {
			t.Errorf("%q, %v", argv, err)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(root, filepath.Dir(setting))); g.Walled() || len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	g.User = true
	if got := g.settings()[1]; got != root+"/run/user/7/systemd/user.control/keepone@web.service.d/50-MemoryMax.conf" {
		t.Error(got)
	}
}
