package doctor

import (
	"encoding/json"
	"strings"
	"time"
)

// caddyBackends reads the JSON that caddy adapt prints: every object with a
// list of upstreams is a reverse_proxy.
func caddyBackends(text string) []backend {
	var tree any
	if json.Unmarshal([]byte(text), &tree) != nil {
		return nil
	}
	var all []backend
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			all = append(all, caddyProxy(v)...)
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(tree)
	return all
}

func caddyProxy(v map[string]any) (all []backend) {
	upstreams, _ := v["upstreams"].([]any)
	transport, _ := v["transport"].(map[string]any)
	b := backend{protocol: "http"}
	if transport["protocol"] == "fastcgi" {
		b.protocol = "fastcgi"
	}
	for _, name := range []string{"read_timeout", "response_header_timeout"} {
		if n, ok := transport[name].(float64); ok && n > 0 { // nanoseconds
			b.patience, b.knob = time.Duration(n), name
		}
	}
	kept, said := transport["keep_alive"].(map[string]any)
	if b.protocol == "http" && !(said && kept["enabled"] == false) {
		b.keeps = "no \"keepalive off\""
	}
	for _, u := range upstreams {
		of, _ := u.(map[string]any)
		dial, _ := of["dial"].(string)
		if dial != "" {
			b.target = strings.TrimPrefix(dial, "unix/")
			all = append(all, b)
		}
	}
	return all
}
