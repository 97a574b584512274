package history

import (
	"bytes"
	"cmp"
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

func opened(t interface {
	Helper()
	Fatal(...any)
}, path string, s shape) *Writer {
	t.Helper()
	w, err := open(path, s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// held is what the file holds that the writer has open.
func held(w *Writer) *Record { return decode(w.file, w.shape) }

// An oracle is the same with slices that forget nothing.
type oracle struct {
	shape   shape
	clock   int64
	born    int64
	seconds []kept
	minutes []kept
	events  []Event
}

type kept struct {
	at       int64
	born     int64
	min, max Sizes // KiB
}

func (k *kept) fold(part int, v uint64) {
	if v > 0 && (k.min[part] == 0 || v < k.min[part]) {
		k.min[part] = v
	}
	k.max[part] = max(k.max[part], v)
}

func (o *oracle) time(now time.Time) int64 {
	if late := o.clock - now.Unix(); late > 0 && late <= 60 {
		return o.clock
	}
	return now.Unix()
}

func (o *oracle) minute(at int64) *kept {
	if n := len(o.minutes); n == 0 || o.minutes[n-1].at != at/60 {
		o.minutes = append(o.minutes, kept{at: at / 60, born: o.born})
	}
	return &o.minutes[len(o.minutes)-1]
}

func (o *oracle) sample(now time.Time, v uint64) {
	at := o.time(now)
	o.clock = at
	if n := len(o.seconds); n == 0 || o.seconds[n-1].at != at {
		o.seconds = append(o.seconds, kept{at: at})
	}
	o.seconds[len(o.seconds)-1].fold(Backend, v)
	o.minute(at).fold(Backend, v)
}

// reopen is what a writer finds out about its minute.
func (o *oracle) reopen() {
	if n := len(o.minutes); n > 0 {
		for _, s := range o.seconds[max(0, len(o.seconds)-o.shape.seconds.count):] {
			if s.at/60 == o.minutes[n-1].at {
				o.minutes[n-1].fold(Backend, s.max[Backend])
			}
		}
	}
}

// visible is what remains of a ring for who reads it.
func visible(all []kept, count int) (out []kept) {
	all = all[max(0, len(all)-count):]
	for i, k := range all {
		later := slices.ContainsFunc(all[i+1:], func(l kept) bool { return l.at == k.at })
		if k.at <= all[len(all)-1].at && !later {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b kept) int { return cmp.Compare(a.at, b.at) })
	return out
}

func (o *oracle) record() *Record {
	r := &Record{}
	seconds := visible(o.seconds, o.shape.seconds.count)
	for _, s := range seconds {
		r.Seconds = append(r.Seconds, Point{time.Unix(s.at, 0), s.max[Backend] * 1024})
	}
	for _, k := range visible(o.minutes, o.shape.minutes.count) {
		for _, s := range seconds {
			if s.at/60 == k.at {
				k.fold(Backend, s.max[Backend])
			}
		}
		if k.max == (Sizes{}) {
			continue
		}
		m := Minute{At: time.Unix(60*k.at, 0)}
		if k.born > 0 {
			m.Born = time.Unix(k.born, 0)
		}
		for i := range Parts {
			m.Min[i], m.Max[i] = k.min[i]*1024, k.max[i]*1024
		}
		r.Minutes = append(r.Minutes, m)
	}
	r.Events = o.visibleEvents(r)
	return r
}

func (o *oracle) visibleEvents(r *Record) (out []Event) {
	all := o.events[max(0, len(o.events)-o.shape.events.count):]
	for _, e := range all {
		late := e.At.After(all[len(all)-1].At)
		late = late && (len(r.Seconds) == 0 || e.At.After(r.Seconds[len(r.Seconds)-1].At))
		late = late && (len(r.Minutes) == 0 || e.At.After(r.Minutes[len(r.Minutes)-1].At))
		if !late {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Event) int { return a.At.Compare(b.At) })
	return out
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
			v := uint64(rapid.IntRange(1, 9).Draw(t, "size"))
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			default:
				w.Sample(now, v*1024)
				o.sample(now, v)
			case 0:
				w.Others(now, v*1024, 2*v*1024)
				m := o.minute(o.time(now))
				m.fold(KeepOne, v)
				m.fold(WebServer, 2*v)
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

// believe fails where damaged has something that whole has not. The newest
// minute may be what its seconds, or less of them, make of it.
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
			if r != nil && len(r.Seconds)+len(r.Minutes)+len(r.Events) != 7+40+9-1 &&
				!(len(r.Seconds) < 7 || len(r.Minutes) < 40) {
				t.Fatalf("byte %d damaged, and nothing is missing", n)
			}
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
	for what, make := range map[string]func() error{
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
