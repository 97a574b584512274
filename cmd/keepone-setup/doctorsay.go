package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"keepone/command"
	"keepone/doctor"
)

// unread is what is said of a configuration that keepone would refuse. Its error
// has the line of the file and a hint below the first line of text.
func (f *doctorFlags) unread(err error) doctor.Finding {
	one := doctor.Finding{Level: doctor.Error, Check: "check", Object: f.file, Fix: "editor " + spoken([]string{f.file}) + " && keepone check " + f.say()}
	text, rest, _ := strings.Cut(err.Error(), "\n")
	if at, says, found := strings.Cut(text, ": "); found && strings.HasPrefix(at, f.file) {
		one.Object, text = at, says
	}
	if _, hint, found := strings.Cut(rest, "hint: "); found {
		hint, _, _ = strings.Cut(hint, "\n")
		text += " (" + hint + ")"
	}
	one.Text = text
	if failure := new(command.Failure); errors.Is(err, fs.ErrNotExist) && errors.As(err, &failure) {
		one.Text += " (" + failure.Hint + ")"
		one.Fix = "keepone init " + f.name
	}
	return one
}

func (f *doctorFlags) print(findings []doctor.Finding) error {
	if f.json {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(findings)
	}
	for _, one := range findings {
		line := fmt.Sprintf("%-11s  %s: %s: %s", one.Level, one.Check, one.Object, oneLine(one.Text))
		if one.Fix != "" {
			line += "; mend it: " + one.Fix
		}
		if _, err := fmt.Println(line); err != nil {
			return err
		}
	}
	return nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
