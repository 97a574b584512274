package install

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// assignment is a line that sets NAMES: what is before the value, the value with
// its quotes, and a comment.
var assignment = regexp.MustCompile(`^(\s*(?:export\s+)?NAMES=)("[^"]*"|'[^']*'|[^\s"'#;]*)(\s*(?:#.*)?)$`)

// mentions is any line that may set NAMES.
var mentions = regexp.MustCompile(`(^|[\s;&|])NAMES\+?=`)

// listed finds the line that sets NAMES; at is -1 where none does. It refuses
// what only a shell could tell: two such lines, or a value with $ or the like.
func listed(text string) (lines []string, at int, names []string, err error) {
	lines, at = strings.SplitAfter(text, "\n"), -1
	for i, line := range lines {
		bare := strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(strings.TrimSpace(bare), "#") || !mentions.MatchString(bare) {
			continue
		}
		m := assignment.FindStringSubmatch(bare)
		if m == nil || strings.ContainsAny(m[2], "$`\\") {
			return nil, 0, nil, fmt.Errorf("line %d is more than a list of names: %s", i+1, bare)
		}
		if at >= 0 {
			return nil, 0, nil, fmt.Errorf("lines %d and %d both set NAMES", at+1, i+1)
		}
		at, names = i, strings.Fields(strings.Trim(m[2], `"'`))
	}
	return lines, at, names, nil
}

// withName is the text of the file with the name in NAMES, and everything else
// as it was; "" only makes sure that there is the line.
func withName(text, name string) (string, error) {
	lines, at, names, err := listed(text)
	if err != nil || at >= 0 && (name == "" || slices.Contains(names, name)) {
		return text, err
	}
	if name != "" {
		names = append(names, name)
	}
	if at < 0 {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return text + `NAMES="` + strings.Join(names, " ") + "\"\n", nil
	}
	return replaced(lines, at, names), nil
}

// withoutName is the text without the name, and which are left.
func withoutName(text, name string) (string, []string, error) {
	lines, at, names, err := listed(text)
	if err != nil || at < 0 || !slices.Contains(names, name) {
		return text, names, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	return replaced(lines, at, names), names, nil
}

func replaced(lines []string, at int, names []string) string {
	bare := strings.TrimRight(lines[at], "\r\n")
	m := assignment.FindStringSubmatch(bare)
	lines[at] = m[1] + `"` + strings.Join(names, " ") + `"` + m[3] + lines[at][len(bare):]
	return strings.Join(lines, "")
}
