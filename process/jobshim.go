package process

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a job keeps locked it has at descriptors from jobLockFD on, up to the
// backend lock's, by which backends are known.
const (
	jobLockFD = 190
	jobLocks  = lockFD - jobLockFD
)

// jobMarkName is the variable that names a process as a job's. No mark of a
// backend begins so.
const jobMarkName = "KEEPONE_JOB="

// JobShim is the life of `keepone job NAME` between fork and exec: it takes on
// what the spec says and becomes the job. It waits for no word and takes no
// lock, for those that the job is to hold are inherited. It returns an exit
// status, 126 or 127 as in sh(1), only when it could not become the job; the
// reason is in the report.
func JobShim() int {
	runtime.LockOSThread() // as in Shim
	closeRest()
	for fd := jobLockFD; fd < lockFD; fd++ {
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0) // not every one is there
	}
	status, err := jobShim()
	report := os.NewFile(reportFD, "report")
	fmt.Fprint(report, err)
	return status
}

func jobShim() (int, error) {
	spec, err := readSpec(specFD)
	if err != nil {
		return exitCannot, fmt.Errorf("cannot read the spec: %w", err)
	}
	if err := spec.arrange(); err != nil {
		return exitCannot, err
	}
	if err := spec.become(); err != nil {
		return exitCannot, err
	}
	return spec.run()
}

// start forks the shim, which has the caller's terminal, session and process
// group. It returns the process id and the end of the pipe where the shim says
// why it could not become the job: end of file there means that it runs, or is
// dead.
func (j *Job) start() (int, *os.File, error) {
	if len(j.Locks) > jobLocks {
		return 0, nil, fmt.Errorf("cannot give a job %d locks: %d are the most", len(j.Locks), jobLocks)
	}
	mark := jobMarkName + j.Mark + ":" + j.Name
	spec := j.Spec
	spec.Env, spec.Handoff = withJobMark(spec.Env, mark), NoSocket
	file, err := spec.file()
	if err != nil {
		return 0, nil, err
	}
	defer file.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	read, write, err := pipe()
	if err != nil {
		return 0, nil, err
	}
	defer write.Close()
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"keepone", "job", j.Name}, &syscall.ProcAttr{
		Env: []string{"GOMAXPROCS=1", mark}, Files: j.descriptors(null, file, write),
	})
	if err != nil {
		read.Close()
		return 0, nil, fmt.Errorf("cannot start %s: %w", j.Spec.Argv[0], err)
	}
	return pid, read, nil
}

// descriptors are those of the shim. Each number up to the backend lock's is
// told, or closed: this process may run inside a backend, or another job, and
// have locks of theirs.
func (j *Job) descriptors(null, spec, report *os.File) []uintptr {
	fds := make([]uintptr, lockFD+1)
	for i := range fds {
		fds[i] = ^uintptr(0)
	}
	fds[0], fds[1], fds[2] = 0, 1, 2
	fds[socketFD], fds[specFD], fds[reportFD] = null.Fd(), spec.Fd(), report.Fd()
	for i, f := range j.Locks {
		fds[jobLockFD+i] = f.Fd()
	}
	return fds
}

// withJobMark is the environment with that mark of a job, and no other mark: a
// job is no backend, whatever it was started from.
func withJobMark(env []string, mark string) []string {
	var kept []string
	for _, v := range env {
		if !strings.HasPrefix(v, markName) && !strings.HasPrefix(v, jobMarkName) {
			kept = append(kept, v)
		}
	}
	return append(kept, mark)
}
