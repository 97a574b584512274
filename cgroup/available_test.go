package cgroup

import "testing"

// What is left is the least that is left anywhere, and clean files that nobody
// uses are left, too.
func TestAvailable(t *testing.T) {
	const slice, kib = "sys/fs/cgroup/system.slice/system-keepone.slice", 1024
	const v1, host = "sys/fs/cgroup/memory/a", 500000 * kib
	inV1 := func(files tree) tree {
		files["proc/self/cgroup"], files["proc/self/mountinfo"] = "4:memory:/a/b\n", v1mount
		return files
	}
	for name, c := range map[string]struct {
		change tree
		want   uint64
	}{
		"the host's":      {nil, host},
		"no limit":        {tree{unit + "/memory.current": "4000\n"}, host},
		"the unit's rest": {tree{unit + "/memory.max": "1000000\n", unit + "/memory.current": "400000\n"}, 600000},
		"its cache": {tree{unit + "/memory.max": "1000000\n", unit + "/memory.current": "400000\n",
			unit + "/memory.stat": "anon 5\ninactive_file 100000\nactive_file 7\n"}, 700000},
		"a limit above":  {tree{slice + "/memory.max": "500000\n", slice + "/memory.current": "100000\n", unit + "/memory.max": "500000\n", unit + "/memory.current": "9\n"}, 400000},
		"over the limit": {tree{unit + "/memory.max": "1000\n", unit + "/memory.current": "4000\n"}, 0},
		"more cache than used": {tree{unit + "/memory.max": "1000\n", unit + "/memory.current": "400\n",
			unit + "/memory.stat": "inactive_file 100000\n"}, 1000},
		"not told": {tree{unit + "/memory.max": "1000\n"}, host},
		"v1": {inV1(tree{v1 + "/memory.limit_in_bytes": "3000\n", v1 + "/memory.usage_in_bytes": "2000\n",
			v1 + "/memory.stat": "inactive_file 1\ntotal_inactive_file 500\n"}), 1500},
	} {
		f := underSystemd(webPath)
		f["proc/meminfo"] += "MemAvailable:     500000 kB\n"
		for file, text := range c.change {
			f[file] = text
		}
		if got, err := Available(f.make(t)); got != c.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, c.want)
		}
	}
	if got, err := Available(tree{"proc/meminfo": "MemFree: 1 kB\n"}.make(t)); err == nil {
		t.Errorf("without MemAvailable: %d", got)
	}
	all, err := Room("", false)
	if got, cause := Available(""); err != nil || cause != nil || got < 1<<20 || got > all {
		t.Errorf("here: %d of %d, %v", got, all, cause)
	}
}
