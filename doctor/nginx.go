package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A block is one of nginx's, with the directives in it.
type block struct {
	name   []string // "upstream", "backend"
	in     *block   // nil for the outermost
	values map[string][]string
	files  map[string]string // where each was said
}

// nginxProtocols are the directives that hand over.
var nginxProtocols = map[string]string{"fastcgi_pass": "fastcgi", "proxy_pass": "http", "scgi_pass": "scgi", "uwsgi_pass": "uwsgi"}

// nginxBackends reads what nginx -T prints. A directive holds in the blocks
// inside its own, wherever it stands there, so blocks are read first.
func nginxBackends(text string) []backend {
	blocks := nginxBlocks(text)
	upstreams := map[string]*block{}
	for _, b := range blocks {
		if len(b.name) == 2 && b.name[0] == "upstream" {
			upstreams[b.name[1]] = b
		}
	}
	var all []backend
	for _, in := range blocks {
		for pass, protocol := range nginxProtocols {
			value := in.values[pass]
			if len(value) == 0 {
				continue
			}
			target, keeps := strings.TrimPrefix(value[0], "http://"), ""
			if up := upstreams[target]; up != nil && len(up.values["server"]) > 0 {
				target = up.values["server"][0]
				if len(up.values["keepalive"]) > 0 {
					keeps = "keepalive in upstream " + up.name[1]
				}
			}
			if rest, unix := strings.CutPrefix(target, "unix:"); unix {
				target, _, _ = strings.Cut(rest, ":") // a URL may follow
			} else {
				target, _, _ = strings.Cut(target, "/")
			}
			b := backend{target: target, protocol: protocol, keeps: keeps}
			b.wait(in, strings.TrimSuffix(pass, "_pass")+"_read_timeout")
			all = append(all, b)
		}
	}
	return all
}

// nginxBlocks reads blocks; nginx -T says before each file which it is.
func nginxBlocks(text string) []*block {
	top := &block{values: map[string][]string{}, files: map[string]string{}}
	all, in, file := []*block{top}, top, ""
	for part := range strings.SplitSeq("\n"+text, "\n# configuration file ") {
		name, body, found := strings.Cut(part, ":\n")
		if found && strings.HasPrefix(name, "/") {
			file = name
		} else {
			body = part
		}
		var said []string
		for _, word := range words(body, "{};") {
			switch word {
			case "{":
				in = &block{said, in, map[string][]string{}, map[string]string{}}
				all, said = append(all, in), nil
			case "}":
				if said = nil; in.in != nil {
					in = in.in
				}
			case ";":
				if len(said) > 1 {
					in.values[said[0]], in.files[said[0]] = said[1:], file
				}
				said = nil
			default:
				said = append(said, word)
			}
		}
	}
	return all
}

// wait finds the nearest directive around; without one nginx waits a minute.
func (b *backend) wait(in *block, knob string) {
	b.patience, b.knob = time.Minute, knob
	pass := strings.TrimSuffix(knob, "_read_timeout") + "_pass"
	b.longer = fmt.Sprintf("sed -i 's/%s  *[^;]*;/& %s %%ds;/' %s", pass, knob, edited(in.files[pass]))
	for ; in != nil; in = in.in {
		value := in.values[knob]
		if len(value) == 0 {
			continue
		}
		if d, ok := nginxTime(value[0]); ok {
			b.patience = d
			b.longer = fmt.Sprintf("sed -i 's/%s  *%s *;/%s %%ds;/' %s", knob, value[0], knob, edited(in.files[knob]))
			if d == 0 { // nginx gives up at once
				b.patience = time.Nanosecond
			}
			return
		}
	}
}

// nginxTime reads "90", "90s", "1m30s", "500ms".
func nginxTime(word string) (time.Duration, bool) {
	if n, err := strconv.Atoi(word); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if d, days := strings.CutSuffix(word, "d"); days {
		n, err := strconv.Atoi(d)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(word)
	return d, err == nil
}
