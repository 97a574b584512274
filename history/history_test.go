package history

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Unix(1_700_000_040, 0) // a whole minute

func opened(t rapid.TB, path string, s shape) *Writer {
	t.Helper()
	w, err := open(path, s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// held is what the file holds that the writer has open.
func held(w *Writer) *Record { return decode(w.file, w.shape) }

// step lets one thing happen to a writer and the oracle.
func step(t *rapid.T, w *Writer, o *oracle, path string, now time.Time) *Writer {
	v := uint64(rapid.IntRange(0, 9).Draw(t, "size"))
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	default:
		w.Sample(now, v*1024)
		o.sample(now, v)
	case 0:
		web := uint64(rapid.IntRange(0, 3).Draw(t, "web server"))
		w.Others(now, v*1024, web*1024)
		if v+web > 0 {
			m := o.minute(o.time(now))
			m.fold(KeepOne, v)
			m.fold(WebServer, web)
		}
	case 1, 2:
		kind := rapid.SampledFrom([]string{"start", "exit"}).Draw(t, "kind")
		w.Event(now, kind, v, "because")
		o.events = append(o.events, Event{time.UnixMilli(now.UnixMilli()), kind, v, "because"})
		if kind == "start" {
			o.born = o.time(now)
			o.minute(o.born).born = o.born
		}
	case 3:
		w.Close()
		w = opened(t, path, o.shape)
		o.reopen()
	}
	return w
}

// Whatever is written, over whatever jumps of the clock, what is read is what
// the oracle has.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "history")
		os.Remove(path)
		o := &oracle{shape: newShape(7, 5, 3)}
		w, now := opened(t, path, o.shape), epoch
		defer func() { w.Close() }()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			jump := rapid.SampledFrom([]int{0, 0, 1, 1, 1, 5, 30, 61, 600, 90000, -1, -59, -60, -61, -130, -4000}).Draw(t, "jump")
			now = now.Add(time.Duration(jump)*time.Second + time.Duration(rapid.IntRange(0, 1).Draw(t, "ms"))*time.Millisecond)
			w = step(t, w, o, path, now)
			w.flush()
			if got, want := held(w), o.record(); !reflect.DeepEqual(got, want) {
				t.Fatalf("read\n%v, want\n%v", got, want)
			}
		}
	})
}

// filled is a file of that shape with all rings full, and what it holds.
func filled(t *testing.T, path string, s shape) ([]byte, *Record) {
	t.Helper()
	w := opened(t, path, s)
	defer w.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range s.minutes.count*60 + 30 {
		now := epoch.Add(time.Duration(i) * time.Second)
		w.Sample(now, 1<<20+r.Uint64N(1<<24))
		if i%60 == 0 {
			w.Others(now, 2<<20, 3<<20)
			w.Event(now, "start", 5, "a reason")
		}
	}
	w.flush()
	all, err := os.ReadFile(path)
	if err != nil || int64(len(all)) != s.size {
		t.Fatalf("%d bytes, want %d; %v", len(all), s.size, err)
	}
	rec := held(w)
	if len(rec.Seconds) != s.seconds.count || len(rec.Minutes) != s.minutes.count || len(rec.Events) != s.events.count {
		t.Fatalf("%d seconds, %d minutes, %d events", len(rec.Seconds), len(rec.Minutes), len(rec.Events))
	}
	return all, rec
}

// believe fails where damaged has something that whole has not.
func believe(t *testing.T, what string, damaged, whole *Record) {
	t.Helper()
	if damaged == nil {
		return
	}
	for _, p := range damaged.Seconds {
		if !slices.Contains(whole.Seconds, p) {
			t.Fatalf("%s: invented %v", what, p)
		}
	}
	for _, m := range damaged.Minutes {
		if !slices.Contains(whole.Minutes, m) {
			t.Fatalf("%s: invented %v", what, m)
		}
	}
	for _, e := range damaged.Events {
		if !slices.Contains(whole.Events, e) {
			t.Fatalf("%s: invented %v", what, e)
		}
	}
}

// A file that is cut off at any byte, or damaged at any, tells less and
// nothing wrong.
func TestDamage(t *testing.T) {
	s := newShape(7, 40, 9)
	all, whole := filled(t, filepath.Join(t.TempDir(), "history"), s)
	for n := range all {
		believe(t, "cut", decode(bytes.NewReader(all[:n]), s), whole)
		for _, flip := range []byte{1, 0x80, 0xff} {
			all[n] ^= flip
			r := decode(bytes.NewReader(all), s)
			all[n] ^= flip
			believe(t, "flipped", r, whole)
			if r != nil && n < headSize {
				t.Fatalf("a head with byte %d damaged was believed", n)
			}
			if n >= headSize && len(r.Seconds)+len(r.Minutes)+len(r.Events) != 7+40+9-1 {
				t.Fatalf("byte %d damaged, and not one entry is missing: %v", n, r)
			}
		}
	}
	for _, r := range []ring{s.seconds, s.minutes, s.events} { // sound, and not where it belongs
		moved := slices.Clone(all)
		copy(moved[r.place(1):][:r.size], all[r.place(2):])
		got := decode(bytes.NewReader(moved), s)
		if n := len(got.Seconds) + len(got.Minutes) + len(got.Events); n != 7+40+9-1 {
			t.Errorf("%d entries, of which one is in another's place", n)
		}
	}
	if n := len(decode(bytes.NewReader(all[:s.events.base+3]), s).Minutes); n != 40 {
		t.Errorf("%d minutes of a file whose events are cut off", n)
	}
	for _, other := range []shape{newShape(7, 39, 9), newShape(8, 40, 9), standard} { // and no head that tells
		believe(t, "another shape", decode(bytes.NewReader(all), other), whole)
	}
}

// The same for the file as it is.
func TestDamageStandard(t *testing.T) {
	all, whole := filled(t, filepath.Join(t.TempDir(), "history"), standard)
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		n := r.IntN(len(all))
		path := filepath.Join(t.TempDir(), "history")
		all[n] ^= 0x10
		damaged := slices.Clone(all[:len(all)-r.IntN(2)*r.IntN(len(all))])
		all[n] ^= 0x10
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		rec, err := Read(path)
		if err != nil && len(damaged) >= headSize && n >= headSize {
			t.Fatal(err)
		}
		believe(t, "damaged", rec, whole)
	}
}

func TestReadWhatIsNone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "history")
	newer := makeHead(1)
	newer[len(magic)-1]++
	put(newer[:], headSize/4-1, check(newer[:headSize-4]))
	for what, make := range map[string]func() error{
		"newer":     func() error { return os.WriteFile(path, newer[:], 0o600) },
		"missing":   func() error { return nil },
		"empty":     func() error { return os.WriteFile(path, nil, 0o600) },
		"zeroes":    func() error { return os.WriteFile(path, make([]byte, standard.size), 0o600) },
		"text":      func() error { return os.WriteFile(path, []byte(strings.Repeat("keepone ", 9999)), 0o600) },
		"directory": func() error { return os.Mkdir(path, 0o755) },
		"a link":    func() error { return os.Symlink("/dev/zero", path) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if r, err := Read(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", what, r, err)
		}
		os.Remove(path)
	}
}
