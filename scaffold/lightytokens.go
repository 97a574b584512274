package scaffold

import (
	"errors"
	"strings"
)

func bareWord(t string) bool {
	return t != "" && strings.Trim(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// lightyTokens takes a configuration apart: texts, words, marks.
func lightyTokens(text string) ([]string, error) {
	var all []string
	for text != "" {
		n := 1
		switch c := text[0]; {
		case c == '#':
			if n = strings.IndexByte(text, '\n'); n < 0 {
				n = len(text)
			}
		case c == '"':
			token, length, err := lightyText(text)
			if err != nil {
				return nil, err
			}
			all, n = append(all, token), length
		case strings.ContainsRune(" \t\r\n", rune(c)):
		case bareWord(text[:1]):
			for n < len(text) && bareWord(text[n:n+1]) {
				n++
			}
			all = append(all, text[:n])
		default:
			for _, mark := range []string{"=>", "+=", ":="} {
				if strings.HasPrefix(text, mark) {
					n = 2
				}
			}
			all = append(all, text[:n])
		}
		text = text[n:]
	}
	return all, nil
}

// lightyText reads a quoted text and returns it behind a quote, and its length.
func lightyText(text string) (token string, length int, err error) {
	b := []byte{'"'}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return string(b), i + 1, nil
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
		}
		b = append(b, text[i])
	}
	return "", 0, errors.New("a closing quote is missing")
}
