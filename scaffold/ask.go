package scaffold

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrEnded is what Ask returns when the input ends.
var ErrEnded = errors.New("the input ended before all was asked")

// A Dialogue asks questions, a line each.
type Dialogue struct {
	in  *bufio.Reader
	out io.Writer
}

// NewDialogue reads answers from in and writes questions to out.
func NewDialogue(in io.Reader, out io.Writer) *Dialogue {
	return &Dialogue{bufio.NewReader(in), out}
}

// A Question is one of them.
type Question struct {
	Text     string // "Directory of the site"
	Why      string // one line: what it is for
	Proposal string // what Enter takes; "" is none
	Check    func(answer string) error
}

// mostTries bounds how often a question is asked again.
const mostTries = 100

// Ask asks until the answer passes the check. An error is ErrEnded.
func (d *Dialogue) Ask(q Question) (string, error) {
	fmt.Fprintf(d.out, "\n%s\n", q.Why)
	for range mostTries {
		if q.Proposal != "" {
			fmt.Fprintf(d.out, "%s [%s]: ", q.Text, q.Proposal)
		} else {
			fmt.Fprintf(d.out, "%s: ", q.Text)
		}
		line, err := d.in.ReadString('\n')
		if err != nil { // also behind half a line: Enter was not pressed
			fmt.Fprintln(d.out)
			return "", ErrEnded
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			answer = q.Proposal
		}
		switch err := q.Check(answer); {
		case answer == "":
			fmt.Fprintln(d.out, "  there is no proposal: please answer, or leave with Ctrl-C")
		case err != nil:
			fmt.Fprintf(d.out, "  %v\n", err)
		default:
			return answer, nil
		}
	}
	return "", ErrEnded
}
