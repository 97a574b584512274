package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// lighttpd reads what lighttpd -p prints: options with lists of name => value,
// nested in parentheses. A list with "socket" or "host" is a backend.
func (w *wiring) lighttpd(text string) []backend {
	var all []backend
	var lists []map[string]string
	option, key := "", ""
	uwsgi := strings.Contains(text, "scgi.protocol") && strings.Contains(text, `"uwsgi"`)
	for _, word := range words(text, "()=>,{}") {
		switch {
		case word == "(":
			lists = append(lists, map[string]string{})
			key = ""
		case word == ")" && len(lists) > 0:
			if b, ok := w.lighttpdBackend(option, lists[len(lists)-1]); ok {
				if uwsgi && b.protocol == "scgi" {
					b.protocol = "uwsgi"
				}
				all = append(all, b)
			}
			lists = lists[:len(lists)-1]
			key = ""
		case word == "=" || word == ">":
		case word == ",":
			key = ""
		case len(lists) == 0:
			option = word
		case key == "":
			key = word
		default:
			lists[len(lists)-1][key] = word
		}
	}
	return all
}

var lighttpdProtocols = map[string]string{"fastcgi.server": "fastcgi", "proxy.server": "http", "scgi.server": "scgi"}

func (w *wiring) lighttpdBackend(option string, list map[string]string) (backend, bool) {
	b := backend{protocol: lighttpdProtocols[option], target: list["socket"]}
	if b.target == "" {
		b.target = list["host"]
		if port := list["port"]; port != "" {
			b.target += ":" + port
		}
	}
	if b.protocol == "" || b.target == "" {
		return b, false
	}
	_, b.bin = list["bin-path"]
	if b.bin {
		b.without = w.unbin(list["bin-path"])
	}
	if seconds, err := strconv.Atoi(list["read-timeout"]); err == nil && seconds > 0 {
		b.patience, b.knob = time.Duration(seconds)*time.Second, "read-timeout"
		if file, _ := w.find(`"read-timeout"`); file != "" {
			b.longer = fmt.Sprintf(`sed -i 's/"read-timeout" *=> *%d/"read-timeout" => %%d/' %s`, seconds, edited(file))
		}
	}
	return b, true
}

// unbin takes the option out of the line that has it, and leaves the rest.
func (w *wiring) unbin(bin string) string {
	file, line := w.find(`"bin-path"`, bin)
	if file == "" {
		return ""
	}
	return fmt.Sprintf(`sed -i '%d s/"bin-path" *=> *"[^"]*" *,\{0,1\}//' %s`, line, quote(file))
}

// find looks for a line with all the words in the files beside the first one,
// and returns where it is.
func (w *wiring) find(words ...string) (string, int) {
	files := []string{w.file}
	for _, pattern := range []string{"*.conf", "conf-enabled/*.conf", "conf.d/*.conf", "vhosts.d/*.conf"} {
		more, _ := filepath.Glob(filepath.Join(filepath.Dir(w.file), pattern)) // the pattern is valid
		files = append(files, more...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for i, line := range strings.Split(string(text), "\n") {
			if has(line, words) && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				return itself(file), i + 1
			}
		}
	}
	return "", 0
}

func has(line string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(line, word) {
			return false
		}
	}
	return true
}

// words cuts a text at white space, at each of the marks, which are words, and
// around quoted strings, which lose their quotes. "#" begins a comment.
func words(text, marks string) (all []string) {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '"' || c == '\'':
			end := i + 1
			for end < len(text) && text[end] != c {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(text))
			all = append(all, text[i+1:end])
			i = end + 1
		case strings.IndexByte(marks, c) >= 0:
			all = append(all, text[i:i+1])
			i++
		default:
			end := i
			for end < len(text) && strings.IndexByte(" \t\r\n\"'"+marks, text[end]) < 0 {
				end++
			}
			all = append(all, text[i:end])
			i = end
		}
	}
	return all
}
