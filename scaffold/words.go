package scaffold

import (
	"errors"
	"strings"
)

// A word of a shell's line. An operator stands for itself; raw tells that the
// shell would have made something else of it (an expansion that is not known).
type word struct {
	text     string
	operator bool
	raw      bool
}

// operators of sh(1), the longer ones first. A number before < or > is theirs.
var operators = []string{"&&", "||", ";;", ">>", ">&", "<&", "&>", "<<", ";", "&", "|", "<", ">", "(", ")"}

// splitLine takes a line of sh apart as POSIX says (XCU 2.2 and 2.3): quotes,
// backslashes, operators, comments. Variables are replaced by what lookup
// knows; command substitutions are left as they stand.
func splitLine(line string, lookup func(name string) (string, bool)) ([]word, error) {
	s := splitter{rest: line, lookup: lookup}
	for s.rest != "" {
		switch c := s.rest[0]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			s.end()
			s.rest = s.rest[1:]
		case c == '#' && !s.open:
			s.rest = ""
		case s.operator():
		default:
			if err := s.piece(); err != nil {
				return nil, err
			}
		}
	}
	s.end()
	return s.words, nil
}

type splitter struct {
	rest   string
	lookup func(string) (string, bool)
	words  []word
	now    strings.Builder
	open   bool // a word has begun, if only by quotes
	plain  bool // nothing of it was quoted
	raw    bool
}

func (s *splitter) end() {
	if s.open {
		s.words = append(s.words, word{text: s.now.String(), raw: s.raw})
	}
	s.now.Reset()
	s.open, s.raw, s.plain = false, false, false
}

func (s *splitter) add(text string) {
	if !s.open {
		s.open, s.plain = true, true
	}
	s.now.WriteString(text)
}

// operator takes one from the beginning of the rest; "2" before ">" is part of it.
func (s *splitter) operator() bool {
	for _, op := range operators {
		if !strings.HasPrefix(s.rest, op) {
			continue
		}
		text := op
		if strings.ContainsAny(op, "<>") && s.open && s.plain && strings.Trim(s.now.String(), "0123456789") == "" {
			text = s.now.String() + op
			s.open = false
		}
		s.end()
		s.words = append(s.words, word{text: text, operator: true})
		s.rest = s.rest[len(op):]
		return true
	}
	return false
}

// piece takes a character, an escape, a quoted text or an expansion.
func (s *splitter) piece() error {
	c := s.rest[0]
	switch c {
	case '\\':
		if len(s.rest) == 1 {
			return errors.New("a backslash ends the line")
		}
		if s.rest[1] != '\n' {
			s.add(s.rest[1:2])
			s.plain = false
		}
		s.rest = s.rest[2:]
	case '\'':
		end := strings.IndexByte(s.rest[1:], '\'')
		if end < 0 {
			return errors.New("a closing ' is missing")
		}
		s.add(s.rest[1 : 1+end])
		s.plain = false
		s.rest = s.rest[end+2:]
	case '"':
		return s.double()
	case '$', '`':
		s.expand()
	default:
		if strings.IndexByte("*~", c) >= 0 && (c != '~' || !s.open) {
			s.raw = true
		}
		s.add(s.rest[:1])
		s.rest = s.rest[1:]
	}
	return nil
}

// double takes what is in double quotes.
func (s *splitter) double() error {
	s.add("")
	s.plain = false
	for s.rest = s.rest[1:]; s.rest != ""; {
		switch c := s.rest[0]; {
		case c == '"':
			s.rest = s.rest[1:]
			return nil
		case c == '\\' && len(s.rest) > 1 && strings.IndexByte("$`\"\\\n", s.rest[1]) >= 0:
			if s.rest[1] != '\n' {
				s.add(s.rest[1:2])
			}
			s.rest = s.rest[2:]
		case c == '$' || c == '`':
			s.expand()
		default:
			s.add(s.rest[:1])
			s.rest = s.rest[1:]
		}
	}
	return errors.New(`a closing " is missing`)
}

// expand takes a variable, or leaves what it cannot know as it stands.
func (s *splitter) expand() {
	if s.rest[0] == '`' || strings.HasPrefix(s.rest, "$(") {
		s.raw = true
		closing := byte('`')
		if s.rest[0] == '$' {
			closing = ')'
		}
		end := strings.IndexByte(s.rest[1:], closing) + 2
		if end < 2 {
			end = len(s.rest)
		}
		s.add(s.rest[:end])
		s.rest = s.rest[end:]
		return
	}
	whole, name := variable(s.rest)
	value, known := "", false
	if name != "" && s.lookup != nil {
		value, known = s.lookup(name)
	}
	if !known {
		value, s.raw = whole, s.raw || name != ""
	}
	s.add(value)
	s.rest = s.rest[len(whole):]
}

// variable finds $NAME or ${NAME} at the beginning of s, which begins with $.
// What is none comes back as the dollar alone.
func variable(s string) (whole, name string) {
	end := 1
	if strings.HasPrefix(s, "${") {
		if end = strings.IndexByte(s, '}'); end > 2 {
			return s[:end+1], s[2:end] // with an operator, as in ${X:-y}, nobody knows it
		}
		return s[:1], ""
	}
	for end < len(s) && isVariable(s[1:end+1]) {
		end++
	}
	if end == 1 {
		if len(s) > 1 && strings.IndexByte("0123456789@*#?$!-", s[1]) >= 0 {
			return s[:2], s[1:2]
		}
		return s[:1], ""
	}
	return s[:end], s[1:end]
}

// Words takes a command line apart as a shell does. What only a shell can do
// (redirections, several commands, expansions) is an error.
func Words(line string) ([]string, error) {
	words, err := splitLine(line, nil)
	if err != nil {
		return nil, err
	}
	plain := make([]string, len(words))
	for i, w := range words {
		if w.operator || w.raw {
			return nil, errors.New(quote(w.text) + " is for a shell, and keepone runs the command without one")
		}
		plain[i] = w.text
	}
	return plain, nil
}
