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
		if max := Wall(hard); max < hard || hard < None-1 && max == hard {
			t.Errorf("hard %d: max %d", hard, max)
		}
	}
	if max := Wall(128 << 20); max != 224<<20 {
		t.Errorf("128 MiB: max %d", max)
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
		"our own":            {tree{unit + "/memory.max": "400000000\n", setting: "ours"}, ram},
		"ours, and above":    {tree{slice: "500000000\n", unit + "/memory.max": "4000\n", setting: "ours"}, 500000000},
		"an operator's":      {tree{unit + "/memory.max": "400000000\n", setting: "operator's"}, 400000000},
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
		if got, err := Room(f.make(t), f[setting] == "ours"); got != c.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, c.want)
		}
	}
	if got, err := Room(tree{"proc/meminfo": "MemFree: 1 kB\n"}.make(t), false); err == nil {
		t.Errorf("without MemTotal: %d", got)
	}
	if got, err := Room("", false); got < 1<<24 || err != nil {
		t.Errorf("here: %d, %v", got, err)
	}
}

func TestSet(t *testing.T) {
	g := Group{Unit: "keepone@web.service"}
	want := []string{"systemctl", "set-property", "--runtime", "keepone@web.service", "MemoryMax=4096"}
	if got := g.Set(4096); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	g.User = true
	if got := g.Set(1)[:3]; !reflect.DeepEqual(got, []string{"systemctl", "--user", "set-property"}) {
		t.Errorf("%q", got)
	}
}

// The kernel rounds down to pages.
func TestFits(t *testing.T) {
	root := underSystemd(webPath).make(t)
	g := Group{Dir: filepath.Join(root, unit), Unit: "keepone@web.service", root: root}
	write(t, g.Dir+"/memory.max", "81920\n")
	if !g.Fits(81920+7) || g.Fits(81920+4096) || g.Fits(None) {
		t.Error("a limit that was rounded does not fit, or another does")
	}
}

// Only what was set is taken back.
func TestUnset(t *testing.T) {
	f := underSystemd(webPath)
	f[setting] = ""
	f["run/systemd/transient/keepone@web.service.d/50-MemoryMax.conf"] = ""
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
	if got := g.settings()[0]; got != root+"/run/user/7/systemd/user.control/keepone@web.service.d/50-MemoryMax.conf" {
		t.Error(got)
	}
}
