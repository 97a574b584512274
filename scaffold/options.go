package scaffold

import (
	"strings"
)

// strip takes options out of arguments: "-D" stands alone, "-b=" takes a value,
// which may follow, be joined by "=", or directly where the option is short.
// What is behind "--" is nobody's.
func strip(args, options []string) (rest []string, got map[string][]string) {
	got = map[string][]string{}
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(rest, args[i:]...), got
		}
		option, value, next := match(args[i], options)
		switch {
		case option == "":
			rest = append(rest, args[i])
		case !next:
			got[option] = append(got[option], value)
		case i+1 < len(args):
			i++
			got[option] = append(got[option], args[i])
		default:
			got[option] = append(got[option], "")
		}
	}
	return rest, got
}

// match finds which option a word is; next tells that its value follows.
func match(arg string, options []string) (option, value string, next bool) {
	for _, o := range options {
		name, valued := strings.CutSuffix(o, "=")
		switch joined, found := strings.CutPrefix(arg, name); {
		case !found:
		case joined == "":
			return name, "", valued
		case valued && joined[0] == '=':
			return name, joined[1:], false
		case valued && len(name) == 2 && name[1] != '-':
			return name, joined, false
		}
	}
	return "", "", false
}
