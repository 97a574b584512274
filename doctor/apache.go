package doctor

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// apache: its configuration is made of variables that its init script sets, so
// it is tested with the environment of the one that runs. Root takes it from root
// alone: LD_PRELOAD is such a variable, too.
func (w wiring) apache(first *process, program, name string) wiring {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", first.pid))
	if err == nil && (first.real == 0 || os.Geteuid() != 0) {
		w.env = strings.Split(string(bytes.TrimRight(env, "\x00")), "\x00")
	} else if name == "apache2" {
		program = "apachectl"
	}
	w.file = map[string]string{"apache2": "/etc/apache2/apache2.conf", "httpd": "/etc/httpd/conf/httpd.conf"}[name]
	how := []string{program}
	for _, option := range []string{"-f", "-d"} {
		if value := first.option(option); value != "" {
			how = append(how, option, first.at(value))
			if option == "-f" {
				w.file = first.at(value)
			}
		}
	}
	for i, word := range first.argv[:max(0, len(first.argv)-1)] {
		if word == "-D" {
			how = append(how, "-D", first.argv[i+1])
		}
	}
	w.test = append(how[:len(how):len(how)], "-t")
	w.print = append(how[:len(how):len(how)], "-t", "-D", "DUMP_INCLUDES")
	w.backends = apacheBackends
	return w
}

// apacheProtocols are the schemes of mod_proxy's modules.
var apacheProtocols = map[string]string{"fcgi": "fastcgi", "http": "http", "scgi": "scgi", "uwsgi": "uwsgi"}

// apacheBackends reads the files that Apache says it reads.
func apacheBackends(text string) []backend {
	var all []backend
	patience, knob := time.Minute, "Timeout" // mod_core's default
	proxy := time.Duration(0)
	for line := range strings.Lines(text) {
		file := strings.TrimSpace(line)
		if i := strings.Index(file, ") /"); strings.HasPrefix(file, "(") && i > 0 {
			file = file[i+2:]
		}
		body, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(file, "/") {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(string(body), "\\\n", " ")) {
			said := words(line, "<>")
			if len(said) < 2 {
				continue
			}
			switch strings.ToLower(said[0]) {
			case "timeout":
				patience = apacheTime(said[1], patience)
			case "proxytimeout":
				proxy = apacheTime(said[1], proxy)
			default:
				all = append(all, apacheLine(said, file)...)
			}
		}
	}
	if proxy > 0 {
		patience, knob = proxy, "ProxyTimeout"
	}
	for i := range all {
		if b := &all[i]; b.patience == 0 {
			b.patience, b.knob = patience, knob
		}
	}
	return all
}

// apacheLine finds a backend in a directive: ProxyPass, SetHandler, BalancerMember.
func apacheLine(said []string, file string) []backend {
	for i, word := range said[1:] {
		word = strings.TrimPrefix(word, "proxy:")
		path, address, unix := strings.Cut(word, "|")
		if !unix {
			address = word
		}
		scheme, rest, found := strings.Cut(address, "://")
		protocol := apacheProtocols[scheme]
		if !found || protocol == "" {
			continue
		}
		b := backend{protocol: protocol}
		b.target, _, _ = strings.Cut(rest, "/")
		if unix {
			b.target = strings.TrimPrefix(path, "unix:")
		}
		b.apacheOptions(said[i+2:], file)
		switch {
		case b.longer != "":
		case strings.HasPrefix(strings.ToLower(said[0]), "proxypass"):
			b.longer = "sed -i '\\|" + strings.ReplaceAll(b.target, "%", "%%") + "| {/^ *#/! s/ *$/ timeout=%d/}' " + edited(file)
		default: // a SetHandler has no options
			b.longer = "echo ProxyTimeout %d >> " + edited(file)
		}
		return []backend{b}
	}
	return nil
}

// apacheOptions reads those of a ProxyPass. Connections of HTTP are kept unless
// it is told not to, of the others none unless it is told to.
func (b *backend) apacheOptions(options []string, file string) {
	kept := b.protocol == "http"
	for _, option := range options {
		name, value, _ := strings.Cut(strings.ToLower(option), "=")
		switch name {
		case "timeout":
			b.patience, b.knob = apacheTime(value, 0), "timeout="
			b.longer = fmt.Sprintf("sed -i '\\|%s| s/timeout=%s/timeout=%%d/' %s", strings.ReplaceAll(b.target, "%", "%%"), value, edited(file))
		case "disablereuse":
			kept = kept && value != "on"
		case "enablereuse":
			kept = value == "on"
		}
	}
	if kept {
		b.keeps = "no disablereuse=On in " + file
	}
}

// apacheTime reads seconds, or "500ms".
func apacheTime(word string, other time.Duration) time.Duration {
	if n, err := strconv.Atoi(word); err == nil {
		return time.Duration(n) * time.Second
	}
	if d, err := time.ParseDuration(word); err == nil {
		return d
	}
	return other
}
