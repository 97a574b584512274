package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// counts are what the kernel has counted of one thread since it began.
type counts struct{ cpu, voluntary, involuntary uint64 } // cpu in nanoseconds

// watch adds up what threads did between two looks. A thread that ends takes what it did since the last look with it, a
// process that comes and goes between two looks is not seen: what is missed can only make a peer look cheaper.
type watch struct {
	counts
	last              map[int]counts // by thread
	rss, pss, private []uint64       // bytes, one for each weighing
}

func (w *watch) begin(pids []int) {
	w.last = map[int]counts{}
	w.look(pids)
	w.counts = counts{}
}

func (w *watch) look(pids []int) {
	now := map[int]counts{}
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid)) // the pattern is a good one
		for _, task := range tasks {
			if tid, c, ok := readTask(task); ok {
				now[tid] = c
			}
		}
	}
	for tid, c := range now {
		before := w.last[tid]
		if before.cpu > c.cpu {
			before = counts{} // another thread has the number now
		}
		w.cpu += c.cpu - before.cpu
		w.voluntary += c.voluntary - before.voluntary
		w.involuntary += c.involuntary - before.involuntary
	}
	w.last = now
}

// readTask reads one directory of /proc/PID/task: schedstat, whose first number is the time on a CPU in nanoseconds, and
// the context switches in status (proc(5)). A voluntary one is a thread that went to sleep, so they count the wake-ups.
func readTask(dir string) (tid int, c counts, ok bool) {
	tid, err := strconv.Atoi(filepath.Base(dir))
	if err != nil {
		return 0, c, false
	}
	sched, err := os.ReadFile(dir + "/schedstat")
	if err != nil {
		return 0, c, false
	}
	first, _, _ := strings.Cut(string(sched), " ")
	if c.cpu, err = strconv.ParseUint(first, 10, 64); err != nil {
		return 0, c, false
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return 0, c, false
	}
	c.voluntary, c.involuntary = field(status, "voluntary_ctxt_switches"), field(status, "nonvoluntary_ctxt_switches")
	return tid, c, true
}

// field is the number behind a name at the beginning of a line, 0 where there is none.
func field(text []byte, name string) uint64 {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		rest, found := strings.CutPrefix(lines.Text(), name+":")
		if words := strings.Fields(rest); found && len(words) > 0 {
			n, _ := strconv.ParseUint(words[0], 10, 64) // the kernel writes numbers there
			return n
		}
	}
	return 0
}

// weigh reads smaps_rollup of all processes.
func (w *watch) weigh(pids []int) {
	var rss, pss, private uint64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it has just ended
		}
		rss += field(text, "Rss") << 10
		pss += field(text, "Pss") << 10
		private += (field(text, "Private_Clean") + field(text, "Private_Dirty")) << 10
	}
	w.rss, w.pss, w.private = append(w.rss, rss), append(w.pss, pss), append(w.private, private)
}

// tree is a process and its descendants, without those that run the program and what these started.
func tree(pid int, but string) []int {
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || exe == but {
		return nil
	}
	all := []int{pid}
	for _, child := range children(pid) {
		all = append(all, tree(child, but)...)
	}
	return all
}

func children(pid int) (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is a good one
	for _, file := range files {
		text, _ := os.ReadFile(file) // a thread that ended has none
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

func median(values []uint64) uint64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

func mib(bytes uint64) string { return fmt.Sprintf("%.2f", float64(bytes)/(1<<20)) }
