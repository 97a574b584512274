package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sections is the names of all sections, in order of print.
func sections() []string {
	var all []string
	for i := range Keys {
		if s := Keys[i].section(); len(all) == 0 || all[len(all)-1] != s {
			all = append(all, s)
		}
	}
	return all
}

func (k *Key) section() string { s, _, _ := strings.Cut(k.Name, "."); return s }
func (k *Key) short() string   { _, s, _ := strings.Cut(k.Name, "."); return s }
func (k *Key) line() string    { return k.short() + " = " + k.Example }

// keyNamed finds a key that has a field.
func keyNamed(dotted string) *Key {
	i := slices.IndexFunc(Keys, func(k Key) bool { return k.Name == dotted && k.field != nil })
	if i < 0 {
		return nil
	}
	return &Keys[i]
}

func (k *Key) get(c *Config) any {
	if k.field == nil {
		return nil
	}
	return k.field(c).get()
}

func (k *Key) set(c *Config, v any, r *report) {
	err := k.field(c).set(v)
	switch s, _ := v.(string); {
	case errors.Is(err, errType):
		r.add(k.Name, "for example: "+k.line(), fmt.Sprintf("%s is %s, not %s", k.Name, article(k.Type), typeName(v)))
	case err != nil:
		r.add(k.Name, "for example: "+k.line(), fmt.Sprintf("cannot use %s: %v", k.Name, err))
	case k.Values != nil && !slices.Contains(k.Values, s):
		r.add(k.Name, "use "+either(k.Values), fmt.Sprintf("cannot use %s: %q is not one of its values", k.Name, s))
	}
}

// assign puts what the decoder made into the Config.
func (c *Config) assign(tree map[string]any, r *report) {
	known := sections()
	for section, content := range tree {
		table, isTable := content.(map[string]any)
		switch {
		case slices.Contains(known, section) && isTable:
			for key, v := range table {
				c.assignKey(section, key, v, r)
			}
		case slices.Contains(known, section):
			r.add(section, fmt.Sprintf("write [%s] on a line, once, and its keys below", section),
				fmt.Sprintf("%s is a section, not %s", section, typeName(content)))
		case isTable || typeName(content) == "a list of tables":
			r.add(section, r.nearSection(section, known), fmt.Sprintf("unknown section [%s]", section))
		default:
			r.add(section, r.nearKey("", section), fmt.Sprintf("unknown key %q", section))
		}
	}
}

func (c *Config) assignKey(section, key string, v any, r *report) {
	dotted := section + "." + key
	if k := keyNamed(dotted); k != nil {
		k.set(c, v, r)
		return
	}
	if section == "environment" {
		c.setVariable(key, v, r)
		return
	}
	r.add(dotted, r.nearKey(section, key), fmt.Sprintf("unknown key %q", dotted))
}

func (c *Config) setVariable(name string, v any, r *report) {
	s, err := "", variableName(name)
	switch v := v.(type) {
	case string:
		s = v
	case int64, bool:
		s = fmt.Sprint(v)
	default:
		err = cmp.Or(err, fmt.Errorf("%s is no string", typeName(v)))
	}
	if err = cmp.Or(err, noNUL(s)); err != nil {
		r.add("environment."+name, `for example: SITE = "production"`, fmt.Sprintf("cannot use variable %q: %v", name, err))
		return
	}
	if c.Environment.Variables == nil {
		c.Environment.Variables = map[string]string{}
	}
	c.Environment.Variables[name] = s
}

// typeName says what a decoded value is.
func typeName(v any) string {
	switch v := v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a number with a fraction"
	case bool:
		return "a boolean"
	case map[string]any:
		return "a table"
	case []any:
		if len(v) > 0 && typeName(v[0]) == "a table" {
			return "a list of tables"
		}
		return "a list"
	case []string:
		return "a list"
	}
	return "a date or time"
}

func article(noun string) string {
	if strings.ContainsRune("aeio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// either writes "a", "b" or "c".
func either(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	return join(quoted)
}

func join(all []string) string {
	last := len(all) - 1
	if last == 0 {
		return all[0]
	}
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

func sortedNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
