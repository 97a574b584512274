package history

import (
	"cmp"
	"slices"
	"time"
)

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
	if v == 0 {
		return
	}
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
