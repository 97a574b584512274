package rival

import (
	"errors"
	"fmt"
	"time"
)

// each looks at one process after the other, and gives take what was seen.
//
// To read a command line is to read the memory of its process, which may be a
// file that never answers; execve(2) makes readers wait, too. So a goroutine of
// its own looks, is left behind where it hangs, and another goes on with the
// next. It takes nothing with it that is changed afterwards.
func each[T any](pids []int, patience time.Duration, look func(pid int) T, take func(T)) error {
	var silent []error
	for len(pids) > 0 {
		seen, leave := make(chan T), make(chan struct{})
		go func(pids []int) {
			for _, pid := range pids {
				select {
				case seen <- look(pid):
				case <-leave:
					return
				}
			}
		}(pids)
		for answers := true; answers && len(pids) > 0; pids = pids[1:] {
			late := time.NewTimer(patience)
			select {
			case v := <-seen:
				take(v)
			case <-late.C:
				silent = append(silent, fmt.Errorf("cannot look at process %d: it does not answer", pids[0]))
				patience = max(patience/2, leastPatience)
				answers = false
			}
			late.Stop()
		}
		close(leave)
	}
	return errors.Join(silent...)
}
