package rss

import "time"

// Limits say when a backend has too much. The soft limit counts when it is
// passed by N of the latest M samples that lie Every apart, so that one big
// request is no leak; the hard one counts at once. Neither does before the
// backend has lived for MinLife: a limit that is too small must not become a
// restart loop.
type Limits struct {
	Soft, Hard uint64 // bytes; 0 for none
	N, M       int    // M at most maxM
	MinLife    time.Duration
	Every      time.Duration
}

// A Verdict is what follows from a sample.
type Verdict struct {
	Soft  bool   // over the soft limit, often enough
	Hard  bool   // over the hard limit
	Steep bool   // it will soon be, at this rate: look again earlier
	Fits  uint64 // bytes; a limit was passed in its youth already, and so much would fit; 0 where none was
}

const (
	maxM     = 8 // samples that are remembered
	ahead    = 5 // so many samples from the hard limit, a slope is steep
	runs     = 7 // so many samples over the hard limit and growing: the backend runs away
	runAways = 3 // so many backends in a row that do so in their youth: the next ones may have twice as much
)

// A judge compares one backend after the other with the limits. All of it
// outlives a keepone that is killed: see Keep.
type judge struct {
	recent  History       // what counts for the soft limit
	counted time.Duration // the backend's age at the latest of these
	settled uint64        // bytes, at the end of its youth; 0 before
	latest  uint64        // bytes
	at      time.Duration // its age then
	growing uint64        // so many samples over the hard limit were larger than the one before, less twice those that were not
	ranAway bool          // it was judged to, in its youth
	inARow  uint64        // how many before it were
}

// begin is another backend.
func (j *judge) begin() {
	if j.ranAway {
		j.inARow++
	} else {
		j.inARow = 0
	}
	*j = judge{recent: j.recent, inARow: j.inARow}
	j.recent.Reset()
}

// judge takes the next sample, in bytes, of a backend of that age.
func (j *judge) judge(l Limits, bytes uint64, lived time.Duration) (v Verdict) {
	wasYoung := j.latest > 0 && j.at < l.MinLife
	v.Steep = j.slope(l, bytes, lived)
	j.latest, j.at = bytes, lived
	if j.recent.Len() == 0 || lived-j.counted >= l.Every*9/10 {
		j.recent.Add(bytes)
		j.counted = lived
	}
	young := lived < l.MinLife
	if !young && wasYoung {
		j.settled = j.recent.Middle(l.M)
	}
	v.Fits = j.fits(l, young)
	if young {
		v.Hard = l.Hard > 0 && bytes > j.bar(l.Hard) && j.growing >= runs
		j.ranAway = j.ranAway || v.Hard
		return v
	}
	v.Hard = l.Hard > 0 && bytes > j.inForce(l.Hard, 2)
	v.Soft = l.Soft > 0 && j.recent.Over(j.inForce(l.Soft, 4), l.M) >= l.N
	return v
}

// slope counts what grows over the hard limit, and says whether a sample is
// steep: the next few, at that rate, reach the limit.
func (j *judge) slope(l Limits, bytes uint64, lived time.Duration) bool {
	dt, perSecond := lived-j.at, 0.0
	if j.latest > 0 && dt > 0 && bytes > j.latest {
		perSecond = float64(bytes-j.latest) / dt.Seconds()
	}
	switch {
	case l.Hard == 0 || bytes <= l.Hard:
		j.growing = 0
	case perSecond >= float64(bytes)/50: // 2 %: a small program that warms up grows by some pages
		j.growing++
	default: // a program that leaks takes a breath now and then
		j.growing -= min(j.growing, 2)
	}
	return l.Hard > 0 && perSecond >= float64(l.Hard)/100 && float64(bytes)+perSecond*ahead*l.Every.Seconds() > float64(l.Hard)
}

// bar is what a young backend that grows must reach to be restarted: a tenth
// over the hard limit. Either the program leaks in a hurry or it needs more than
// it is allowed, and for that one, too, there must be an end of restarts.
func (j *judge) bar(hard uint64) uint64 {
	if doublings := j.inARow / runAways; doublings > 0 {
		return hard << min(doublings, 20)
	}
	return hard + hard/10
}

// inForce is a limit, or what takes its place for a backend that had passed it
// when its youth ended, and is not restarted for that: what it settled at and
// one part of so many.
func (j *judge) inForce(limit, part uint64) uint64 {
	if j.settled <= limit {
		return limit
	}
	return j.settled + j.settled/part
}

// fits is a limit for a backend that is over one as soon as it has settled, or
// even before: what it has and a quarter, in whole MiB.
func (j *judge) fits(l Limits, young bool) uint64 {
	has := j.settled
	if young && j.recent.Len() >= l.M {
		has = j.recent.Middle(l.M)
	}
	smallest := l.Soft
	if smallest == 0 {
		smallest = l.Hard
	}
	if smallest == 0 || has <= smallest {
		return 0
	}
	const mebibyte = 1 << 20
	return (has + has/4 + mebibyte - 1) / mebibyte * mebibyte
}
