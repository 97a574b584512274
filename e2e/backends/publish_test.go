package backends

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// publish compares the tables of the page with the results, the figures' only by their rows, or writes both.
func publish(t *testing.T, p page, trials []*trial) {
	t.Helper()
	now := verdicts(t, p, trials)
	was, p := p.between(t, verdictsBegin, verdictsEnd, now)
	if was != now && !*update {
		t.Errorf("%s is out of date: make backends\nit says\n%s\nand this came of it\n%s", document, was, now)
	}
	if _, p = p.between(t, figuresBegin, figuresEnd, figures(trials)); *update {
		if err := os.WriteFile(document, []byte(p), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// verdicts is the table that must not change by itself.
func verdicts(t *testing.T, p page, trials []*trial) string {
	t.Helper()
	var lines [][]string
	for _, w := range trials {
		command := strings.Trim(strings.ReplaceAll(p.key(t, w.r, "command", ""), `", "`, " "), `[]"`)
		cells := []string{w.r.name, "`" + command + "`", p.key(t, w.r, "protocol", "fastcgi"), p.key(t, w.r, "handoff", "fd0")}
		for _, column := range columns {
			verdict := w.verdicts[column]
			if verdict == "" {
				verdict = "-"
			}
			cells = append(cells, verdict)
		}
		lines = append(lines, append(cells, w.r.note))
	}
	return table(append(append([]string{"Backend", "backend.command", "protocol", "handoff"}, columns...), "Note"), lines)
}

// figures is the table of what was measured.
func figures(trials []*trial) string {
	mebibytes := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
	var lines [][]string
	for _, w := range trials {
		cells := []string{w.r.name, w.r.version(), "-", "-", "-", "-", "-", "-"}
		if w.verdicts["served"] == "yes" {
			cells = []string{w.r.name, w.r.version(), fmt.Sprint(w.processes), mebibytes(w.rss), mebibytes(w.pss),
				fmt.Sprint(w.ready.Round(10 * time.Millisecond)), fmt.Sprintf("%d of %d", w.failed, w.requests), fmt.Sprint(w.lost)}
		}
		lines = append(lines, cells)
	}
	return table([]string{"Backend", "Version", "Processes", "RSS MiB", "PSS MiB", "Ready after", "Failed in 3 restarts", "Lost by kill -9"}, lines)
}
