package cgroup

import (
	"os"
	"strings"
	"testing"
)

func TestEvents(t *testing.T) {
	dir := t.TempDir()
	g := Group{Dir: dir}
	if _, err := g.Watch(); err == nil || !strings.HasPrefix(err.Error(), "cannot watch the memory of "+dir) {
		t.Error(err)
	}
	file := dir + "/memory.events"
	write(t, file, "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n")
	e, err := g.Watch()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if now, changed := e.Look(); changed || now != (Counts{}) {
		t.Errorf("at first: %+v, %v", now, changed)
	}
	write(t, file, "low 1\nhigh 22\nmax 333\noom 4\noom_kill 55\noom_group_kill 6\n")
	want := Counts{1, 22, 333, 4, 55}
	for _, news := range []bool{true, false} {
		if now, changed := e.Look(); now != want || changed != news {
			t.Errorf("%+v, %v, want %+v, %v", now, changed, want, news)
		}
	}
	write(t, file, "") // what cannot be read is no news
	if now, changed := e.Look(); now != want || changed {
		t.Errorf("empty: %+v, %v", now, changed)
	}
	write(t, file, "low 1\nhigh 22\nmax 333\noom 4\noom_kill 56\n")
	if n := testing.AllocsPerRun(100, func() { e.Look() }); n != 0 {
		t.Errorf("a look allocates %v times", n)
	}
}

func TestPressure(t *testing.T) {
	dir := t.TempDir()
	g, file := Group{Dir: dir}, dir+"/memory.pressure"
	for _, text := range []string{"", "full avg10=1.00\n", "some avg10=\n", "some avg10=1"} {
		write(t, file, text)
		if p, err := g.Pressure(); err == nil {
			t.Errorf("%q: %+v", text, p)
		}
	}
	write(t, file, "some avg10=12.34 avg60=0.00 avg300=0.00 total=5\nfull avg10=56.78 avg60=0.00 avg300=0.00 total=0\n")
	p, err := g.Pressure()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if some, ok := p.Look(); some != 1234 || !ok {
		t.Errorf("%d, %v", some, ok)
	}
	if n := testing.AllocsPerRun(100, func() { p.Look() }); n != 0 {
		t.Errorf("a look allocates %v times", n)
	}
}

// The kernel writes a cgroup's pressure as it writes the host's.
func TestPressureHere(t *testing.T) {
	text, err := os.ReadFile("/proc/pressure/memory")
	if err != nil {
		t.Skipf("this kernel does not measure pressure: %v", err)
	}
	if _, ok := after(text, "some avg10="); !ok {
		t.Errorf("cannot understand %q", text)
	}
}

func TestKills(t *testing.T) {
	control := "sys/fs/cgroup/memory/web/memory.oom_control"
	f := tree{
		"proc/self/cgroup":    "4:memory:/web\n",
		"proc/self/mountinfo": v1mount,
		"proc/vmstat":         strings.Repeat("numa_pages_migrated 12345\n", 200) + "oom_kill 7\ndrop_pagecache 0\n",
		control:               "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
	}
	root := f.make(t)
	expect := func(host bool, want uint64) {
		t.Helper()
		k, err := kills(root)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		if got, ok := k.Look(); got != want || !ok || k.Host != host {
			t.Errorf("%d of the host %v, %v, want %d, %v", got, k.Host, ok, want, host)
		}
	}
	expect(false, 3)
	write(t, root+"/"+control, "oom_kill_disable 0\nunder_oom 0\n") // Linux before 4.13
	expect(true, 7)
	write(t, root+"/proc/vmstat", "nr_free_pages 1\n")
	if k, err := kills(root); err == nil {
		t.Errorf("without any count: %+v", k)
	}
}

func TestKillsHere(t *testing.T) {
	k, err := OOMKills()
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	n := testing.AllocsPerRun(100, func() {
		if _, ok := k.Look(); !ok {
			t.Error("cannot be read a second time")
		}
	})
	if n != 0 {
		t.Errorf("a look allocates %v times", n)
	}
	host, ok := count("/proc/vmstat", 8<<10)
	if !ok {
		t.Fatal("no oom_kill in /proc/vmstat")
	}
	defer host.Close()
	if n := testing.AllocsPerRun(100, func() { host.Look() }); n != 0 {
		t.Errorf("a look at the host's allocates %v times", n)
	}
}

func BenchmarkHostKills(b *testing.B) {
	k, ok := count("/proc/vmstat", 8<<10)
	if !ok {
		b.Skip("no oom_kill in /proc/vmstat")
	}
	for b.Loop() {
		k.Look()
	}
}
