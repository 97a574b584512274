package hang

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	mostThreads = 32
	mostText    = 8 << 10 // bytes, a last line about the rest included
	lastLine    = 40      // bytes, no less than that one needs
	mostCalls   = 12      // of a stack, the innermost
)

// Stacks says what the threads of the processes do, for the log: a line for
// each, in the order of pids, of each process the first thread first, then by
// number. A line has what could be read of
//
//	state    proc_pid_stat(5), T for one that was stopped
//	wchan    the kernel function that it sleeps in, proc_pid_wchan(5)
//	syscall  number and arguments, proc_pid_syscall(5)
//	stack    the kernel's, innermost first, proc_pid_stack(5); only for root
//
// No more than 32 threads and 8 KiB: the last line says how many were left
// out. Names are quoted, so that no process can write lines of its own. It is a
// hundred small files: not for every second, nor for a goroutine that must not
// wait, as the kernel makes a reader wait for a process that is amid execve(2).
func Stacks(pids []int) string { return stacks(pids, mostThreads, mostText) }

func stacks(pids []int, most, size int) string {
	var b strings.Builder
	shown, more := 0, 0
	for _, pid := range pids {
		for _, tid := range threads(pid) {
			if more > 0 || shown == most {
				more++
				continue
			}
			line := thread(pid, tid)
			switch {
			case line == "": // gone
			case b.Len()+len(line)+lastLine > size:
				more++
			default:
				b.WriteString(line)
				shown++
			}
		}
	}
	if more > 0 {
		fmt.Fprintf(&b, "and %d more threads\n", more)
	}
	return b.String()
}

// threads lists a process' threads; none for one that is gone.
func threads(pid int) (tids []int) {
	dir, err := os.Open(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if tid, err := strconv.Atoi(name); err == nil {
			tids = append(tids, tid)
		}
	}
	slices.SortFunc(tids, func(a, b int) int {
		switch { // numbers begin anew some day: the first thread need not have the lowest
		case a == pid:
			return -1
		case b == pid:
			return 1
		}
		return a - b
	})
	return tids
}

// thread is one line; none for a thread that is gone.
func thread(pid, tid int) string {
	read := func(file string) string {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/%s", pid, tid, file))
		return string(text)
	}
	stat := read("stat")
	_, after, ok := cutLast(stat, ')')
	if !ok || len(after) < 2 {
		return ""
	}
	state := after[1:2]
	line := fmt.Sprintf("process %d thread %d %s: state %s%s", pid, tid,
		strconv.Quote(strings.TrimSuffix(read("comm"), "\n")), state, states[state])
	if wchan := read("wchan"); wchan != "" && wchan != "0" {
		line += ", wchan " + wchan
	}
	line += call(read("syscall"))
	if calls := stack(read("stack")); calls != "" {
		line += ", stack " + calls
	}
	return line + "\n"
}

var states = map[string]string{
	"D": " (waits for a disk or the like)", "R": " (running)", "S": " (sleeping)", "T": " (stopped by a signal)",
	"X": " (dead)", "Z": " (dead)", "t": " (stopped by a debugger)",
}

// call drops the two last numbers, stack pointer and program counter: they
// are of no use without the program.
func call(text string) string {
	f := strings.Fields(text)
	switch {
	case len(f) > 3:
		return ", syscall " + strings.Join(f[:len(f)-2], " ")
	case len(f) == 3:
		return ", in no syscall" // -1: a page fault, or a signal
	}
	return "" // it runs, or may not be read
}

// stack makes "[<0>] function+0x1/0x2 [module]" lines one line of names.
func stack(text string) string {
	var calls []string
	for line := range strings.Lines(text) {
		_, frame, ok := strings.Cut(strings.TrimSpace(line), "] ")
		if !ok || len(calls) == mostCalls {
			continue
		}
		name, _, _ := strings.Cut(frame, "+")
		calls = append(calls, name)
	}
	return strings.Join(calls, " < ")
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
