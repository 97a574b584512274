package supervise

import (
	"fmt"
	"strings"
	"testing"
)

// The whole machine, printed from the table the daemon runs on.
func Example_moves() {
	line := "state      "
	for ev := range numEvents {
		line += fmt.Sprintf("%-21s", ev)
	}
	fmt.Println(strings.TrimSpace(line))
	for from := range numStates {
		line := fmt.Sprintf("%-11s", from)
		for ev := range numEvents {
			m := moves[from][ev]
			cell := "-"
			if m.do != impossible {
				cell = strings.TrimSpace(m.to.String() + " " + actionNames[m.do])
			}
			line += fmt.Sprintf("%-21s", cell)
		}
		fmt.Println(strings.TrimSpace(line))
	}
	// Output:
	// state      start                adopted              stop                 restart              ready                drained              exited               blocked              hung                 expired
	// down       starting spawn       starting attend      down                 starting spawn       -                    -                    -                    -                    -                    -
	// blocked    starting spawn       starting attend      down                 starting spawn       -                    -                    -                    -                    -                    starting spawn
	// starting   starting             -                    closing drain        draining drain       up                   -                    backoff              blocked              -                    restarting terminate
	// up         up                   -                    closing drain        draining drain       -                    -                    backoff              -                    restarting abort     -
	// draining   draining             -                    closing              draining             -                    restarting terminate backoff              blocked              -                    restarting terminate
	// restarting restarting           -                    stopping             restarting           -                    -                    starting spawn       blocked              -                    restarting kill
	// closing    draining             -                    closing              draining             -                    stopping terminate   down                 down                 -                    stopping terminate
	// stopping   restarting           -                    stopping             restarting           -                    -                    down                 down                 -                    stopping kill
	// backoff    starting spawn       starting attend      down                 starting spawn       -                    -                    -                    -                    -                    starting spawn
}

// Every rule here is checked in all 90 cells.
func TestMoves(t *testing.T) {
	for from := range numStates {
		for ev := range numEvents {
			checkMove(t, from, ev)
		}
		if to := moves[from][stop].to; to != Down && to != Closing && to != Stopping {
			t.Errorf("%s: stop leads to %s", from, to)
		}
		for _, ev := range []event{start, restart} {
			if to := moves[from][ev].to; to == Down || to == Closing || to == Stopping {
				t.Errorf("%s: %s leads to %s", from, ev, to)
			}
		}
	}
}

func checkMove(t *testing.T, from State, ev event) {
	m := moves[from][ev]
	alive := (from.alive() || ev == adopted) && ev != exited && ev != blocked
	switch {
	case m.do == impossible:
		asked := ev == start || ev == stop || ev == restart
		if asked || from.alive() && ev == exited || timed(from) && ev == expired {
			t.Errorf("%s/%s: cell left out", from, ev)
		}
	case m.do == spawn && alive:
		t.Errorf("%s/%s: spawns beside a live process", from, ev)
	case (m.do == attend || m.do == drain || m.do == terminate || m.do == abort || m.do == kill) && !alive:
		t.Errorf("%s/%s: acts on a process that is not there", from, ev)
	case m.to.alive() != (alive || m.do == spawn):
		t.Errorf("%s/%s: %s disagrees with the process table", from, ev, m.to)
	case (m.do == abort) != (ev == hung):
		t.Errorf("%s/%s: aborts what does not hang", from, ev)
	case (m.do == attend) != (ev == adopted):
		t.Errorf("%s/%s: attends to what was not adopted", from, ev)
	case m.do == drain && m.to != Draining && m.to != Closing:
		t.Errorf("%s/%s: drains in %s", from, ev, m.to)
	case m.to != from && (m.to == Restarting || m.to == Stopping) && from != Stopping && from != Restarting && m.do != terminate && m.do != abort:
		t.Errorf("%s/%s: enters %s without the stop signal", from, ev, m.to)
	}
}

// timed says which states have a deadline.
func timed(s State) bool { return s != Down && s != Up }

// alive says whether a process of the backend may exist in this state. The
// shim that holds the next generation's socket is not one: it is no interpreter
// before it has been given the word.
func (s State) alive() bool {
	return s != Down && s != Blocked && s != Backoff
}
