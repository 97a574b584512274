package config

import (
	"hash/fnv"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Takes says when a changed key is in force.
type Takes uint8

const (
	AtOnce      Takes = iota // it is policy of the running keepone
	NextBackend              // a backend, or its socket, is made with it
	NextRun                  // keepone itself holds on to it
)

// String is the table's word for it.
func (t Takes) String() string { return [...]string{"reload", "restart-backend", "new start"}[t] }

// Takes tells it from the key's name. What a restart does before it touches
// anything (the check) is policy.
func (k *Key) Takes() Takes {
	switch {
	case k.Name == "socket.path":
		return NextRun
	case k.Name == "backend.check" || k.Name == "backend.check_timeout":
		return AtOnce
	case k.Name == "stop.signal" || k.Name == "memory.frugal" || slices.Contains([]string{"backend", "socket", "limits", "environment"}, k.section()):
		return NextBackend
	}
	return AtOnce
}

// Changes names the keys in which two configurations differ, in the order of
// Keys, those of one kind only. Variables are named, their values are not.
func Changes(from, to *Config, takes Takes) (names []string) {
	for i := range Keys {
		k := &Keys[i]
		switch {
		case k.Takes() != takes:
		case k.field == nil:
			names = append(names, changedVariables(from, to)...)
		case !reflect.DeepEqual(k.get(from), k.get(to)):
			names = append(names, k.Name)
		}
	}
	return names
}

func changedVariables(from, to *Config) (names []string) {
	was, is := from.Environment.Variables, to.Environment.Variables
	all := append(sortedNames(was), sortedNames(is)...)
	slices.Sort(all)
	for _, name := range slices.Compact(all) {
		before, had := was[name]
		after, has := is[name]
		if before != after || had != has {
			names = append(names, "environment."+name)
		}
	}
	return names
}

// Digest stands for everything that a backend is made with: it differs when
// one of those keys does. It is no secret and reveals none but by guessing.
func (c *Config) Digest() string {
	var text strings.Builder
	for i := range Keys {
		if k := &Keys[i]; k.Takes() == NextBackend && k.field != nil {
			if v := k.get(c); v != nil {
				text.WriteString(k.Name + " = " + literal(v) + "\n")
			}
		}
	}
	c.printVariables(&text, true)
	sum := fnv.New64a()
	sum.Write([]byte(text.String()))
	return strconv.FormatUint(sum.Sum64(), 16)
}
