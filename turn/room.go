package turn

import "fmt"

// A Verdict says whether there is room for a job beside what runs.
type Verdict struct {
	Room bool
	Text string // why, for people: "it needed 61.0 MiB the last time, and 48.0 MiB are available"
}

// Judge compares what a command needed the last time with what is available,
// and a command of which nothing was learnt as if it weighed what the backend
// weighs: it is most likely the same interpreter with the same modules. All are
// bytes. available is MemAvailable of proc_meminfo(5), or what a memory cgroup
// leaves where that is less.
//
// What was needed must fit with a tenth and 8 MiB to spare: the site grows by a
// request or two while the job runs, and the peak is that of some samples.
func Judge(available uint64, last Lesson, learnt bool, backend uint64) Verdict {
	need, who := backend, "it never ran here before; the backend needs"
	if learnt {
		need, who = last.Peak, "it needed"
	}
	wanted := plus(plus(need, need/10), 8<<20)
	text := who + " " + size(need)
	if learnt {
		text += " the last time"
	}
	switch {
	case available >= wanted, available < need:
		text += fmt.Sprintf(", and %s are available", size(available))
	default:
		text += fmt.Sprintf(", which is %s with something to spare, and %s are available", size(wanted), size(available))
	}
	return Verdict{available >= wanted, text}
}

// plus does not wrap around.
func plus(a, b uint64) uint64 {
	if a+b < a {
		return ^uint64(0)
	}
	return a + b
}

func size(bytes uint64) string {
	if bytes >= 10<<30 {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}
