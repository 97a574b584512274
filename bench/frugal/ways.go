package main

import "slices"

// A way is how a backend is started.
type way struct {
	name        string
	only        []string          // the backends that it concerns; none for all
	frugal      bool              // the configuration's own setting
	noHugePages bool              // inherited from whoever starts keepone
	env         map[string]string // [environment]
	stack       string            // limits.stack
	arguments   []string          // to the interpreter
	merge       bool              // PR_SET_MEMORY_MERGE, inherited
}

func (w way) concerns(backend string) bool {
	return len(w.only) == 0 || slices.Contains(w.only, backend)
}

// settings are what frugal consists of: nothing, each part alone, all of it.
var settings = []way{
	{name: "without"},
	{name: "no huge pages", noHugePages: true},
	{name: "MALLOC_ARENA_MAX=2", env: map[string]string{"MALLOC_ARENA_MAX": "2"}},
	{name: "MALLOC_TRIM_THRESHOLD_=131072", env: map[string]string{"MALLOC_TRIM_THRESHOLD_": "131072"}},
	{name: "frugal = true", frugal: true},
}

func variable(name, value string, only ...string) way {
	return way{name: name + "=" + value, only: only, env: map[string]string{name: value}}
}

// candidates are what might have helped as well. README.md says what came of each.
// frugally is frugal with one variable more.
func frugally(name, value string, only ...string) way {
	w := variable(name, value, only...)
	w.name, w.frugal = "frugal, "+w.name, true
	return w
}

var candidates = []way{
	{name: "without"},
	{name: "frugal = true", frugal: true},
	frugally("MALLOC_ARENA_MAX", "1"),
	frugally("MALLOC_ARENA_MAX", "4"),
	frugally("MALLOC_TRIM_THRESHOLD_", "0"),
	frugally("MALLOC_TRIM_THRESHOLD_", "65536"),
	frugally("MALLOC_TRIM_THRESHOLD_", "524288"),
	frugally("MALLOC_TRIM_THRESHOLD_", "1048576"),
	frugally("MALLOC_MMAP_THRESHOLD_", "65536"),
	frugally("MALLOC_MMAP_THRESHOLD_", "131072"),
	frugally("MALLOC_TOP_PAD_", "0"),
	frugally("MALLOC_TOP_PAD_", "16384"),
	frugally("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0"),
	frugally("GLIBC_TUNABLES", "glibc.malloc.tcache_count=1"),
	frugally("GLIBC_TUNABLES", "glibc.malloc.tcache_count=2"),
	frugally("GLIBC_TUNABLES", "glibc.malloc.tcache_max=64"),
	frugally("GLIBC_TUNABLES", "glibc.malloc.tcache_max=128"),
	frugally("GLIBC_TUNABLES", "glibc.malloc.tcache_max=256"),
	frugally("GLIBC_TUNABLES", "glibc.malloc.mxfast=0"),
	frugally("GLIBC_TUNABLES", "glibc.pthread.stack_cache_size=0"),
	frugally("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
	frugally("LD_BIND_NOW", "1"),
	{name: "limits.stack 256 KiB", stack: "256KiB"},
	{name: "PR_SET_MEMORY_MERGE", merge: true},
	variable("PYTHONMALLOC", "malloc", "python"),
	variable("PYTHONNODEBUGRANGES", "1", "python"),
	variable("PYTHONOPTIMIZE", "2", "python"),
	variable("PYTHONDONTWRITEBYTECODE", "1", "python"),
	variable("PYTHONNOUSERSITE", "1", "python"),
	{name: "python -I", only: []string{"python"}, arguments: []string{"-I"}},
	{name: "python -S", only: []string{"python"}, arguments: []string{"-S"}},
	{name: "python -X frozen_modules=off", only: []string{"python"}, arguments: []string{"-X", "frozen_modules=off"}},
	variable("USE_ZEND_ALLOC_HUGE_PAGES", "0", "php"),
	variable("USE_ZEND_ALLOC", "0", "php"),
	{name: "php -d opcache.enable=0", only: []string{"php"}, arguments: []string{"-d", "opcache.enable=0"}},
	{name: "php -d opcache.memory_consumption=16", only: []string{"php"}, arguments: []string{"-d", "opcache.memory_consumption=16"}},
	{name: "php -d opcache.jit=off", only: []string{"php"}, arguments: []string{"-d", "opcache.jit=off"}},
}
