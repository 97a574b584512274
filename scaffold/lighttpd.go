package scaffold

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// A node is a value of lighttpd's configuration: a text, or a list of pairs.
type node struct {
	text string // also of a number
	list []pair
}

type pair struct {
	key   string
	value node
}

// get is the text of a list's key.
func (n node) get(key string) string {
	for _, p := range n.list {
		if p.key == key {
			return p.value.text
		}
	}
	return ""
}

// texts is every text in a list.
func (n node) texts() []string {
	var all []string
	for _, p := range n.list {
		all = append(all, p.value.text)
	}
	return all
}

// A lighty reads as much of lighttpd's syntax as fastcgi.server and its like
// need: KEY = VALUE and KEY += VALUE, in whatever block they stand.
type lighty struct {
	tokens []string // texts begin with a quote
	vars   map[string]node
	users  string // server.username
	group  string
	root   string // server.document-root
	plans  []*Plan
}

// fromLighttpd makes a plan of every server with a bin-path.
func fromLighttpd(s Source) ([]*Plan, error) {
	tokens, err := lightyTokens(s.Text)
	if err != nil {
		return nil, err
	}
	l := &lighty{tokens: tokens, vars: map[string]node{}}
	var servers []pair
	for len(l.tokens) > 0 {
		name := l.next()
		if op := l.peek(); !bareWord(name) || op != "=" && op != "+=" && op != ":=" {
			continue
		}
		l.next()
		value, err := l.value(0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		l.vars[strings.TrimPrefix(name, "var.")] = value
		if name == "fastcgi.server" || name == "scgi.server" {
			servers = append(servers, pair{name, value})
		}
	}
	l.users, l.group, l.root = l.vars["server.username"].text, l.vars["server.groupname"].text, l.vars["server.document-root"].text
	for _, server := range servers {
		for _, extension := range server.value.list {
			for _, host := range extension.value.list {
				l.host(server.key, host.key, host.value)
			}
			if extension.value.get("bin-path") != "" { // one bracket is allowed, too
				l.host(server.key, "", extension.value)
			}
		}
	}
	return l.plans, nil
}

// host carries over one entry; see mod_fastcgi in lighttpd's documentation.
func (l *lighty) host(server, label string, h node) {
	path := h.get("bin-path")
	if path == "" {
		return
	}
	p := &Plan{User: l.users, Group: l.group, Protocol: "fastcgi", passed: true, front: true, Handoff: "fd0"}
	if server == "scgi.server" {
		p.Protocol = "scgi"
	}
	p.Command = strings.Fields(path) // lighttpd knows no quotes there
	if strings.ContainsAny(path, `"'\`) {
		p.note("lighttpd takes bin-path %q apart at spaces, quotes or not", path)
	}
	if len(p.Command) == 0 {
		return
	}
	if dir := filepath.Dir(p.Command[0]); filepath.IsAbs(dir) && strings.Contains(dir, "bin") {
		p.Directory = l.root
	} else if filepath.IsAbs(dir) {
		p.Directory = dir // lighttpd changes to where the program is
	}
	if label != "" && label != "localhost" {
		p.Name = label
	}
	if p.Socket = p.address(h.get("socket")); p.Socket == "" && h.get("port") != "" {
		p.Socket = p.tcp(defaultTo(h.get("host"), "127.0.0.1"), h.get("port"))
	}
	for _, v := range l.child(h, "bin-environment").list {
		p.setenv(v.key, v.value.text)
	}
	if copied := l.child(h, "bin-copy-environment").texts(); len(copied) > 0 {
		p.note("bin-copy-environment named %s; keepone gives the backend PATH, HOME, USER, LOGNAME and LANG, and what stands in [environment]", strings.Join(copied, ", "))
	}
	if n := h.get("max-procs"); n != "1" {
		p.note("max-procs was %s: lighttpd started so many interpreters; keepone runs one, whose PHP_FCGI_CHILDREN or threads serve in parallel", defaultTo(n, "4, the default"))
	}
	p.note("in lighttpd's configuration take out bin-path, bin-environment, bin-copy-environment, max-procs, min-procs and idle-timeout, and leave the socket, when keepone is to take over (OPERATING.md, \"Moving a site over\")")
	l.plans = append(l.plans, p)
}

func (l *lighty) child(h node, key string) node {
	for _, p := range h.list {
		if p.key == key {
			return p.value
		}
	}
	return node{}
}

func (l *lighty) peek() string {
	if len(l.tokens) == 0 {
		return ""
	}
	return l.tokens[0]
}

func (l *lighty) next() string {
	t := l.peek()
	if t != "" {
		l.tokens = l.tokens[1:]
	}
	return t
}

// value reads texts, numbers, variables and lists, and sums of them.
func (l *lighty) value(depth int) (node, error) {
	if depth > 32 {
		return node{}, errors.New("the brackets are too deep")
	}
	var sum node
	for {
		n, err := l.operand(depth)
		if err != nil {
			return sum, err
		}
		sum.text += n.text
		sum.list = append(sum.list[:len(sum.list):len(sum.list)], n.list...)
		if len(sum.text) > LargestSource || len(sum.list) > 10000 {
			return sum, errors.New("the value is too large")
		}
		if l.peek() != "+" {
			return sum, nil
		}
		l.next()
	}
}

// operand reads what may stand between plus signs.
func (l *lighty) operand(depth int) (node, error) {
	switch t := l.next(); {
	case t == "":
		return node{}, errors.New("the text ends where a value should be")
	case t == "(":
		return l.list(depth)
	case t[0] == '"':
		return node{text: t[1:]}, nil
	case bareWord(t):
		if known, found := l.vars[strings.TrimPrefix(t, "var.")]; found {
			return known, nil
		}
		return node{text: t}, nil
	default:
		return node{}, fmt.Errorf("%q stands where a value should be", t)
	}
}

// list reads what is between brackets, behind the first.
func (l *lighty) list(depth int) (node, error) {
	var n node
	for {
		switch l.peek() {
		case "":
			return n, errors.New("a closing bracket is missing")
		case ")":
			l.next()
			return n, nil
		case ",":
			l.next()
			continue
		}
		value, err := l.value(depth + 1)
		if err != nil {
			return n, err
		}
		key := ""
		if l.peek() == "=>" {
			l.next()
			key = value.text
			if value, err = l.value(depth + 1); err != nil {
				return n, err
			}
		}
		n.list = append(n.list, pair{key, value})
	}
}
