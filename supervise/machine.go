// Package supervise decides what happens to the one backend and when. It does
// no system call: processes, sockets, memory and time limits come in through
// Config, and cmd/keepone wires them to the kernel.
//
// Read this file first: it is the whole behaviour. supervise.go feeds events
// into the table and carries out its actions, restart.go prepares a planned
// restart.
package supervise

// State is where the backend is in its life.
type State uint8

// The states, one sentence each; README carries the same sentences.
const (
	Down       State = iota // no process, and none wanted
	Blocked                 // no process: a rival runs; looking again every second
	Starting                // spawned, not ready yet
	Up                      // ready
	Draining                // finishing what it has; new requests wait at the next generation's socket; a new backend follows
	Restarting              // told to exit; a new one follows
	Closing                 // finishing what it has; none follows
	Stopping                // told to exit; none follows
	Backoff                 // no process; waiting to try again
	numStates
)

var stateNames = [numStates]string{
	"down", "blocked", "starting", "up", "draining", "restarting", "closing", "stopping", "backoff",
}

// States are all of them.
func States() (all []State) {
	for s := range numStates {
		all = append(all, s)
	}
	return all
}

// String returns the state's name as status prints it.
func (s State) String() string { return stateNames[s] }

// An event is something asked of the backend or something that befell it.
type event uint8

const (
	start   event = iota // boot, or an operator wants it up
	adopted              // boot, and a former keepone's backend lives; or a rival is taken over
	stop                 // shutdown, or an operator wants it down
	restart              // a new one is wanted: operator, memory, ...
	ready                // it serves
	drained              // nothing is active and nothing pending at its socket
	exited               // it and every descendant are gone, or it never came to be
	blocked              // the spawn found that a rival runs
	hung                 // it lives and does nothing, and somebody waits
	expired              // the state's deadline has passed
	numEvents
)

var eventNames = [numEvents]string{
	"start", "adopted", "stop", "restart", "ready", "drained", "exited", "blocked", "hung", "expired",
}

func (e event) String() string { return eventNames[e] }

// An action is all that the loop does for one move.
type action uint8

const (
	impossible action = iota // a bug in the loop: log it, change nothing
	nothing
	spawn     // let a backend run: give the waiting shim the word, or start one
	attend    // watch the adopted backend become ready
	drain     // watch the old generation empty
	terminate // send the stop signal
	abort     // send the signal that makes it say where it hangs
	kill      // end the whole tree
	numActions
)

var actionNames = [numActions]string{"-", "", "spawn", "attend", "drain", "terminate", "abort", "kill"}

// A move is one cell of the table: the next state and what is done on the way.
type move struct {
	to State
	do action
}

// moves is the supervisor. Everything else in this package either feeds it
// events or carries out its actions. A cell left out is impossible.
//
// One rule holds in every cell and keeps a second interpreter from ever
// running: spawn is reached only where no process is (down, blocked, backoff)
// and by exited, which says that none is any more.
var moves = [numStates][numEvents]move{
	Down: {
		start:   {Starting, spawn},
		adopted: {Starting, attend},
		stop:    {Down, nothing},
		restart: {Starting, spawn},
	},
	Blocked: {
		start:   {Starting, spawn},
		adopted: {Starting, attend},
		stop:    {Down, nothing},
		restart: {Starting, spawn},
		expired: {Starting, spawn},
	},
	Starting: {
		start:   {Starting, nothing},
		stop:    {Closing, drain},
		restart: {Draining, drain},
		ready:   {Up, nothing},
		exited:  {Backoff, nothing},
		blocked: {Blocked, nothing},
		expired: {Restarting, terminate},
	},
	Up: {
		start:   {Up, nothing},
		stop:    {Closing, drain},
		restart: {Draining, drain},
		exited:  {Backoff, nothing},
		hung:    {Restarting, abort},
	},
	Draining: {
		start:   {Draining, nothing},
		stop:    {Closing, nothing},
		restart: {Draining, nothing},
		drained: {Restarting, terminate},
		exited:  {Backoff, nothing},
		blocked: {Blocked, nothing},
		expired: {Restarting, terminate},
	},
	Restarting: {
		start:   {Restarting, nothing},
		stop:    {Stopping, nothing},
		restart: {Restarting, nothing},
		exited:  {Starting, spawn},
		blocked: {Blocked, nothing},
		expired: {Restarting, kill},
	},
	Closing: {
		start:   {Draining, nothing},
		stop:    {Closing, nothing},
		restart: {Draining, nothing},
		drained: {Stopping, terminate},
		exited:  {Down, nothing},
		blocked: {Down, nothing},
		expired: {Stopping, terminate},
	},
	Stopping: {
		start:   {Restarting, nothing},
		stop:    {Stopping, nothing},
		restart: {Restarting, nothing},
		exited:  {Down, nothing},
		blocked: {Down, nothing},
		expired: {Stopping, kill},
	},
	Backoff: {
		start:   {Starting, spawn},
		adopted: {Starting, attend},
		stop:    {Down, nothing},
		restart: {Starting, spawn},
		expired: {Starting, spawn},
	},
}
