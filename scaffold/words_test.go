package scaffold

import (
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		`a 'b c' "d \"e\" $$ \x"`:      nil, // $$ is the shell's
		`a 'b c' "d \"e\" \x" f\ g`:    {"a", "b c", `d "e" \x`, "f g"},
		`a '' ""`:                      {"a", "", ""},
		`a"b"'c'd # no`:                {"abcd"},
		`a#b`:                          {"a#b"},
		`'it'"'"'s'`:                   {"it's"},
		"a \\\n b":                     {"a", "b"},
		`a 'b`:                         nil,
		`a > b`:                        nil,
		`a $HOME`:                      nil,
		`a "$(date)"`:                  nil,
		`x -b [::1]:9000`:              {"x", "-b", "[::1]:9000"},
		`a && b`:                       nil,
		`a *.py`:                       nil,
		`a '*.py' '$HOME' "2" 100% ~x`: nil,
		`a '*.py' '$HOME' 2 x~`:        {"a", "*.py", "$HOME", "2", "x~"},
		`python3 -c "print(1)"`:        {"python3", "-c", "print(1)"},
		`a \`:                          nil,
	} {
		got, err := Words(in)
		if want == nil && err == nil || want != nil && (err != nil || !slices.Equal(got, want)) {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
}
